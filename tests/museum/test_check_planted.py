"""`check` itself finds every kind of bug: each is planted in a sequencer's programs, and the main job is run on it.

The quick form has a few kinds, one of each part of the pipeline; the slow one has all of them, and the museum's.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from planted_bugs import CLAIM, PLANTED, ReleasesOne

import fencepost
from fencepost.model.contract import Verdict
from fencepost.model.explorer.traces.run_itf import read_run
from fencepost.model.explorer.traces.run_trace import RunTrace
from fencepost.model.museum import BUGS
from fencepost.model.programs import DESIGNS

QUICK = ("one-slot", "copy-before-ack", "connections-hole", "first-header")


@pytest.fixture
def plant(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Put a changed design in the place of a sound one of that name; processes that are forked have it too."""

    def planted(kind: str) -> str:
        if kind in BUGS:
            sound, wrong = BUGS[kind].sound, BUGS[kind].design
        else:
            sound, changed = PLANTED[kind]
            wrong = replace(sound, **changed)
        monkeypatch.setitem(DESIGNS, sound.name, replace(wrong, name=sound.name))
        return sound.name.removesuffix(".fields")  # which `check` searches beside the design

    return planted


KINDS = [pytest.param(each, marks=() if each in QUICK else pytest.mark.slow) for each in (*PLANTED, *BUGS)]


@pytest.mark.parametrize("kind", KINDS)
def test_check_finds_a_planted_kind(kind: str, plant: Callable[[str], str]) -> None:
    name = plant(kind)
    report = fencepost.check(name, engine="explorer", jobs=1)
    assert report.verdict is Verdict.VIOLATED
    found = report.violations()
    assert "raised" not in {each.property for each in found}
    for each in found:
        assert isinstance(each.trace, RunTrace)
        assert f"{each.property} is violated at" in each.explanation


NATIVELY = ["set_aside_forgotten", "wiped_with_the_announcement", "frontier_jumps", "guard_among_fields"]
"""Bugs of scanners that are stopped, of brokers that join, of readers by position, of fields as words of their own."""


@pytest.mark.parametrize(
    "kind", [pytest.param(each, marks=() if each == "frontier_jumps" else pytest.mark.slow) for each in NATIVELY]
)
def test_the_native_build_beside_the_programs_shows_bugs_of_roles_around_the_scanners(
    kind: str, plant: Callable[[str], str]
) -> None:
    """The programs have the bug and the native build has not; what is shown is made small, roles and rings too."""
    report = fencepost.check(plant(kind), engine="native", jobs=1)
    (found,) = (each for each in report.violations() if each.details["mode"] == "lockstep")
    assert isinstance(found.trace, RunTrace)
    assert f"{found.property} is violated at step {len(found.trace.schedule)}" in found.explanation


def test_a_difference_in_lockstep_comes_with_its_scenario_and_a_trace(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The programs have the bug and the native build has not: the two differ, whoever is right."""
    monkeypatch.setitem(DESIGNS, CLAIM.name, replace(CLAIM, scanner=ReleasesOne))
    report = fencepost.check(CLAIM.name, engine="native", jobs=1, out=tmp_path)
    (found,) = (each for each in report.violations() if each.details["mode"] == "lockstep")
    assert isinstance(found.trace, Path)
    trace = read_run(found.trace, DESIGNS)
    assert trace.schedule
    scenario = found.bound.rpartition(" on ")[2]
    assert scenario in found.explanation.splitlines()[0]
    assert f"{found.property} is violated at step {len(trace.schedule)}" in found.explanation
