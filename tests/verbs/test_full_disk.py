"""A full disk: every verb prints its verdict, says in a line what is not written, and leaves nothing half-written."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from commands import run

ROOT = Path(__file__).parents[2]
SIZE = "64k"


def fill(path: Path) -> None:
    """Write until there is no room."""
    with suppress(OSError), path.open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 1024)


@pytest.fixture
def full(tmp_path: Path) -> Iterator[Path]:
    """Return a folder of a file system without room; skipped where none can be mounted."""
    folder = tmp_path / "full"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here, so none is full: {mounted.stderr.strip()}")
    try:
        fill(folder / "filler")
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


HOLDS, BROKEN = (f"examples/data/redis-order{level}-history.csv" for level in (4, 5))
WRONG, TRACE = "order4.cas_then_reserve", "examples/data/inversion.itf.json"
VERBS: dict[str, tuple[list[str], int, str]] = {
    "verify": (["verify", HOLDS, "--level", "4", "--html", "FULL/page.html"], 2, "verdict=not-found"),
    "verify-violated": (["verify", BROKEN, "--level", "4", "--html", "FULL/page.html"], 1, "verdict=violated"),
    "prove": (["prove", WRONG, "--out", "FULL/out"], 1, "verdict=violated"),
    "prove-emit": (["prove", "order5.fetch_add", "--emit", "FULL/out"], 2, "verdict=proved"),
    "check": (["check", WRONG, "--engine", "z3", "--out", "FULL/out"], 1, "verdict=violated"),
    "explore": (["explore", WRONG, "--property", "prefix", "--out", "FULL/out"], 1, "verdict=violated"),
    "compare": (["compare", WRONG, "--examples", "30", "--out", "FULL/out"], 1, "verdict=violated"),
    "mutants": (["mutants", "cas_then_reserve", "--engine", "z3", "--out", "FULL/out"], 2, "verdict=not-found"),
    "simulate": (["simulate", "examples/scenarios/flushed.toml", "--out", "FULL/out"], 2, "verdict=not-found"),
    "replay": (["replay", TRACE, "--export", "html", "--to", "FULL/run.html"], 1, "verdict=violated"),
    "bench layout": (["bench", "layout", "--assertions", "FULL/layout.hpp"], 2, "verdict=not-found"),
}  # fmt: skip
QUIET = {"replay", "bench layout"}


@pytest.mark.parametrize("name", VERBS)
def test_the_verdict_is_printed_and_what_is_not_written_is_said(name: str, full: Path) -> None:
    arguments, code, last = VERBS[name]
    given = [each.replace("FULL", str(full)) for each in arguments] + ([] if name in QUIET else ["--quiet"])
    ended = run(*given, cwd=ROOT)
    assert ended.returncode == code, ended.stderr
    assert last in ended.stdout.splitlines()[-1]
    said = [line for line in ended.stderr.splitlines() if not line.startswith("...")]
    assert said
    for line in said:
        assert line.startswith(f"fencepost: not written: {full}/")
        assert line.endswith(": cannot be written: No space left on device")
    assert [path.name for path in full.rglob("*") if path.is_file()] == ["filler"]


@pytest.mark.parametrize(
    "arguments",
    [["new", "protocol", "Mine", "--out", "FULL"], ["examples", "FULL/examples"]],
    ids=lambda given: given[0],
)
def test_what_writes_files_alone_is_an_error_and_leaves_none(arguments: list[str], full: Path) -> None:
    ended = run(*(each.replace("FULL", str(full)) for each in arguments), cwd=ROOT)
    assert ended.returncode == 2
    (line,) = ended.stderr.splitlines()
    assert line.startswith(f"fencepost: {full}/")
    assert "cannot be written: No space left on device" in line
    assert [path.name for path in full.rglob("*") if path.is_file()] == ["filler"]
