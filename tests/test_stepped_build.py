"""The stepped build compiled apart: under sanitizers, and with each way to switch stacks, it counts the same."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
COMPILER = shutil.which("c++") or shutil.which("g++")

BUILDS = {
    "by hand": ["-O1"],
    "by ucontext": ["-O1", "-DFENCEPOST_SWITCH_BY_UCONTEXT"],
    "by threads' sanitizer": ["-O1", "-g", "-fsanitize=thread"],
    "by addresses' sanitizer": ["-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"],
}


def counted(flags: list[str], folder: Path) -> str:
    program, source = folder / "stepped", ROOT / "tests" / "native" / "stepped.cpp"
    command = [str(COMPILER), *flags, "-std=c++20", f"-I{ROOT / 'native' / 'include'}", "-pthread"]
    subprocess.run([*command, str(source), "-o", str(program)], check=True)
    return subprocess.run([program], capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def by_hand(tmp_path_factory: pytest.TempPathFactory) -> str:
    return counted(BUILDS["by hand"], tmp_path_factory.mktemp("by_hand"))


@pytest.mark.slow
@pytest.mark.timeout(3_000)  # compiling under a sanitizer takes minutes on a busy machine
@pytest.mark.skipif(COMPILER is None, reason="needs a C++ compiler")
@pytest.mark.parametrize("name", [name for name in BUILDS if name != "by hand"])
def test_every_build_of_the_fibres_walks_through_the_same_runs(name: str, by_hand: str, tmp_path: Path) -> None:
    assert "order4.claim 0: " in by_hand
    assert counted(BUILDS[name], tmp_path) == by_hand
