"""fencepost mutants: the matrix as its user sees it."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import fencepost
from fencepost.command_line import cli
from fencepost.command_line.mutants import ENGINES as NAMED
from fencepost.detection import ENGINES, Cell, Matrix, mutants
from fencepost.model.contract import Verdict
from fencepost.model.errors import InputError
from fencepost.model.explorer.run_itf import read_run
from fencepost.model.museum import BUGS, DESIGNS
from fencepost.model.museum.detection import Outcome, of_bug
from fencepost.model.specs import REFUTED
from fencepost.native import SEQUENCERS
from fencepost.proofs.detection import searched


def command(tmp_path: Path, *arguments: str) -> Result:
    return CliRunner().invoke(
        cli, ["mutants", "--quiet", "--out", str(tmp_path), "--jobs", "1", "--budget", "0.5", *arguments]
    )


def matrix_of(*cells: Cell) -> Matrix:
    return Matrix(0, 1.0, cells, ("order4.claim",))


def cell(mutant: str, engine: str, outcome: Outcome) -> Cell:
    return Cell(mutant, engine, outcome, 0.1, 3 if outcome is Outcome.CAUGHT else None, "-")


CAUGHT, MISSED, CANNOT = Outcome.CAUGHT, Outcome.MISSED, Outcome.CANNOT_EXPRESS


@pytest.mark.parametrize(
    ("outcomes", "sound", "verdict"),
    [
        ((CAUGHT, MISSED, CANNOT), MISSED, Verdict.NOT_FOUND),
        ((MISSED, MISSED, CANNOT), MISSED, Verdict.VIOLATED),  # a bug escaped
        ((CAUGHT, CAUGHT, CAUGHT), CAUGHT, Verdict.VIOLATED),  # a false alarm
        ((CANNOT, CANNOT, CANNOT), MISSED, Verdict.UNKNOWN),  # nobody was asked who could say
    ],
)
def test_the_verdict_is_good_when_bugs_are_caught_and_sound_designs_are_not(
    outcomes: tuple[Outcome, ...], sound: Outcome, verdict: Verdict
) -> None:
    cells = [cell("no_wrap", str(number), outcome) for number, outcome in enumerate(outcomes)]
    assert matrix_of(*cells, cell("order4.claim", "0", sound)).verdict is verdict


def test_json_has_one_item_for_each_cell(tmp_path: Path) -> None:
    ran = command(tmp_path, "no_wrap", "cas_then_reserve", "--json", "--engine", "explorer", "--engine", "verify")
    assert ran.exit_code == 0
    document = json.loads(ran.stdout)
    assert (document["schema"], document["verdict"]) == ("fencepost/mutants/1", "not found")
    shown: list[dict[str, Any]] = document["results"]
    names = ["no_wrap", "cas_then_reserve", "order5.fetch_add", "order4.claim"]
    assert [(each["mutant"], each["engine"]) for each in shown] == [
        (name, engine) for name in names for engine in ("explorer", "verify")
    ]
    assert [each["outcome"] for each in shown] == ["caught", "cannot_express", "caught", "caught", *["missed"] * 4]
    assert [each["trace_length"] for each in shown[:2]] == [12, None]
    assert all(isinstance(each["seconds"], float) for each in shown)
    assert read_run(Path(shown[0]["trace"]), DESIGNS).property == "no-overwrite"


def test_the_table_says_who_catches_what_and_why_not(tmp_path: Path) -> None:
    ran = command(tmp_path, "export_after_fence", "--engine", "explorer", "--engine", "z3", "--engine", "native-race")
    assert ran.exit_code == 0
    assert "L 6" in ran.stdout
    assert "cannot express: z3: a spec has neither memory nor programs" in ran.stdout
    assert "silent: order5.fetch_add: explorer: all " in ran.stdout
    assert "1 mutants: 1 caught; 1 sound sequencers: 0 false alarms" in ran.stdout
    assert ran.stdout.splitlines()[-1] == "verdict=not-found property=- seed=0 trace=- mutant=-"


def test_a_bug_that_no_engine_asked_can_express_is_unknown(tmp_path: Path) -> None:
    ran = command(tmp_path, "export_after_fence", "--engine", "verify")
    assert ran.exit_code == 3
    assert ran.stdout.splitlines()[-1].endswith("property=drained seed=0 trace=- mutant=export_after_fence")


def test_processes_fill_the_same_cells(tmp_path: Path) -> None:
    asked = {"names": ["phantom_first_ack", "stale_lap_flag"], "engines": ["explorer", "z3"]}
    alone, together = (mutants(**asked, jobs=jobs) for jobs in (1, 2))  # type: ignore[arg-type]
    assert [_facts(each) for each in alone.cells] == [_facts(each) for each in together.cells]


def _facts(each: Cell) -> tuple[str, str, Outcome, int | None]:
    return each.mutant, each.engine, each.outcome, each.trace_length


def test_the_list_names_every_bug_what_it_breaks_and_where_it_comes_from(tmp_path: Path) -> None:
    listed = command(tmp_path, "--list").stdout
    for each in BUGS.values():
        assert f"{each.name}: breaks {each.breaks} of {each.sound.name}\n    {each.deviation}\n" in listed
        assert f"    origin: {each.origin}\n" in listed
    assert "order5" not in command(tmp_path, "--list", "--level", "4").stdout


def test_names_engines_and_levels_are_checked(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="unknown engine 'tla': expected one of z3, explorer, "):
        mutants(engines=["tla"])
    with pytest.raises(InputError, match="unknown mutant 'no_rap'"):
        mutants(["no_rap"])
    with pytest.raises(InputError, match="no_wrap is a level-5 mutant: level 4 was asked for"):
        mutants(["no_wrap"], levels=[4])
    assert command(tmp_path, "--engine", "tla").exit_code == 2


def test_the_command_knows_the_engines_that_there_are() -> None:
    assert tuple(ENGINES) == NAMED
    assert fencepost.mutants is mutants


def test_native_can_express_what_it_has_code_for() -> None:
    for each in BUGS.values():
        expressed = each.design.name in SEQUENCERS
        for engine in ("native-lockstep", "native-race"):
            outcome = ENGINES[engine](of_bug(each), 0.01, 0).outcome
            assert (outcome is not Outcome.CANNOT_EXPRESS) == expressed


def test_bugs_with_a_refuted_spec_name_one_that_breaks_the_same_promise() -> None:
    for each in BUGS.values():
        if each.refuted is not None:
            assert each.breaks in REFUTED[each.refuted]


def test_z3_finds_the_shortest_run_of_a_spec_with_the_same_fault() -> None:
    found = searched(of_bug(BUGS["seed_from_first_seen"]), 1.0, 0)
    assert (found.outcome, found.trace_length) == (Outcome.CAUGHT, 2)
    assert searched(of_bug(BUGS["no_wrap"]), 1.0, 0).outcome is Outcome.CANNOT_EXPRESS


@pytest.mark.slow
def test_the_whole_matrix() -> None:
    """The quick form: `test_museum.py` shows every bug to the explorer and to SimPy, and every sound design to all."""
    matrix = mutants()
    assert matrix.verdict is Verdict.NOT_FOUND
    assert not matrix.escaped
    assert not matrix.false_alarms
    for name, row in matrix.rows.items():
        if name in BUGS:
            caught = [each for each in row.values() if each.outcome is Outcome.CAUGHT]
            assert min(each.trace_length or 0 for each in caught) <= 14
            assert min(each.seconds for each in caught) <= 60
