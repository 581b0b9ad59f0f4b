"""The house rules that a machine can keep: sizes, names, and which way imports point."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
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


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_is_short_and_so_are_its_functions(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= LONGEST_FILE
    assert not any(word in path.stem for word in BANNED_NAMES)
    if path.suffix == ".py":
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                assert (node.end_lineno or 0) - node.lineno < LONGEST_FUNCTION, node.name


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
