"""What a simulated run writes down: its batches, the slots they came to, and when what took how long."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field

import numpy as np

from fencepost.model.histories.records import IntColumn

NEVER = -1


class Batch:
    """One batch as its client knows it. Times in nanoseconds, -1 for what has not happened."""

    __slots__ = ("acked_copy", "acked_ns", "broker", "client", "count", "due_ns", "first", "sent_ns", "seq", "size")

    def __init__(self, client: int, seq: int, count: int, size: int, due_ns: int) -> None:
        self.client, self.seq, self.count, self.size, self.due_ns = client, seq, count, size, due_ns
        self.sent_ns = NEVER  # the last time
        self.acked_ns = NEVER
        self.acked_copy: Slot | None = None  # the copy of it whose ack came first
        self.broker = 0  # to which it was sent last, and which acks it
        self.first: Slot | None = None  # the copy of it that was ordered first


class Slot:
    """One arrival of a batch at a ring: a header slot and what became of it."""

    __slots__ = (
        "ackable_with_guard", "attempted_ns",
        "batch", "consumed", "delivered_ns", "filled_ns", "floor", "index", "offered_ns", "ordered_ns", "parked_ns",
        "published_ns", "readable", "ring", "sent_ns", "settled", "start",
    )  # fmt: skip

    def __init__(self, batch: Batch, ring: int, sent_ns: int, floor: int) -> None:
        self.batch, self.ring, self.sent_ns, self.floor = batch, ring, sent_ns, floor
        self.index = NEVER
        self.filled_ns = NEVER  # the receiver stored it
        self.readable = False  # the sequencer's host may see it
        self.parked_ns = NEVER
        self.attempted_ns = NEVER  # the attempt began that ordered it
        self.start = NEVER  # its first position
        self.ordered_ns = NEVER  # it got that
        self.published_ns = NEVER  # the sequencer stored its position and the flag that offers it
        self.offered_ns = NEVER  # a subscriber's host may see that
        self.delivered_ns = NEVER
        self.ackable_with_guard = False  # the guard is the acknowledgement too
        self.settled = False  # ordered or dropped: the sequencer is done with it
        self.consumed = False  # every reader is done with it: its place may be used again


@dataclass
class Tally:
    """Numbers, each with the time it belongs to; both in nanoseconds unless said otherwise."""

    at_ns: array[int] = field(default_factory=lambda: array("q"))
    values: array[int] = field(default_factory=lambda: array("q"))

    def note(self, at_ns: int, value: int) -> None:
        self.at_ns.append(at_ns)
        self.values.append(value)

    def between(self, begin_ns: int, end_ns: int) -> IntColumn:
        """Return the values whose times are in [begin_ns, end_ns)."""
        at_ns, values = (np.frombuffer(each, dtype=np.int64) for each in (self.at_ns, self.values))
        return values[(begin_ns <= at_ns) & (at_ns < end_ns)]


@dataclass
class Busy:
    """When somebody worked: begins and lengths, which do not overlap."""

    begin_ns: array[int] = field(default_factory=lambda: array("q"))
    length_ns: array[int] = field(default_factory=lambda: array("q"))

    def note(self, begin_ns: int, length_ns: int) -> None:
        if length_ns:
            self.begin_ns.append(begin_ns)
            self.length_ns.append(length_ns)

    def share(self, begin_ns: int, end_ns: int) -> float:
        """Return the share of [begin_ns, end_ns) in which there was work."""
        spans = zip(self.begin_ns, self.length_ns, strict=True)
        worked = sum(max(0, min(begin + length, end_ns) - max(begin, begin_ns)) for begin, length in spans)
        return worked / (end_ns - begin_ns)


@dataclass
class Recorder:
    """All that one run writes down; the statistics are made of it afterwards."""

    slots: list[Slot] = field(default_factory=list)  # every slot that was filled, in that order
    batches: list[Batch] = field(default_factory=list)  # every batch that was due, in that order
    hold: Tally = field(default_factory=Tally)  # from parking to release
    staleness: Tally = field(default_factory=Tally)  # from a store to when another host could see it
    occupancy: list[Tally] = field(default_factory=list)  # of each ring: slots in use, after each change
    counter: Tally = field(default_factory=Tally)  # requests for the global counter: how long each waited
    client_words: Tally = field(default_factory=Tally)  # requests for clients' next-expected words
    lock: Tally = field(default_factory=Tally)  # requests for the lock: how long each waited for who held it
    lock_held: Tally = field(default_factory=Tally)  # from taking it to giving it back
    line_transfers: array[int] = field(default_factory=lambda: array("q"))  # when lines of lock, counter, words moved
    scanners: list[Busy] = field(default_factory=list)
    receivers: list[Busy] = field(default_factory=list)
    subscribers: list[Busy] = field(default_factory=list)
    operation_count: int = 0  # memory operations, at operation granularity
    counts: dict[str, int] = field(default_factory=dict)  # what happened how often, over the whole run

    def count(self, what: str, times: int = 1) -> None:
        self.counts[what] = self.counts.get(what, 0) + times

    def forget(self) -> None:
        """Let go of batches and slots, of which all that is asked is known: a million of them take 0.8 GB."""
        for batch in self.batches:
            batch.first = batch.acked_copy = None  # they refer to each other, and nobody looks for such garbage soon
        self.batches.clear()
        self.slots.clear()

    @classmethod
    def of(cls, brokers: int) -> Recorder:
        """Return an empty recorder for so many brokers."""
        recorder = cls()
        for _ in range(brokers):
            recorder.occupancy.append(Tally())
            recorder.scanners.append(Busy())
            recorder.receivers.append(Busy())
            recorder.subscribers.append(Busy())
        return recorder
