"""A store keeps what it acknowledged, is written by one process, and is refused in one line where it cannot be used."""

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import experiment_bodies as bodies
import msgspec
import polars
import pytest
from commands import run

from fencepost.experiments.backends import Inline
from fencepost.experiments.engines import Outcome
from fencepost.experiments.run import Run
from fencepost.experiments.running import Missing, run_on
from fencepost.experiments.spec import FigureTable, Spec, parse_spec
from fencepost.experiments.store import Writer
from fencepost.experiments.trials import trials_of
from fencepost.model.errors import InputError

CODE = "code"


def filled(path: Path, count: int = 6) -> Spec:
    spec = bodies.spec_of(count)
    run_on(spec, path, Inline(bodies.drawn))
    return spec


def test_rows_are_there_when_they_are_acknowledged(tmp_path: Path) -> None:
    """After `add`, a connection of its own sees the rows, and a full synchronisation stood before them."""
    spec, path = bodies.spec_of(3), tmp_path / "s.db"
    with Writer(path, spec, CODE) as writer:
        writer.begin({}, spec)
        for number, trial in enumerate(trials_of(spec)):
            writer.add([(trial, Outcome("done", {"x": 1.0}, "not found"))])
            assert Run.open(path).finished == number + 1
        assert writer._database.execute("PRAGMA synchronous").fetchone() == (2,)
        assert writer._database.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_the_status_of_a_store_that_is_being_written_names_the_process_and_no_resume(tmp_path: Path) -> None:
    spec, path = bodies.spec_of(3), tmp_path / "s.db"
    status = partial(run, "experiment", "status", str(path))
    with Writer(path, spec, CODE) as writer:
        writer.begin({}, spec)
        said = status().stdout
        assert f"process {os.getpid()} writes it" in said
        assert "resume with" not in said
    assert "resume with" in status().stdout


def test_an_export_to_a_folder_that_there_was_not_says_that_it_was_made(tmp_path: Path) -> None:
    filled(tmp_path / "s.db")
    made = tmp_path / "made" / "t.csv"
    first, again = (run("experiment", "export", str(tmp_path / "s.db"), str(made)).stdout for _ in range(2))
    assert f"(made the folder {made.parent})" in first
    assert "made the folder" not in again
    assert made.exists()


def test_a_trial_that_is_written_twice_is_there_once(tmp_path: Path) -> None:
    spec, path = bodies.spec_of(1), tmp_path / "s.db"
    with Writer(path, spec, CODE) as writer:
        writer.begin({}, spec)
        (trial,) = trials_of(spec)
        writer.add([(trial, Outcome("done", {"x": 1.0}, "not found"))] * 2)
        writer.add([(trial, Outcome("error"))])
    assert Run.open(path).statuses() == {"done": 1}


def test_a_file_system_without_shared_memory_gets_a_deleted_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class WithoutLog(sqlite3.Connection):
        def execute(self, statement: str, *given: Any) -> sqlite3.Cursor:
            if "journal_mode = WAL" in statement:
                raise sqlite3.OperationalError("disk I/O error")
            return super().execute(statement, *given)

    connect = sqlite3.connect
    monkeypatch.setattr(
        "fencepost.experiments.store.sqlite3.connect", lambda *a, **k: connect(*a, factory=WithoutLog, **k)
    )
    path = tmp_path / "s.db"
    filled(path)
    monkeypatch.undo()
    assert Run.open(path).finished == 6
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA journal_mode").fetchone() == ("delete",)


def test_a_second_run_on_a_store_is_refused_with_the_process_that_writes_it(tmp_path: Path) -> None:
    spec, path = bodies.spec_of(3), tmp_path / "s.db"
    script = (
        "import sys; sys.path.insert(0, sys.argv[2]); import experiment_bodies as b\n"
        "from pathlib import Path\nfrom fencepost.experiments.store import Writer\n"
        "w = Writer(Path(sys.argv[1]), b.spec_of(3), 'code'); print('held', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", script, str(path), str(Path(bodies.__file__).parent)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(InputError, match=f"process {other.pid} writes it: expected one run on a store at a time"):
            Writer(path, spec, CODE)
        other.kill()
    Writer(path, spec, CODE).close()  # the lock ended with its process


def test_a_store_of_another_spec_is_refused_but_figures_may_change(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    spec = filled(path)
    with pytest.raises(InputError, match="is the store of another spec: .*another name, or another --out"):
        run_on(bodies.spec_of(7), path, Inline(bodies.drawn))
    drawn = msgspec.structs.replace(spec, figures=(FigureTable("cdf", "s"),), claims=("C7",))
    assert run_on(drawn, path, Inline(bodies.crashes)).holds
    assert Run.open(path).spec.figures == (FigureTable("cdf", "s"),)


def test_a_store_of_a_newer_version_is_refused_with_both(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    spec = filled(path)
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE run SET value = '7' WHERE name = 'schema'")
    for use in (lambda: Run.open(path), lambda: run_on(spec, path, Inline(bodies.drawn))):
        with pytest.raises(InputError, match="is a store of version 7: expected at most 1; use the newer fencepost"):
            use()


@pytest.mark.parametrize("content", [b"", b"not a database", b"SQLite format 3\0" + b"\xff" * 4000])
def test_what_is_no_store_is_refused_in_one_line(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    path.write_bytes(content)
    with pytest.raises(InputError, match="expected") as error:
        Run.open(path)
    assert str(error.value).startswith(str(path))
    assert "\n" not in str(error.value)


def test_a_database_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE bookmarks (x)")
    for use in (lambda: Run.open(path), lambda: run_on(bodies.spec_of(1), path, Inline(bodies.drawn))):
        with pytest.raises(InputError, match="is a database of something else"):
            use()


def test_a_folder_that_cannot_be_written_is_refused() -> None:
    for folder in ("/proc/fencepost", "/dev/null/fencepost"):
        with pytest.raises(InputError, match="cannot be written"):
            run_on(bodies.spec_of(1), Path(folder) / "s.db", Inline(bodies.drawn))


def test_a_full_disk_keeps_what_was_finished_and_says_how_to_go_on(tmp_path: Path) -> None:
    """A limit on the size of files is a disk that is full: the store says so, and goes on when there is room again."""
    script = (
        "import sys, resource; sys.path.insert(0, sys.argv[2]); import experiment_bodies as b\n"
        "from pathlib import Path\nfrom fencepost.experiments.backends import Inline\n"
        "from fencepost.experiments.running import run_on\nfrom fencepost.model.errors import InputError\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))\n"
        "try: run_on(b.spec_of(40), Path(sys.argv[1]), Inline(b.drawn))\n"
        "except InputError as error: print(error); sys.exit(2)"
    )
    path = tmp_path / "s.db"
    command = [sys.executable, "-c", script, str(path), str(Path(bodies.__file__).parent)]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert answer.returncode == 2, answer.stderr
    assert "the disk is full or failing" in answer.stdout
    assert f"resume with: fencepost experiment resume {path}" in answer.stdout
    kept = Run.open(path).finished
    assert 0 < kept < 40
    assert run_on(bodies.spec_of(40), path, Inline(bodies.drawn)).holds
    whole = run_on(bodies.spec_of(40), tmp_path / "whole.db", Inline(bodies.drawn)).run
    assert whole is not None
    assert Run.open(path).digest() == whole.digest()


def mounted(folder: Path) -> bool:
    """Mount a small file system of memory on a folder, if that is allowed here."""
    command = ["mount", "-t", "tmpfs", "-o", "size=256k", "none", str(folder)]
    return subprocess.run(command, capture_output=True).returncode == 0


def test_a_small_file_system_that_is_full_is_said_as_well(tmp_path: Path) -> None:
    if not mounted(tmp_path):
        pytest.skip("file systems cannot be mounted here: the limit on the size of files stands for a full disk")
    try:
        with pytest.raises(InputError, match=r"full or failing.*resume with"):
            run_on(bodies.spec_of(2_000), tmp_path / "s.db", Inline(bodies.drawn))
        assert Run.open(tmp_path / "s.db").finished > 0
    finally:
        subprocess.run(["umount", tmp_path], check=True)


def test_a_store_in_a_folder_that_is_read_only_can_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "s.db"
    filled(path)
    assert not path.with_name("s.db-wal").exists()  # closed: the log is in the file
    connect = sqlite3.connect

    def of_read_only(where: str, **given: Any) -> sqlite3.Connection:
        if "immutable" not in where:
            return connect(":memory:", factory=Refusing)
        made: sqlite3.Connection = connect(where, **given)
        return made

    class Refusing(sqlite3.Connection):
        def execute(self, *given: Any) -> sqlite3.Cursor:
            raise sqlite3.OperationalError("unable to open database file")

    monkeypatch.setattr("fencepost.experiments.run.sqlite3.connect", of_read_only)
    assert Run.open(path).finished == 6


def test_the_missing_are_those_that_are_not_finished() -> None:
    missing = Missing(20, [0, 7, 8, 19])
    assert list(missing) == [each for each in range(20) if each not in (0, 7, 8, 19)]
    assert missing.count == 16


def rows_of(path: Path) -> list[dict[str, object]]:
    if path.suffix == ".parquet":
        return polars.read_parquet(path).to_dicts()
    if path.suffix == ".ndjson":
        return [json.loads(line) for line in path.read_text().splitlines()]
    return polars.read_csv(path).to_dicts()


@pytest.mark.parametrize("suffix", [".parquet", ".ndjson", ".csv"])
def test_every_file_has_the_rows_of_the_frame(suffix: str, tmp_path: Path) -> None:
    spec = parse_spec(
        '[experiment]\nname = "two"\nreplications = 2\n[[sweep]]\nname = "a"\nengine = "simulation"\nclients = [1, 2]\n'
        'in_order = true\nduration_ms = 0.3\n[[sweep]]\nname = "b"\nengine = "explorer"\nsequencer = "order4.claim"\n'
        'scenario = "empty-ring"\nruns = 3\nstrategy = "random"\n'
    )
    run = run_on(spec, tmp_path / "s.db", Inline()).run
    assert run is not None
    path = run.export(tmp_path / f"trials{suffix}")
    frame = run.to_frame()
    found = rows_of(path)
    assert list(found[0]) == frame.columns
    for row, expected in zip(found, frame.to_dicts(), strict=True):
        for name, value in expected.items():
            given = row[name]
            if isinstance(value, list):
                given = json.loads(given) if isinstance(given, str) else given
            assert given == value or (suffix == ".csv" and value == "" and given is None), name
    assert frame.schema["latency_quantiles_us"] == polars.List(polars.Float64)
    assert frame.schema["runs_count"] == polars.Int64
    assert run.to_frame("b").height == 2
    with pytest.raises(InputError, match="unknown sweep 'c': expected one of a, b"):
        run.to_frame("c")
    with pytest.raises(InputError, match="expected a file that ends with .parquet, .csv, .ndjson"):
        run.export(tmp_path / "trials.xlsx")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["s.db", "s.db.lock", path.name]


MILLION = """
import resource, sys
sys.path.insert(0, sys.argv[2])
from pathlib import Path
from itertools import islice
import experiment_bodies as b
from fencepost.experiments.run import Run
from fencepost.experiments.store import Writer
from fencepost.experiments.trials import trials_of
import fencepost.experiments.export, polars
count, path = int(sys.argv[3]), Path(sys.argv[1])
spec = b.spec_of(count)
with Writer(path, spec, "code") as writer:
    writer.begin({}, spec)
    trials = trials_of(spec)
    while part := list(islice(trials, 5000)):
        writer.add([(each, b.drawn(each, None)) for each in part])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
run = Run.open(path)
assert run.finished == count
for suffix in ("csv", "ndjson", "parquet"):
    run.export(path.with_suffix("." + suffix))
run.digest()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def grown_kib(count: int, tmp_path: Path) -> int:
    command = [sys.executable, "-c", MILLION, str(tmp_path / "s.db"), str(Path(bodies.__file__).parent), str(count)]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def test_listing_and_exporting_take_no_more_memory_for_more_rows(tmp_path: Path) -> None:
    """20,000 rows are some 20 MiB as Python objects; listed and exported one by one they are not held."""
    assert grown_kib(20_000, tmp_path) < 150 << 10


@pytest.mark.slow
def test_a_million_rows_are_listed_and_exported_in_bounded_memory(tmp_path: Path) -> None:
    assert grown_kib(1_000_000, tmp_path) < 600 << 10
