"""C1, C2, C3, C15: what the findings claim of order 5."""

from __future__ import annotations

from collections.abc import Mapping

from fencepost.ledger.claim import Answer, Claim, Found, Ruled
from fencepost.ledger.figures import floor_change, path_ratio, side_change
from fencepost.ledger.obligations import counted, explored, litmus, proved, reached
from fencepost.model.contract import Verdict

NEAR_FLOOR = 1.2  # times the same instructions bare


MEETINGS_TRIED = 200  # times that two scanners are let loose: on a busy machine they may not run at once


def _no_lock(sequencer: str = "order5.fetch_add") -> Found:
    from fencepost.native.counting import count_scan

    scans = count_scan(sequencer, ring_count=2, batch_count=1 << 14)
    locks, loops = (sum(getattr(each, name) for each in scans) for name in ("locks", "exchanges"))
    words = f"{locks} locks and {loops} compare-exchanges in {1 << 14} batches of two scanners"
    return Found(words, Verdict.VIOLATED if locks or loops else Verdict.NOT_FOUND)


def _scanners_apart() -> Found:
    """Count by a compare-exchange in the place of the fetch_add: it fails where another scanner was at the word.

    That no exchange failed says nothing: two scanners may never have run at once.
    """
    from fencepost.native.counting import count_scan

    done = 0
    for _ in range(MEETINGS_TRIED):
        scans = count_scan("order5.compare_exchange", ring_count=2, batch_count=1 << 17)
        met = sum(each.exchanges_failed for each in scans)
        done += sum(each.batch_count for each in scans)
        if met:
            return Found(f"two scanners met at the counter {met} times in {done} batches", Verdict.VIOLATED)
    return Found(f"two scanners were never seen at once, in {done} batches", Verdict.UNKNOWN)


def _bounded_steps(sequencer: str = "order5.fetch_add") -> Found:
    """Count the steps of a scanner beside another one, in runs in which a loop of compare-exchanges does take more."""
    from fencepost.native.counting import count_scan

    ring_size, refuted = 1 << 16, "order5.compare_exchange"
    alone = {name: count_scan(name, ring_count=1, batch_count=ring_size)[0].steps for name in (sequencer, refuted)}
    for _ in range(MEETINGS_TRIED):
        most = {
            name: max(each.steps for each in count_scan(name, ring_count=2, batch_count=2 * ring_size))
            for name in alone
        }
        if most[refuted] > alone[refuted]:
            steps = most[sequencer], alone[sequencer]
            loop = most[refuted] / ring_size
            words = (
                f"{steps[0] / ring_size:.3g} steps a batch beside another scanner, {steps[1] / ring_size:.3g} alone; "
                f"a loop of compare-exchanges takes {loop:.3g}"
            )
            return Found(words, Verdict.VIOLATED if steps[0] > steps[1] else Verdict.NOT_FOUND)
    return Found("two scanners were never seen at once", Verdict.UNKNOWN)


def _c1(found: Mapping[str, Found]) -> Ruled:
    if found["no lock"].is_violated or found["wait-free"].is_violated:
        return Answer.REFUTED, f"{found['no lock'].words}; {found['wait-free'].words}"
    if found["scanners apart at the counter"].is_violated:
        line = found["counter's line"]
        cost = f" ({line.words})" if line.figure is not None and not line.figure.undecided else ""
        met = found["scanners apart at the counter"].words
        return (
            Answer.CONDITION,
            f"no lock, and each scanner's steps are bounded; but its line is contended: {met}{cost}",
        )
    return Answer.HOLDS, "no lock, steps are bounded, and no two scanners met at the counter"


def _c2(found: Mapping[str, Found]) -> Ruled:
    if found["one host"].is_violated:
        return Answer.REFUTED, f"on one host already: {found['one host'].words}"
    if found["two hosts"].is_violated or found["counter between hosts"].is_violated:
        return (
            Answer.CONDITION,
            "proved for any size while all scanners run on one host; on two, a position is handed out twice",
        )
    return Answer.HOLDS, "proved for any size, and no counter between hosts hands out a position twice"


def _c3(found: Mapping[str, Found]) -> Ruled:
    if found["ring-order"].is_violated:
        return Answer.REFUTED, f"not even within a ring: {found['ring-order'].words}"
    if not found["client against its numbering"].is_violated:
        return Answer.HOLDS, "no client is ordered against its numbering, and nothing checks it"
    cost = found["cost of the check"]
    price = "its cost is not measurable here"
    if cost.figure is not None:
        price = f"time of a batch with that check: {cost.figure.compared()}"
    return (
        Answer.CONDITION,
        f"only as nothing is promised across rings: a client is ordered against its numbering; {price}",
    )


def _c15(found: Mapping[str, Found]) -> Ruled:
    ratio, grouped = found["beside its own instructions"].figure, found["grouped publication"].figure
    if ratio is None or grouped is None:
        return Answer.NOT_DECIDABLE, found["beside its own instructions"].unavailable or found[
            "grouped publication"
        ].unavailable
    if ratio.undecided or grouped.undecided:
        return Answer.UNKNOWN, f"not decided: {ratio.undecided or grouped.undecided}"
    if (ratio.low or 0) > NEAR_FLOOR:
        return Answer.REFUTED, f"{ratio} times the same instructions bare"
    if ratio.high is None or ratio.high > NEAR_FLOOR:
        return Answer.UNKNOWN, f"{NEAR_FLOOR:g} lies within {ratio}: measure more repetitions"
    if (grouped.low or 0) > 1:
        return (
            Answer.CONDITION,
            f"{ratio} times its floor with a fence for each batch; one for 64 batches is {grouped} times as fast",
        )
    return Answer.HOLDS, f"{ratio} times its floor, and one fence for 64 batches is no faster"


CLAIMS = (
    Claim(
        "C1", "order 5 has no mutex, no contention",
        "order 5 uses no mutex in its hot path, so that no contention is possible",
        "findings, order 5 (BrokerScannerWorker5)",
        (
            counted("no lock", _no_lock, "fencepost bench contention"),
            counted("wait-free", _bounded_steps, "fencepost bench order5-wait-free"),
            counted("scanners apart at the counter", _scanners_apart, "fencepost bench contention"),
            floor_change("counter's line", "fetch_add_uncontended_ns", "fetch_add_contended_ns",
                         "a fetch_add by one core, by each of two"),
        ),
        _c1,
    ),
    Claim(
        "C2", "fetch_add alone gives total order",
        "fetch_add alone gives order 5 its total order",
        "findings, order 5 (AssignOrder5)",
        (
            proved("one host", "order5.fetch_add", "unique", "dense", "contiguous"),
            explored("two hosts", "counter_spans_hosts", "unique"),
            litmus("counter between hosts", "cross-host-counter"),
        ),
        _c2,
    ),
    Claim(
        "C3", "order 5 has no FIFO overhead",
        "order 5 has no FIFO validation overhead",
        "findings, order 5 beside order 4",
        (
            proved("ring-order", "order5.fetch_add", "ring-order"),
            reached("client against its numbering", "order5.fetch_add",
                    "sometimes one-client-is-ordered-against-its-numbering"),
            side_change("cost of the check", "order5.epoch", "order4.owner", "headers_cached",
                        "order4.owner beside order5.epoch"),
        ),
        _c3,
    ),
    Claim(
        "C15", "order 5 is near optimal",
        "order 5 is near optimal",
        "findings, summary of order 5",
        (
            path_ratio("beside its own instructions", "order5-fetch-add-flush-clwb",
                       "scan, fetch_add, two flushes and a fence, beside the same bare"),
            path_ratio("grouped publication", "epoch-publication-gain-clwb", "one fence for 64 batches, times as fast"),
        ),
        _c15,
    ),
)  # fmt: skip
