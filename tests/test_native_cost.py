"""The memory policy leaves nothing behind in the production build: instructions executed, counted by callgrind.

Counts of a compiled program under valgrind are the same in every run, so this is no timing test.
"""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
COMPILER = shutil.which("c++") or shutil.which("g++")

pytestmark = pytest.mark.skipif(
    COMPILER is None or shutil.which("valgrind") is None, reason="needs a C++ compiler and valgrind"
)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("vanishing") / "vanishing"
    flags = ["-O3", "-DNDEBUG", "-std=c++20", "-Wall", "-Wextra", "-Wconversion", "-Werror"]
    source = ROOT / "tests" / "native" / "vanishing.cpp"
    command = [str(COMPILER), *flags, f"-I{ROOT / 'native' / 'include'}", str(source), "-o", str(made)]
    subprocess.run(command, check=True)
    return made


def instruction_count(program: Path, loop: str) -> int:
    tool = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", f"--toggle-collect={loop}"]
    ended = subprocess.run([*tool, str(program), loop], capture_output=True, text=True, check=True)
    collected = re.search(r"Collected : (\d+)", ended.stderr)
    assert collected, ended.stderr
    return int(collected[1])


@pytest.mark.parametrize("loop", ["order5", "publish"])
def test_a_loop_through_the_policy_costs_what_it_costs_by_hand(program: Path, loop: str) -> None:
    by_template = instruction_count(program, f"{loop}_by_template")
    by_hand = instruction_count(program, f"{loop}_by_hand")
    assert by_hand > 1000
    assert by_template <= by_hand * 1.01
