"""Runs that can be shown: a schedule of larger steps, made into a run of the definition and printed in columns.

A schedule says what threads do and when lines are written back; which copy a load found is left open. `replay` finds
fetches and evictions that fill it in, and takes every step on the definition: a run that is shown is a run.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import TypeVar

from fencepost.model.litmus.condition import Condition
from fencepost.model.litmus.effects import Frozen
from fencepost.model.litmus.explore import holds
from fencepost.model.litmus.reduced import Reduced
from fencepost.model.memory import Buffered, Copy, Machine, Matrix, Profile, Program, State, Step
from fencepost.model.memory.program import ASSIGNS

Schedule = tuple[Step, ...]
SECONDS_TO_SHOW = 10.0  # after which a run is not shown; what was decided stays decided
Taken = TypeVar("Taken")
At = TypeVar("At", bound=Hashable)


@dataclass(frozen=True)
class Run:
    """Steps of the definition, each with the state after it."""

    program: Program
    initial: State
    steps: tuple[tuple[Step, State], ...]


def complete(
    program: Program, condition: Condition, profile: Profile, matrix: Matrix, main_steps: Schedule
) -> Schedule | None:
    """Return a schedule with what is done at once added to its main steps, or None if no run has these steps."""
    machine = Reduced(program, profile, matrix, condition)
    first: list[Step] = []
    start = machine.start(first)

    def choices(index: int, state: Frozen) -> Iterator[tuple[Schedule, Frozen]]:
        trail: list[Step] = []
        for step, after in machine.steps(state, trail):
            if step == main_steps[index]:
                yield (step, *trail), after

    found = _follow(len(main_steps), start, choices, machine.reached)
    return None if found is None else (*first, *(step for taken in found for step in taken))


def replay(program: Program, condition: Condition, profile: Profile, matrix: Matrix, schedule: Schedule) -> Run | None:
    """Return a run of the definition that follows a schedule into the condition, or None if there is none."""
    machine = Machine(program, profile, matrix)
    reduced = Reduced(program, profile, matrix, condition)
    snapshot = profile.snapshot and condition.names_memory

    def meets(state: State) -> bool:
        if snapshot:
            return holds(condition, state)
        if condition.names_memory:
            return machine.settled(state) and holds(condition, state)
        return reduced.decided((state.pcs, state.registers, state.buffers, state.memory, ())) is True

    def choices(index: int, state: State) -> Iterator[tuple[tuple[tuple[Step, State], ...], State]]:
        for before in _preparations(machine, state, schedule[index]):
            for step, after in machine.steps(before[-1][1] if before else state):
                if _follows(step, schedule[index]):
                    yield (*before, (step, after)), after

    start = machine.initial()
    found = _follow(len(schedule), start, choices, meets)
    return None if found is None else Run(machine.program, start, tuple(step for taken in found for step in taken))


def _follow(
    length: int, start: At, choices: Callable[[int, At], Iterator[tuple[Taken, At]]], meets: Callable[[At], bool]
) -> list[Taken] | None:
    """Return what to take at each step of a schedule to end where `meets` says, or None.

    Depth first, with a stack of its own: a schedule may have thousands of steps.
    """
    if length == 0:
        return [] if meets(start) else None
    deadline = time.perf_counter() + SECONDS_TO_SHOW
    open_choices, taken = [choices(0, start)], list[Taken]()
    known: set[tuple[int, At]] = set()
    while open_choices and time.perf_counter() < deadline:
        chosen = next(open_choices[-1], None)
        depth = len(open_choices)
        if chosen is None:
            open_choices.pop()
            del taken[-1:]
        elif depth == length:
            if meets(chosen[1]):
                return [*taken, chosen[0]]
        elif (depth, chosen[1]) not in known:
            known.add((depth, chosen[1]))
            taken.append(chosen[0])
            open_choices.append(choices(depth, chosen[1]))
    return None


def _follows(step: Step, wanted: Step) -> bool:
    """Say whether a step of the definition is one that a schedule asks for."""
    if wanted.act == "issue":
        return step.act in ("issue", "prefetch") and step.actor == wanted.actor
    return step == wanted


def _preparations(machine: Machine, state: State, wanted: Step) -> Iterator[tuple[tuple[Step, State], ...]]:
    """Yield fetches and evictions that could matter just before a step: of its own copy, or of others' copies."""
    line = wanted.line
    if line < 0:
        yield ()
        return
    acting = wanted.actor if wanted.act in ("clean", "tear") else machine.program.threads[wanted.actor].host
    own = [()] if wanted.act in ("clean", "tear") else [(), (Step("evict", acting, line),)]
    others = [
        [(), (Step("fetch", host, line),), (Step("evict", host, line), Step("fetch", host, line))]
        for host in range(len(machine.program.hosts))
        if host != acting and line in machine.program.mentioned(host)
    ]
    for chosen in product(own, *others):
        taken: list[tuple[Step, State]] = []
        at: State | None = state
        for step in (each for steps in chosen for each in steps):
            at = _harmless(machine, taken[-1][1] if taken else state, step)
            if at is None:
                break
            taken.append((step, at))
        if at is not None:
            yield tuple(taken)


def _harmless(machine: Machine, state: State, wanted: Step) -> State | None:
    """Return the state after a fetch, or after the eviction of a clean copy; None when that is not possible."""
    copy = state.caches[wanted.actor][wanted.line]
    if wanted.act == "evict" and (copy is None or copy.dirty):
        return None
    return next((after for step, after in machine.steps(state) if step == wanted), None)


# --- columns ---


def columns(run: Run) -> list[list[str]]:
    """Return a run as rows: a heading, then one row a step. Threads, each host's cache, memory; only what changed."""
    program = run.program
    hosts = program.hosts
    threads = [f"thread {number} (H{hosts[thread.host]})" for number, thread in enumerate(program.threads)]
    rows = [["", *threads, *(f"cache of H{host}" for host in hosts), "memory"]]
    before = run.initial
    for number, (step, after) in enumerate(run.steps, 1):
        row = [""] * len(rows[0])
        row[0] = str(number)
        place = 1 + step.actor + (0 if _by_thread(step) else len(program.threads))
        row[place] = _said(program, before, after, step)
        for host in range(len(hosts)):
            changed = _cache_changes(program, before, after, host)
            at = 1 + len(program.threads) + host
            row[at] = ", ".join(filter(None, (row[at], *changed)))
        row[-1] = ", ".join(
            _shown(program, line, after.memory[line])
            for line in range(len(program.lines))
            if before.memory[line] != after.memory[line]
        )
        rows.append(row)
        before = after
    return rows


def _by_thread(step: Step) -> bool:
    return step.act in ("issue", "drain", "prefetch")


def _said(program: Program, before: State, after: State, step: Step) -> str:
    """Return what a step does, in the words of the program."""
    if step.act in ("issue", "prefetch"):
        instruction = program.threads[step.actor].instructions[before.pcs[step.actor]]
        text = instruction.text or instruction.op.name
        if instruction.op in ASSIGNS:
            name = program.threads[step.actor].registers[instruction.register]
            return f"{text}: {name}={after.registers[step.actor][instruction.register]}"
        return text
    if step.act == "drain":
        kind, line, word, value = before.buffers[step.actor][step.detail]
        if kind is Buffered.SF:
            return "(SF drains)"
        name = program.lines[line].words[word]
        return f"({kind.name} {name}{f' {value}' if kind in (Buffered.W, Buffered.NT) else ''} drains)"
    return {
        "clean": "writes back",
        "evict": "evicts",
        "fetch": "fetches",
        "tear": "writes back one word",
        "crash": "crashes",
    }[step.act]


def _cache_changes(program: Program, before: State, after: State, host: int) -> list[str]:
    changes = []
    for line, (old, new) in enumerate(zip(before.caches[host], after.caches[host], strict=True)):
        if old != new:
            changes.append(_cached(program, line, new))
    return changes


def _cached(program: Program, line: int, copy: Copy | None) -> str:
    if copy is None:
        return f"no {program.lines[line].name}"
    return _shown(program, line, copy.words) + (" dirty" if copy.dirty else "")


def _shown(program: Program, line: int, words: tuple[int, ...]) -> str:
    return " ".join(f"{name}={value}" for name, value in zip(program.lines[line].words, words, strict=True))
