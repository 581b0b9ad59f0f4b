"""The ledger's measured rows: what was decided is not unknown, and what was left open is measured for longer."""

from collections.abc import Mapping
from pathlib import Path

import pytest

import fencepost
from fencepost.ledger import CLAIMS, Answer, Claim, ClaimsReport, Found, Measured, settled
from fencepost.ledger import run as running
from fencepost.ledger.claim import Asked, Evidence
from fencepost.ledger.report import finding_of
from fencepost.model.contract import Verdict

HELD = Found("shown", Verdict.PROVED)


def figure(value: float, low: float, high: float, unit: str = "%", undecided: str = "", **more: str) -> Found:
    return Found("measured", figure=Measured(value, low, high, unit, 10, undecided), more=more)


GAIN, SAME, WIDE = figure(-0.5, -0.6, -0.4), figure(0.0, -0.01, 0.01), figure(0.0, -0.3, 0.3)
DISTURBED = figure(0.0, -0.3, 0.3, undecided="9 of 10 repetitions disturbed")
ABOVE = figure(28.0, 27.5, 28.3, "GB/s", band="above", stability="stable: low variation")
NOT_SO_HERE: dict[str, dict[str, Found]] = {
    "C6": {"gate by change": HELD, "pausing beside yielding": SAME},
    "C10": {
        "next header never read again": HELD, "stale header": HELD, "dropped before it is read": HELD,
        "gain on coherent memory": SAME,
    },
    "C12": {"huge pages": WIDE, "affinity": SAME, "NUMA binding": Found(unavailable="one NUMA node"), "all": WIDE},
    "C13": {"speed of the pipeline": ABOVE},
}  # fmt: skip


@pytest.mark.parametrize("name", NOT_SO_HERE)
def test_what_a_machine_decided_is_not_unknown(name: str) -> None:
    """A figure above the band, and a setting without effect, are answers: not as stated, on this machine."""
    row = settled(CLAIMS[name], NOT_SO_HERE[name])
    assert row.answer is Answer.MACHINE
    report = ClaimsReport("claims", (finding_of(row),), rows=(row,))
    assert report.verdict is Verdict.VIOLATED
    assert f"property={name}" in report.summary()


def test_stability_above_the_band_is_said_as_it_is() -> None:
    row = settled(CLAIMS["C13"], NOT_SO_HERE["C13"])
    assert row.why.startswith("stable, as stated; the 8 to 12 GB/s are missed upwards here")


@pytest.mark.parametrize(
    ("found", "lengths", "answer"),
    [
        ([WIDE, GAIN], [10, 40], Answer.HOLDS),
        ([WIDE, WIDE], [10, 40], Answer.UNKNOWN),
        ([GAIN], [10], Answer.HOLDS),
        ([DISTURBED], [10], Answer.UNKNOWN),
        ([Found(failed="was ended")], [10], Answer.UNKNOWN),
    ],
    ids=("decided by the longer time", "left open", "decided at once", "beside other work", "did not come about"),
)
def test_what_measurements_leave_open_is_measured_once_more_for_longer(
    found: list[Found], lengths: list[int], answer: Answer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked_for = tmp_path / "repetitions"  # evidence is made in processes of its own

    def measured(asked: Asked) -> Found:
        with asked_for.open("a") as file:
            file.write(f"{asked.repetitions}\n")
        return found[len(asked_for.read_text().split()) - 1]

    def ruled(of: Mapping[str, Found]) -> tuple[Answer, str]:
        made_up = of["shown"].figure
        return (Answer.HOLDS if made_up is not None and made_up.changes else Answer.UNKNOWN), "by the figure"

    evidence = Evidence("shown", "native", "", measured, is_timed=True)
    claim = Claim("C1", "a title", "a statement", "nowhere", (evidence,), ruled)
    monkeypatch.setattr(running, "CLAIMS", {"C1": claim})
    assert fencepost.claims(quick=True)["C1"].answer is answer
    assert [int(each) for each in asked_for.read_text().split()] == lengths
