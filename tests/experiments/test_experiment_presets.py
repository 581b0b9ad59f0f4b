"""Every preset runs, in its quick form, from a fresh spec to its report."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

import fencepost
from fencepost.experiments.presets import PRESETS, new_experiment
from fencepost.experiments.spec import read_spec


def as_a_preset_says(preset: str, folder: Path) -> None:
    """Run the quick form of a preset to its report; its claims have tests of their own."""
    spec = msgspec.structs.replace(read_spec(new_experiment(preset, folder / "spec.toml", smoke=True)), claims=())
    made = fencepost.run_experiment(spec, out=folder).run
    assert made is not None
    assert (made.missing, set(made.statuses())) == (0, {"done"})
    report = made.report()
    assert (len(report.figures), report.undrawn) == (len(spec.figures), ())
    assert all(each.rows for each in report.figures)
    assert report.page == folder / f"{preset}-smoke.html"


@pytest.mark.parametrize("preset", [each for each in PRESETS if each != "paper"])
def test_the_smoke_form_of_a_preset_runs_to_its_report(preset: str, tmp_path: Path) -> None:
    as_a_preset_says(preset, tmp_path)


@pytest.mark.slow
def test_the_smoke_form_of_the_paper_which_is_all_of_the_others_runs_to_its_report(tmp_path: Path) -> None:
    as_a_preset_says("paper", tmp_path)
