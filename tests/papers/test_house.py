"""The house rules that a machine can keep: sizes, names, and which way imports point."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fencepost.model.specs import sequencers

ROOT = Path(__file__).parents[2]
FOLDERS = ("model", "proofs", "native", "src/fencepost", "tests", "examples")
SOURCES = sorted(
    path
    for folder in FOLDERS
    for path in (ROOT / folder).rglob("*")
    if path.suffix in (".py", ".hpp", ".cpp") and not any(part.is_symlink() for part in (path, *path.parents))
)
LONGEST_FILE, LONGEST_FUNCTION = 400, 70
BANNED_NAMES = ("utils", "helpers", "manager", "misc", "common")

# What each folder may import of the others.
ARROWS = {"model": set(), "proofs": {"model"}, "native": {"model"}}


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_files_are_short() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in SOURCES}
    assert {path: length for path, length in lengths.items() if length > LONGEST_FILE} == {}


def test_names_of_files_say_something() -> None:
    assert [path for path in SOURCES if any(word in path.stem for word in BANNED_NAMES)] == []


def test_functions_are_short() -> None:
    long = [
        f"{path.relative_to(ROOT)}:{node.lineno}: {node.name} has {length} lines"
        for path in SOURCES
        if path.suffix == ".py"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef) and (length := (node.end_lineno or 0) - node.lineno + 1) > LONGEST_FUNCTION
    ]
    assert long == []


@pytest.mark.parametrize("folder", ARROWS)
def test_arrows_point_one_way(folder: str) -> None:
    allowed = ARROWS[folder] | {folder, ""}
    for path in (ROOT / folder).rglob("*.py"):
        for name in imports(path):
            if name.startswith("fencepost."):
                assert name.split(".")[1] in allowed, f"{path.relative_to(ROOT)} imports {name}"


def test_the_history_checker_knows_no_sequencer() -> None:
    for path in (ROOT / "model" / "histories").rglob("*.py"):
        for name in imports(path):
            assert not name.startswith(
                ("fencepost.model.specs", "fencepost.model.programs", "fencepost.model.language")
            )


def test_no_line_asks_a_checker_to_look_away_without_saying_why() -> None:
    for path in SOURCES:
        for line in path.read_text().splitlines():
            if "type: ignore" in line and "tests" not in path.parts:
                assert line.count("#") >= 2, f"{path.name}: {line.strip()}"


@pytest.mark.slow
def test_every_process_collects_the_same_tests(request: pytest.FixtureRequest) -> None:
    """Two that collect at different times must agree on every name, or they cannot share the work: processes that
    share it, as those of `make test` do, refuse to begin where they differ.

    A case once held an empty gzip file, whose header is the time of its making: two workers that
    collected on either side of a second's end had tests of different names, and none ran.
    """

    here = [each.nodeid for each in request.session.items]
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", str(ROOT / "tests")]
    environment = os.environ | {"PYTHONHASHSEED": "1"}
    marks = request.config.getoption("markexpr")
    answer = subprocess.run(
        [*command, "-m", marks], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    there = [line for line in answer.stdout.splitlines() if "::" in line]
    files = {name.partition("::")[0] for name in here}
    assert set(here) <= set(there)
    if len(files) > 1 and not request.config.getoption("keyword"):  # and not some tests of a file
        assert sorted(here) == sorted(name for name in there if name.partition("::")[0] in files)
    assert any(test_every_process_collects_the_same_tests.__name__ in name for name in there)


ROOM_SIZE = 15
LISTS = {"src/fencepost/command_line", "examples"}
"""Rooms that are one list, a file a command or an example: whoever looks for one knows its name."""


def test_a_room_has_few_files() -> None:
    rooms: dict[str, int] = {}
    for path in SOURCES:
        if path.name != "__init__.py":
            room = str(path.parent.relative_to(ROOT))
            rooms[room] = rooms.get(room, 0) + 1
    assert {room: size for room, size in rooms.items() if size > ROOM_SIZE and room not in LISTS} == {}


SEQUENCER_FILES = ("model/specs/", "model/programs/sequencers/")
"""Where a sequencer is: its spec and its program. Its algorithm is a header, which says its name to Python."""

NAMING = {
    "model/museum/bug.py",  # the sound designs beside the bugs
    "model/programs/designs.py",  # the list of designs
    "model/simulation/batches/pipeline.py",  # simulated batch by batch
    "model/simulation/batches/scanners.py",
    "model/simulation/scenario.py",  # by default
    "native/schedules/differential.py",  # what happens in one sequencer alone
    "native/schedules/pipeline.py",  # the list of the stepped build
    "proofs/mutants.py",  # requirements whose absence is harmless
    "src/fencepost/bench/counted_settings.py",  # sides of the settings of the bench
    "src/fencepost/bench/decisions/ablation.py",
    "src/fencepost/bench/decisions/contended_loads.py",
    "src/fencepost/bench/decisions/profile.py",
    "src/fencepost/bench/kernels/counting.py",
    "src/fencepost/bench/paths.py",
    "src/fencepost/bench/python_entry.py",
    "src/fencepost/bench/sides.py",
    "src/fencepost/command_line/bench/profile.py",
    "src/fencepost/command_line/bench/sides.py",
    "src/fencepost/comparing/policies/accepted.py",  # the spec of each level that answers are held against
    "src/fencepost/experiments/native_engine.py",
    "src/fencepost/exploring/native_forms.py",  # native forms of bugs
    "src/fencepost/ledger/order4.py",  # claims about sequencers
    "src/fencepost/ledger/order5.py",
    "src/fencepost/ledger/profiles.py",
    "src/fencepost/simulating/run.py",  # by default
}
"""Other files of Python that still name one. None is to be added: a name comes from `sequencers()` or the compiled
module, and what is asked of a sequencer from its design."""


def names_in(path: Path, names: set[str]) -> Iterator[str]:
    """Yield where a file holds one of the names as a text; documentation is no code."""
    tree = ast.parse(path.read_text())
    shown = {id(each.value) for each in ast.walk(tree) if isinstance(each, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and node.value in names and id(node) not in shown:
            yield f"{path.relative_to(ROOT)}:{node.lineno}: {node.value}"


def test_no_other_file_names_a_sequencer() -> None:
    names = set(sequencers())
    found = {str(path.relative_to(ROOT)): [*names_in(path, names)] for path in SOURCES if path.suffix == ".py"}
    naming = {
        path: lines
        for path, lines in found.items()
        if lines and not path.startswith(("tests/", "examples/", *SEQUENCER_FILES))
    }
    assert {path: lines for path, lines in naming.items() if path not in NAMING} == {}
    assert NAMING - naming.keys() == set(), "they name none any more: take them from the list"
