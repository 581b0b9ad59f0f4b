"""The stepped build compiled apart: under sanitizers, and with each way to switch stacks, it counts the same."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMPILER = shutil.which("c++") or shutil.which("g++")

BUILDS = {
    "by hand": ["-O1"],
    "by ucontext": ["-O1", "-DFENCEPOST_SWITCH_BY_UCONTEXT"],
    "by threads' sanitizer": ["-O1", "-g", "-fsanitize=thread"],
    "by addresses' sanitizer": ["-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"],
}
PROGRAMS = {"stepped": "order4.claim 0: ", "stepped_structures": "lap_ring 2 0: 10180 complete"}
"""With something that each must print."""


def counted(program: str, flags: list[str], folder: Path) -> str:
    built, source = folder / program, ROOT / "tests" / "native" / f"{program}.cpp"
    command = [str(COMPILER), *flags, "-std=c++20", f"-I{ROOT / 'native' / 'include'}", "-pthread"]
    subprocess.run([*command, str(source), "-o", str(built)], check=True)
    ended = subprocess.run([built], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


@pytest.fixture(scope="module")
def by_hand(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("by_hand")
    return {program: counted(program, BUILDS["by hand"], folder) for program in PROGRAMS}


@pytest.mark.slow
@pytest.mark.timeout(3_000)  # compiling under a sanitizer takes minutes on a busy machine
@pytest.mark.skipif(COMPILER is None, reason="needs a C++ compiler")
@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("name", [name for name in BUILDS if name != "by hand"])
def test_every_build_of_the_fibres_walks_through_the_same_runs(
    name: str, program: str, by_hand: dict[str, str], tmp_path: Path
) -> None:
    assert PROGRAMS[program] in by_hand[program]
    assert counted(program, BUILDS[name], tmp_path) == by_hand[program]
