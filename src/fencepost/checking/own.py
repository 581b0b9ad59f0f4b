"""`check` of one's own work: every protocol, program and sequencer of a file, each in the engines that apply to it.

protocol     z3: its promises for any size, a bounded search, walked runs
program      explorer: every schedule on memory that is not coherent, in a process of its own
sequencer    native: its answers, attempt by attempt under drawn schedules, each in a process of its own
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from fencepost import proofs
from fencepost.checking.screen import wrapped
from fencepost.comparing.run import compare
from fencepost.comparing.verdicts import CRASH
from fencepost.model.contract import Level, Verdict, promised
from fencepost.model.errors import InputError, Interrupted, unknown_choice
from fencepost.model.explorer.explain.columns import describe_run
from fencepost.model.explorer.monitor.run import SINGLE_WRITER
from fencepost.model.explorer.search.exploration import Limits, explore
from fencepost.model.explorer.subjects import program as subject_of
from fencepost.model.explorer.traces.run_itf import keep_run
from fencepost.model.explorer.traces.run_trace import trace_of
from fencepost.model.itf import keep_in_file
from fencepost.model.language import Protocol
from fencepost.model.memory import PROFILE
from fencepost.model.own import PROGRAM, PROTOCOL, SEQUENCER, is_own, name_in, objects_of
from fencepost.model.processes import Ended, in_order
from fencepost.model.programs.structures.structure import ENSURED
from fencepost.model.programs.users.own import Program
from fencepost.model.report import Finding, Progress, Report, aligned
from fencepost.model.trace import describe
from fencepost.native.schedules.differential import SPEC
from fencepost.reports.compare import ASKED
from fencepost.targets import is_cpp

OF_PROGRAMS = (ENSURED, "drained", "raised")
"""What one search of a program shows: what it ensures, that no thread waits for ever, that none raises."""
OF_ANSWERS = ("unique", "dense", "ring-order", "client-order", "prefix", "once", "ack-safe", "monotone", "drained")
"""What the answers of a sequencer are held against, attempt by attempt, beside the spec."""
EXAMPLES = 300
"""Of a sequencer: some seconds. `fencepost compare` draws more."""
GRACE_SECONDS = 5.0
"""After the time of a search, until a thread that yields nothing is taken for one that never will."""

Own: TypeAlias = "type[Any] | Program | str | Path"


@dataclass(frozen=True)
class Work:
    """What one engine does with one object, and the properties that it can have findings of."""

    engine: str
    name: str
    properties: tuple[str, ...]
    work: Callable[[], list[Finding]]


@dataclass(frozen=True, repr=False)
class OwnReport(Report):
    """What `check` found of one's own work: a row a property, then counterexamples and the verdict in words."""

    def lines(self) -> Iterator[str]:
        rows = [(each.target, each.property, each.engine, str(each.verdict)) for each in self.findings]
        yield from aligned((("target", "property", "engine", "verdict"), *rows))
        yield ""
        for text, names in self._bounds().items():
            yield from wrapped(f"{', '.join(names)}: {text}", indent=4)
        for number, each in enumerate(self.violations()):
            yield ""
            yield from wrapped(f"{each.target}: {each.property} is violated in {each.engine} ({each.bound})")
            if number == 0:
                yield from (f"    {line}" for line in each.explanation.splitlines())
            if isinstance(each.trace, Path):
                yield f"    fencepost replay {each.trace}"
        yield ""
        yield from wrapped(self._words())

    def verbose_lines(self) -> Iterator[str]:
        yield from self.lines()
        for each in [one for one in self.findings if one.explanation][1:]:
            yield ""
            yield f"{each.target}: {each.property}"
            yield from (f"    {line}" for line in each.explanation.splitlines())

    def _bounds(self) -> dict[str, list[str]]:
        """Return what has the same bound, by the bound; what is violated is shown with its own."""
        bounds: dict[str, list[str]] = {}
        for each in self.findings:
            if each.verdict is not Verdict.VIOLATED and each.bound:
                names = bounds.setdefault(each.bound, [])
                names += [each.target] if each.target not in names else []
        return bounds

    def _words(self) -> str:
        broken: dict[str, list[str]] = {}
        for each in self.violations():
            broken.setdefault(each.target, []).append(each.property)
        if broken:
            said = [f"{name} breaks {', '.join(properties)}" for name, properties in broken.items()]
            return f"Violated: {'; '.join(said)}."
        unknown = [f"{each.target}, {each.property}" for each in self.findings if each.verdict is Verdict.UNKNOWN]
        if unknown or not self.findings:
            return f"Unknown, which is no pass: {'; '.join(unknown) or 'nothing was asked'}."
        if self.is_interrupted:
            return "Interrupted: what was not reached is unknown, which is no pass."
        return "Everything that was asked holds, within these bounds and no further."


def is_own_work(target: object) -> bool:
    """Say whether a target of `check` is one's own: a file of Python or C++, a class, or a program."""
    if isinstance(target, str | Path):
        return is_own(target) or is_cpp(target)
    return isinstance(target, type | Program)


def check_own(
    target: Own,
    *,
    level: Level | None,
    property: str | None,
    engines: Iterable[str],
    seed: int,
    jobs: int,
    timeout: float,
    out: Path | None,
    on_progress: Progress,
) -> OwnReport:
    """Check a class, a program, or all that FILE.py[:Name] or FILE.cpp defines; see `fencepost.check`."""
    works = list(_works(target, level, seed, jobs, timeout, out, on_progress))
    of_engines = [each for each in works if each.engine in engines]
    if not of_engines:
        raise InputError(f"{target}: only {', '.join(dict.fromkeys(each.engine for each in works))} applies to it")
    known = dict.fromkeys(one for each in of_engines for one in each.properties)
    if property is not None and property not in known:
        raise unknown_choice("property", property, known)
    found: list[Finding] = []
    try:
        for each in of_engines:
            if property is None or property in each.properties:
                on_progress(f"{each.name}, {each.engine}")
                found += _of_property(each, each.work(), property)
    except KeyboardInterrupt:
        raise Interrupted(OwnReport("check", tuple(found), seed, is_interrupted=True)) from None
    return OwnReport("check", tuple(found), seed)


def _of_property(work: Work, found: list[Finding], property: str | None) -> list[Finding]:
    """Return the findings of a property; one that all the work asks of at once has the verdict of the whole.

    Where another property is violated, the work ended there: of the one that was asked for nothing is known.
    """
    kept = [each for each in found if property in (None, each.property)]
    if kept or property is None:
        return kept
    whole = next((each for each in found if each.verdict is Verdict.VIOLATED), found[0])
    if whole.verdict is Verdict.VIOLATED:
        bound = f"{whole.bound}: the search ended where {whole.property} is violated"
        return [Finding(work.name, property, work.engine, Verdict.UNKNOWN, bound, whole.seconds)]
    return [replace(whole, property=property)]


def _works(
    target: Own,
    level: Level | None,
    seed: int,
    jobs: int,
    timeout: float,
    out: Path | None,
    tell: Progress,
) -> Iterator[Work]:
    """Yield the work on each object that a target stands for."""
    protocols, programs, sequencers = _objects(target)
    if sequencers and level is None:
        names = " and ".join(sequencers)
        raise InputError(f"of which level {names} is, is not said: expected --level 4 or --level 5")
    if level is not None and not sequencers:
        raise InputError(f"{target} defines no sequencer, and a level is of sequencers: leave it out")
    for protocol in protocols.values():
        yield Work("z3", protocol.name, tuple(protocol.promises), partial(_by_z3, protocol, out))
    for program in programs.values():
        of_program = (*OF_PROGRAMS, SINGLE_WRITER) if program.single_writer else OF_PROGRAMS
        yield Work("explorer", program.name, of_program, partial(_by_explorer, program, timeout, out))
    for name, sequencer in sequencers.items():
        assert level is not None
        properties = (ASKED, *(each for each in OF_ANSWERS if each in promised(level)), SPEC, CRASH)
        yield Work("native", name, properties, partial(_by_attempts, sequencer, level, seed, jobs, tell))


def _objects(target: Own) -> tuple[dict[str, type[Protocol]], dict[str, Program], dict[str, Any]]:
    """Return the protocols, programs and sequencers that a target stands for. Raises InputError where it has none."""
    if isinstance(target, Program):
        return {}, {target.name: target}, {}
    if isinstance(target, type):
        is_protocol = issubclass(target, Protocol)
        return ({target.__name__: target}, {}, {}) if is_protocol else ({}, {}, {target.__name__: target})
    if is_cpp(target):
        return {}, {}, {str(target): Path(target)}
    found = [objects_of(target, kind) for kind in (PROTOCOL, PROGRAM, SEQUENCER)]
    if not any(found):
        what = name_in(target)
        raise InputError(
            f"{target} defines nothing {f'called {what!r} ' if what else ''}that can be checked: expected a protocol, a"
            " program or a sequencer; `fencepost new` writes one of each"
        )
    return found[0], found[1], found[2]


def _by_z3(protocol: type[Protocol], out: Path | None) -> list[Finding]:
    findings = []
    for proof in proofs.prove(protocol):
        text = describe(proof.trace) if proof.trace is not None else ""
        if proof.cti is not None:
            text = f"counterexample to induction; no invariant excludes this state:\n{proof.cti}"
        path = None
        if out is not None and proof.trace is not None:
            wanted = out / f"{proof.protocol}-{proof.property}.itf.json"
            path = keep_in_file(wanted, proof.trace)
        findings.append(
            Finding(
                protocol.name,
                proof.property,
                "z3",
                proof.verdict,
                proof.bound,
                proof.seconds,
                path or proof.trace,
                text,
            )
        )
    return findings


def _by_explorer(program: Program, timeout: float, out: Path | None) -> list[Finding]:
    """Explore a program in a process of its own: a thread that yields nothing ends no budget, but the process."""
    began = time.perf_counter()
    with closing(in_order([partial(_explored, program, timeout, out)], 1, timeout + GRACE_SECONDS)) as results:
        made = next(results)
    if not isinstance(made, Ended):
        return made
    verdict = Verdict.VIOLATED if not (made.is_endless or made.is_killed) else Verdict.UNKNOWN
    why = f"{made.sentence}: a thread that yields nothing has no end" if made.is_endless else made.sentence
    seconds = time.perf_counter() - began
    return [Finding(program.name, name, "explorer", verdict, why, seconds) for name in OF_PROGRAMS]


def _explored(program: Program, timeout: float, out: Path | None) -> list[Finding]:
    explored = explore(subject_of(program, PROFILE), limits=Limits(timeout))
    if explored.violation is None:
        bound = f"{explored.bound}{f' ({explored.reason})' if explored.reason else ''}"
        return [
            Finding(program.name, name, "explorer", explored.verdict, bound, explored.seconds) for name in OF_PROGRAMS
        ]
    property = explored.violation.property
    path = out and keep_run(out / f"check-{program.name.replace('/', '_')}-{property}.itf.json", explored)
    text = describe_run(explored)
    trace = path or trace_of(explored)
    return [
        Finding(program.name, property, "explorer", Verdict.VIOLATED, explored.bound, explored.seconds, trace, text)
    ]


def _by_attempts(
    sequencer: type[Any] | Path, level: Level, seed: int, jobs: int, on_progress: Progress
) -> list[Finding]:
    report = compare(sequencer, level=level, examples=EXAMPLES, seed=seed, jobs=jobs, on_progress=on_progress)
    return list(report.findings)
