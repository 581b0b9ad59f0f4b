"""The contract, checked while a run happens: each event is held against what was promised before it.

The watch sees what happens and knows nothing of how a sequencer works. It costs a few comparisons an event. A
violation is kept with its time and its sentence; the run goes on, so that one fault does not hide another.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from fencepost.model.contract import Level, promised
from fencepost.model.simulation.records import NEVER, Batch, Slot

# What happens in a run can show these; `drained` is asked when it has ended.
WATCHED = (
    "unique", "dense", "ring-order", "client-order", "prefix", "once", "real-time", "visible", "ack-safe",
    "no-overwrite", "drained",
)  # fmt: skip


@dataclass(frozen=True)
class Broken:
    """The first violation of a property: when it happened, and how."""

    property: str
    at_ns: int
    sentence: str

    def said(self) -> str:
        """Return when and how, in words."""
        return f"at {self.at_ns} ns: {self.sentence}"


@dataclass
class Monitor:
    """Told of every event of a run; `broken` has the first violation of each property, `times` how many there were."""

    level: Level
    enabled: bool = True
    broken: dict[str, Broken] = field(default_factory=dict)
    times: dict[str, int] = field(default_factory=dict)
    issued: int = 0
    acked_to: int = 0  # the end of the highest range that is acked
    unfinished: str = ""  # what was left over when the time to drain was up, while batches still moved
    _given_to: int = 0  # every position below is given to a batch
    _above: dict[int, int] = field(default_factory=dict)  # ranges given above that: their ends by their starts
    _next: dict[int, int] = field(default_factory=dict)  # of a client: the seq that is ordered next
    _last_start: dict[int, int] = field(default_factory=dict)  # of a client
    _furthest: dict[int, tuple[int, int]] = field(default_factory=dict)  # of a ring: the last slot ordered, its start
    _ahead: dict[int, dict[int, int]] = field(default_factory=dict)  # of a client: start by seq, ordered too early

    def properties(self) -> list[str]:
        """Return the names of the properties that this watch decides about."""
        return [name for name in promised(self.level) if name in WATCHED]

    def _violated(self, name: str, at_ns: int, sentence: str) -> None:
        self.times[name] = self.times.get(name, 0) + 1
        if name not in self.broken:
            self.broken[name] = Broken(name, at_ns, sentence)

    def reserved(self, start: int, count: int, at_ns: int) -> None:
        """A range was taken from the counter."""
        if not self.enabled:
            return
        if start < self.issued:
            self._violated("unique", at_ns, f"range {start}..{start + count - 1} was taken, {self.issued} were issued")
        elif start > self.issued:
            self._violated("dense", at_ns, f"range from {start} was taken, only {self.issued} were issued")
        self.issued = max(self.issued, start + count)

    def given(self, start: int, count: int, at_ns: int) -> None:
        """A batch was given a range, of which it is not seen when it was taken from the counter.

        Ranges come in any order: what is below one that came first may be in flight, so only the end shows a hole.
        """
        if not self.enabled:
            return
        end = start + count
        if start < self._given_to or any(start < other_end and other < end for other, other_end in self._above.items()):
            self._violated("unique", at_ns, f"range {start}..{end - 1} was given, part of it was given before")
        self._above[start] = max(end, self._above.get(start, 0))
        while self._given_to in self._above:
            self._given_to = self._above.pop(self._given_to)
        self.issued = max(self.issued, end)

    def assigned(self, slot: Slot, at_ns: int) -> None:
        """A slot's batch was given its positions."""
        if not self.enabled:
            return
        batch, start = slot.batch, slot.start
        if start + batch.count > self.issued:
            self._violated("unique", at_ns, f"{_named(batch)} has positions from {start}: {self.issued} were issued")
        if start < slot.floor:
            self._violated("real-time", at_ns, f"{_named(batch)} is at {start}: acked before it was sent: {slot.floor}")
        if self.level == 4:
            self._assigned_in_client_order(batch, start, at_ns)
        else:
            index, last = self._furthest.get(slot.ring, (NEVER, NEVER))
            if (slot.index < index) != (start < last):
                sentence = (
                    f"{_named(batch)}, slot {slot.index} of ring {slot.ring}, is at {start}; slot {index} at {last}"
                )
                self._violated("ring-order", at_ns, sentence)
            if slot.index > index:
                self._furthest[slot.ring] = (slot.index, start)

    def _assigned_in_client_order(self, batch: Batch, start: int, at_ns: int) -> None:
        client, seq = batch.client, batch.seq
        expected = self._next.get(client, 0)
        ahead = self._ahead.get(client)
        if seq < expected or (ahead and seq in ahead):
            self._violated("once", at_ns, f"{_named(batch)} is ordered again, at {start}")
        elif seq > expected:
            self._violated("prefix", at_ns, f"{_named(batch)} is ordered at {start}, batch {expected} is not yet")
            self._ahead.setdefault(client, {})[seq] = start
        else:
            last = self._last_start.get(client, NEVER)
            if start < last or (ahead and start > min(ahead.values())):
                other = last if start < last else min((ahead or {}).values())
                sentence = f"{_named(batch)} is at {start}, another of the client at {other}"
                self._violated("client-order", at_ns, sentence)
            expected += 1
            while ahead and expected in ahead:
                start = max(start, ahead.pop(expected))
                expected += 1
            self._next[client] = expected
            self._last_start[client] = max(start, last)

    def read(self, slot: Slot, found: tuple[int, int, int], at_ns: int) -> None:
        """A subscriber found this client, seq and start where the slot's batch should be."""
        expected = (slot.batch.client, slot.batch.seq, slot.start)
        if self.enabled and found != expected:
            self._violated("visible", at_ns, f"{_named(slot.batch)} is read as {found}, expected {expected}")

    def delivered(self, slot: Slot, at_ns: int) -> None:
        """A subscriber was given the slot's batch."""
        if self.enabled and not NEVER < slot.offered_ns <= at_ns:
            self._violated("visible", at_ns, f"{_named(slot.batch)} is delivered before its position is readable")

    def acked(self, copy: Slot, at_ns: int) -> None:
        """The ack of a batch departs, for this copy of it: the client may forget the batch."""
        if not self.enabled:
            return
        if not NEVER < copy.offered_ns <= at_ns:
            self._violated("ack-safe", at_ns, f"{_named(copy.batch)} is acked before its position is readable")
            return
        self.acked_to = max(self.acked_to, copy.start + copy.batch.count)

    def filled(self, slot: Slot, before: Slot | None, at_ns: int) -> None:
        """A slot was filled in the place of the one `before`."""
        if self.enabled and before is not None and not before.consumed:
            self._violated("no-overwrite", at_ns, f"{_named(slot.batch)} overwrites {_named(before.batch)}")

    def ended(self, left_over: str, at_ns: int, *, is_moving: bool) -> None:
        """The time is up; `left_over` is what should have been done. While batches move, it may still be."""
        if self.enabled and left_over and is_moving:
            self.unfinished = f"batches may still have moved when the time to drain was up: {left_over}"
        elif self.enabled and left_over:
            self._violated("drained", at_ns, left_over)
        if self.enabled and self._above and not is_moving:
            first = min(self._above)
            self._violated(
                "dense", at_ns, f"positions {self._given_to}..{first - 1} were given to no batch, {first} was"
            )


def _named(batch: Batch) -> str:
    return f"client {batch.client} batch {batch.seq}"
