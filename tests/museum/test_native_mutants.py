"""Native mutants: one line of the C++ changed, compiled and killed; what is not changed survives the same killers."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from fencepost.command_line import cli
from fencepost.model.contract import PROPERTIES, Verdict
from fencepost.model.errors import InputError
from fencepost.model.processes import Ended, isolated
from fencepost.mutations import building, killing
from fencepost.mutations.kill import Hunt, Kill
from fencepost.mutations.lines.mutation import StaleMutation
from fencepost.mutations.lines.table import MUTATIONS
from fencepost.reports.native_mutants import Hunted, report_of

ROOT = Path(__file__).parents[2]
HEADERS = ROOT / "native" / "include" / "fencepost"
needs_compiler = pytest.mark.skipif(
    not any(map(shutil.which, ("c++", "g++", "clang++"))), reason="needs a C++ compiler"
)


# --- the table, and the headers ---------------------------------------------------------------------


def test_headers_know_nothing_of_mutants() -> None:
    asks = re.compile(r"mutated\(|Mutation::|FENCEPOST_MUTANT")
    assert [str(path) for path in HEADERS.rglob("*.hpp") if asks.search(path.read_text())] == []


@pytest.mark.parametrize("name", MUTATIONS)
def test_every_row_changes_exactly_one_place_of_the_header_that_it_names(name: str) -> None:
    row, text = MUTATIONS[name], (HEADERS / MUTATIONS[name].file).read_text()
    assert row.patched(text) != text
    file, line = row.site(HEADERS).split(":")
    assert file == row.file
    assert text.splitlines()[: int(line) - 1] == row.patched(text).splitlines()[: int(line) - 1]
    hunks = re.findall(r"^@@ ", row.diff(HEADERS), re.MULTILINE)
    assert len(hunks) == 1


def test_a_header_that_loses_a_mutant_is_named_with_what_to_do() -> None:
    row, text = MUTATIONS["claim_relaxed"], (HEADERS / MUTATIONS["claim_relaxed"].file).read_text()
    with pytest.raises(
        StaleMutation, match=r"claim_relaxed: its `before` occurs 0 times in sequencers/order4_claim.hpp"
    ):
        row.patched(text.replace("compare_exchange_acquire", "compare_exchange_acq_rel"))
    with pytest.raises(StaleMutation, match=r"occurs 2 times .*expected exactly once; make the row .* follow"):
        row.patched(text + row.before)


def test_lines_that_are_left_out_leave_no_empty_line() -> None:
    row, text = MUTATIONS["claim_answer_ignored"], (HEADERS / MUTATIONS["claim_answer_ignored"].file).read_text()
    assert row.after == ""
    assert len(row.patched(text).splitlines()) == len(text.splitlines()) - 1
    changed = [line for line in row.diff(HEADERS).splitlines()[2:] if line[0] in "+-"]
    assert changed == ["-    if (!is_ours) return not_now(seen, batch_seq, true);"]


def test_a_diff_is_a_patch_that_patch_applies(tmp_path: Path) -> None:
    shown = CliRunner().invoke(cli, ["mutants", "--native", "closed_with_tail", "--diff"]).output
    row = MUTATIONS["closed_with_tail"]
    header = tmp_path / row.file
    header.parent.mkdir()
    shutil.copy(HEADERS / row.file, header)
    subprocess.run(["git", "apply", "-p1"], input=shown, text=True, cwd=tmp_path, check=True)
    assert header.read_text() == row.patched((HEADERS / row.file).read_text())
    everything = CliRunner().invoke(cli, ["mutants", "--native", "--diff"]).output
    assert everything.count("\n+++ b/") == len(MUTATIONS)
    assert shown in everything


def test_a_diff_is_of_native_mutants_only() -> None:
    refused = CliRunner().invoke(cli, ["mutants", "no_wrap", "--diff"])
    assert refused.exit_code == 2
    assert "expected --native beside it" in refused.output


def test_the_measured_table_has_every_row_and_the_killer_that_the_row_names() -> None:
    lines = (ROOT / "docs" / "native-mutants.md").read_text().splitlines()
    begin = next(at for at, line in enumerate(lines) if line.startswith("mutant  "))
    measured = dict(line.split("  ", 1) for line in lines[begin + 1 : begin + 1 + len(MUTATIONS)])
    assert measured.keys() == MUTATIONS.keys()
    assert [name for name, rest in measured.items() if f" {MUTATIONS[name].killer} " not in rest] == []


def test_there_are_forty_and_each_breaks_a_promise_of_the_contract() -> None:
    assert len(MUTATIONS) >= 40
    assert {each.breaks for each in MUTATIONS.values()} <= PROPERTIES.keys()


# --- kills ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache of this module's tests, so that nothing is compiled twice and nothing is left behind."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def cached(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(own_cache))
    return own_cache


@needs_compiler
@pytest.mark.timeout(900)
def test_mutants_are_killed_and_the_code_without_one_survives_as_long(cached: Path) -> None:
    matrix = killing.native_mutants(["positions_wrap", "claim_relaxed"], timeout=15, jobs=2)
    assert {each.name: each.kill.killer for each in matrix.mutants if each.kill} == {
        "positions_wrap": "attempts",
        "claim_relaxed": "race",
    }
    assert [(each.name, each.kill) for each in matrix.sound] == [("none", None)]
    assert matrix.verdict is Verdict.NOT_FOUND
    assert len(list((cached / "fencepost" / "mutants").iterdir())) == 3  # the two, and the code without one


@needs_compiler
@pytest.mark.timeout(900)
def test_a_kill_in_a_race_is_found_again_by_the_same_seed(cached: Path) -> None:
    def hunted() -> Kill | None:
        found = isolated(lambda: killing.hunt(module, "shared", 3, 40, ("race",)), 100)
        assert not isinstance(found, Ended)
        return found.kill

    module = building.build(MUTATIONS["claim_relaxed"], "shared").module
    kill = hunted()
    assert kill is not None
    assert kill.killer == "race"
    assert hunted() == kill


@needs_compiler
@pytest.mark.timeout(900)
def test_a_survivor_is_named_and_ends_with_exit_code_1(cached: Path) -> None:
    building.build(MUTATIONS["claim_relaxed"], "shared")  # and not again below
    # A hundredth of a second is too short for a race.
    arguments = ["mutants", "--native", "claim_relaxed", "--timeout", "0.01", "--json", "--quiet"]
    ended = CliRunner().invoke(cli, arguments)
    assert ended.exit_code == 1
    document = json.loads(ended.stdout)
    assert document["verdict"] == "violated"
    rows = {row["target"]: row for row in document["results"]}
    assert rows["claim_relaxed"]["outcome"] == "missed"
    assert rows["claim_relaxed"]["build_seconds"] == 0
    assert rows["claim_relaxed"]["site"].startswith("sequencers/order4_claim.hpp:")
    assert document["smallest_examples"] == {}  # there is none


@needs_compiler
@pytest.mark.slow
def test_every_mutant_is_killed_within_a_minute() -> None:
    matrix = killing.native_mutants(jobs=2)
    assert [each.name for each in matrix.survivors] == []
    assert {each.name: each.kill.killer for each in matrix.mutants if each.kill} == {
        name: each.killer for name, each in MUTATIONS.items()
    }
    assert matrix.false_alarms == ()
    assert all(each.seconds <= 60 for each in matrix.mutants)
    assert matrix.sizes is not None
    assert matrix.sizes.steps <= 8
    assert matrix.sizes.threads <= 3


@pytest.fixture
def prebuilt(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing is compiled, and nothing loaded: what hunts is what is tried here."""
    monkeypatch.setattr(killing, "build", lambda mutation, kind: building.Built(tmp_path, 0.0))
    monkeypatch.setattr(killing, "loaded", lambda path: None)


def hunted_by(killer: Callable[[Hunt], Kill | None], monkeypatch: pytest.MonkeyPatch) -> Hunted:
    monkeypatch.setattr(killing, "_killers", lambda kind: [("race", killer, 1.0)])
    return killing.hunted(None, "shared", 1, 5.0)


@pytest.mark.usefixtures("prebuilt")
def test_a_crash_of_the_hunt_is_a_kill_an_end_from_outside_is_unknown_and_an_error_is_a_bug(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def ends_by(number: signal.Signals) -> Callable[[Hunt], None]:
        def killer(hunt: Hunt) -> None:
            hunt.tries(5)
            os.kill(os.getpid(), number)

        return killer

    def fails(hunt: Hunt) -> None:
        raise KeyError("row")

    assert hunted_by(ends_by(signal.SIGSEGV), monkeypatch).kill == Kill("race", 5, None, 1, "it crashed (SIGSEGV)")
    killed = hunted_by(ends_by(signal.SIGKILL), monkeypatch)
    assert killed.kill is None
    assert killed.unknown == "it was killed from outside (SIGKILL, as the kernel does when memory runs out)"
    assert report_of((killed,), (), 1).verdict is Verdict.UNKNOWN
    with pytest.raises(killing.KillerFailed, match="KeyError: 'row'"):
        hunted_by(fails, monkeypatch)


# --- what cannot be done ----------------------------------------------------------------------------


@pytest.fixture
def no_toolchain_yet() -> object:
    building.toolchain.cache_clear()
    yield
    building.toolchain.cache_clear()


def test_an_unknown_mutant_is_refused_with_the_choices() -> None:
    refused = subprocess.run(
        [sys.executable, "-m", "fencepost", "mutants", "--native", "nope"], capture_output=True, text=True, check=False
    )
    assert refused.returncode == 2
    assert refused.stderr.startswith("fencepost: unknown native mutant 'nope': expected one of range_in_two_steps")


@pytest.mark.parametrize("option", [["--engine", "z3"], ["--level", "4"], ["--out", "x"]])
def test_options_of_the_museum_are_refused_beside_native(option: list[str]) -> None:
    refused = CliRunner().invoke(cli, ["mutants", "--native", *option])
    assert refused.exit_code == 2
    assert f"{option[0]} cannot stand beside --native" in refused.output


@pytest.mark.usefixtures("no_toolchain_yet")
def test_a_missing_compiler_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(InputError, match="CXX is 'no-such-compiler', which is no program: .* expected a C\\+\\+20"):
        killing.native_mutants(["positions_wrap"])


@needs_compiler
@pytest.mark.usefixtures("no_toolchain_yet")
def test_missing_headers_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("fencepost.__file__", str(tmp_path / "__init__.py"))
    with pytest.raises(InputError, match="sequencers.hpp is missing: expected the C\\+\\+ headers beside the package"):
        building.toolchain()


def test_a_compiler_that_takes_for_ever_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building, "SECONDS_MOST", 0.05)
    with pytest.raises(InputError, match=r"sleep took more than 0.05 s for .*ask for fewer --jobs"):
        building._run(["sleep", "3", "0", "0"])


@needs_compiler
@pytest.mark.usefixtures("no_toolchain_yet")
def test_a_missing_pybind11_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pybind11", None)
    with pytest.raises(InputError, match="pybind11, which is not installed: pip install 'fencepost\\[mutants\\]'"):
        building.toolchain()


def test_the_list_says_where_each_comes_from_and_what_nothing_can_tell() -> None:
    listed = CliRunner().invoke(cli, ["mutants", "--native", "--list"]).output
    assert listed.count("    origin: ") == len(MUTATIONS)
    assert "nothing can tell them" in listed
