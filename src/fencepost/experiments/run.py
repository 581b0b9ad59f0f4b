"""A run as its store has it: what is finished, what is missing, and frames, files and a digest of the rows."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from fencepost.experiments.parameters import is_table
from fencepost.experiments.spec import Spec
from fencepost.experiments.store import COLUMNS, check_schema, refusal
from fencepost.model.errors import FormatError, InputError

if TYPE_CHECKING:
    from fencepost.experiments.report import Written
    from fencepost.model.report import Progress

LABELS = ("sweep", "engine")
ENDS = ("replication", "seed", "status", "verdict", "explanation", "trace", "seconds")
Row = dict[str, Any]


class Run:
    """The run of an experiment, read from its store; what another process finishes meanwhile is seen when asked again.

    >>> text = 'experiment.name = "e"\\nsweep = [{name = "s", engine = "simulation", duration_ms = 1}]'
    >>> spec = fencepost.parse_spec(text)
    >>> store = fencepost.run_experiment(spec, backend="inline").run.path
    >>> fencepost.Run.open(store)
    <run of e: 5 of 5 trials>
    """

    def __init__(self, path: Path, spec: Spec, code: str) -> None:
        self.path, self.spec, self.code = path, spec, code

    @classmethod
    def open(cls, path: str | Path) -> Self:
        """Open a store. Raises InputError where there is none, or it is no store, or one of a newer version."""
        found = Path(path)
        if not found.is_file():
            raise FormatError(found, "no such file: expected the store of an experiment's run")
        try:
            with closing(_reading(found)) as database:
                check_schema(database, found)
                (text,) = database.execute("SELECT value FROM run WHERE name = 'spec'").fetchone()
                last = database.execute("SELECT code FROM session ORDER BY id DESC LIMIT 1").fetchone()
        except sqlite3.Error as error:
            raise InputError(refusal(found, error)) from None
        return cls(found, Spec.from_json(text), last[0] if last else "")

    @property
    def total(self) -> int:
        """How many trials the spec has."""
        return self.spec.trial_count

    @property
    def finished(self) -> int:
        """How many trials have an outcome, of the code that ran last."""
        return sum(self.statuses().values())

    @property
    def missing(self) -> int:
        """How many have none yet."""
        return self.total - self.finished

    @property
    def superseded(self) -> int:
        """How many rows are of other code than what ran last: they are kept, and in no frame."""
        with closing(self._reader()) as database:
            (count,) = database.execute("SELECT count(*) FROM trial WHERE code != ?", (self.code,)).fetchone()
        return int(count)

    @property
    def manifest(self) -> list[dict[str, Any]]:
        """What made the rows: for each session of the run its versions, machine, command, code and backend."""
        with closing(self._reader()) as database:
            found = database.execute("SELECT manifest FROM session ORDER BY id").fetchall()
        return [json.loads(text) for (text,) in found]

    def statuses(self, sweep: str | None = None) -> dict[str, int]:
        """Return how many trials ended how: `done`, `signal`, `timeout`, `oom`, `error`."""
        return self._counted("status", sweep)

    def verdicts(self, sweep: str | None = None) -> dict[str, int]:
        """Return how many trials that are done came to each verdict."""
        return {name: count for name, count in self._counted("verdict", sweep).items() if name}

    def seconds(self, sweep: str | None = None) -> float:
        """Return how long the finished trials took, all together."""
        asked, values = self._asked(sweep)
        with closing(self._reader()) as database:
            (found,) = database.execute(f"SELECT total(seconds) FROM trial WHERE {asked}", values).fetchone()
        return float(found)

    def rows(self, sweep: str | None = None) -> Iterator[Row]:
        """Yield the finished trials, in the order of the spec, one after the other from the file."""
        asked, values = self._asked(sweep)
        statement = f"SELECT {', '.join(COLUMNS)} FROM trial WHERE {asked} ORDER BY number"
        with closing(self._reader()) as database:
            for found in database.execute(statement, values):
                row = dict(zip(COLUMNS, found, strict=True))
                row["parameters"], row["figures"] = json.loads(row["parameters"]), json.loads(row["figures"])
                yield row

    def first(self, status: str | None = None, verdict: str | None = None, sweep: str | None = None) -> Row | None:
        """Return the first finished trial with a status or a verdict; None: there is none."""
        asked, values = self._asked(sweep)
        for name, value in (("status", status), ("verdict", verdict)):
            if value is not None:
                asked, values = f"{asked} AND {name} = ?", (*values, value)
        statement = f"SELECT {', '.join(COLUMNS)} FROM trial WHERE {asked} ORDER BY number LIMIT 1"
        with closing(self._reader()) as database:
            found = database.execute(statement, values).fetchone()
        return dict(zip(COLUMNS, found, strict=True)) if found else None

    def columns(self, sweep: str | None = None) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the names of parameters and of figures that the rows of a sweep, or of all, have."""
        sweeps = self.spec.sweeps if sweep is None else (self.spec.sweep(sweep),)
        parameters = tuple(dict.fromkeys(name for each in sweeps for name in each.columns))
        with closing(self._reader()) as database:
            found = database.execute("SELECT DISTINCT name FROM figure WHERE sweep = ? OR ? IS NULL", (sweep, sweep))
            return parameters, tuple(sorted(name for (name,) in found))

    def to_frame(self, sweep: str | None = None) -> Any:
        """Return the finished trials as a polars frame, in the order of the spec, a row each.

        Columns: sweep, engine, each parameter, replication, seed, status, verdict, explanation, trace, seconds, each
        figure; a parameter that a sweep leaves out, and figures of a trial that is not done, are null. Raises
        InputError for an unknown sweep, and where polars is not installed.
        """
        from fencepost.experiments.export import frame

        return frame(self, sweep)

    def export(self, path: str | Path, sweep: str | None = None) -> Path:
        """Write the finished trials to a file, .parquet, .csv or .ndjson; memory does not grow with their number."""
        from fencepost.experiments.export import export

        return export(self, Path(path), sweep)

    def report(
        self,
        out: str | Path | None = None,
        *,
        partial: bool = False,
        jobs: int = 2,
        on_progress: Progress | None = None,
    ) -> Written:
        """Write the report of the run, a page and its figures; see `fencepost.experiments.report.write_report`."""
        from fencepost.experiments.report import write_report

        return write_report(self, out, partial=partial, jobs=jobs, on_progress=on_progress)

    def digest(self) -> str:
        """Return a digest of the rows without times: the same for any number of workers and any backend.

        Figures of native trials are times of a machine, and left out; so is where traces were written.
        """
        digest = hashlib.sha256()
        for row in self.rows():
            figures = {} if row["engine"] == "native" else row["figures"]
            kept = [row[name] for name in ("number", "sweep", "engine", "parameters", "replication", "seed", "status")]
            digest.update(json.dumps([*kept, row["verdict"], figures], sort_keys=True).encode() + b"\n")
        return digest.hexdigest()

    def __repr__(self) -> str:
        return f"<run of {self.spec.name}: {self.finished} of {self.total} trials>"

    def _counted(self, column: str, sweep: str | None) -> dict[str, int]:
        asked, values = self._asked(sweep)
        statement = f"SELECT {column}, count(*) FROM trial WHERE {asked} GROUP BY {column}"
        with closing(self._reader()) as database:
            return dict(database.execute(statement, values).fetchall())

    def _asked(self, sweep: str | None) -> tuple[str, tuple[str, ...]]:
        if sweep is None:
            return "code = ?", (self.code,)
        return "code = ? AND sweep = ?", (self.code, self.spec.sweep(sweep).name)

    def _reader(self) -> sqlite3.Connection:
        return _reading(self.path)


def plain(row: Row) -> Row:
    """Return a row with its parameters and figures as columns; figures without their own names keep them."""
    parameters = {name: each for name, each in row["parameters"].items() if not is_table(row["engine"], name)}
    return {
        **{name: row[name] for name in LABELS}, **parameters, **{name: row[name] for name in ENDS}, **row["figures"],
    }  # fmt: skip


def _reading(path: Path) -> sqlite3.Connection:
    """Open a store to read it: beside its writer, and also where nothing can be written beside it."""
    where = path.resolve().as_uri()
    database = sqlite3.connect(f"{where}?mode=ro", uri=True, timeout=30.0)
    try:
        database.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError:
        database.close()
        if path.with_name(f"{path.name}-wal").exists():
            raise
        database = sqlite3.connect(f"{where}?immutable=1", uri=True)  # nothing writes it: the folder is read-only
        with suppress(sqlite3.OperationalError):
            database.execute("SELECT count(*) FROM sqlite_master").fetchone()
    return database
