"""Native mutants: one line of the C++ changed, compiled and killed; what is not changed survives the same killers."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
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
from fencepost.mutations.lines.table import MUTATIONS, NUMBERS, site
from fencepost.reports.native_mutants import Hunted, report_of

ROOT = Path(__file__).parents[2]
HEADERS = ROOT / "native" / "include" / "fencepost"
needs_compiler = pytest.mark.skipif(
    not any(map(shutil.which, ("c++", "g++", "clang++"))), reason="needs a C++ compiler"
)


# --- the table, and what the headers ask ------------------------------------------------------------


def test_the_table_and_the_header_number_the_same_mutations() -> None:
    text = (HEADERS / "memory/mutant.hpp").read_text()
    listed = {name: int(number) for name, number in re.findall(r"^  (\w+) = (\d+),", text, re.MULTILINE)}
    assert listed == {"none": 0, **NUMBERS}


def test_every_mutation_is_asked_for_once_and_where_the_table_says() -> None:
    asked = Counter(
        (str(path.relative_to(HEADERS)), name)
        for path in HEADERS.rglob("*.hpp")
        for name in re.findall(r"mutated\(Mutation::(\w+)\)", path.read_text())
    )
    assert asked == {(each.file, each.name): 1 for each in MUTATIONS.values()}
    assert all(re.fullmatch(r"[\w/]+\.hpp:\d+", site(each, HEADERS)) for each in MUTATIONS.values())


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

    module = building.build(NUMBERS["claim_relaxed"], "shared").module
    kill = hunted()
    assert kill is not None
    assert kill.killer == "race"
    assert hunted() == kill


@needs_compiler
@pytest.mark.timeout(900)
def test_a_survivor_is_named_and_ends_with_exit_code_1(cached: Path) -> None:
    building.build(NUMBERS["claim_relaxed"], "shared")  # and not again below
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
    assert matrix.false_alarms == ()
    assert all(each.seconds <= 60 for each in matrix.mutants)
    assert matrix.sizes is not None
    assert matrix.sizes.steps <= 8
    assert matrix.sizes.threads <= 3


@pytest.fixture
def prebuilt(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing is compiled, and nothing loaded: what hunts is what is tried here."""
    monkeypatch.setattr(killing, "build", lambda number, kind: building.Built(tmp_path, 0.0))
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
    with pytest.raises(InputError, match="mutant.hpp is missing: expected the C\\+\\+ sources beside the package"):
        building.toolchain()


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
