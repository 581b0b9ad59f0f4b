"""What the stepped build and the model say to each other: choices, schedules, lines, verdicts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from fencepost.model.contract import Verdict
from fencepost.model.errors import FencepostError, InputError, Interrupted, NotAccepted, unknown_choice
from fencepost.model.explorer.search.exploration import (
    RUNS,
    STRATEGIES,
    Counts,
    Explored,
    Limits,
    Progress,
    Subject,
    no_run_ended,
)
from fencepost.model.explorer.search.schedule import Schedule, follow
from fencepost.model.explorer.search.shortening import shortened
from fencepost.model.explorer.states.monitor import Violation
from fencepost.model.explorer.states.state import LOOKED
from fencepost.model.explorer.states.system import System
from fencepost.model.memory import Matrix, Profile
from fencepost.model.memory.lazy import Choice
from fencepost.model.memory.lines import Line, Lines
from fencepost.model.memory.ordering import ORDERS
from fencepost.native import _core

Tell = Callable[[Progress], None]

_FORMS = ("nothing", "own", "forwarded", "copy", "evict")
_HOST_BITS, _PLACE_AT, _COUNT_AT, _POLL_AT, _LOOKED_AT = 5, 8, 3, 48, 63
_STOPS = ("", "the time of {seconds:g} s was spent", "interrupted", "the budget of {runs} runs was spent")
ALL_RUNS = 2**62


class Disagreement(FencepostError):
    """Model and native code do not agree: there is a bug in one of them."""


@dataclass(frozen=True)
class Names:
    """What the numbers of the stepped build stand for: its lines, its hosts, its channels, its words."""

    lines: tuple[Line, ...]
    hosts: tuple[int, ...]
    channels: tuple[Line, ...] = ()
    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Name of a line -> the names of its words, in the native order."""


# --- profiles ---


def switches_of(profile: Profile) -> list[int]:
    """Return a profile as the native build takes it; raise InputError for one that it does not have."""
    if profile.snapshot or not profile.line_atomic or profile.dirty_words_only or profile.crashes:
        raise InputError(
            f"the stepped build does not support profile {profile.name!r}: expected sc, tso, ncx, ncx-nospec,"
            " ncx-noevict or ncx-lfence"
        )
    given = (profile.one_host, profile.buffers, profile.evict, profile.speculate, profile.lfence_waits)
    return [int(each) for each in given]


def orders_of(matrix: Matrix) -> list[int]:
    """Return an ordering matrix as the native build takes it."""
    return [ORDERS.index(order) for row in matrix.rows for order in row]


# --- choices ---


def choice_of(bits: int, hosts: Sequence[int]) -> Choice:
    """Return the model's form of a choice."""
    form, poll = _FORMS[bits & 7], bits >> _POLL_AT & 0x7FFF
    inner: Choice = () if form == "nothing" else (form,)
    if form == "copy":
        inner = (form, bits >> _PLACE_AT & (1 << _POLL_AT - _PLACE_AT) - 1)
    elif form == "evict":
        places = range(_PLACE_AT, _PLACE_AT + _HOST_BITS * (bits >> _COUNT_AT & 31), _HOST_BITS)
        inner = (form, tuple(hosts[bits >> at & 31] for at in places))
    looked = (LOOKED,) if bits >> _LOOKED_AT else ()
    return (poll - 1, inner, *looked) if poll else inner


def bits_of(choice: Choice, hosts: Sequence[int]) -> int:
    """Return the native form of a choice."""
    if choice and isinstance(choice[0], int):
        looked = int(choice[-1] == LOOKED)
        return bits_of(choice[1], hosts) | choice[0] + 1 << _POLL_AT | looked << _LOOKED_AT
    if not choice:
        return 0
    bits = _FORMS.index(choice[0])
    if choice[0] == "copy":
        bits |= choice[1] << _PLACE_AT
    elif choice[0] == "evict":
        bits |= len(choice[1]) << _COUNT_AT
        for at, host in enumerate(choice[1]):
            bits |= hosts.index(host) << _PLACE_AT + _HOST_BITS * at
    return bits


def schedule_of(rows: Sequence[tuple[int, int, int]], hosts: Sequence[int]) -> Schedule:
    """Return the model's form of a schedule."""
    return tuple(((thread, number), choice_of(bits, hosts)) for thread, number, bits in rows)


def rows_of(schedule: Schedule, hosts: Sequence[int]) -> list[tuple[int, int, int]]:
    """Return the native form of a schedule."""
    return [(thread, number, bits_of(choice, hosts)) for (thread, number), choice in schedule]


def learn(system: System, lines: Sequence[tuple[int, int, int]], names: Names) -> None:
    """Let a system know who has to do with which line, as the native one found out."""
    for line, masks in zip(names.lines, lines, strict=True):
        threads, hosts, writers = ([at for at in range(mask.bit_length()) if mask >> at & 1] for mask in masks)
        if threads:
            system.lines.users[line] = set(threads)
            system.lines.hosts[line] = {names.hosts[host] for host in hosts}
            system.lines.writers[line] = {names.hosts[host] for host in writers}


def masks_of(lines: Lines, names: Names) -> list[tuple[int, int, int]]:
    """Return who has to do with which line as the native build takes it: one bit for each thread, host and writer."""

    def mask(numbers: Iterable[int]) -> int:
        return sum(1 << number for number in numbers)

    return [
        (
            mask(lines.users.get(line, ())),
            mask(map(names.hosts.index, lines.hosts.get(line, ()))),
            mask(map(names.hosts.index, lines.writers.get(line, ()))),
        )
        for line in names.lines
    ]


# --- explorations ---


def search_of(strategy: str, seed: int, pct_depth: int, limits: Limits) -> _core.Search:
    """Return how to explore, as the native build takes it."""
    if strategy not in STRATEGIES:
        raise unknown_choice("strategy", strategy, STRATEGIES)
    if not 0 <= seed < 2**64:
        raise InputError(f"seed is {seed}: expected 0..{2**64 - 1}")
    return _core.Search(
        strategy=STRATEGIES.index(strategy),
        seed=seed,
        pct_depth=pct_depth,
        seconds=limits.seconds,
        depth=limits.depth,
        runs=_runs(strategy, limits),
    )


def _runs(strategy: str, limits: Limits) -> int:
    if limits.runs is not None:
        return limits.runs
    return ALL_RUNS if strategy == "exhaustive" else RUNS


def teller(tell: Tell) -> Callable[[int, int, int, int, float], None]:
    """Return what the native build tells its progress to, often: passed on once a second."""
    began = told = time.perf_counter()

    def pass_on(complete: int, blocked: int, cut: int, steps: int, done: float) -> None:
        nonlocal told
        now = time.perf_counter()
        if now - told > 1.0:
            told = now
            tell(Progress(complete + blocked, done, now - began))

    return pass_on


def conclude(
    subject: Subject,
    fields: _core.ExploredFields,
    names: Names,
    *,
    strategy: str,
    seed: int,
    pct_depth: int,
    limits: Limits,
) -> Explored:
    """Return the verdict on what the native build walked through, in the words of the model's own explorer."""
    counts = Counts(fields["complete"], fields["blocked"], fields["cut"], fields["steps"])
    reason = _STOPS[fields["stop"]].format(seconds=limits.seconds, runs=limits.runs)
    bound = _bound(fields, counts, subject.size, strategy, seed, pct_depth, limits)
    found = _confirmed(subject, fields, names) if fields["violated"] else None
    if found is None and not counts.complete and not reason:
        reason = no_run_ended(counts, limits)
    if found is not None:
        verdict, reason = Verdict.VIOLATED, found[3] or reason
    elif not counts.complete or (reason and (strategy == "exhaustive" or reason == "interrupted")):
        verdict = Verdict.UNKNOWN
    else:
        exhausted = strategy == "exhaustive" and not counts.cut
        verdict, reason = Verdict.EXHAUSTED if exhausted else Verdict.NOT_FOUND, ""
    return Explored(
        subject,
        verdict,
        bound,
        counts,
        fields["seconds"],
        violation=found[1] if found else None,
        schedule=found[0] if found else (),
        lines=found[2] if found else None,
        reason=reason,
        seed=None if strategy == "exhaustive" else seed,
    )


def _bound(
    fields: _core.ExploredFields,
    counts: Counts,
    size: str,
    strategy: str,
    seed: int,
    pct_depth: int,
    limits: Limits,
) -> str:
    if strategy == "exhaustive":
        count = f"{counts.complete} complete runs"
        of = f" of {size}" if size else ""
        if fields["violated"]:
            return f"1 of {count}{of}"
        if fields["stop"]:
            return f"{count}{of}"
        if counts.cut:
            return f"{count} within {limits.depth} steps, {counts.cut} longer{of}"
        return f"all {count}{of}"
    bound = f"{counts.complete} runs drawn by {strategy}, seed {seed}"
    bound += f", and {counts.cut} cut short" if counts.cut else ""
    if strategy == "pct":
        chance = 1 / (2 * fields["threads"] * max(1, fields["longest"]) ** (pct_depth - 1))
        bound += f"; a run meets a violation of depth {pct_depth} with probability >= {chance:.2g}"
        bound += f", all of them miss one with <= {(1 - chance) ** counts.complete:.2g}"
    return bound + (f"; {size}" if size else "")


def _confirmed(subject: Subject, fields: _core.ExploredFields, names: Names) -> tuple[Schedule, Violation, Lines, str]:
    """Return the schedule to a violation, made shorter by the model, what the model says is wrong there, and whether
    that was interrupted, in a word.
    """
    system = subject.make()
    learn(system, fields["lines"], names)
    schedule = schedule_of(fields["schedule"], names.hosts)
    try:
        violation = follow(system, schedule, subject.judge).violation
    except NotAccepted as refused:
        raise Disagreement(f"the model cannot follow the native schedule to a violation: {refused}") from None
    if violation is None:
        raise Disagreement(f"the model finds nothing wrong where the native schedule of {len(schedule)} steps ends")
    try:
        return shortened(system, schedule, violation, subject.judge), violation, system.lines, ""
    except Interrupted as interrupt:
        return interrupt.found, violation, system.lines, "interrupted"
