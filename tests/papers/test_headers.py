"""Headers compile without a warning in every compiler that is there; a user's installation bears with warnings."""

import re
import shutil
import subprocess
import sysconfig
from pathlib import Path

import pybind11
import pytest

ROOT = Path(__file__).parents[2]
HEADERS = ROOT / "native" / "include"
WARNINGS = ("-Wall", "-Wextra", "-Wconversion", "-Wsign-conversion", "-Werror")


@pytest.mark.parametrize("compiler", ["g++", "clang++"])
@pytest.mark.timeout(600)
def test_all_headers_together_compile_without_a_warning(compiler: str, tmp_path: Path) -> None:
    if shutil.which(compiler) is None:
        pytest.skip(f"no {compiler} on the path")
    names = sorted(str(path.relative_to(HEADERS)) for path in HEADERS.rglob("*.hpp"))
    assert len(names) > 100
    source = tmp_path / "all.cpp"
    source.write_text("".join(f'#include "{name}"\n' for name in names))
    system = [f"-isystem{folder}" for folder in (pybind11.get_include(), sysconfig.get_paths()["include"])]
    command = [compiler, "-std=c++20", "-fsyntax-only", *WARNINGS, f"-I{HEADERS}", *system, str(source)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr[:2000]


def test_warnings_are_errors_in_the_projects_own_builds_only() -> None:
    built = (ROOT / "CMakeLists.txt").read_text()
    guarded = "$<$<BOOL:${FENCEPOST_WARNINGS_ARE_ERRORS}>:-Werror>"
    assert built.count("-Werror") == built.count(guarded) == 1
    assert re.search(r'option\(FENCEPOST_WARNINGS_ARE_ERRORS "[^"]*" OFF\)', built)  # what pip install takes
    assert "cmake.define.FENCEPOST_WARNINGS_ARE_ERRORS=ON" in (ROOT / "Makefile").read_text()
    presets = (ROOT / "CMakePresets.json").read_text()
    assert presets.count('"FENCEPOST_WARNINGS_ARE_ERRORS": "ON"') == presets.count('"FENCEPOST_SANITIZER"')
