"""How a verdict is said: every verb returns one `Report` of `Finding`s, and prints it.

    Finding   one property of one target in one engine: the verdict with its bound, the trace and the explanation
    Report    all findings of one run of a verb; `print(report)` is its table, `report.to_dict()` its JSON document

Engines, everywhere by these names:

    z3           the promises of a spec, for any size
    explorer     the schedules of programs on memory that is not coherent
    simulation   programs under SimPy's clock
    native       the C++: under every schedule (`explorer`), beside the model (`lockstep`), on threads (`race`)
"""

from __future__ import annotations

import html
import io
import json
import platform
import shlex
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NoReturn

from fencepost.model.contract import Verdict, unknown_property, worst
from fencepost.model.errors import InputError, unknown_choice

ENGINES = ("z3", "explorer", "simulation", "native")
MODES = {"native": ("lockstep", "race")}
Progress = Callable[[str], None]
"""Of `on_progress`: it is called with a line of what is being done."""
PACKAGES = ("simpy", "z3-solver", "hypothesis", "numpy", "click", "rich", "msgspec")
TABLE_WIDTH = 132  # of a table that goes to a file or a pipe
OF_NUMBERS = ("_length", "_batches", "_steps", "_threads", "_count", "step")
"""How the names of details end that hold whole numbers: a column that is empty has their type all the same."""
_EXACT_IN_JSON = 2**53  # larger integers are rounded by readers that hold numbers as doubles


@dataclass(frozen=True)
class Finding:
    """One property of one target in one engine.

    >>> fencepost.prove("order5.fetch_add").findings[1].property
    'dense'

    bound        within what the verdict holds, in words: "any size", "all 320 runs of 3 batches"
    trace        the violating run: a file where one was written, else the trace itself; `fencepost.replay` takes both
    explanation  why it is violated, or why it is unknown
    details      what a verb says beside that, by name, as its JSON has it
    """

    target: str
    property: str
    engine: str
    verdict: Verdict
    bound: str = ""
    seconds: float = 0.0
    trace: Any = None
    explanation: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the finding as an item of a JSON document's `results`."""
        return {
            "target": self.target,
            **self.details,
            "property": self.property,
            "engine": self.engine,
            "verdict": self.verdict,
            "bound": self.bound,
            "seconds": round(self.seconds, 6),
            "trace": self.trace if isinstance(self.trace, Path) else None,
            "explanation": self.explanation or None,
        }


@dataclass(frozen=True, repr=False)
class Report:
    """All findings of one run of a verb. It has no truth value: unknown is neither true nor false.

    >>> report = fencepost.check("order5.fetch_add", engine="z3")
    >>> report.holds, str(report.verdict)
    (True, 'proved')
    """

    verb: str
    findings: tuple[Finding, ...]
    seed: int | None = None
    is_interrupted: bool = False

    @property
    def verdict(self) -> Verdict:
        """The verdict that decides for all findings; of none at all, and of a verb that was interrupted, no pass."""
        found = worst([each.verdict for each in self.findings])
        return Verdict.UNKNOWN if self.is_interrupted and found.passes else found

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to print, as where a verb was interrupted at once."""
        return not self.findings

    @property
    def holds(self) -> bool:
        """Whether everything that was asked holds within its bound. False says violated *or* unknown: see `verdict`."""
        return self.verdict.passes

    def __bool__(self) -> NoReturn:
        raise TypeError("a report has no truth value, as unknown is not false: use .holds or .verdict")

    def violations(self) -> list[Finding]:
        """Return what is violated, that with the shortest explanation first."""
        found = [each for each in self.findings if each.verdict is Verdict.VIOLATED]
        return sorted(found, key=lambda each: (each.trace is None, len(each.explanation.splitlines())))

    def of(self, **labels: str) -> tuple[Finding, ...]:
        """Return the findings with these fields: `report.of(engine="z3", property="unique")`."""
        return tuple(
            each for each in self.findings if all(getattr(each, name) == value for name, value in labels.items())
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the one JSON document of the verb, as `--json` prints it."""
        document = {
            "schema": f"fencepost/{self.verb}/2",
            "verdict": self.verdict,
            "seed": self.seed,
            "results": [each.to_dict() for each in self.findings],
            **self.more(),
            "manifest": self.manifest(),
        }
        plain: dict[str, Any] = in_json(document)
        return plain

    def more(self) -> dict[str, Any]:
        """Return what a verb's document has beside its results; by default nothing."""
        return {}

    def manifest(self) -> dict[str, Any]:
        """Return what made these results; by default versions, machine and command."""
        return manifest()

    def to_frame(self) -> Any:
        """Return the findings as a polars frame, or as a pandas one where polars is not installed; a row a finding.

        Raises InputError where neither is.
        """
        rows = [{**each.to_dict(), "trace": None if each.trace is None else str(each.trace)} for each in self.findings]
        columns = {name: [_cell(row.get(name)) for row in rows] for name in dict.fromkeys(k for r in rows for k in r)}
        return frame_of(columns)

    def lines(self) -> Iterable[str]:
        """Yield the lines of the table, without colour, at most 80 columns wide where names allow it."""
        rows = [
            (each.target, each.property, each.engine, str(each.verdict), each.bound or each.explanation)
            for each in self.findings
        ]
        yield from aligned((("target", "property", "engine", "verdict", "bound"), *rows))

    def verbose_lines(self) -> Iterable[str]:
        """Yield what `-v` prints instead; by default the same."""
        return self.lines()

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def _repr_html_(self) -> str:
        """Return the table for a notebook."""
        return f"<pre>{html.escape(str(self))}</pre>"

    def summary(self) -> str:
        """Return the last line of a command: the verdict and the first violation, for machines."""
        first = next(iter(self.violations()), None)
        return summary(
            verdict=self.verdict,
            property=self.decisive(),
            seed=self.seed,
            trace=first.trace if first is not None and isinstance(first.trace, Path) else None,
            **self.summed(),
        )

    def decisive(self) -> str | None:
        """Return the property that the verdict is about: by default the first that is violated."""
        return next((each.property for each in self.violations()), None)

    def summed(self) -> dict[str, object]:
        """Return what the last line of a verb has beside that; by default nothing."""
        return {}

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.verdict}, {len(self.findings)} findings>"


def summary(**items: object) -> str:
    """Return key=value pairs for machines, which a shell's rules take apart again (`shlex.split`).

    `-` stands for what there is not; a verdict's words are joined by a hyphen, other values with spaces are quoted.
    """
    return " ".join(f"{key}={_word(value)}" for key, value in items.items())


def _word(value: object) -> str:
    if isinstance(value, Verdict):
        return str(value).replace(" ", "-")
    return "-" if value is None or value == "" else shlex.quote(str(value)) if " " in str(value) else str(value)


def of_property(findings: Iterable[Finding], property: str | None) -> tuple[Finding, ...]:
    """Return the findings of a property, or all of them where it is None. InputError: there is none of it."""
    found = tuple(findings)
    kept = tuple(each for each in found if property in (None, each.property))
    if found and not kept:
        raise unknown_property(property, dict.fromkeys(each.property for each in found))
    return kept


def engines_of(asked: str | Iterable[str] | None, known: Sequence[str]) -> tuple[str, ...]:
    """Return the engines that a name or several names stand for; None: all that are known. InputError: another name."""
    names = tuple(known) if asked is None else (asked,) if isinstance(asked, str) else tuple(dict.fromkeys(asked))
    for each in names:
        if each not in known:
            raise unknown_choice("engine", each, known)
    return names


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield a table line by line, without colour: as wide as the terminal, or 132 columns where there is none."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else TABLE_WIDTH
    text = io.StringIO()
    console = Console(file=text, highlight=False, width=width, color_system=None, no_color=True, force_terminal=False)
    made = Table(title=title or None, title_justify="left", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        made.add_column(column, overflow="fold")
    for row in rows:
        made.add_row(*map(Text, row))
    console.print(made)
    yield from (line.rstrip() for line in text.getvalue().splitlines())


def aligned(rows: Iterable[tuple[str, ...]]) -> Iterable[str]:
    """Yield rows as lines whose columns are as wide as their widest cell."""
    table = list(rows)
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def frame_of(columns: Mapping[str, list[Any]]) -> Any:
    """Return columns as a polars frame, or as a pandas one. Raises InputError where neither is installed."""
    try:
        import polars

        made = polars.DataFrame(dict(columns), strict=False)
        empty = [name for name, type in made.schema.items() if type == polars.Null]
        return made.cast({name: polars.Int64 if name.endswith(OF_NUMBERS) else polars.String for name in empty})
    except ImportError:
        pass
    try:
        import pandas  # type: ignore[import-untyped,unused-ignore]  # not among the dependencies
    except ImportError:
        raise InputError("neither polars nor pandas is installed: expected one of them (pip install polars)") from None
    return pandas.DataFrame(dict(columns))


def _cell(value: Any) -> Any:
    """Return a value as a frame can hold it: what has parts, as text."""
    plain = in_json(value)
    return json.dumps(plain) if isinstance(plain, dict | list) else plain


def manifest() -> dict[str, Any]:
    """Return what made these results: versions, machine and command."""
    return {
        "fencepost": _version("fencepost"),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "system": platform.system(),
        "packages": {name: _version(name) for name in PACKAGES},
        "arguments": sys.argv[1:],
    }


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def json_text(document: Mapping[str, Any]) -> str:
    """Return a document as JSON without NaN, integers above 2^53 as strings."""
    return json.dumps(in_json(document), indent=2, allow_nan=False)


def in_json(value: Any) -> Any:
    """Return a value as JSON can hold it without loss."""
    if isinstance(value, Mapping):
        return {str(key): in_json(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [in_json(each) for each in value]
    if isinstance(value, bool) or value is None or isinstance(value, float):
        return value
    if isinstance(value, int):
        return value if abs(value) <= _EXACT_IN_JSON else str(value)
    return str(value)
