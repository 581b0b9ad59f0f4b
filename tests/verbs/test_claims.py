"""The ledger of claims: every claim's row changes with its evidence, and what did not come about passes nothing."""

import json
import os
import signal
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import fencepost
from fencepost.command_line import cli
from fencepost.ledger import CLAIMS, Answer, Claim, ClaimsReport, Found, Measured, settled
from fencepost.ledger import order5 as of_order5
from fencepost.ledger import run as running
from fencepost.ledger.claim import Asked, Evidence
from fencepost.ledger.figures import faulty_layout
from fencepost.ledger.obligations import ablated, explored, litmus, proved
from fencepost.ledger.publication import _policy
from fencepost.ledger.report import finding_of
from fencepost.model.contract import Verdict
from fencepost.model.errors import InputError
from fencepost.model.museum import BUGS

HELD, BROKEN = Found("shown", Verdict.PROVED), Found("broken: by a run", Verdict.VIOLATED)
ASKED = Asked(quick=True, seed=0, out=None, repetitions=10)


def figure(value: float, low: float, high: float, unit: str = "%", undecided: str = "") -> Found:
    return Found("measured", figure=Measured(value, low, high, unit, 10, undecided))


def speed(band: str, stability: str = "stable: low variation") -> Found:
    return replace(figure(10.0, 9.8, 10.2, "GB/s"), more={"band": band, "stability": stability})


def rule(verdict: Verdict, **more: Any) -> Found:
    return Found("a load", verdict, more=more)


GAIN, LOSS, SAME = figure(-0.5, -0.6, -0.4), figure(0.5, 0.4, 0.6), figure(0.0, -0.01, 0.01)
ENOUGH = Found("enough", Verdict.EXHAUSTED, more={"needed": 9, "slots": 9})
WIDE = figure(0.0, -0.3, 0.3)
STATED = figure(-0.07, -0.09, -0.06)
DISTURBED = figure(1.0, 0.9, 1.1, "ratio", "9 of 10 repetitions disturbed")

# What is found of 09ae22d and what follows; then pieces of evidence that are moved, and what follows then.
Moved = tuple[dict[str, Found], Answer]
CASES: dict[str, tuple[dict[str, Found], Answer, tuple[Moved, ...]]] = {
    "C1": (
        {"no lock": HELD, "wait-free": HELD, "scanners apart at the counter": BROKEN, "counter's line": LOSS},
        Answer.CONDITION,
        (
            ({"no lock": BROKEN}, Answer.REFUTED),
            ({"wait-free": BROKEN}, Answer.REFUTED),
            ({"scanners apart at the counter": HELD}, Answer.HOLDS),
        ),
    ),
    "C2": (
        {"one host": HELD, "two hosts": BROKEN, "counter between hosts": BROKEN},
        Answer.CONDITION,
        (({"one host": BROKEN}, Answer.REFUTED), ({"two hosts": HELD, "counter between hosts": HELD}, Answer.HOLDS)),
    ),
    "C3": (
        {"ring-order": HELD, "client against its numbering": BROKEN, "cost of the check": LOSS},
        Answer.CONDITION,
        (({"ring-order": BROKEN}, Answer.REFUTED), ({"client against its numbering": HELD}, Answer.HOLDS)),
    ),
    "C4": (
        {
            "n flushes, one fence": ENOUGH, "guard before the fence": BROKEN, "export flag of 09ae22d": BROKEN,
            "saving": GAIN,
        },
        Answer.CONDITION,
        (
            ({"n flushes, one fence": BROKEN}, Answer.REFUTED),
            ({"guard before the fence": HELD, "export flag of 09ae22d": HELD}, Answer.HOLDS),
        ),
    ),
    "C5": (
        {"tail of 8 batches": BROKEN, "progress line": BROKEN, "flushed before idle": HELD, "cost of a flush": LOSS},
        Answer.REFUTED,
        (({"tail of 8 batches": HELD, "progress line": HELD}, Answer.HOLDS),),
    ),
    "C6": (
        {"gate by change": BROKEN, "pausing beside yielding": LOSS},
        Answer.REFUTED,
        (
            ({"gate by change": HELD}, Answer.CONDITION),
            ({"gate by change": HELD, "pausing beside yielding": GAIN}, Answer.HOLDS),
            ({"gate by change": HELD, "pausing beside yielding": SAME}, Answer.MACHINE),
            ({"gate by change": HELD, "pausing beside yielding": WIDE}, Answer.UNKNOWN),
            ({"gate by change": HELD, "pausing beside yielding": Found(unavailable="one core")}, Answer.NOT_DECIDABLE),
        ),
    ),
    "C7": (
        {"rule of 1,000 a second": rule(Verdict.VIOLATED, recommended_without_gain=["a load"])},
        Answer.REFUTED,
        (({"rule of 1,000 a second": rule(Verdict.NOT_FOUND)}, Answer.HOLDS),),
    ),
    "C8": (
        {
            "reserve, then exchange": BROKEN, "exchange, then reserve": BROKEN, "client_id modulo table": BROKEN,
            "order4.claim": HELD,
        },
        Answer.REFUTED,
        (
            ({"reserve, then exchange": HELD, "exchange, then reserve": HELD, "client_id modulo table": HELD},
             Answer.HOLDS),
        ),
    ),
    "C9": (
        {
            "per message": HELD, "per batch": HELD, "epoch of 64": HELD, "the policy of 09ae22d": BROKEN,
            "saving": GAIN,
        },
        Answer.REFUTED,
        (
            ({"per batch": BROKEN, "epoch of 64": BROKEN}, Answer.HOLDS),
            ({"saving": STATED}, Answer.CONDITION),
            ({"per message": BROKEN, "saving": STATED}, Answer.REFUTED),
        ),
    ),
    "C10": (
        {
            "next header never read again": BROKEN, "stale header": BROKEN, "dropped before it is read": HELD,
            "gain on coherent memory": GAIN,
        },
        Answer.CONDITION,
        (
            ({"dropped before it is read": BROKEN}, Answer.REFUTED),
            ({"next header never read again": HELD, "stale header": HELD}, Answer.HOLDS),
            ({"next header never read again": HELD, "stale header": HELD, "gain on coherent memory": SAME},
             Answer.MACHINE),
            ({"next header never read again": HELD, "stale header": HELD, "gain on coherent memory": WIDE},
             Answer.UNKNOWN),
        ),
    ),
    "C11": (
        {"layout of 09ae22d": BROKEN, "fencepost's own": HELD},
        Answer.REFUTED,
        (({"layout of 09ae22d": HELD}, Answer.HOLDS),),
    ),
    "C12": (
        {"huge pages": SAME, "affinity": GAIN, "NUMA binding": Found(unavailable="one NUMA node"), "all": SAME},
        Answer.MACHINE,
        (
            ({"huge pages": STATED, "affinity": STATED, "NUMA binding": STATED, "all": STATED}, Answer.HOLDS),
            ({name: Found(unavailable="no") for name in ("huge pages", "affinity", "NUMA binding", "all")},
             Answer.NOT_DECIDABLE),
            ({name: figure(0.0, -0.3, 0.3) for name in ("huge pages", "affinity", "all")}, Answer.UNKNOWN),
            # one that makes no difference decides, whatever the others are
            ({"affinity": figure(0.0, -0.3, 0.3), "all": figure(0.0, -0.3, 0.3)}, Answer.MACHINE),
            # some as stated and one left open is no decision; some as stated and one not to be had is a condition
            ({"huge pages": STATED, "affinity": STATED, "all": figure(-0.07, -0.2, 0.1)}, Answer.UNKNOWN),
            ({"huge pages": STATED, "affinity": STATED, "all": STATED}, Answer.CONDITION),
            (dict.fromkeys(("huge pages", "affinity", "all"), DISTURBED), Answer.UNKNOWN),
        ),
    ),
    "C13": (
        {"speed of the pipeline": speed("within")},
        Answer.HOLDS,
        (
            ({"speed of the pipeline": speed("below")}, Answer.MACHINE),
            ({"speed of the pipeline": speed("within", "not stable: investigate")}, Answer.REFUTED),
            ({"speed of the pipeline": speed("above")}, Answer.MACHINE),
            ({"speed of the pipeline": speed("above", "not decided")}, Answer.MACHINE),
            ({"speed of the pipeline": speed("within", "not decided")}, Answer.UNKNOWN),
            ({"speed of the pipeline": speed("not decided")}, Answer.UNKNOWN),
            ({"speed of the pipeline": DISTURBED}, Answer.UNKNOWN),
        ),
    ),
    "C14": (
        {"time by stage": BROKEN, "misses and mispredictions": HELD},
        Answer.HOLDS,
        (
            ({"time by stage": HELD}, Answer.REFUTED),
            ({"misses and mispredictions": Found(unavailable="no valgrind")}, Answer.CONDITION),
        ),
    ),
    "C15": (
        {
            "beside its own instructions": figure(1.0, 0.99, 1.02, "ratio"),
            "grouped publication": figure(30, 29, 31, "ratio"),
        },
        Answer.CONDITION,
        (
            ({"beside its own instructions": figure(1.5, 1.4, 1.6, "ratio")}, Answer.REFUTED),
            ({"grouped publication": figure(0.9, 0.8, 1.0, "ratio")}, Answer.HOLDS),
            ({"beside its own instructions": DISTURBED}, Answer.UNKNOWN),
            ({"beside its own instructions": Found(unavailable="no clwb")}, Answer.NOT_DECIDABLE),
        ),
    ),
}  # fmt: skip
MOVES = [(name, moved, answer) for name, (_, _, moves) in CASES.items() for moved, answer in moves]


def test_there_are_fifteen_claims_and_a_case_for_each() -> None:
    assert list(CLAIMS) == [f"C{number}" for number in range(1, 16)] == list(CASES)


@pytest.mark.parametrize("name", CASES)
def test_the_evidence_of_today_gives_the_answer_of_today(name: str) -> None:
    found, answer, _ = CASES[name]
    assert set(found) == {each.name for each in CLAIMS[name].evidence}
    assert settled(CLAIMS[name], found).answer is answer


@pytest.mark.parametrize(("name", "moved", "answer"), MOVES, ids=[f"{name}-{answer}" for name, _, answer in MOVES])
def test_evidence_that_moves_moves_the_row(name: str, moved: Mapping[str, Found], answer: Answer) -> None:
    found, before, _ = CASES[name]
    row = settled(CLAIMS[name], {**found, **moved})
    assert row.answer is answer
    assert answer is not before or row.why != settled(CLAIMS[name], found).why


@pytest.mark.parametrize("name", CASES)
def test_evidence_that_did_not_come_about_makes_its_claim_unknown(name: str) -> None:
    found = CASES[name][0]
    for each in CLAIMS[name].evidence:
        for missing in (Found(failed="was ended"), Found("too little time", Verdict.UNKNOWN), Found("nothing said")):
            assert settled(CLAIMS[name], {**found, each.name: missing}).answer is Answer.UNKNOWN
        assert (
            settled(CLAIMS[name], {one: it for one, it in found.items() if one != each.name}).answer is Answer.UNKNOWN
        )


# --- the wrong variant put in, through the engines themselves ---


@pytest.mark.parametrize(
    ("name", "evidence", "answer"),
    [
        ("C1", Evidence("no lock", "native", "", lambda asked: of_order5._no_lock("order4.mutex")), Answer.REFUTED),
        ("C2", explored("two hosts", "order5.fetch_add", "unique", "one-slot"), None),
        ("C2", proved("one host", "order4.cas_then_reserve", "client-order"), Answer.REFUTED),
        ("C4", ablated("n flushes, one fence", "flag-before-fence"), Answer.REFUTED),
        ("C5", litmus("flushed before idle", "delegation-progress"), Answer.REFUTED),
        (
            "C6",
            explored("gate by change", "order5.fetch_add", "drained", BUGS["edge_triggered_gate"].scenario),
            Answer.CONDITION,
        ),
        ("C8", explored("reserve, then exchange", "order4.claim", "once", "one-slot"), Answer.REFUTED),
        ("C9", _policy("per message", "seed"), Answer.REFUTED),
        ("C10", litmus("dropped before it is read", "prefetch-next-header"), Answer.REFUTED),
        ("C11", faulty_layout("layout of 09ae22d", "fencepost"), Answer.HOLDS),
    ],
    ids=lambda value: value.name if isinstance(value, Evidence) else str(value),
)
def test_a_variant_put_in_the_place_of_the_right_one_moves_the_row(
    name: str, evidence: Evidence, answer: Answer | None
) -> None:
    """`answer` None: the row stays, as another piece of evidence says the same; its words change."""
    found = CASES[name][0]
    put_in = running.ask(evidence, ASKED)
    assert not put_in.failed
    row, before = settled(CLAIMS[name], {**found, evidence.name: put_in}), settled(CLAIMS[name], found)
    assert (put_in.verdict is Verdict.VIOLATED) != (found[evidence.name].verdict is Verdict.VIOLATED)
    if answer is not None:
        assert row.answer is answer
        assert (row.answer, row.why) != (before.answer, before.why)


def test_two_scanners_that_were_never_seen_at_once_show_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine ran one scanner after the other: no exchange failed, and C1 held for want of events."""
    from fencepost.native import counting

    one_by_one = counting.count_scan("order5.compare_exchange", ring_count=1)
    monkeypatch.setattr(counting, "count_scan", lambda *names, **sizes: one_by_one)
    monkeypatch.setattr(of_order5, "MEETINGS_TRIED", 3)
    assert of_order5._scanners_apart().verdict is Verdict.UNKNOWN
    assert of_order5._bounded_steps().verdict is Verdict.UNKNOWN


# --- the verb ---


def claim_of(*evidence: Evidence) -> Claim:
    def ruled(found: Mapping[str, Found]) -> tuple[Answer, str]:
        return (Answer.REFUTED, "it broke") if found["shown"].is_violated else (Answer.HOLDS, "it held")

    return Claim("C1", "a title", "a statement", "nowhere", evidence, ruled)


def made(found: Found) -> Evidence:
    return Evidence("shown", "explorer", "fencepost explore it", lambda asked: found)


def raising(asked: Asked) -> Found:
    raise RuntimeError("no such engine")


@pytest.mark.parametrize(
    ("evidence", "answer", "verdict", "code"),
    [
        (made(HELD), Answer.HOLDS, Verdict.PROVED, 0),
        (made(BROKEN), Answer.REFUTED, Verdict.VIOLATED, 1),
        (Evidence("shown", "explorer", "", raising), Answer.UNKNOWN, Verdict.UNKNOWN, 3),
    ],
    ids=("holds", "refuted", "evidence raises"),
)
def test_the_exit_code_says_what_came_of_the_claims(
    evidence: Evidence, answer: Answer, verdict: Verdict, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "CLAIMS", {"C1": claim_of(evidence)})
    report = fencepost.claims(quick=True, jobs=1)
    assert (report["C1"].answer, report.verdict) == (answer, verdict)
    ran = CliRunner().invoke(cli, ["claims", "--quick", "--quiet"])
    assert ran.exit_code == code
    assert str(answer) in ran.stdout


def test_evidence_whose_process_dies_makes_its_claim_unknown_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def dying(asked: Asked) -> Found:
        os.kill(os.getpid(), signal.SIGKILL)
        return HELD

    lost = replace(claim_of(Evidence("shown", "native", "", dying)), id="C2")
    monkeypatch.setattr(running, "CLAIMS", {"C1": claim_of(made(HELD)), "C2": lost})
    report = fencepost.claims(jobs=2)
    assert (report["C1"].answer, report["C2"].answer) == (Answer.HOLDS, Answer.UNKNOWN)
    assert report.verdict is Verdict.UNKNOWN


def test_an_unknown_row_outranks_a_refuted_one() -> None:
    rows = tuple(settled(claim_of(made(each)), {"shown": each}) for each in (BROKEN, Found(failed="was ended")))
    assert ClaimsReport("claims", tuple(map(finding_of, rows)), rows=rows).verdict is Verdict.UNKNOWN
    assert ClaimsReport("claims", (), rows=()).verdict is Verdict.UNKNOWN


def test_the_screen_is_one_of_eighty_columns_and_says_where_the_evidence_is() -> None:
    rows = tuple(settled(CLAIMS[name], found) for name, (found, _, _) in CASES.items())
    report = ClaimsReport("claims", tuple(map(finding_of, rows)), 0, rows=rows)
    lines = str(report).splitlines()
    assert len(lines) <= 50
    assert max(map(len, lines)) <= 80
    details = list(report.verbose_lines())
    for claim in CLAIMS.values():
        assert any(claim.where in line for line in details)
        for each in claim.evidence:
            assert any(each.command in line for line in details)


def test_a_quick_ledger_of_proofs_has_traces_that_replay(tmp_path: Path) -> None:
    report = fencepost.claims(["C2", "C8"], quick=True, out=tmp_path)
    assert report["C2"].answer is Answer.CONDITION
    assert report["C8"].answer is Answer.REFUTED
    traces = [found.trace for row in report.rows for found in row.found.values() if found.trace is not None]
    assert len(traces) == 4
    for trace in traces:
        assert CliRunner().invoke(cli, ["replay", str(trace)]).exit_code == 1


def test_the_document_and_the_page_have_every_claim(tmp_path: Path) -> None:
    page = tmp_path / "ledger" / "claims.html"
    ran = CliRunner().invoke(cli, ["claims", "C2", "C11", "--quick", "--quiet", "--json", "--html", str(page)])
    document = json.loads(ran.stdout)
    assert (ran.exit_code, document["verdict"], document["schema"]) == (1, "violated", "fencepost/claims/2")
    assert [each["target"] for each in document["results"]] == ["C2", "C11"]
    assert {each["answer"] for each in document["results"]} == {"holds under a condition", "refuted"}
    assert all(each["command"] for result in document["results"] for each in result["evidence"])
    text = page.read_text()
    assert text.count("<tr ") == 2
    assert "fencepost bench layout 09ae22d" in text


def test_an_unknown_claim_is_refused_with_the_choices() -> None:
    with pytest.raises(InputError, match="unknown claim 'C99': did you mean C9"):
        fencepost.claims(["C99"])


@pytest.mark.parametrize("name", list(CLAIMS))
def test_the_commands_of_the_evidence_are_commands(name: str) -> None:
    for each in CLAIMS[name].evidence:
        words = each.command.split()
        assert words[0] == "fencepost"
        depth = 3 if words[1] == "bench" and words[2] in cli.commands["bench"].commands else 2  # type: ignore[attr-defined]  # of a group
        assert CliRunner().invoke(cli, [*words[1:depth], "--help"]).exit_code == 0
