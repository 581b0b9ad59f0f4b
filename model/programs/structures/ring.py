"""A ring of lines with one writer and some readers, passed again and again, and the policies that publish in it.

`native/include/fencepost/structures/lap_ring.hpp` and `publication.hpp`, operation by operation. A guard holds the full
index of its value plus one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from fencepost.model.errors import unknown_choice
from fencepost.model.programs.operations import Flush, FullFence, Line, Load, Store, StoreFence
from fencepost.model.programs.structures.structure import (
    PAUSE,
    Laid,
    Returned,
    Steps,
    Structure,
    check_numbers,
    never_ended,
    thread,
)

OPEN = -1  # the final count of a ring that is not closed: all bits of the word are set
STRIDE_SIZE = 64  # from one message's header to the next
HEADER = (
    "padded_size", "logical_offset", "position", "next_distance",
    "reserved_0", "reserved_1", "reserved_2", "reserved_3",
)  # fmt: skip
"""The words of a message's header."""
EPOCH_BATCHES = 2
FIRST_POSITION = 7  # of the first value's first message; a header never written holds 0


@dataclass(frozen=True)
class Ring:
    """The words of one ring; `of` tells the rings of one structure apart."""

    slots: int
    readers: int
    fields: tuple[str, ...] = ("value",)
    of: tuple[int, ...] = ()

    def slot(self, index: int) -> Line:
        return ("slot", *self.of, index % self.slots)

    def cursor(self, reader: int) -> Line:
        return ("cursor", *self.of, reader)

    @property
    def final(self) -> Line:
        return ("final", *self.of)

    @property
    def lines(self) -> tuple[Laid, ...]:
        """Return the lines in the order in which the native ring makes them."""
        slots = tuple(Laid(self.slot(index), ("guard", *self.fields)) for index in range(self.slots))
        cursors = tuple(Laid(self.cursor(reader), ("consumed",)) for reader in range(self.readers))
        final = Laid(self.final, ("count",), {"count": OPEN})
        return (*slots, *cursors, final, Laid(("abandoned", *self.of), ("flag",)))


class Writer:
    """The writing end. A generator method is what its native namesake does to memory."""

    def __init__(self, ring: Ring) -> None:
        self.ring = ring
        self.placed = self.raised = self.consumed = 0

    def has_room(self, count: int) -> Steps:
        if self.placed + count - self.consumed <= self.ring.slots:
            return True
        counts = []
        for reader in range(self.ring.readers):
            cursor = self.ring.cursor(reader)
            yield Flush(cursor)
            yield FullFence()
            counts.append((yield Load((*cursor, "consumed"))))
        self.consumed = min(counts)
        return self.placed + count - self.consumed <= self.ring.slots

    def place(self, values: tuple[int, ...]) -> Steps:
        for name, value in zip(self.ring.fields, values, strict=True):
            yield Store((*self.ring.slot(self.placed), name), value)
        self.placed += 1

    @property
    def placed_line(self) -> Line:
        return self.ring.slot(self.placed - 1)

    @property
    def raise_line(self) -> Line:
        return self.ring.slot(self.raised)

    def raise_guard(self) -> Steps:
        self.raised += 1
        yield Store((*self.ring.slot(self.raised - 1), "guard"), self.raised)

    def close(self) -> Steps:
        yield Store((*self.ring.final, "count"), self.raised)
        yield Flush(self.ring.final)
        yield StoreFence()


class Reader:
    """One of the readers."""

    def __init__(self, ring: Ring, number: int) -> None:
        self.ring, self.number, self.consumed = ring, number, 0

    def readable_count(self, count: int) -> Steps:
        for found in range(count):
            slot = self.ring.slot(self.consumed + found)
            yield Flush(slot)
            yield FullFence()
            if (yield Load((*slot, "guard"))) != self.consumed + found + 1:
                return found
        return count

    def at(self, offset: int) -> Steps:
        slot = self.ring.slot(self.consumed + offset)
        values = []
        for name in self.ring.fields:
            values.append((yield Load((*slot, name))))
        return tuple(values)

    def consume(self, count: int) -> Steps:
        if count == 0:
            return
        self.consumed += count
        cursor = self.ring.cursor(self.number)
        yield Store((*cursor, "consumed"), self.consumed)
        yield Flush(cursor)
        yield StoreFence()

    def is_finished(self) -> Steps:
        yield Flush(self.ring.final)
        yield FullFence()
        return (yield Load((*self.ring.final, "count"))) == self.consumed


# --- publication ---


class Policy:
    """Where write-backs, fences and the guard stand. `headers` are the lines of the batch's messages."""

    def __init__(self) -> None:
        self.held = 0  # placed, and their guards not yet raised

    def publish(self, writer: Writer, values: tuple[int, ...], headers: tuple[Line, ...], start: int) -> Steps:
        raise NotImplementedError

    def finish(self, writer: Writer) -> Steps:
        yield from ()


def assign(header: Line, index: int, start: int) -> Steps:
    """Write a message's place into its header."""
    for word, value in (("logical_offset", index), ("position", start + index), ("next_distance", STRIDE_SIZE)):
        yield Store((*header, word), value)


def assigned(headers: tuple[Line, ...], start: int) -> Steps:
    """Write each message's place into its header, and that back."""
    for index, header in enumerate(headers):
        yield from assign(header, index, start)
        yield Flush(header)


def raised(writer: Writer) -> Steps:
    """Raise the next guard and write it back."""
    line = writer.raise_line
    yield from writer.raise_guard()
    yield Flush(line)


class PerMessage(Policy):
    """A fence for each message, one for the record, one for the guard."""

    def publish(self, writer: Writer, values: tuple[int, ...], headers: tuple[Line, ...], start: int) -> Steps:
        for index, header in enumerate(headers):
            yield from assign(header, index, start)
            yield Flush(header)
            yield StoreFence()
        yield from writer.place(values)
        yield Flush(writer.placed_line)
        yield StoreFence()
        yield from raised(writer)
        yield StoreFence()


class SingleFence(Policy):
    """One fence for all messages and the record; the guard's is left to the next batch."""

    def publish(self, writer: Writer, values: tuple[int, ...], headers: tuple[Line, ...], start: int) -> Steps:
        yield from self.written_back(writer, values, headers, start)
        yield StoreFence()
        yield from raised(writer)

    def written_back(self, writer: Writer, values: tuple[int, ...], headers: tuple[Line, ...], start: int) -> Steps:
        yield from assigned(headers, start)
        yield from writer.place(values)
        yield Flush(writer.placed_line)

    def finish(self, writer: Writer) -> Steps:
        yield StoreFence()


class PerBatch(SingleFence):
    """Two-phase: one fence for all messages and the record, one for the guard."""

    def publish(self, writer: Writer, values: tuple[int, ...], headers: tuple[Line, ...], start: int) -> Steps:
        yield from super().publish(writer, values, headers, start)
        yield StoreFence()

    def finish(self, writer: Writer) -> Steps:
        yield from ()


class PerEpoch(Policy):
    """One fence and a burst of guards for several batches. A record is on its guard's line and written back with it."""

    def publish(self, writer: Writer, values: tuple[int, ...], headers: tuple[Line, ...], start: int) -> Steps:
        yield from assigned(headers, start)
        yield from writer.place(values)
        self.held += 1
        if self.held == EPOCH_BATCHES:
            yield from self._raise_all(writer)

    def finish(self, writer: Writer) -> Steps:
        yield from self._raise_all(writer)
        yield StoreFence()

    def _raise_all(self, writer: Writer) -> Steps:
        if self.held:
            yield StoreFence()
        for _ in range(self.held):
            yield from raised(writer)
        self.held = 0


class Seed(Policy):
    """UNSOUND, as at 09ae22d: the guard is stored after the last fence and never written back."""

    def publish(self, writer: Writer, values: tuple[int, ...], headers: tuple[Line, ...], start: int) -> Steps:
        for index, header in enumerate(headers):
            yield from assign(header, index, start)
            yield Flush(header)
            yield StoreFence()
        yield from writer.place(values)
        yield Store((*PROGRESS.line, "ordered_count"), writer.raised + 1)
        yield Flush(PROGRESS.line)
        yield Flush(writer.placed_line)
        yield StoreFence()
        yield from writer.raise_guard()


class GuardBeforeFence(SingleFence):
    """UNSOUND: the guard is raised in front of the fence behind what it vouches for."""

    def publish(self, writer: Writer, values: tuple[int, ...], headers: tuple[Line, ...], start: int) -> Steps:
        yield from self.written_back(writer, values, headers, start)
        yield from raised(writer)
        yield StoreFence()

    def finish(self, writer: Writer) -> Steps:
        yield from ()


PROGRESS = Laid(("progress",), ("ordered_count",))
POLICIES: dict[str, Callable[[], Policy]] = {
    "per_message": PerMessage,
    "per_batch": PerBatch,
    "single_fence": SingleFence,
    "epoch": PerEpoch,
    "seed": Seed,
    "guard_before_fence": GuardBeforeFence,
}
"""By name, in the order in which stepped/structures.hpp numbers them; the last two are unsound."""


# --- the program ---

FAULTS = ("", "room_not_asked", "given_back_first")


def lap_ring(
    policy: str = "single_fence",
    *,
    slots: int = 1,
    values: int = 2,
    readers: int = 1,
    messages: int = 0,
    fault: str = "",
) -> Structure:
    """Return a writer of so many values, and readers that take each as soon as they see it.

    Each value vouches for `messages` headers elsewhere, which a reader looks at too. Faults: `room_not_asked`, the
    writer passes readers; `given_back_first`, a reader gives a slot back before it reads what is in it.
    """
    if policy not in POLICIES:
        raise unknown_choice("policy", policy, POLICIES)
    if fault not in FAULTS:
        raise unknown_choice("fault", fault, FAULTS)
    check_numbers(slots=slots, values=values, readers=readers)
    check_numbers(messages=messages + 1)
    ring = Ring(slots, readers)
    headers = tuple(tuple(("message", value, index) for index in range(messages)) for value in range(values))

    def write() -> Steps:
        writer, publication = Writer(ring), POLICIES[policy]()
        for value in range(values):
            if fault != "room_not_asked" and not (yield from writer.has_room(1)):
                yield from publication.finish(writer)
                while not (yield from writer.has_room(1)):
                    yield PAUSE
            yield from publication.publish(writer, (value + 1,), headers[value], FIRST_POSITION + value * messages)
        yield from publication.finish(writer)
        yield from writer.close()
        return ()

    threads = (
        thread("writer", 0, write),
        *(thread(f"reader {each}", 1 + each, partial(follow, ring, each, headers, fault)) for each in range(readers)),
    )
    lines = (*ring.lines, *(Laid(header, HEADER) for each in headers for header in each))
    expected = tuple(
        each
        for value in range(values)
        for each in (value + 1, *(FIRST_POSITION + value * messages + at for at in range(messages)))
    )

    def wrong(returned: Returned) -> tuple[str, str] | None:
        return taken_wrong(returned[1:], expected, 1 + messages) or never_ended(threads, returned)

    return Structure(
        "lap_ring",
        fault or policy,
        (list(POLICIES).index(policy), slots, values, readers, messages, FAULTS.index(fault)),
        (*lines, PROGRESS) if policy == "seed" else lines,
        threads,
        wrong,
        f"{values} values of {messages} messages by {policy} through {slots} slots to {readers} readers",
        single_writer=True,
    )


def follow(ring: Ring, number: int, headers: tuple[tuple[Line, ...], ...], fault: str = "") -> Steps:
    """Take value by value until the ring is finished; return the values, each with the positions of its messages."""
    reader, taken = Reader(ring, number), list[int]()
    while True:
        if (yield from reader.readable_count(1)) == 0:
            if (yield from reader.is_finished()):
                return tuple(taken)
            yield PAUSE
            continue
        of_value = headers[reader.consumed]
        if fault == "given_back_first":
            yield from reader.consume(1)
            taken += yield from reader.at(reader.ring.slots - 1)
        else:
            taken += yield from reader.at(0)
        for header in of_value:
            yield Flush(header)
            yield FullFence()
            taken.append((yield Load((*header, "position"))))
        if fault != "given_back_first":
            yield from reader.consume(1)


def taken_wrong(returned: Returned, expected: tuple[int, ...], width: int) -> tuple[str, str] | None:
    """Return the violation of the first reader that took something else, `width` numbers a value, the value first."""
    for reader, values in enumerate(returned):
        for place, (found, meant) in enumerate(zip(values or (), expected, strict=False)):
            if found == meant:
                continue
            name = "no-overwrite" if place % width == 0 and found > meant else "visible"
            return name, f"reader {reader} found {found} where {meant} was placed"
        if values is not None and len(values) != len(expected):
            return "drained", f"reader {reader} took {len(values)} of {len(expected)}"
    return None
