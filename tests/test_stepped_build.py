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


@pytest.mark.slow
@pytest.mark.skipif(COMPILER is None, reason="needs a C++ compiler")
def test_every_build_of_the_fibres_walks_through_the_same_runs(tmp_path: Path) -> None:
    counted = set()
    for number, flags in enumerate(BUILDS.values()):
        program = tmp_path / f"stepped{number}"
        source = ROOT / "tests" / "native" / "stepped.cpp"
        command = [str(COMPILER), *flags, "-std=c++20", f"-I{ROOT / 'native' / 'include'}", "-pthread"]
        subprocess.run([*command, str(source), "-o", str(program)], check=True)
        counted.add(subprocess.run([program], capture_output=True, text=True, check=True).stdout)
    assert len(counted) == 1
    assert "order4.claim 0: " in counted.pop()
