"""A sequencer driven attempt by attempt under a drawn schedule; every answer must be one that the spec allows.

For sequencers that have no stepped form: the production ones, one whole attempt after the other, and those of users,
who say themselves where another scanner may go on (`native/adapter.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain
from random import Random
from types import ModuleType
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from fencepost.comparing.modules import Native
from fencepost.comparing.named_workloads import name_of_rows, named_rows
from fencepost.comparing.policies.attempts import Attempts, Turn
from fencepost.comparing.policies.calls import Broken, Make
from fencepost.comparing.search import Failed, Tried, drawn, find_smallest
from fencepost.comparing.verdicts import NAMED, Counterexample
from fencepost.model.contract import Level
from fencepost.model.errors import InputError
from fencepost.model.processes import trying
from fencepost.native.adapter import Answer, CompiledSequencer
from fencepost.native.schedules.differential import Picks
from fencepost.native.sequencers import Sequencer
from fencepost.strategies import COUNT_MOST, Sizes, in_order_of_arrival, schedules, sendings

POLICY = "attempts"
HAPPENINGS = ("parked batch", "duplicate", NAMED)
Row = tuple[int, int, int, int]  # ring, client, seq, count
TURNS_BETWEEN_ACKS = (0, 1, 1, 2, 5)
TRIALS_MOST = 3_000
"""Runs that are spent on making one failing example smaller; a count, as time would make minima differ."""
ASKING_CLIENTS_MOST = 16
"""Clients that ask what they may forget in the middle of attempts; where ids collide there are hundreds."""


@dataclass(frozen=True)
class AttemptExample:
    """What comes to the rings in which order, and a schedule, whose last `stops` picks stop a scanner as well.

    Clients ask what they may forget after each `turns_between_acks` turns, also in the middle of attempts; 0: they do
    not before the end. `turns` are those of another session, taken before the picks as far as they can be.
    """

    rows: tuple[Row, ...]
    picks: Picks
    stops: int = 0
    turns: tuple[Turn, ...] = ()
    turns_between_acks: int = 0


FEW = Sizes(rings=3, batches_least=1)
MANY_CLIENTS = Sizes(clients=8, rings=3, batches=24, batches_least=12)
MANY_BATCHES = Sizes(clients=1, rings=3, batches=40, batches_least=17, window=20)
DRAWN: tuple[Sizes | None, ...] = (*(FEW,) * 21, *(None,) * 8, MANY_CLIENTS, MANY_BATCHES, MANY_BATCHES)
"""Plainest first; None: a named scenario. What breaks at some number of clients or batches only is seldom drawn, and
looked for among the small ones again when it is shown."""
SMALL_ONES_MOST = 300


@st.composite
def attempt_examples(draw: st.DrawFn, kinds: tuple[Sizes | None, ...] = DRAWN) -> AttemptExample:
    """Draw what clients send and when they ask, a schedule, and how often a scanner is stopped and started again."""
    sizes = draw(st.sampled_from(kinds))
    if sizes is None:
        rows = draw(named_rows(COUNT_MOST))
    else:
        sent = in_order_of_arrival(draw(sendings(sizes)))
        rows = tuple((ring, batch.client, batch.seq, batch.count) for ring, batch in sent)
    picks, stops = draw(schedules(24)), draw(st.sampled_from((0, 0, 0, 1, 2)))
    turns_between_acks = draw(st.sampled_from(TURNS_BETWEEN_ACKS))
    if any(client >= ASKING_CLIENTS_MOST for _, client, _, _ in rows):
        turns_between_acks = 0
    return AttemptExample(rows, picks, stops, turns_between_acks=turns_between_acks)


@dataclass(frozen=True)
class Shipped:
    """Makes a shipped sequencer that answers attempts; it has no acknowledgements of its own here."""

    name: str
    native: Native

    def __call__(self) -> _Shipped:
        return _Shipped(self.name, self.native.load())


class _Shipped:
    def __init__(self, name: str, native: ModuleType) -> None:
        self._name, self._native = name, native

    def begin(self, ring_count: int, client_count: int) -> None:
        self._sequencer = Sequencer(
            self._name, max(1, client_count), worker_count=max(1, ring_count), native=self._native
        )

    def try_order(self, ring: int, client: int, seq: int, count: int) -> Answer:
        return self._sequencer.try_order(client, seq, count)

    def acknowledged(self, client: int) -> None:
        return None

    def issued(self) -> int:
        return self._sequencer.issued


@dataclass(frozen=True)
class Compiled:
    """Makes a user's sequencer out of a compiled module, in whatever process."""

    module: Native

    def __call__(self) -> CompiledSequencer:
        return CompiledSequencer(self.module.load())


@dataclass(frozen=True)
class Attempted:
    """A sequencer, driven attempt by attempt."""

    sequencer: str
    level: Level
    make: Make

    policy = POLICY
    repeatable = True

    @property
    def key(self) -> str:
        return f"{self.sequencer} {POLICY}"

    @property
    def example_type(self) -> type[AttemptExample]:
        return AttemptExample

    def strategy(self) -> SearchStrategy[AttemptExample]:
        return attempt_examples()

    def try_out(self, example: AttemptExample) -> Tried:
        session, broken = self.drive(example)
        failed = None
        if broken is not None:
            failed = Failed(broken.property, broken.sentence, (len(session.told), len(example.rows)))
        named = {NAMED} if name_of_rows(example.rows) else frozenset()
        happened = frozenset(session.happened | named)
        return Tried(failed, len(session.told), len(session.told), happened, drawn(row[:3] for row in example.rows))

    def drive(self, example: AttemptExample) -> tuple[Attempts, Broken | None]:
        """Run an example; return the session, and the promise that it broke, if any."""
        trying(example)
        rings = 1 + max((row[0] for row in example.rows), default=0)
        clients = 1 + max((row[1] for row in example.rows), default=0)
        session = Attempts(self.make, self.level, rings, clients, example.turns_between_acks)
        try:
            for row in example.rows:
                session.send(*row)
            _scheduled(session, example)
            session.finish()
        except Broken as broken:
            if broken.call:
                session.told.append(f"{broken.call}: it does not come to an answer")
            return session, broken
        return session, None

    def smaller(self, example: AttemptExample, failed: Failed) -> tuple[AttemptExample, Failed]:
        """Leave out rings, clients, batches and turns, as long as the same promise is broken in no more steps.

        Where the turns of the run do not break it when they are taken again, it is the picks that stay.
        """
        example, failed = self._small(example, failed)
        session, _ = self.drive(example)
        turns = replace(example, picks=(), stops=0, turns=tuple(session.turns), turns_between_acks=0)
        again = self._fails(turns, failed)
        best, failed = (turns, again) if again is not None else (example, failed)
        trials_left, better = TRIALS_MOST, True
        while better and trials_left > 0:
            better = False
            for trial in chain(_reshaped(best), _in_few_rings(best), self.fewer(best)):
                trials_left -= 1
                found = self._fails(trial, failed)
                if found is not None and _measure(trial, found) < _measure(best, failed):
                    best, failed, better = trial, found, True
                if better or trials_left <= 0:
                    break
        return best, failed

    def _small(self, example: AttemptExample, failed: Failed) -> tuple[AttemptExample, Failed]:
        """Return a small example that breaks the same promise, instead of a large one, if a few hundred have one."""
        if len(example.rows) <= FEW.batches:
            return example, failed

        def breaks(small: AttemptExample) -> bool:
            found = self.try_out(small).failed
            return found is not None and found.property == failed.property

        small = find_smallest(attempt_examples((FEW,)), breaks, Random(len(example.rows)), SMALL_ONES_MOST)
        again = self.try_out(small).failed if small is not None else None
        return (small, again) if again is not None else (example, failed)

    def _fails(self, example: AttemptExample, like: Failed) -> Failed | None:
        """Return why an example fails, if it breaks the same promise in no more steps."""
        found = self.try_out(example).failed
        return found if found and found.property == like.property and sum(found.size) <= sum(like.size) else None

    def fewer(self, example: AttemptExample) -> Iterator[AttemptExample]:
        """Yield examples with a batch, a turn or a pick left out, or something nearer to 0."""
        if example.picks:
            yield replace(example, picks=(), stops=0)
        yield from _fewer(example)
        for at in range(len(example.picks)):
            yield replace(example, picks=(*example.picks[:at], *example.picks[at + 1 :]))

    def told(self, example: AttemptExample) -> tuple[tuple[str, ...], int]:
        """Return what is sent, in words."""
        return tuple(_sent(example)), len(example.rows)


def of_user(yours: Make | ModuleType | Native, levels: tuple[Level, ...], *, is_alone: bool) -> Attempted:
    """Return what drives a user's sequencer.

    Raises InputError unless it is given with one level and alone, and for what makes none.
    """
    if len(levels) != 1:
        raise InputError("of which level a sequencer of your own is, is not said: expected --level 4 or --level 5")
    if not is_alone:
        raise InputError("a sequencer of your own is compared alone: expected no other names beside it")
    if isinstance(yours, ModuleType | Native):
        module = yours if isinstance(yours, Native) else Native.named(yours)
        return Attempted(module.name.rpartition(".")[2], levels[0], Compiled(module))
    if not callable(yours):
        raise InputError(f"{yours!r} is no sequencer: expected a class or function that makes a sequencer, or a module")
    return Attempted(getattr(yours, "__name__", type(yours).__name__), levels[0], yours)


def _measure(example: AttemptExample, failed: Failed) -> tuple[int, int, int]:
    """Return how large a failing example is: steps and batches, then the schedule, then the numbers in it."""
    schedule = len(example.turns) + len(example.picks) + example.stops
    return sum(failed.size), schedule, sum(map(sum, example.rows))


def _reshaped(example: AttemptExample) -> Iterator[AttemptExample]:
    """Yield examples in which many batches change at once, by the turns that there are and by the plainest ones.

    One by one that leads through examples that break nothing: a client without its first batch waits for it.
    """
    for rows in dict.fromkeys(_other_rows(example.rows)):
        if rows != example.rows:
            yield replace(example, rows=rows, turns=(), picks=(), stops=0)
            yield replace(example, rows=rows)


def _in_few_rings(example: AttemptExample) -> Iterator[AttemptExample]:
    """Yield an example in which no number of a ring is left out; the turns are those of the new numbers."""
    rings = {ring: number for number, ring in enumerate(sorted({row[0] for row in example.rows}))}
    if any(ring != number for ring, number in rings.items()):
        rows = tuple((rings[ring], client, seq, count) for ring, client, seq, count in example.rows)
        turns = (turn if turn[1] == "ack" else (rings.get(turn[0], len(rings)), turn[1]) for turn in example.turns)
        yield replace(example, rows=rows, turns=tuple(turns))


def _other_rows(rows: tuple[Row, ...]) -> Iterator[tuple[Row, ...]]:
    clients = sorted({row[1] for row in rows})
    yield tuple((ring, clients.index(client), seq, count) for ring, client, seq, count in rows)
    for gone in sorted({row[0] for row in rows}):  # those above take its number
        kept = (row for row in rows if row[0] != gone)
        yield tuple((ring - (ring > gone), client, seq, count) for ring, client, seq, count in kept)
    for gone in clients:
        kept = (row for row in rows if row[1] != gone)
        yield tuple((ring, client - (client > gone), seq, count) for ring, client, seq, count in kept)
    for client in clients:
        first = min(row[2] for row in rows if row[1] == client)
        begins = [row for row in rows if row[1:3] != (client, first)]
        yield tuple((ring, of, seq - (of == client), count) for ring, of, seq, count in begins)
        yield tuple((ring, of, seq - first * (of == client), count) for ring, of, seq, count in rows)
        yield tuple((ring, min(of, client), seq, count) for ring, of, seq, count in rows)
    yield tuple((0, *row[1:]) for row in rows)
    yield tuple(sorted(rows, key=lambda row: row[1:3]))
    yield tuple((*row[:3], min(row[3], 1)) for row in rows)


def _fewer(example: AttemptExample) -> Iterator[AttemptExample]:
    """Yield examples with something left out, or something nearer to 0."""
    size = len(example.turns)
    while size > 1:  # one by one they follow below
        for at in range(0, len(example.turns), size):
            yield replace(example, turns=(*example.turns[:at], *example.turns[at + size :]))
        size //= 2
    for name in ("rows", "turns"):
        of = getattr(example, name)
        for at in range(len(of)):
            changed: dict[str, Any] = {name: (*of[:at], *of[at + 1 :])}
            yield replace(example, **changed)
    for at, (ring, *_) in enumerate(example.rows):
        rows = (*example.rows[:at], *example.rows[at + 1 :])
        for begin, turn in enumerate(example.turns):
            for end in (begin + 1, begin + 2) if turn[0] == ring else ():  # what its scanner did with it
                yield replace(example, rows=rows, turns=(*example.turns[:begin], *example.turns[end:]))
    for at, (ring, client, seq, count) in enumerate(example.rows):
        lower = [(ring - 1, client, seq, count), (ring, client - 1, seq, count), (ring, client, seq - 1, count)]
        for row in (*lower, (ring, client, seq, 1)):
            if min(row) >= 0 and row != example.rows[at]:
                yield replace(example, rows=(*example.rows[:at], row, *example.rows[at + 1 :]))


def _scheduled(session: Attempts, example: AttemptExample) -> None:
    """Run a session by turns, then by picks among the turns that can be taken; plainest is the same scanner's."""
    last = 0
    for turn in example.turns:
        if session.can(*turn):
            session.take(turn)
            last = turn[0] if turn[1] != "ack" else last
    for at, (plain_count, choice) in enumerate(example.picks):
        for number in range(plain_count + 1):
            options = list(_options(session, last))
            if not options:
                return
            turn = options[0]
            if number == plain_count:
                is_stop = len(example.picks) - at - 1 < example.stops and session.can(last, "stop")
                turn = (last, "stop") if is_stop else options[(1 + choice) % len(options)]
            session.take(turn)
            last = turn[0]


def _options(session: Attempts, last: int) -> Iterator[Turn]:
    """Yield the turns of scanners that can be taken, those of the same scanner first."""
    for ring in sorted(range(len(session.rings)), key=lambda ring: (ring != last, ring)):
        yield from ((ring, what) for what in ("step", "poll") if session.can(ring, what))


def counterexample(task: Attempted, example: AttemptExample, failed: Failed) -> Counterexample:
    """Return a failing example with what happened in it."""
    session, broken = task.drive(example)
    sent = _sent(example)
    taking_part = {(what == "ack", number) for number, what in session.turns}
    steps = [f"{number:3}  {line}" for number, line in enumerate(session.told, start=1)]
    traceback = broken.traceback if broken is not None else ()
    return Counterexample(
        failed.property,
        failed.sentence,
        example,
        (*sent, *steps, *traceback),
        failed.size[0],
        len(example.rows),
        len(taking_part),
    )


def _sent(example: AttemptExample) -> list[str]:
    return [f"ring {ring}: client {client} batch {seq} of {count}" for ring, client, seq, count in example.rows]
