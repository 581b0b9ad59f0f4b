"""A check on one screen: the question, a matrix of sequencers and engines, the bounds, the verdict in words."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fencepost.model.contract import Level, Verdict, promised, worst
from fencepost.model.report import ENGINES, Finding, Report, aligned
from fencepost.model.specs import REFUTED, protocol

WIDTH = 80
SHOWN_LINES = 24
"""Of a counterexample; a longer one is in its trace file, and under `-v`."""
_NUMBER = re.compile(r"\d+")
_ABOUT = {
    "z3": "any number of clients, brokers, batches and messages",
    "explorer": "the programs, on memory that is not coherent between hosts (ncx)",
    "simulation": "the programs on the workload, coherent memory",
    "native": "the C++; compared with the programs",
}


@dataclass(frozen=True, repr=False)
class CheckReport(Report):
    """What `check` found.

    happened   what was seen, counted by sequencer: nothing holds for want of events
    engines    those that were asked
    """

    happened: dict[str, dict[str, int]] = field(default_factory=dict)
    targets: tuple[str, ...] = ()
    engines: tuple[str, ...] = ENGINES

    def more(self) -> dict[str, Any]:
        return {"happened": self.happened, "engines": list(self.engines), "known_to_break": self._known_to_break()}

    def lines(self) -> Iterator[str]:
        """Yield the one screen: at most 40 lines of 80 columns where nothing is violated."""
        yield from wrapped(self._question())
        yield ""
        yield from aligned(self._matrix())
        yield "-: nothing came of that engine.  n/m: promises that it judged, of the level's."
        yield ""
        yield from self._bounds()
        yield from self._unshown()
        yield from self._notes()
        yield from self._happened()
        yield from self._counterexamples()
        yield ""
        yield from self._unasked()
        yield from wrapped(self._words())

    def verbose_lines(self) -> Iterator[str]:
        """Yield the table of properties and engines of each sequencer, what happened, and whole counterexamples."""
        for target in self.targets:
            found = self.of(target=target)
            yield f"level {found[0].details['level']}: {target}" if found else target
            yield from aligned((("property", *ENGINES), *(self._row(found, name) for name in _properties(found))))
            seen = ", ".join(f"{name} {count}" for name, count in self.happened.get(target, {}).items())
            yield from wrapped(f"happened: {seen or 'nothing was run'}")
            yield ""
        yield from self._bounds()
        yield from self._notes()
        for each in self.violations():
            yield f"{each.target}: {each.property} is violated in {each.engine} ({each.bound})"
            yield from (f"    {line}" for line in each.explanation.splitlines())
            yield from _replay_line(each)
            yield ""
        yield from self._unasked()
        yield from wrapped(self._words())

    # --- parts of the screen ---

    def _question(self) -> str:
        levels = sorted({each.details["level"] for each in self.findings})
        of = " and ".join(map(str, levels))
        what = (
            f"what level {of} promises" if len(levels) == 1 else f"what levels {of} promise" if levels else "its word"
        )
        if len(self.targets) == 1:
            return f"Does {self.targets[0]} keep {what}?"
        return f"Do the {len(self.targets)} sound sequencers keep {what}?"

    def _matrix(self) -> Iterator[tuple[str, ...]]:
        yield ("sequencer", *ENGINES)
        for target in self.targets:
            cells = [self._cell(target, engine) for engine in ENGINES]
            yield (target, *(first for first, _ in cells))
            yield ("", *(second for _, second in cells))

    def _cell(self, target: str, engine: str) -> tuple[str, str]:
        found = self.of(target=target, engine=engine)
        if not found:
            return "-", ""
        promises = tuple(promised(found[0].details["level"]))
        shown = {each.property for each in found if each.property in promises and each.verdict is not Verdict.UNKNOWN}
        verdict = worst([each.verdict for each in found])
        return str(verdict), f"{len(shown)}/{len(promises)} {_seconds(found):.1f} s"

    def _bounds(self) -> Iterator[str]:
        for engine in ENGINES:
            if self.of(engine=engine):
                bounds = list(self._bounds_of(engine))
                shared = f": {bounds[0]}" if len(bounds) == 1 else ""
                yield from wrapped(f"{engine + ':':<12}{_ABOUT[engine]}{shared}", indent=12)
                for text in bounds if len(bounds) > 1 else ():
                    yield from wrapped(text, indent=14, first=12)

    def _bounds_of(self, engine: str) -> Iterator[str]:
        """Yield how far an engine went: once for all sequencers where only numbers differ, else by sequencer."""
        bounds: dict[str, dict[str, str]] = {}
        for target in self.targets:
            found = self.of(target=target, engine=engine)
            first: dict[str, str] = {}  # of each mode: what it shows besides is in `-v` and JSON
            for each in found:
                if _is_said(each):
                    first.setdefault(str(each.details.get("mode")), _bound(each))
            if first:
                text = "; ".join(first.values())
                bounds.setdefault(_NUMBER.sub("#", text), {})[target] = text
        for texts_by_target in bounds.values():
            text = _ranged(list(texts_by_target.values()))
            yield text if len(bounds) == 1 else f"{', '.join(texts_by_target)}: {text}"

    def _unshown(self) -> Iterator[str]:
        if self.violations() or self.is_interrupted or any(not self.of(engine=engine) for engine in ENGINES):
            return  # what was left out, or was not reached, says nothing of what can be shown
        for level in sorted({each.details["level"] for each in self.findings}):
            shown = {each.property for each in self.findings if each.details["level"] == level}
            if missing := [name for name in promised(level) if name not in shown]:
                yield from wrapped(f"No engine shows at level {level}: {', '.join(missing)}.")

    def _known_to_break(self) -> dict[str, list[str]]:
        """Return which promises each design that is kept to be refuted is known to break."""
        return {name: list(REFUTED[protocol(name)]) for name in self.targets if protocol(name) in REFUTED}

    def _unasked(self) -> Iterator[str]:
        """Yield which engines were not asked, and what is known of a design that those asked do not refute."""
        if unasked := [name for name in ENGINES if name not in self.engines]:
            yield from wrapped(f"Not asked: {', '.join(unasked)}.")
        shown = {each.target for each in self.violations()}
        for name, broken in self._known_to_break().items():
            if name not in shown:
                yield from wrapped(f"{name} is kept to be refuted: z3 shows that it breaks {' and '.join(broken)}.")

    def _notes(self) -> Iterator[str]:
        for note in dict.fromkeys(each.details.get("note") for each in self.findings):
            if note:
                yield from wrapped(f"{note}.")

    def _happened(self) -> Iterator[str]:
        """Yield what was seen of a single sequencer; of several, `-v` has it."""
        if len(self.targets) == 1:
            seen = self.happened.get(self.targets[0], {})
            of_threads = {name.removeprefix("native "): seen[name] for name in seen if name.startswith("native ")}
            of_model = {name: count for name, count in seen.items() if not name.startswith("native ")}
            for where, counts in (("", of_model), (" on threads", of_threads)):
                if counts:
                    yield from wrapped(f"happened{where}: {', '.join(f'{name} {n}' for name, n in counts.items())}")

    def _counterexamples(self) -> Iterator[str]:
        found = self.violations()
        for number, each in enumerate(found):
            yield ""
            yield from wrapped(f"{each.target}: {each.property} is violated in {each.engine} ({each.bound})")
            text = each.explanation.splitlines()
            if number == 0 and len(text) <= SHOWN_LINES:
                yield from (f"    {line}" for line in text)
            yield from _replay_line(each)

    def _words(self) -> str:
        broken = sorted({(each.target, each.property) for each in self.violations()})
        if broken:
            names = dict.fromkeys(target for target, _ in broken)
            parts = [f"{name} breaks {', '.join(what for whose, what in broken if whose == name)}" for name in names]
            return f"Violated: {'; '.join(parts)}."
        if self.is_interrupted:
            return "Interrupted: what was not reached is unknown, which is no pass."
        if self.verdict is Verdict.UNKNOWN:
            unknown = [each for each in self.findings if each.verdict is Verdict.UNKNOWN]
            why = dict.fromkeys(f"{each.engine} ({each.bound or each.explanation})" for each in unknown)
            return f"Unknown, which is no pass: {', '.join(why) or 'nothing was asked'}."
        if self._known_to_break():
            return "Nothing that was asked shows a violation within these bounds, and it is known to have one."
        whom = "It keeps" if len(self.targets) == 1 else f"All {len(self.targets)} keep"
        return f"{whom} every promise that was asked, within these bounds and no further."

    def _row(self, found: tuple[Finding, ...], name: str) -> tuple[str, ...]:
        return (name, *(_words_of([each for each in found if (each.property, each.engine) == (name, engine)])
                        for engine in ENGINES))  # fmt: skip


def _words_of(found: list[Finding]) -> str:
    if not found:
        return "-"
    verdict = worst([each.verdict for each in found])
    modes = [str(each.details["mode"]) for each in found if each.verdict is verdict and each.details.get("mode")]
    return f"{verdict} ({', '.join(modes)})" if modes else str(verdict)


def _properties(found: Iterable[Finding]) -> list[str]:
    there = dict.fromkeys(each.property for each in found)
    level: Level = next((each.details["level"] for each in found), 4)
    return [name for name in promised(level) if name in there] + [name for name in there if name not in promised(level)]


def _ranged(texts: list[str]) -> str:
    """Return texts that differ in their numbers as one, with the least and the greatest of each."""
    numbers = [[int(number) for number in _NUMBER.findall(text)] for text in texts]
    ranges = iter([(min(each), max(each)) for each in zip(*numbers, strict=True)])

    def said(match: re.Match[str]) -> str:
        least, most = next(ranges)
        return str(least) if least == most else f"{least} to {most}"

    return _NUMBER.sub(said, texts[0])


def _is_said(each: Finding) -> bool:
    """Say whether a bound is the engine's own: what is violated is shown below, and drained has a bound of its own."""
    return each.verdict is not Verdict.VIOLATED and each.property not in ("drained", "real-time", "refinement")


def _bound(each: Finding) -> str:
    mode = each.details.get("mode")
    return f"{mode}: {each.bound}" if mode else each.bound


def _seconds(found: tuple[Finding, ...]) -> float:
    """Return the time of an engine: each proof has its own, what one run shows shares the run's."""
    runs: dict[Any, float] = {}
    for each in found:
        key = (each.property if each.engine == "z3" else "", each.details.get("mode"))
        runs[key] = max(runs.get(key, 0.0), each.seconds)
    return sum(runs.values())


def _replay_line(each: Finding) -> Iterator[str]:
    if isinstance(each.trace, Path):
        yield f"    fencepost replay {each.trace}"


def wrapped(text: str, *, indent: int = 0, first: int = 0) -> list[str]:
    """Return a text as lines of the screen's width."""
    return textwrap.wrap(
        text, WIDTH, initial_indent=" " * first, subsequent_indent=" " * indent, break_long_words=False
    ) or [""]
