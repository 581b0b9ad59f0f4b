"""A sequencer driven attempt by attempt under a drawn schedule; every answer must be one that the spec allows.

For sequencers that have no stepped form: the production ones, one whole attempt after the other, and those of users,
who say themselves where another scanner may go on (`native/adapter.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from fencepost.compared.attempts import STEPS_MOST, Attempts, Broken, Make
from fencepost.compared.modules import Native
from fencepost.compared.search import Failed, Tried
from fencepost.compared.verdicts import Counterexample
from fencepost.model.contract import Level
from fencepost.model.processes import trying
from fencepost.native.adapter import Answer, CompiledSequencer
from fencepost.native.joint import Picks
from fencepost.native.sequencers import Sequencer
from fencepost.strategies import Sizes, in_order_of_arrival, schedules, sendings

POLICY = "attempts"
HAPPENINGS = ("parked batch", "duplicate")
Row = tuple[int, int, int, int]  # ring, client, seq, count
Turn = tuple[int, str]  # a scanner, and whether it steps, looks at what it parked (poll), or is stopped


@dataclass(frozen=True)
class AttemptExample:
    """What comes to the rings in which order, and a schedule, whose last `stops` picks stop a scanner as well."""

    rows: tuple[Row, ...]
    picks: Picks
    stops: int = 0
    turns: tuple[Turn, ...] = ()  # of another session, taken before the picks as far as they can be


@st.composite
def attempt_examples(draw: st.DrawFn, sizes: Sizes = Sizes(rings=3)) -> AttemptExample:  # noqa: B008  # it is frozen
    """Draw what clients send, a schedule, and how often a scanner is stopped and started again."""
    sent = draw(sendings(sizes))
    rows = tuple((ring, batch.client, batch.seq, batch.count) for ring, batch in in_order_of_arrival(sent))
    return AttemptExample(rows, draw(schedules(24)), draw(st.sampled_from((0, 0, 0, 1, 2))))


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
        return Tried(failed, len(session.told), len(session.told), frozenset(session.happened))

    def drive(self, example: AttemptExample) -> tuple[Attempts, Broken | None]:
        """Run an example; return the session, and the promise that it broke, if any."""
        trying(example)
        rings = 1 + max((row[0] for row in example.rows), default=0)
        clients = 1 + max((row[1] for row in example.rows), default=0)
        session = Attempts(self.make, self.level, rings, clients)
        try:
            for row in example.rows:
                session.send(*row)
            _scheduled(session, example)
            session.judge()
        except Broken as broken:
            return session, broken
        return session, None

    def smaller(self, example: AttemptExample, failed: Failed) -> tuple[AttemptExample, Failed]:
        """Leave out batches and picks one by one, as long as the same promise is broken in no more steps."""
        session, _ = self.drive(example)
        best, again = replace(example, picks=(), stops=0, turns=tuple(session.turns)), True
        while again:
            again = False
            for trial in _fewer(best):
                found = self.try_out(trial).failed
                if found is not None and found.property == failed.property and sum(found.size) <= sum(failed.size):
                    best, failed, again = trial, found, True
                    break
        return best, failed

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
    """Run a session by turns, then by picks among what may happen; plainest is to go on with the same scanner."""
    picks, last, plain_left = list(example.picks), 0, example.picks[0][0] if example.picks else 0
    for ring, what in example.turns:
        if ring < len(session.rings) and _can(session, ring, what):
            last = ring
            _take(session, ring, what)
    for _ in range(STEPS_MOST):
        options = list(_options(session, last))
        if not options:
            return
        at = 0
        if picks and plain_left == 0:
            _, choice = picks.pop(0)
            plain_left = picks[0][0] if picks else 0
            if len(picks) < example.stops and _can(session, last, "stop"):
                _take(session, last, "stop")
                continue
            at = (1 + choice) % len(options)
        elif plain_left:
            plain_left -= 1
        last, what = options[at]
        _take(session, last, what)


def _can(session: Attempts, ring: int, what: str) -> bool:
    if what == "step":
        return session.can_step(ring)
    return session.rings[ring].running is None and (what == "stop" or bool(session.worth_a_look(ring)))


def _take(session: Attempts, ring: int, what: str) -> None:
    session.turns.append((ring, what))
    if what == "step":
        session.step(ring)
    elif what == "stop":
        session.stop(ring)
    else:
        session.poll(ring, session.worth_a_look(ring)[0])


def _options(session: Attempts, last: int) -> Iterator[Turn]:
    """Yield what may happen, that of the same scanner first."""
    for ring in sorted(range(len(session.rings)), key=lambda ring: (ring != last, ring)):
        yield from ((ring, what) for what in ("step", "poll") if _can(session, ring, what))


def counterexample(task: Attempted, example: AttemptExample, failed: Failed) -> Counterexample:
    """Return a failing example with what happened in it."""
    session, _ = task.drive(example)
    sent = _sent(example)
    taking_part = {line.split(":")[0].split(" begins")[0] for line in session.told}
    steps = [f"{number:3}  {line}" for number, line in enumerate(session.told, start=1)]
    return Counterexample(
        failed.property, failed.sentence, example, (*sent, *steps), failed.size[0], len(example.rows), len(taking_part)
    )


def _sent(example: AttemptExample) -> list[str]:
    return [f"ring {ring}: client {client} batch {seq} of {count}" for ring, client, seq, count in example.rows]
