"""The publication policies as programs: where flushes, fences, guards and acknowledgements of a scanner stand.

`publishing` makes a scanner of any design publish by a policy. Sound on hosts that are not coherent:

    PerMessage    flush and fence for each message's header; then the entry with its guard; then the acknowledgement
    PerBatch      flush every message header and fence once; then as above
    SingleFence   one fence for all that a guard vouches for. Nobody waits for the guard's own write-back: the next
                  fence stands behind it, and then the batch is acknowledged
    Epoch         as SingleFence, with one fence and a burst of guards for a group of batches

A group that is not full is closed, and what is not acknowledged is, when a look at all that the scanner waits for finds
nothing: no batch waits for one that may never come. Where memory is coherent `Coherent` needs none of all this.
"""

from __future__ import annotations

from typing import Any, ClassVar

from fencepost.model.programs.layout import chain, message
from fencepost.model.programs.operations import (
    Flush,
    Label,
    Poll,
    Prefetch,
    Program,
    Store,
    StoreFence,
    Watched,
    without,
    witness,
)
from fencepost.model.programs.roles.scanner import DELIVER, Scanner, Slot
from fencepost.model.programs.sequencers.worker import Worker

AHEAD = 8  # message headers that are fetched ahead of the one that is written, as the native code does


class Publishing(Scanner):
    """A scanner that may also write positions into message headers, as level 4 may."""

    messages: ClassVar[bool] = False
    group_size: ClassVar[int] = 1  # batches whose guards are stored together

    def write_messages(self, slot: Slot, start: int, *, fences: bool) -> Program:
        """Write each message's position into its header, and begin to write that back; `fences`: wait each time."""
        count, place = slot.count if self.messages else 0, slot.index % self.slots
        for number in range(min(AHEAD, count)):
            yield Prefetch(message(slot.ring, place, number))
        for number in range(count):
            line = message(slot.ring, place, number)
            if number + AHEAD < count:
                yield Prefetch(message(slot.ring, place, number + AHEAD))
            yield Store((*line, "total"), start + number)
            yield Flush(line)
            if fences:
                yield StoreFence()


class PerMessage(Publishing):
    """A fence for each message."""

    def publish(self, slot: Slot, start: int) -> Program:
        yield from self.write_messages(slot, start, fences=True)
        yield from super().publish(slot, start)


class PerBatch(Publishing):
    """A fence for all messages of a batch."""

    def publish(self, slot: Slot, start: int) -> Program:
        yield from self.write_messages(slot, start, fences=False)
        if self.messages:
            yield StoreFence()
        yield from super().publish(slot, start)


class Held:
    """What a thread holds back, whichever rings it is of: a fence of the thread is one for all of them."""

    def __init__(self) -> None:
        self.group: list[tuple[Epoch, Slot, int]] = []  # entries without a guard, and what that will be
        self.raised: list[tuple[Epoch, Slot]] = []  # guards that no fence stands behind yet


class Epoch(Publishing):
    """One fence for a group of batches, then their guards; each is acknowledged behind a later fence."""

    def __init__(self, ring: int, slots: int, **given: Any) -> None:
        super().__init__(ring, slots, **given)
        self.held = Held()

    def run(self) -> Program:
        yield from self.finishing(super().run())

    def finishing(self, program: Program) -> Program:
        """Hold nothing back where a program would wait."""
        result = None
        while True:
            try:
                operation = program.send(result)
            except StopIteration:
                return
            if isinstance(operation, Poll) and (self.held.group or self.held.raised):
                idle = Watched(("idle", self.chain, "never"), -1)  # always differs, so that this look waits for nothing
                result = yield Poll((*operation.watched, idle))
                if result[0] < len(operation.watched):
                    continue
                yield from self.finish()
            result = yield operation

    def publish(self, slot: Slot, start: int) -> Program:
        yield from self.write_messages(slot, start, fences=False)
        line = chain(self.chain, self._released_count % self.slots)
        self._released_count += 1
        yield witness("export", ring=slot.ring, index=slot.index, kind=DELIVER, chain=self.chain)
        yield Store((*line, "entry"), (slot.index, start, DELIVER))
        yield Flush(line)
        self.held.group.append((self, slot, self._released_count))
        if len(self.held.group) >= self.group_size:
            yield from self.raise_guards()

    def raise_guards(self) -> Program:
        """Wait for what the guards vouch for; acknowledge what was raised before; store the guards."""
        yield StoreFence()
        yield from self.acknowledge_raised()
        group, self.held.group = self.held.group, []
        for scanner, slot, number in group:
            line = chain(scanner.chain, (number - 1) % self.slots)
            yield Store((*line, "guard"), number, scanner.published(slot))
            yield Flush(line)
            self.held.raised.append((scanner, slot))

    def acknowledge_raised(self) -> Program:
        """Let brokers acknowledge the batches whose guards a fence stands behind, and count no other among them."""
        raised, self.held.raised = self.held.raised, []
        for scanner, slot in raised:
            yield from scanner.acknowledge_one(slot)

    def acknowledge_one(self, slot: Slot) -> Program:
        """Count a batch of this ring, and let its broker acknowledge it; nothing relies on a fence behind that."""
        self._ordered_of[slot.client] = self._ordered_of.get(slot.client, 0) + 1
        yield from without(self.acknowledge(slot), StoreFence)

    def finish(self) -> Program:
        """Hold nothing back any more."""
        if self.held.group:
            yield from self.raise_guards()
        if self.held.raised:
            yield StoreFence()
            yield from self.acknowledge_raised()


class PublishingWorker(Worker):
    """A worker whose views of the rings publish by a policy. They hold back together.

    Each for itself would let a ring's broker acknowledge past a copy that was dropped there, while its batch is held
    back on another ring.
    """

    def __init__(self, ring: int, slots: int, **given: Any) -> None:
        super().__init__(ring, slots, **given)
        first = self.views[0]
        for view in self.views:
            if isinstance(view, Epoch) and isinstance(first, Epoch):
                view.held = first.held

    def run(self) -> Program:
        first, program = self.views[0], super().run()
        yield from first.finishing(program) if isinstance(first, Epoch) else program


class SingleFence(Epoch):
    """One fence for a batch."""


class Coherent(Publishing):
    """Nothing is flushed: for hosts that share one coherent memory."""

    def export(self, slot: Slot, start: int, kind: int, label: Label | None = None) -> Program:
        yield from without(super().export(slot, start, kind, label), Flush, StoreFence)

    def acknowledge(self, slot: Slot) -> Program:
        yield from without(super().acknowledge(slot), Flush, StoreFence)


POLICIES: dict[str, type[Publishing]] = {
    "none": Coherent,
    "per_message": PerMessage,
    "per_batch": PerBatch,
    "single_fence": SingleFence,
    "epoch": Epoch,
}


def publishing(scanner: type[Scanner], policy: str, *, messages: bool = False, group_size: int = 16) -> type[Scanner]:
    """Return a design's scanner that publishes by a policy; `messages`: it also writes every message's header."""
    kind = POLICIES[policy]
    chosen = {"messages": messages, "group_size": group_size if policy == "epoch" else 1}
    if not issubclass(scanner, Worker):
        return type(f"{kind.__name__}{scanner.__name__}", (kind, scanner), chosen)
    view = type(f"{kind.__name__}{scanner.view.__name__}", (kind, scanner.view), chosen)
    return type(f"{kind.__name__}{scanner.__name__}", (PublishingWorker, scanner), {"view": view})
