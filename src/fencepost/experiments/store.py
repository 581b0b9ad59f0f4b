"""The store of a run: one SQLite file, a row for each finished trial, committed before it is shown.

One process writes it, which holds a lock beside the file that ends with the process; any number may read meanwhile.
With a write-ahead log and full synchronisation a row that is committed survives the process and the machine; where the
file system has no shared memory for such a log, the journal is a file that is deleted. Values are numbers, texts and
JSON.
"""

from __future__ import annotations

import fcntl
import json
import os
import sqlite3
import struct
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from fencepost.experiments.engines import Outcome
from fencepost.experiments.spec import Spec
from fencepost.experiments.trials import Trial
from fencepost.model.errors import InputError

SCHEMA = 1
APPLICATION_ID = 0x66656E63  # "fenc": what the file says it is
BUSY_SECONDS = 30.0
_TABLES = """
CREATE TABLE run (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE session (id INTEGER PRIMARY KEY, code TEXT NOT NULL, manifest TEXT NOT NULL);
CREATE TABLE trial (
    key TEXT PRIMARY KEY, code TEXT NOT NULL, number INTEGER NOT NULL, sweep TEXT NOT NULL, engine TEXT NOT NULL,
    parameters TEXT NOT NULL, replication INTEGER NOT NULL, seed INTEGER NOT NULL, status TEXT NOT NULL, verdict TEXT,
    explanation TEXT NOT NULL, trace TEXT, seconds REAL NOT NULL, figures TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX trial_number ON trial (code, number);
CREATE INDEX trial_counted ON trial (code, sweep, status, verdict, seconds);
CREATE TABLE figure (sweep TEXT, name TEXT, PRIMARY KEY (sweep, name)) WITHOUT ROWID;
"""
COLUMNS = (
    "number", "sweep", "engine", "parameters", "replication", "seed", "status", "verdict", "explanation", "trace",
    "seconds", "figures",
)  # fmt: skip


class Writer:
    """The store of a run, to be written by this process alone until it is closed.

    Made where there is none. Raises InputError: another process writes it, it is of another spec or a newer version, or
    it cannot be written here.
    """

    def __init__(self, path: Path, spec: Spec, code: str) -> None:
        self.path, self.code = path, code
        self._lock = _locked(path)
        try:
            self._database = _opened_to_write(path, spec)
        except BaseException:
            os.close(self._lock)
            raise
        self._figures: set[tuple[str, str]] = set(self._database.execute("SELECT sweep, name FROM figure"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the store, one file again without a log, and let another process write it."""
        with suppress(sqlite3.Error):  # what is committed is there; a log that a reader holds is read later
            self._database.execute("PRAGMA busy_timeout = 0")
            self._database.execute("PRAGMA journal_mode = DELETE")
        with suppress(sqlite3.Error):
            self._database.close()
        os.close(self._lock)

    def begin(self, manifest: dict[str, Any], spec: Spec) -> None:
        """Write that a session begins, and the spec, whose figures may have changed."""
        with _refusals(self.path), self._database:
            self._database.execute("UPDATE run SET value = ? WHERE name = 'spec'", (spec.to_json(),))
            self._database.execute(
                "INSERT INTO session (code, manifest) VALUES (?, ?)",
                (self.code, json.dumps({"at_s": int(time.time()), **manifest})),
            )

    def finished_numbers(self) -> Iterator[int]:
        """Yield the numbers of the trials that this code has finished, ascending."""
        for (number,) in self._database.execute(
            "SELECT number FROM trial WHERE code = ? ORDER BY number", (self.code,)
        ):
            yield number

    def add(self, finished: Iterable[tuple[Trial, Outcome]]) -> None:
        """Write the rows of finished trials, all or none: when this returns, they survive the machine."""
        rows = list(finished)
        with _refusals(self.path), self._database:
            for trial, outcome in rows:
                self._note_figures(trial.sweep, outcome.figures)
            self._database.executemany(
                f"INSERT OR IGNORE INTO trial VALUES ({', '.join('?' * 14)})",
                [_row(self.code, trial, outcome) for trial, outcome in rows],
            )

    def _note_figures(self, sweep: str, figures: Iterable[str]) -> None:
        for name in figures:
            if (sweep, name) not in self._figures:
                self._database.execute("INSERT OR IGNORE INTO figure VALUES (?, ?)", (sweep, name))
                self._figures.add((sweep, name))


def _row(code: str, trial: Trial, outcome: Outcome) -> tuple[Any, ...]:
    return (
        trial.key, code, trial.number, trial.sweep, trial.engine, json.dumps(trial.parameters), trial.replication,
        trial.seed, outcome.status, outcome.verdict, outcome.explanation, outcome.trace, outcome.seconds,
        json.dumps(outcome.figures, allow_nan=False),
    )  # fmt: skip


def _locked(path: Path) -> int:
    """Lock the file beside a store for this process; a lock by fcntl is not its children's, and ends with it."""
    beside = path.with_name(f"{path.name}.lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise InputError(
            f"{path}: cannot be written: {error.strerror}: expected a folder that can, with --out"
        ) from None
    try:
        fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        holder = _holder(lock)
        os.close(lock)
        raise InputError(
            f"{path}: process {holder} writes it: expected one run on a store at a time; wait for it, or look at it "
            f"with: fencepost experiment status {path}"
        ) from None
    return lock


_FLOCK = struct.Struct("hhqqi4x")  # l_type, l_whence, l_start, l_len, l_pid


def _holder(lock: int) -> int:
    """Return the process that holds a lock, 0 where the system does not say."""
    asked = _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
    with suppress(OSError):
        return int(_FLOCK.unpack(fcntl.fcntl(lock, fcntl.F_GETLK, asked))[4])
    return 0


def writing_process(path: Path) -> int:
    """Return the process that writes a store now, 0: none. Not for the writer itself, whose lock this would end."""
    try:
        lock = os.open(path.with_name(f"{path.name}.lock"), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return 0
    try:
        return _holder(lock)
    finally:
        os.close(lock)


def _opened_to_write(path: Path, spec: Spec) -> sqlite3.Connection:
    with _refusals(path):
        database = sqlite3.connect(path, timeout=BUSY_SECONDS)
        try:
            _journal(database)
            database.execute("PRAGMA synchronous = FULL")
            if database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0:
                _make(database, spec)
            check_schema(database, path)
            _check_spec(database, path, spec)
        except BaseException:
            database.close()
            raise
    return database


def _journal(database: sqlite3.Connection) -> None:
    """Use a write-ahead log, or a deleted journal where the file system cannot share memory."""
    mode = ""
    with suppress(sqlite3.OperationalError):
        (mode,) = database.execute("PRAGMA journal_mode = WAL").fetchone()
        database.execute("SELECT count(*) FROM sqlite_master").fetchone()  # maps the log's index
    if mode != "wal":
        database.execute("PRAGMA journal_mode = DELETE")


def _make(database: sqlite3.Connection, spec: Spec) -> None:
    """Make the tables in one transaction: a store has all of them, or is empty."""
    with database:
        database.execute("BEGIN IMMEDIATE")
        for statement in filter(str.strip, _TABLES.split(";")):
            database.execute(statement)
        values = {"spec": spec.to_json(), "identity": spec.identity(), "schema": str(SCHEMA)}
        database.executemany("INSERT INTO run VALUES (?, ?)", values.items())
        database.execute(f"PRAGMA application_id = {APPLICATION_ID}")


def check_schema(database: sqlite3.Connection, path: Path) -> None:
    """Raise InputError unless a file is the store of a run that this version reads."""
    if database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0:
        raise InputError(
            f"{path}: is empty: expected the store of a run; of one that begins now, ask again in a moment"
        )
    if database.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise InputError(f"{path}: is a database of something else: expected the store of an experiment's run")
    (schema,) = database.execute("SELECT value FROM run WHERE name = 'schema'").fetchone()
    if int(schema) > SCHEMA:
        raise InputError(
            f"{path}: is a store of version {schema}: expected at most {SCHEMA}; use the newer fencepost that wrote it"
        )


def _check_spec(database: sqlite3.Connection, path: Path, spec: Spec) -> None:
    (kept,) = database.execute("SELECT value FROM run WHERE name = 'identity'").fetchone()
    if kept != spec.identity():
        raise InputError(
            f"{path}: is the store of another spec: expected the one that it was begun with; give the experiment "
            "another name, or another --out"
        )


@contextmanager
def _refusals(path: Path) -> Iterator[None]:
    """Turn what SQLite refuses into one line that says what to do."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise InputError(refusal(path, error)) from None


def refusal(path: Path, error: sqlite3.Error) -> str:
    """Return in one line why a store cannot be used."""
    said = str(error)
    if "not a database" in said or "malformed" in said:
        return f"{path}: is no store of an experiment's run, or a damaged one ({said}): expected one"
    if "full" in said or "disk I/O" in said:
        return f"{path}: the disk is full or failing ({said}): what was finished until then is kept"
    return f"{path}: cannot be used ({said}): expected a store that can be read and written"
