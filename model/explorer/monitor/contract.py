"""The contract, held against a run while it happens: every promise of `model/contract.py` that a run can break.

The watch knows what has come to pass and nothing of how: it shares no code with specs or programs. Where a promise is
about memory (what may be read after an acknowledgement) it asks what memory has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from fencepost.model.contract import Level
from fencepost.model.explorer.monitor.facts import Batch, Facts, Range
from fencepost.model.explorer.states.monitor import FACT, Violation
from fencepost.model.memory.lazy import Key
from fencepost.model.programs.layout import ISSUED
from fencepost.model.programs.operations import Address
from fencepost.model.programs.roles.scanner import PASS
from fencepost.model.trace import Step

ACKNOWLEDGEMENTS = ("acknowledge", "acknowledge_first")
ASKING = (*ACKNOWLEDGEMENTS, "commit")
"""Steps that are judged by what memory has."""
CONSUMED, WRITTEN = -2, -3  # frontiers of a ring that are no client's
FRONTIERS = {CONSUMED: "the count of consumed slots", WRITTEN: "what is said to be written"}
UNREAD = -1  # the client and seq of a batch that a scanner orders without reading whose it is


class Contract:
    """The promises of a level, as judgements of single steps and of the end of a run."""

    def __init__(
        self,
        level: Level,
        rings: int,
        guard: Callable[[int, int], tuple[Address, int]],
        *,
        subscribers: bool,
        acknowledgers: bool,
        readers: int = 0,
    ) -> None:
        """`guard` returns, of a ring and a place in its export chain, the word that offers it and its least value."""
        self.level, self.rings, self.guard = level, range(rings), guard
        self.subscribers, self.acknowledgers, self.readers = subscribers, acknowledgers, readers

    def judge(self, facts: Facts, step: Step, answers: tuple[Any, ...]) -> Iterator[Violation]:
        """Change the facts by a step; yield what it breaks. Steps that mean nothing to the contract are let pass."""
        handler: Callable[..., Iterator[Violation]] | None = getattr(self, f"_{step.action}", None)
        if handler is not None:
            if step.action in ASKING:
                yield from handler(facts, answers, **step.arguments)
            else:
                yield from handler(facts, **step.arguments)

    def concerns(self, facts: Facts, step: Step) -> tuple[tuple[Key, ...], tuple[Key, ...]]:
        """Return the facts that a step is judged by, and those that it changes, each as a key.

        Facts are told apart by ring or slot, so that what one thread does in its own order needs no order of another's.
        """
        given = step.arguments
        ordered = tuple((FACT, "ordered", each) for each in self.rings)
        match step.action:
            case "arrive":
                return tuple((FACT, "acked", each) for each in self.rings), ()
            case "overwrite":
                slot = given["ring"], given["slot"]
                before = facts.occupants.get(slot)
                return (() if before is None else ((FACT, "consumed", *before),)), ((FACT, "slot", *slot),)
            case "assign":
                return ordered, ((FACT, "ordered", given["ring"]), (FACT, "range", given["ring"], given["index"]))
            case "export":
                return (), ((FACT, "ordered", given["ring"]),)
            case "deliver":
                place = given["ring"], given["index"]
                return ((FACT, "range", *place),), ((FACT, "consumed", *place),)
            case "discard":
                return (), ((FACT, "consumed", given["ring"], given["index"]),)
            case "acknowledge" | "acknowledge_first":
                return ordered, ((FACT, "acked", given["ring"]),)
            case "commit":
                return ordered, ((FACT, "committed"),)
            case "read":  # that two readers disagree is seen whichever of them comes first
                return (*ordered, (FACT, "committed")), ()
            case "consumed" | "written":
                return (), ((FACT, given["ring"], step.action),)
            case "frontier":
                return (), ((FACT, "frontier", given["ring"], given["client"]),)
        return (), ()

    # --- filling ---

    def _overwrite(self, facts: Facts, ring: int, slot: int, by_ring: int, index: int) -> Iterator[Violation]:
        before = facts.occupants.get((ring, slot))
        if before is not None and before not in facts.consumed:
            yield Violation(
                "no-overwrite",
                f"slot {slot} of ring {ring} held index {before[1]} of ring {before[0]}, which nobody had consumed,"
                f" when index {index} of ring {by_ring} was written over it",
            )
        facts.occupants[ring, slot] = (by_ring, index)

    def _arrive(self, facts: Facts, ring: int, client: int, seq: int, count: int) -> Iterator[Violation]:
        index = sum(1 for of, _ in facts.arrived if of == ring)
        facts.arrived[ring, index] = Batch(client, seq, count)
        facts.acked_when_arrived[ring, index] = facts.acked
        yield from ()

    # --- ordering ---

    def _assign(
        self, facts: Facts, ring: int, index: int, client: int, seq: int, count: int, start: int
    ) -> Iterator[Violation]:
        held = facts.arrived.get((ring, index))
        if client == UNREAD and held is not None:
            client, seq = held.identity
        new = Range(ring, index, Batch(client, seq, count), start)
        if held != new.batch:
            there = f"{held} of {held.count} messages" if held else "nothing"
            yield Violation(
                "visible",
                f"the scanner ordered {new.batch} of {count} messages from index {index} of ring {ring},"
                f" where {there} had arrived",
            )
        for other in facts.ranges:
            if new.start < other.end and other.start < new.end:
                yield Violation("unique", f"{new} and {other} share position {max(new.start, other.start)}")
        yield from self._in_order(facts, new)
        late = facts.acked_when_arrived.get((ring, index), frozenset())
        for other in facts.ranges:
            if (other.ring, other.index) in late and new.start < other.start:
                yield Violation(
                    "real-time", f"{other} was acknowledged before {new.batch} arrived, which is at {start}"
                )
        facts.ranges = (*facts.ranges, new)

    def _in_order(self, facts: Facts, new: Range) -> Iterator[Violation]:
        for other in facts.ranges:
            if self.level == 5:
                if (other.ring, other.index) == (new.ring, new.index):
                    yield Violation(
                        "ring-order", f"index {new.index} of ring {new.ring} was ordered before, as {other}"
                    )
                elif other.ring == new.ring and (other.index > new.index) != (other.start > new.start):
                    yield Violation(
                        "ring-order", f"index {new.index} of ring {new.ring} is {new}, and {other.index} is {other}"
                    )
                continue
            if other.batch.client != new.batch.client:
                continue
            if other.batch.seq == new.batch.seq:
                yield Violation("once", f"{new} was ordered before, at {other.start}..{other.end - 1}")
            elif (other.batch.seq > new.batch.seq) != (other.start > new.start):
                yield Violation("client-order", f"{new}, but {other}")
        if self.level == 4:
            before = {other.batch.seq for other in facts.ranges if other.batch.client == new.batch.client}
            missing = min(set(range(new.batch.seq)) - before, default=None)
            if missing is not None:
                yield Violation("prefix", f"{new} was ordered, and batch {missing} of that client was not")

    # --- readers and clients ---

    def _export(self, facts: Facts, ring: int, index: int, kind: int, chain: int | None = None) -> Iterator[Violation]:
        number = ring if chain is None else chain
        entry = None if kind == PASS else (ring, index)
        facts.exported[number] = (*facts.exported.get(number, ()), entry)
        yield from ()

    def _discard(self, facts: Facts, ring: int, index: int) -> Iterator[Violation]:
        facts.consumed |= {(ring, index)}
        yield from ()

    def _deliver(self, facts: Facts, ring: int, index: int, start: int, client: int, seq: int) -> Iterator[Violation]:
        held = facts.arrived.get((ring, index))
        ranges = [each for each in facts.ranges if (each.ring, each.index) == (ring, index)]
        facts.consumed |= {(ring, index)}
        if held is None or (held.client, held.seq) != (client, seq):
            found = f"the payload of client {client} batch {seq}" if client >= 0 else "no payload"
            yield Violation(
                "visible",
                f"a subscriber was offered {held or 'no batch'} (index {index} of ring {ring}) and found {found}",
            )
        if not any(each.start == start for each in ranges):
            truth = f"it is {ranges[-1]}" if ranges else "it was never ordered"
            yield Violation("visible", f"a subscriber found {held or 'no batch'} of ring {ring} at {start}: {truth}")

    def _consumed(self, facts: Facts, ring: int, below: int) -> Iterator[Violation]:
        yield from self._frontier(facts, ring, CONSUMED, below)

    def _written(self, facts: Facts, ring: int, below: int) -> Iterator[Violation]:
        yield from self._frontier(facts, ring, WRITTEN, below)

    def _frontier(self, facts: Facts, ring: int, client: int, below: int) -> Iterator[Violation]:
        last = facts.frontiers.get((ring, client), 0)
        facts.frontiers[ring, client] = below
        if below < last:
            yield Violation(
                "monotone",
                f"{FRONTIERS.get(client, f'the frontier of client {client}')} on ring {ring} went back from"
                f" {last} to {below}",
            )

    def forgotten(self, facts: Facts, step: Step) -> list[tuple[int, Batch]]:
        """Return (index, batch) of what a client forgets: its first so many of a ring, or those below a seq."""
        given = step.arguments
        sent = facts.on_ring(given["ring"], given["client"])
        if step.action == "acknowledge_first":
            return sent[: given["batches"]]
        return sent[: given["below"]] if self.level == 5 else [each for each in sent if each[1].seq < given["below"]]

    def asks(self, facts: Facts, step: Step) -> tuple[Address, ...]:
        """Return the guards of the chain entries that must be in memory for an acknowledgement or a commit."""
        if step.action == "commit":
            passed = self._passed(facts, step.arguments["below"])
            places = [self.place(facts, each.ring, each.index, each.batch) for each in passed]
        elif step.action in ACKNOWLEDGEMENTS:
            ring, forgotten = step.arguments["ring"], self.forgotten(facts, step)
            places = [self.place(facts, ring, index, batch) for index, batch in forgotten]
        else:
            return ()
        return tuple(self.guard(*place)[0] for place in places if place is not None)

    def place(self, facts: Facts, ring: int, index: int, batch: Batch) -> tuple[int, int] | None:
        """Return the chain and the place in it where a batch was exported."""
        for each in facts.ranges:
            same = (
                each.batch.identity == batch.identity if self.level == 4 else (each.ring, each.index) == (ring, index)
            )
            for chain, entries in facts.exported.items() if same else ():
                if (each.ring, each.index) in entries:
                    return chain, entries.index((each.ring, each.index))
        return None

    def _acknowledge(
        self, facts: Facts, answers: tuple[Any, ...], ring: int, client: int, below: int
    ) -> Iterator[Violation]:
        step = Step("acknowledge", {"ring": ring, "client": client, "below": below})
        yield from self._forget(facts, answers, ring, client, self.forgotten(facts, step), below, counts_seqs=True)

    def _acknowledge_first(
        self, facts: Facts, answers: tuple[Any, ...], ring: int, client: int, batches: int
    ) -> Iterator[Violation]:
        step = Step("acknowledge_first", {"ring": ring, "client": client, "batches": batches})
        yield from self._forget(facts, answers, ring, client, self.forgotten(facts, step), batches, counts_seqs=False)

    def _forget(
        self,
        facts: Facts,
        answers: tuple[Any, ...],
        ring: int,
        client: int,
        forgotten: list[tuple[int, Batch]],
        told: int,
        *,
        counts_seqs: bool,
    ) -> Iterator[Violation]:
        guards = iter(answers)
        last = facts.told.get((ring, client), 0)
        facts.told[ring, client] = told
        if told < last:
            yield Violation("monotone", f"client {client} was told to forget below {told} on ring {ring}, after {last}")
        ordered = {each.batch.identity for each in facts.ranges}
        missing = next((seq for seq in range(told) if (client, seq) not in ordered), None)
        if self.level == 4 and counts_seqs and missing is not None:
            yield Violation(
                "ack-safe", f"client {client} was told to forget all below {told}, and batch {missing} was not ordered"
            )
        if self.level == 5 and len(forgotten) < told:
            yield Violation(
                "ack-safe",
                f"client {client} was told to forget {told} batches of ring {ring}, and {len(forgotten)} came",
            )
        for index, batch in forgotten:
            place = self.place(facts, ring, index, batch)
            if place is None:
                done = any(each.batch.identity == batch.identity for each in facts.ranges)
                yield Violation("ack-safe", f"{batch} was acknowledged and {'not exported' if done else 'not ordered'}")
            elif next(guards) < self.guard(*place)[1]:
                yield Violation("ack-safe", f"{batch} was acknowledged and no reader can find it in memory yet")
            facts.acked |= {(ring, index)}

    # --- the log by position ---

    def _passed(self, facts: Facts, below: int) -> list[Range]:
        """Return the batches that the frontier passes on its way to a position, in position order."""
        passed = [each for each in facts.ranges if facts.committed < each.end and each.start < below]
        return sorted(passed, key=lambda each: each.start)

    def _commit(self, facts: Facts, answers: tuple[Any, ...], below: int) -> Iterator[Violation]:
        if below < facts.committed:
            yield Violation("monotone", f"the committed frontier went back from {facts.committed} to {below}")
        guards, end = iter(answers), facts.committed
        for each in self._passed(facts, below):
            place = self.place(facts, each.ring, each.index, each.batch)
            if each.start > end:
                break
            if place is None:
                yield Violation("frontier", f"the committed frontier passed {each}, which is not published")
            elif next(guards) < self.guard(*place)[1]:
                yield Violation("frontier", f"the committed frontier passed {each}, which no reader can find in memory")
            end = max(end, each.end)
        if end < below:
            yield Violation("frontier", f"the committed frontier is {below}, and position {end} is no batch's yet")
        facts.committed = max(facts.committed, below)

    def _read(
        self, facts: Facts, reader: int, position: int, client: int, seq: int, message: int
    ) -> Iterator[Violation]:
        found, before = (client, seq, message), facts.read.get(position, frozenset())
        facts.read[position] = before | {found}
        facts.read_to[reader] = position + 1
        said = f"reader {reader} found {_message(found)} at position {position}"
        if position >= facts.committed:
            yield Violation("frontier", f"{said}, and the committed frontier is {facts.committed}")
        for other in sorted(before - {found}):
            yield Violation("agreement", f"{said}, and another reader {_message(other)}")
        truth = next((each for each in facts.ranges if each.start <= position < each.end), None)
        if truth is None:
            yield Violation("visible", f"{said}, which belongs to no batch")
        elif truth.batch.identity != (client, seq):
            yield Violation("visible", f"{said}: there is {truth}")
        elif message != position - truth.start:
            yield Violation("contiguous", f"{said}: there is message {position - truth.start} of {truth}")

    # --- the end ---

    def at_end(self, facts: Facts, inspect: Callable[[Address], Any]) -> Iterator[Violation]:
        """Yield what is wrong where nothing can go on without luck."""
        position = 0
        for each in sorted(facts.ranges, key=lambda each: each.start):
            if each.start > position:
                yield Violation("dense", f"positions {position}..{each.start - 1} belong to no batch")
            position = max(position, each.end)
        issued = inspect(ISSUED)
        if issued > position:
            yield Violation("dense", f"positions {position}..{issued - 1} were issued and belong to no batch")
        if issued < position:
            yield Violation("dense", f"positions {issued}..{position - 1} belong to a batch and were never issued")
        yield from self._left_over(facts)
        if self.readers and facts.committed < position:
            yield Violation("drained", f"positions {facts.committed}..{position - 1} are ordered and never committed")
        for reader in range(self.readers):
            read_to = facts.read_to.get(reader, 0)
            if read_to < facts.committed:
                yield Violation("drained", f"reader {reader} never reads position {read_to}, which is committed")

    def _left_over(self, facts: Facts) -> Iterator[Violation]:
        ordered = {(each.ring, each.index) for each in facts.ranges}
        identities = {each.batch.identity for each in facts.ranges}
        arrived = {batch.identity for batch in facts.arrived.values()}
        for (ring, index), batch in facts.arrived.items():
            possible = self.level == 5 or all((batch.client, seq) in arrived for seq in range(batch.seq))
            done = (ring, index) in ordered if self.level == 5 else batch.identity in identities
            where = f"{batch} (index {index} of ring {ring})"
            if possible and not done:
                yield Violation("drained", f"{where} is never ordered")
            elif done and (ring, index) not in ordered and (ring, index) not in facts.consumed:
                yield Violation("drained", f"{where} is a copy of an ordered batch and is never dropped")
            elif (ring, index) in ordered and self.subscribers and (ring, index) not in facts.consumed:
                yield Violation("drained", f"{where} is ordered and no subscriber ever finds it")
            elif (ring, index) in ordered and self.acknowledgers and (ring, index) not in facts.acked:
                yield Violation("drained", f"{where} is ordered and never acknowledged")


def _message(found: tuple[int, int, int]) -> str:
    client, seq, message = found
    return f"message {message} of client {client} batch {seq}" if client >= 0 else "no message"
