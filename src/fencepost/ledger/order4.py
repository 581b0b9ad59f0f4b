"""C7, C8: what the findings claim of order 4's lock, and of doing without it."""

from __future__ import annotations

from collections.abc import Mapping

from fencepost.ledger.claim import Answer, Claim, Found, Ruled
from fencepost.ledger.figures import rule_of_contention
from fencepost.ledger.obligations import explored, proved

VARIANTS = {
    "reserve, then exchange": ("reserve_then_cas_unchecked", "once"),
    "exchange, then reserve": ("cas_then_reserve", "client-order"),
    "client_id modulo table": ("modulo_table", "prefix"),
}


def _c7(found: Mapping[str, Found]) -> Ruled:
    rule = found["rule of 1,000 a second"]
    if rule.unavailable:
        return Answer.NOT_DECIDABLE, rule.unavailable
    if rule.passes:
        return Answer.HOLDS, "every measured load agrees with the rule"
    without, gains = rule.more.get("recommended_without_gain", []), rule.more.get("gain_though_not_needed", [])
    threshold = rule.more.get("threshold_per_s")
    lies = f"; the threshold of this machine is about {threshold:,.0f} contentions/s of a scanner" if threshold else ""
    parts = [f"no gain above 1,000/s ({without[0]})"] if without else []
    parts += [f"a gain below 100/s ({gains[0]})"] if gains else []
    return Answer.REFUTED, f"{', and '.join(parts) or rule.words}{lies}"


def _c8(found: Mapping[str, Found]) -> Ruled:
    wrong = [name for name in VARIANTS if found[name].is_violated]
    sound = found["order4.claim"]
    if wrong:
        other = "; order4.claim, claim and reserve and release, is proved" if sound.passes else ""
        return Answer.REFUTED, f"{len(wrong)} of {len(VARIANTS)} public variants are wrong: {', '.join(wrong)}{other}"
    if sound.is_violated:
        return Answer.REFUTED, f"order4.claim too: {sound.words}"
    return Answer.HOLDS, "no public variant breaks its promise, and order4.claim is proved"


CLAIMS = (
    Claim(
        "C7", "order 4's mutex matters above 1,000/s",
        "order 4's mutex matters only above 1,000 contentions/s; a lock-free compare-exchange gains 2-5 %",
        "findings, order 4 (AssignOrder), Task 4.3",
        (rule_of_contention("rule of 1,000 a second"),),
        _c7,
    ),
    Claim(
        "C8", "a lock-free table is low risk",
        "a lock-free next-expected table is low risk",
        "findings, Task 4.3 (Option A)",
        (
            *(explored(name, bug, promise) for name, (bug, promise) in VARIANTS.items()),
            proved("order4.claim", "order4.claim", "unique", "dense", "client-order", "prefix", "once"),
        ),
        _c8,
    ),
)  # fmt: skip
