"""fencepost mutants: the matrix as its user sees it."""

import json
import re
from collections.abc import Generator, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import fencepost
from fencepost.command_line import cli
from fencepost.command_line.mutants import MODES
from fencepost.exploring import detection
from fencepost.exploring.detection import ENGINES, ORACLES, mutants
from fencepost.exploring.native_forms import NATIVE_FORMS, WITHOUT_FORM, BuiltIn, Compiled
from fencepost.model.contract import Verdict
from fencepost.model.errors import InputError
from fencepost.model.explorer.traces.run_itf import read_run
from fencepost.model.museum import BUGS, DESIGNS
from fencepost.model.museum.detection import Oracle, Outcome, of_bug
from fencepost.model.programs.corpus import CORPUS
from fencepost.model.specs import REFUTED
from fencepost.mutations.lines.table import MUTATIONS
from fencepost.native import SEQUENCERS
from fencepost.proofs.detection import searched
from fencepost.reports.mutants import Cell, MutantsReport, report_of

ROOT = Path(__file__).parents[2]


def command(tmp_path: Path, *arguments: str) -> Result:
    return CliRunner().invoke(
        cli, ["mutants", "--quiet", "--out", str(tmp_path), "--jobs", "1", "--timeout", "0.5", *arguments]
    )


def matrix_of(*cells: Cell) -> MutantsReport:
    return report_of(cells, ("order4.claim",), 0)


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
    ran = command(
        tmp_path,
        "no_wrap",
        "cas_then_reserve",
        "--json",
        "--engine",
        "explorer-exhaustive",
        "--engine",
        "explorer-history",
    )
    assert ran.exit_code == 0
    document = json.loads(ran.stdout)
    assert (document["schema"], document["verdict"]) == ("fencepost/mutants/2", "not found")
    shown: list[dict[str, Any]] = document["cells"]
    names = ["no_wrap", "cas_then_reserve", "order5.fetch_add", "order4.claim"]
    assert [(each["mutant"], each["engine"], each["mode"]) for each in shown] == [
        (name, "explorer", mode) for name in names for mode in ("exhaustive", "history")
    ]
    assert [each["outcome"] for each in shown] == ["caught", "cannot_express", "caught", "caught", *["missed"] * 4]
    assert [each["trace_length"] for each in shown[:2]] == [12, None]
    assert all(isinstance(each["seconds"], float) for each in shown)
    assert read_run(Path(shown[0]["trace"]), DESIGNS).property == "no-overwrite"


def test_the_table_says_who_catches_what_and_why_not(tmp_path: Path) -> None:
    ran = command(tmp_path, "export_after_fence", "--engine", "explorer-exhaustive", "--engine", "z3")
    assert ran.exit_code == 0
    assert "L 6" in ran.stdout
    assert "cannot express: z3: a spec has neither memory nor programs" in ran.stdout
    assert "silent: order5.fetch_add: explorer-exhaustive: " in ran.stdout  # so many runs, of all named scenarios too
    assert "1 bugs: 1 caught; 1 sound sequencers: 0 false alarms" in ran.stdout
    assert ran.stdout.splitlines()[-1] == "verdict=not-found property=- seed=0 trace=- mutant=-"


def test_a_bug_that_no_engine_asked_can_express_is_unknown(tmp_path: Path) -> None:
    ran = command(tmp_path, "export_after_fence", "--engine", "explorer-history")
    assert ran.exit_code == 3
    assert ran.stdout.splitlines()[-1].endswith("property=drained seed=0 trace=- mutant=export_after_fence")


def test_processes_fill_the_same_cells(tmp_path: Path) -> None:
    asked = {"target": ["phantom_first_ack", "stale_lap_flag"], "engine": ["explorer-exhaustive", "z3"]}
    alone, together = (mutants(**asked, jobs=jobs) for jobs in (1, 2))  # type: ignore[arg-type]
    assert [_facts(each) for each in alone.cells] == [_facts(each) for each in together.cells]


def _facts(each: Cell) -> tuple[str, str, Outcome, int | None]:
    return each.mutant, each.engine, each.outcome, each.trace_length


def test_the_corpus_column_names_the_scenario_that_shows_a_bug(tmp_path: Path) -> None:
    """It is what `check` would find, which knows no bug; a budget is for the whole corpus."""
    ran = CliRunner().invoke(
        cli,
        [
            "mutants",
            "modulo_table",
            "--engine",
            "explorer-corpus",
            "--timeout",
            "60",
            "--out",
            str(tmp_path),
            "--quiet",
        ],
    )
    assert ran.exit_code == 0
    shown = next(line for line in ran.stdout.splitlines() if line.endswith(" shows modulo_table"))
    assert shown.split()[1] in CORPUS
    assert "silent: order4.claim: explorer-corpus: " in ran.stdout


def test_the_list_names_every_bug_what_it_breaks_and_where_it_comes_from(tmp_path: Path) -> None:
    listed = command(tmp_path, "--list").stdout
    for each in BUGS.values():
        assert f"{each.name}: breaks {each.breaks} of {each.sound.name}\n    {each.deviation}\n" in listed
        assert f"    origin: {each.origin}\n" in listed
    assert "order5" not in command(tmp_path, "--list", "--level", "4").stdout


def test_texts_give_one_number_of_native_mutants() -> None:
    said = re.compile(r"(\d+) (?:native mutants|one-line mutants of the C\+\+|changes of one line)")
    found = {path.name: said.findall(path.read_text()) for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"))}
    numbers = [number for each in found.values() for number in each]
    assert numbers
    assert set(numbers) == {str(len(MUTATIONS))}, found


def test_names_engines_and_levels_are_checked(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="unknown engine 'tla': expected one of z3, explorer, "):
        mutants(engine=["tla"])
    with pytest.raises(InputError, match="unknown mutant 'no_rap'"):
        mutants(["no_rap"])
    with pytest.raises(InputError, match="no_wrap is a level-5 mutant: level 4 was asked for"):
        mutants(["no_wrap"], level=4)
    assert command(tmp_path, "--engine", "tla").exit_code == 2


def test_the_command_knows_the_engines_that_there_are() -> None:
    assert [each for each in ENGINES if "-" in each] == [*MODES]
    assert fencepost.mutants is mutants


def test_a_native_form_names_a_bug_and_native_code_that_there_is() -> None:
    for name, form in NATIVE_FORMS.items():
        assert name in BUGS
        if isinstance(form, Compiled):
            assert form.mutant in MUTATIONS
        elif isinstance(form, BuiltIn):
            assert form.design.removesuffix(".fields") in SEQUENCERS
            assert DESIGNS[form.design] == BUGS[name].sound
        else:
            assert DESIGNS[form.design] == BUGS[name].design


@pytest.mark.parametrize("name", [name for name, form in NATIVE_FORMS.items() if not isinstance(form, Compiled)])
def test_a_bug_that_the_stepped_build_has_is_caught_there(name: str) -> None:
    found = ENGINES["native-lockstep"](of_bug(BUGS[name]), 20.0, 0)
    assert found.outcome is Outcome.CAUGHT


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, form in NATIVE_FORMS.items() if isinstance(form, Compiled)])
def test_a_bug_that_is_one_line_of_native_code_is_caught_there(name: str) -> None:
    """The quick form: the table names mutants that there are, and `test_native_mutants.py` kills them."""
    found = [ENGINES[engine](of_bug(BUGS[name]), 20.0, 0) for engine in ("native-lockstep", "native-race")]
    assert Outcome.CAUGHT in {each.outcome for each in found}


def test_what_has_no_native_form_cannot_be_expressed_and_says_why() -> None:
    assert not NATIVE_FORMS.keys() & WITHOUT_FORM.keys()
    assert NATIVE_FORMS.keys() | WITHOUT_FORM.keys() == BUGS.keys()
    for engine in ("native-lockstep", "native-race"):
        for name in ("backward_frontier", "no_wrap"):
            found = ENGINES[engine](of_bug(BUGS[name]), 0.01, 0)
            assert (found.outcome, found.detail) == (Outcome.CANNOT_EXPRESS, WITHOUT_FORM[name])


def test_engines_that_share_a_judge_count_once(tmp_path: Path) -> None:
    engines = ["explorer-exhaustive", "simulation", "explorer-history", "explorer-outside", "native-lockstep"]
    matrix = mutants(["guard_before_entry"], engine=engines, timeout=1.0)
    caught = [each.engine for each in matrix.rows["guard_before_entry"].values() if each.outcome is Outcome.CAUGHT]
    assert caught == ["explorer-exhaustive", "simulation", "native-lockstep", "explorer-outside"]
    assert matrix.oracles("guard_before_entry") == (Oracle.WATCH, Oracle.OUTSIDE, Oracle.NATIVE)
    assert matrix.oracles("order5.fetch_add") == ()


QUICK = ("explorer-exhaustive", "explorer-history", "explorer-outside", "z3")


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] if number % 8 else []) for number, name in enumerate(BUGS)]
)
def test_every_bug_is_caught_by_two_independent_judges(name: str) -> None:
    """By two of the judges that need no compiler; the slow are asked, and with more time, where others do not do."""
    found: set[Oracle] = set()
    for seconds in (2.0, 30.0):
        for engine in QUICK:
            if len(found) < 2 and ENGINES[engine](of_bug(BUGS[name]), seconds, 0).outcome is Outcome.CAUGHT:
                found.add(ORACLES[engine])
    assert len(found) >= 2


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
            assert min(each.trace_length or 0 for each in caught) <= 36
            assert min(each.seconds for each in caught) <= 60
            assert len(matrix.oracles(name)) >= 2, name


def test_the_corpus_has_more_time_unless_somebody_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has every named scenario to search: in the time of the others the sound sequencers were *unknown*."""
    asked: dict[str, float] = {}

    def take(works: Iterable[partial[Cell]], jobs: int) -> Generator[tuple[int, Cell], None, None]:
        for number, work in enumerate(works):
            name, engine, _, seconds, *_ = work.args
            asked[engine] = seconds
            yield number, Cell(name, engine, Outcome.MISSED, 0.0, None, "")

    monkeypatch.setattr(detection, "as_they_end", take)
    mutants(["no_wrap"])
    assert asked.pop("explorer-corpus") == 6 * detection.TIMEOUT_SECONDS
    assert set(asked.values()) == {detection.TIMEOUT_SECONDS}
    mutants(["no_wrap"], timeout=0.5)
    assert set(asked.values()) == {0.5}


def test_the_help_says_both_budgets() -> None:
    said = " ".join(CliRunner().invoke(cli, ["mutants", "--help"]).output.split())
    assert f"({detection.TIMEOUT_SECONDS:g} s, explorer-corpus {detection.CORPUS_TIMEOUT_SECONDS:g} s)" in said
