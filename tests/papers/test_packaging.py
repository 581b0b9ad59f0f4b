"""What is installed: types, examples, each file once, and dependencies as old as they may be."""

import importlib.util
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import fencepost
from fencepost.command_line import cli
from fencepost.model.errors import InputError
from fencepost.model.writing import NotWritten

ROOT = Path(__file__).parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
# Of the tests: what needs every dependency at least once, in some minutes.
TESTS_OF_DEPENDENCIES = [
    ROOT / "tests" / name
    for name in (
        "own/test_own.py", "proofs/test_proofs.py", "histories/test_formats.py", "histories/test_verify_files.py",
        "simulation/test_simulate_command.py", "simulation/test_scenarios.py", "language/test_trace.py",
        "bench/test_bench_change.py", "bench/test_bench_sides.py", "bench/test_bench_layout.py",
        "compare/test_compare_yours.py", "experiments/test_experiment_running.py",
        "experiments/test_experiment_dask.py", "experiments/test_experiment_figures.py",
    )
]  # fmt: skip


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The sdist, and the wheel but for what is compiled."""
    if importlib.util.find_spec("scikit_build_core") is None:
        pytest.skip("scikit-build-core is not installed (the extra `test`): nothing was built")
    folder = tmp_path_factory.mktemp("built")
    run_build(ROOT, "build_sdist(sys.argv[1])", folder)
    run_build(ROOT, WHEEL, folder)
    (sdist,), (wheel,) = folder.glob("*.tar.gz"), folder.glob("*.whl")
    return sdist, wheel


WHEEL = "build_wheel(sys.argv[1], {'wheel.cmake': 'false'})"


def run_build(source: Path, call: str, folder: Path) -> None:
    build = f"import sys, scikit_build_core.build as build; build.{call}"
    subprocess.run([sys.executable, "-c", build, str(folder)], cwd=source, capture_output=True, check=True)


def test_the_wheel_says_that_it_is_typed_and_holds_the_examples(built: tuple[Path, Path]) -> None:
    names = set(zipfile.ZipFile(built[1]).namelist())
    assert "fencepost/py.typed" in names
    shipped = {
        f"fencepost/examples/{path.relative_to(ROOT / 'examples')}"
        for path in (ROOT / "examples").rglob("*")
        if path.is_file() and path.name != "produce.py" and "__pycache__" not in path.parts
    }
    assert {name for name in names if name.startswith("fencepost/examples/")} == shipped
    assert {"fencepost/model/contract.py", "fencepost/proofs/induction.py", "fencepost/native/_core.pyi"} <= names
    assert any(name.startswith("fencepost/model/litmus/suite/") for name in names)


def test_the_sdist_holds_each_file_once(built: tuple[Path, Path]) -> None:
    with tarfile.open(built[0]) as archive:
        members = archive.getmembers()
        files = [each.name.split("/", 1)[1] for each in members if each.isfile()]
        links = {each.name.split("/", 1)[1]: each.linkname for each in members if each.issym()}
    assert len(files) == len(set(files))
    assert "model/contract.py" in files
    assert not [name for name in files if name.startswith(tuple(f"{link}/" for link in links))]
    assert links["src/fencepost/model"] == "../../model"
    assert {"README.md", "LICENSE", "CITATION.cff", "mkdocs.yml", "Dockerfile", "src/fencepost/py.typed"} <= set(files)


def test_the_sdist_makes_the_same_wheel(built: tuple[Path, Path], tmp_path: Path) -> None:
    with tarfile.open(built[0]) as archive:
        archive.extractall(tmp_path, filter="data")
    (source,) = tmp_path.iterdir()
    run_build(source, WHEEL, tmp_path)
    (wheel,) = tmp_path.glob("*.whl")
    assert set(zipfile.ZipFile(wheel).namelist()) == set(zipfile.ZipFile(built[1]).namelist())


def test_the_metadata_say_what_people_look_for() -> None:
    project = PROJECT["project"]
    assert "Typing :: Typed" in project["classifiers"]
    citation = (ROOT / "CITATION.cff").read_text()
    assert f"version: {project['version']}" in citation
    assert f"license: {project['license']}" in citation
    assert fencepost.__version__ == project["version"]


def test_the_examples_are_copied_and_nothing_is_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "here"
    ran = CliRunner().invoke(cli, ["examples", str(folder)])
    assert ran.exit_code == 0
    assert f"python {folder / '01_check_a_recording.py'}" in ran.output
    assert (folder / "own" / "disruptor.py").read_text() == (ROOT / "examples" / "own" / "disruptor.py").read_text()
    assert not (folder / "produce.py").exists()
    assert not list(folder.rglob("__pycache__"))
    (folder / "own" / "disruptor.py").unlink()
    with pytest.raises(InputError, match=r"01_check_a_recording\.out is there already"):
        fencepost.copy_examples(folder)
    assert not (folder / "own" / "disruptor.py").exists()


def test_a_folder_that_cannot_be_written_is_an_error_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written: .*expected a folder that can"):
        fencepost.copy_examples(tmp_path / "file" / "below")


def test_a_copied_example_runs_away_from_the_checkout(tmp_path: Path) -> None:
    fencepost.copy_examples(tmp_path)
    example = tmp_path / "03_verify_a_history.py"
    ran = subprocess.run([sys.executable, str(example)], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert ran.stdout == example.with_suffix(".out").read_text()


SMALL = 'duration = "1 ms"\nreplications = 1\nloads = [1.0]\n'
INSTALL_PLOTS = "plots need matplotlib, which is not installed: pip install 'fencepost[plots]'"


def test_without_matplotlib_a_plot_says_what_to_install_and_the_figures_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    out = tmp_path / "out"
    with pytest.warns(NotWritten, match=re.escape(INSTALL_PLOTS)):
        simulation = fencepost.simulate(fencepost.parse_scenario(SMALL), out=out)
    assert (out / "results.csv").exists()
    assert not list(out.glob("*.svg"))
    with pytest.raises(InputError, match=re.escape(INSTALL_PLOTS)):
        simulation.plot("latency")


def test_without_matplotlib_the_command_says_so_once_and_is_no_pass(tmp_path: Path) -> None:
    (tmp_path / "small.toml").write_text(SMALL)
    command = "import sys; sys.modules['matplotlib'] = None; from fencepost.__main__ import main; sys.exit(main())"
    arguments = ["simulate", "small.toml", "--out", "out", "--quiet"]
    ran = subprocess.run([sys.executable, "-c", command, *arguments], cwd=tmp_path, capture_output=True, text=True,
                         check=False)  # fmt: skip
    assert ran.returncode == 2  # plots were asked for
    assert ran.stderr.count(INSTALL_PLOTS) == 1
    assert "Traceback" not in ran.stderr
    assert (tmp_path / "out" / "results.csv").exists()


def test_nothing_but_plots_imports_matplotlib() -> None:
    imports = "import sys, fencepost.simulating.run, fencepost.command_line, fencepost.bench.sides"
    check = f"{imports}; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
    assert not any(each.startswith("matplotlib") for each in PROJECT["project"]["dependencies"])


def test_programs_of_debian_that_cannot_be_installed_are_said_without_an_address(tmp_path: Path) -> None:
    failing = tmp_path / "apt-get"
    failing.write_text("#!/bin/sh\necho E: Failed to fetch http://mirror.example/chromium >&2\nexit 100\n")
    (tmp_path / "id").write_text("#!/bin/sh\necho 0\n")
    (tmp_path / "timeout").write_text('#!/bin/sh\nshift\nexec "$@"\n')
    for program in tmp_path.iterdir():
        program.chmod(0o755)
    ran = subprocess.run(["/bin/bash", str(ROOT / ".ci" / "programs")], env={"PATH": str(tmp_path)},
                         capture_output=True, text=True, check=False)  # fmt: skip
    assert ran.returncode == 0
    assert ran.stdout.splitlines() == [
        "chromium is not installed (apt-get update: exit code 100): its tests are skipped",
        "valgrind is not installed (apt-get update: exit code 100): its tests are skipped",
        "redis-server is not installed (apt-get update: exit code 100): its tests are skipped",
    ]
    assert ran.stderr == ""


def lowest() -> list[str]:
    """Return every dependency at its lower bound, but those of linters and documentation."""
    extras = PROJECT["project"]["optional-dependencies"]
    needed = [*PROJECT["build-system"]["requires"], *PROJECT["project"]["dependencies"]]
    needed += [each for name, extra in extras.items() if name not in ("lint", "docs") for each in extra]
    return sorted({re.sub(r">=([\w.]+).*", r"==\1", each) for each in needed})


def test_every_dependency_has_a_lower_bound() -> None:
    assert all(re.fullmatch(r"[\w.-]+==[\d.]+", each) for each in lowest())


def test_the_tests_of_dependencies_are_there() -> None:
    assert [each for each in TESTS_OF_DEPENDENCIES if not each.is_file()] == []


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_the_tests_pass_with_every_dependency_at_its_lower_bound(tmp_path: Path) -> None:
    """Also with the build's: the modules are compiled anew. Some ten minutes on two cores.

    What old releases use and newer ones of others call deprecated is no failure of theirs.
    """
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True)
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*install, *lowest(), "cmake", "ninja"], check=True)
    subprocess.run(
        [*install, "--no-build-isolation", "--no-deps", "-C", f"build-dir={tmp_path / 'build'}", str(ROOT)], check=True
    )
    ran = subprocess.run(
        [str(python), "-m", "pytest", "-q", "-W", "ignore::DeprecationWarning", *TESTS_OF_DEPENDENCIES],
        cwd=ROOT,
        check=False,
    )
    assert ran.returncode == 0
