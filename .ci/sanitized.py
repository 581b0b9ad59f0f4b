"""Build the native part under a sanitizer, run its tests in stock CPython, and see that planted faults are caught.

    python .ci/sanitized.py asan|tsan [pytest argument ...]

The runtime is preloaded, as the interpreter is not built with it; nothing is suppressed. Leaks are not looked for: the
interpreter itself leaves memory behind.
"""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TESTS = ("tests/native/test_native.py", "tests/native/test_native_attempts.py", "tests/native/test_native_pipeline.py",
         "tests/native/test_native_refused.py", "tests/programs/test_publication.py")  # fmt: skip
RUNTIMES = {"asan": ("libasan.so", "libubsan.so", "libstdc++.so"), "tsan": ("libtsan.so", "libstdc++.so")}
PLANTED = {
    "asan": {"planted_overflow": "signed integer overflow", "planted_past_the_end": "heap-buffer-overflow"},
    "tsan": {"planted_race": "data race"},
}

# Has the module under test stand in for the installed one, then runs pytest.
RUNNER = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location("fencepost.native._core", sys.argv[1])
module = importlib.util.module_from_spec(spec)
sys.modules[spec.name] = module
spec.loader.exec_module(module)
import pytest
code = pytest.main(sys.argv[2:])
from fencepost.native import _core
assert _core is module, "the installed module was tested, not the one under the sanitizer"
sys.exit(code)
"""


def main() -> int:
    if len(sys.argv) < 2 or sys.argv[1] not in RUNTIMES:
        print(f"usage: sanitized.py {'|'.join(RUNTIMES)} [pytest argument ...]", file=sys.stderr)
        return 2
    preset, *arguments = sys.argv[1:]
    folder = build(preset)
    missed = [fault for fault, words in PLANTED[preset].items() if not is_caught(folder / fault, words)]
    for fault in PLANTED[preset]:
        print(f"{fault}: {'MISSED' if fault in missed else 'caught'}", flush=True)
    code = run_tests(preset, folder, arguments)
    print(f"verdict={'violated' if code or missed else 'not-found'} sanitizer={preset} planted_missed={len(missed)}")
    return 1 if code or missed else 0


def build(preset: str) -> Path:
    pybind11 = subprocess.check_output([sys.executable, "-m", "pybind11", "--cmakedir"], text=True).strip()
    paths = [f"-Dpybind11_DIR={pybind11}", f"-DPython_EXECUTABLE={sys.executable}"]
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    for command in (["cmake", "--preset", preset, *paths], ["cmake", "--build", "--preset", preset]):
        subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=sys.stderr)
    return ROOT / "build" / preset


def is_caught(program: Path, words: str) -> bool:
    """Whether the program dies of the fault that is planted in it, in those words."""
    ended = subprocess.run([program], capture_output=True, text=True)
    return ended.returncode != 0 and words in ended.stderr


def run_tests(preset: str, folder: Path, arguments: list[str]) -> int:
    compiler = os.environ.get("CXX", "c++")
    runtimes = [
        subprocess.check_output([compiler, f"-print-file-name={name}"], text=True).strip() for name in RUNTIMES[preset]
    ]
    environment = {
        **os.environ,
        "LD_PRELOAD": " ".join(runtimes),
        # Into files: what is written to stderr just before the process is ended is lost in pytest's capture.
        "ASAN_OPTIONS": f"detect_leaks=0:log_path={folder / 'report'}",
        "UBSAN_OPTIONS": f"print_stacktrace=1:log_path={folder / 'report'}",
        "TSAN_OPTIONS": f"halt_on_error=1:log_path={folder / 'report'}",
    }
    for old in folder.glob("report.*"):
        old.unlink()
    tests = () if any(argument.startswith("tests/") for argument in arguments) else TESTS
    module = folder / f"_core{sysconfig.get_config_var('EXT_SUFFIX')}"
    pytest = [sys.executable, "-c", RUNNER, str(module), "-q", "-p", "no:cacheprovider", *arguments, *tests]
    code = subprocess.run(pytest, cwd=ROOT, env=environment).returncode
    reports = sorted(folder.glob("report.*"))
    for report in reports:
        print(report.read_text(), flush=True)
    return code or len(reports)


if __name__ == "__main__":
    sys.exit(main())
