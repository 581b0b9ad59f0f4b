"""Acceptance: whether some run of the spec gives the answers that a sequencer gave.

The spec leaves open who goes first, and one attempt is several of its steps. So all states are kept that it may be in
after what was seen: attempts that overlap may have taken their steps in any order between their beginnings and ends.
An answer is accepted if it is the one of some state that is left.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from fencepost.model.contract import Level
from fencepost.model.errors import NotAccepted
from fencepost.model.language import Map
from fencepost.model.specs import protocol
from fencepost.model.specs.log import Log
from fencepost.model.specs.order4 import IDLE, LEFT, RESERVED, TAKEN
from fencepost.native.sequencers import Attempt, AttemptOutcome

SPECS: dict[Level, str] = {4: "order4.claim", 5: "order5.fetch_add"}
"""The spec of a level that allows most: whoever claims first may make others wait."""


@dataclass(frozen=True, slots=True)
class Opened:
    """An attempt in progress: the slot, and the start of its range once reserved. No tuple: an `Attempt` is one."""

    slot: int
    start: int = -1


Progress = tuple[Opened | Attempt | None, ...]  # of each ring: an attempt in progress, its answer, or nothing


_OF_ROWS = ("row_at", "message_at")  # position by position what the rows of the history say already


class Possible(NamedTuple):
    """One state that the spec may be in. Specs are never changed; a step makes another one."""

    spec: Log
    progress: Progress

    def key(self) -> object:
        values = (getattr(self.spec, name) for name in self.spec.fields if name not in _OF_ROWS)
        return *(each.frozen() if isinstance(each, Map) else each for each in values), self.progress


class Acceptor:
    """What a level's spec may be in, after what was seen."""

    def __init__(self, level: Level, ring_count: int) -> None:
        self.level = level
        spec = protocol(SPECS[level])()
        assert isinstance(spec, Log)
        self._possible = [Possible(spec, (None,) * ring_count)]
        self.was_kept_off = False  # the last answer, `later`, has no reason but another attempt on the same client

    def arrive(self, ring: int, client: int, seq: int, count: int) -> None:
        """A batch is in the ring now."""
        self._fire_all("arrive", ring=ring, client=client, seq=seq, count=count)

    def restart(self, ring: int) -> None:
        """A scanner without an attempt in progress forgets what it set aside, and begins with its first slot again."""
        if self.level == 4:
            self._fire_all("restart", ring=ring)

    def begin(self, ring: int, index: int) -> None:
        """A scanner begins an attempt on a slot."""
        self._possible = [Possible(each.spec, _with(each.progress, ring, Opened(index))) for each in self._possible]

    def acknowledge(self, client: int, acked: int, issued: int) -> bool:
        """Take it that a client may forget its first `acked` batches; say whether they may be ordered by now.

        They are in a state that the attempts in progress can have led to, in which as many positions are issued as the
        sequencer says: what has no positions yet is not ordered. From here on it may be in such a state only.
        """
        left = [
            each
            for each in self._all_reachable()
            if each.spec.issued == issued and _ordered_count(each.spec, client, self.level) >= acked
        ]
        self._possible = left or self._possible
        return bool(left)

    def end(self, ring: int, answer: Attempt, *, met_another: bool = False) -> str:
        """Take the answer of an attempt; return "" if it is accepted, else which answers would have been.

        At level 4 an attempt that met another one on the same client may also be answered `later`.
        """
        reached = self._all_reachable()
        left = [each for each in reached if each.progress[ring] == answer]
        self.was_kept_off = not left
        if met_another and self.level == 4 and answer.outcome == AttemptOutcome.LATER:
            left += _set_aside(reached, ring)
        if not left:
            allowed = {each.progress[ring] for each in reached if isinstance(each.progress[ring], Attempt)}
            return " or ".join(sorted(words(each) for each in allowed if isinstance(each, Attempt))) or "none"
        self._possible = [Possible(each.spec, _with(each.progress, ring, None)) for each in left]
        return ""

    def _fire_all(self, action: str, **arguments: int) -> None:
        fired = []
        for each in self._possible:
            spec = each.spec.copy()
            if spec.try_fire(action, **arguments):
                fired.append(Possible(spec, each.progress))
        self._possible = fired

    def _all_reachable(self) -> list[Possible]:
        """Return the states that the attempts in progress can lead to, however they go on."""
        found = {each.key(): each for each in self._possible}
        waiting = list(found.values())
        while waiting:
            each = waiting.pop()
            for following in self._steps(each):
                key = following.key()
                if key not in found:
                    found[key] = following
                    waiting.append(following)
        return list(found.values())

    def _steps(self, at: Possible) -> Iterator[Possible]:
        """Yield what one step of one attempt in progress leads to."""
        for ring, progress in enumerate(at.progress):
            if isinstance(progress, Opened):
                steps = _steps_4(at.spec, ring, progress) if self.level == 4 else _steps_5(at.spec, ring, progress)
                for spec, after in steps:
                    yield Possible(spec, _with(at.progress, ring, after))


def _ordered_count(spec: Log, client: int, level: Level) -> int:
    """Return how many of a client's batches, at level 4 from its first on, are published."""
    rows = [row for row in range(spec.length) if spec.client_of[row] == client and spec.published[row]]
    if level == 5:
        return len(rows)
    seqs = {spec.seq_of[row] for row in rows}
    return next(seq for seq in range(len(seqs) + 1) if seq not in seqs)


def _set_aside(reached: list[Possible], ring: int) -> Iterator[Possible]:
    """Yield the states in which an attempt has done nothing yet, with its slot set aside."""
    for each in reached:
        opened, stage = each.progress[ring], each.spec.stage[ring]  # type: ignore[attr-defined]  # of OneInHand
        if isinstance(opened, Opened) and stage == IDLE:
            spec = each.spec.copy()
            if spec.cursor[ring] == opened.slot:
                spec.set_aside(ring)  # type: ignore[attr-defined]  # of Order4
            yield Possible(spec, each.progress)


Step = tuple[Log, Opened | Attempt]


def _steps_4(spec: Log, ring: int, opened: Opened) -> Iterator[Step]:
    stage = spec.stage[ring]  # type: ignore[attr-defined]  # of OneInHand
    if stage == IDLE:
        yield from _fired(spec, "claim", opened, ring=ring, index=opened.slot)
        yield from _fired(spec, "drop", Attempt(AttemptOutcome.DUPLICATE, -1), ring=ring, index=opened.slot)
        later = Attempt(AttemptOutcome.LATER, -1)
        if spec.parked(ring, opened.slot):  # type: ignore[attr-defined]  # of Order4
            client, seq = spec.slot_client[ring, opened.slot], spec.slot_seq[ring, opened.slot]
            if spec.early(client, seq):  # type: ignore[attr-defined]  # of Order4Claim
                yield spec, later
        elif spec.cursor[ring] == opened.slot:
            yield from _fired(spec, "park", later, ring=ring)
    elif stage == TAKEN:
        yield from _fired(spec, "reserve", Opened(opened.slot, spec.issued), ring=ring)
    elif stage == RESERVED:
        yield from _fired(spec, "release", opened, ring=ring)
    elif stage == LEFT:
        yield from _fired(spec, "publish", Attempt(AttemptOutcome.ORDERED, opened.start), ring=ring)


def _steps_5(spec: Log, ring: int, opened: Opened) -> Iterator[Step]:
    if opened.start < 0:
        if spec.cursor[ring] == opened.slot:
            yield from _fired(spec, "reserve", Opened(opened.slot, spec.issued), ring=ring)
    else:
        yield from _fired(spec, "publish", Attempt(AttemptOutcome.ORDERED, opened.start), ring=ring)


def _fired(spec: Log, action: str, after: Opened | Attempt, **arguments: int) -> Iterator[Step]:
    following = spec.copy()
    try:
        following.fire(action, **arguments)
    except NotAccepted:
        return
    yield following, after


def _with(progress: Progress, ring: int, value: Opened | Attempt | None) -> Progress:
    return (*progress[:ring], value, *progress[ring + 1 :])


def words(answer: Attempt) -> str:
    """Return an answer in words."""
    name = AttemptOutcome(answer.outcome).name.lower()
    return f"{name} at {answer.start_position}" if answer.outcome == AttemptOutcome.ORDERED else name
