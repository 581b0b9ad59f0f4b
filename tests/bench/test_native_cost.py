"""The memory policy leaves nothing behind in the production build: instructions executed, counted by callgrind.

Counts of a compiled program under valgrind are the same in every run, so this is no timing test.
"""

import re
import shutil
import subprocess
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import pytest

from fencepost.native import SEQUENCERS

ROOT = Path(__file__).parents[2]
COMPILER = shutil.which("c++") or shutil.which("g++")

pytestmark = pytest.mark.skipif(COMPILER is None, reason="needs a C++ compiler")


def compiled(name: str, folder: Path) -> Path:
    flags = ["-O3", "-DNDEBUG", "-std=c++20", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-pthread"]
    source = ROOT / "tests" / "native" / f"{name}.cpp"
    command = [str(COMPILER), *flags, f"-I{ROOT / 'native' / 'include'}", str(source), "-o", str(folder / name)]
    subprocess.run(command, check=True)
    return folder / name


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return a program of that name, compiled when it is asked for first."""
    folder = tmp_path_factory.mktemp("vanishing")
    return cache(partial(compiled, folder=folder))


def instruction_count(program: Path, loop: str) -> int:
    tool = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", f"--toggle-collect={loop}"]
    ended = subprocess.run([*tool, str(program), loop], capture_output=True, text=True, check=True)
    collected = re.search(r"Collected : (\d+)", ended.stderr)
    assert collected, ended.stderr
    return int(collected[1])


@pytest.mark.skipif(shutil.which("valgrind") is None, reason="needs valgrind")
@pytest.mark.parametrize(
    ("name", "loop"),
    [
        ("vanishing", "order5"),
        ("vanishing", "publish"),
        pytest.param("vanishing_claim", "claim", marks=pytest.mark.slow),
        pytest.param("vanishing_owner", "owner", marks=pytest.mark.slow),
    ],
)
def test_a_loop_through_the_policy_costs_what_it_costs_by_hand(
    program: Callable[[str], Path], name: str, loop: str
) -> None:
    by_template = instruction_count(program(name), f"{loop}_by_template")
    by_hand = instruction_count(program(name), f"{loop}_by_hand")
    assert by_hand > 1000
    assert by_template <= by_hand * 1.01


def test_an_attempt_takes_a_bounded_number_of_accesses_whatever_others_do(tmp_path: Path) -> None:
    ended = subprocess.run([compiled("steps", tmp_path)], capture_output=True, text=True, check=True)
    steps = dict(line.split(" ", 1) for line in ended.stdout.splitlines())
    assert steps["order5.fetch_add"] == "fewest=1 most=1 ordered=200000"  # wait-free: one fetch_add, never another
    claim = dict(part.split("=") for part in steps["order4.claim"].split())
    assert claim["ordered"] == "100000"  # each batch once, though both threads sent it
    assert int(claim["most"]) <= 5  # bucket, word, claim, range, release: no loop, though it may be told to wait


@pytest.mark.slow
def test_no_loop_allocates_and_each_orders_what_it_should(tmp_path: Path) -> None:
    """The quick form: allocations of the loops are counted by the build that the bench counts with."""
    ended = subprocess.run([compiled("allocations", tmp_path)], capture_output=True, text=True, check=True)
    said = dict(line.split(" ", 1) for line in ended.stdout.splitlines())
    assert said == {
        name: f"allocations=0 ordered={'2200 dropped=0' if level == 5 else '2000 dropped=200'}"
        for name, level in SEQUENCERS.items()
    }
