"""States of a system of threads, and what happens between them."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Any, NamedTuple, TypeAlias

from fencepost.model.explorer.states.monitor import FACT, FirstStore, Monitor
from fencepost.model.explorer.states.threads import Node
from fencepost.model.memory.lazy import Cells, Choice, Entry, Footprint, Key
from fencepost.model.memory.lines import Line
from fencepost.model.programs.operations import Address, Operation
from fencepost.model.trace import Step

Actor: TypeAlias = tuple[int, int]  # thread, and the number of its buffer entry, or THREAD for the thread itself
THREAD = -1
Transition: TypeAlias = tuple[Choice, bool]  # what is chosen, and whether it is lucky
NOTHING: Choice = ()
OWN: Choice = ("own",)
FORWARDED: Choice = ("forwarded",)
LOOKED = "looked"  # a poll found nothing new, but its host has a copy of the line since: not a step of the program
NO_EVICTION: Choice = ("evict", ())


class Act(NamedTuple):
    """One thing that was done: an operation of a thread, or the drain of an entry of its buffer."""

    thread: int
    what: Operation | Entry
    result: Any
    step: Step | None
    choice: Choice = NOTHING
    entry: Entry | None = None  # what a store or flush put into the buffer


class Event:
    """One transition: who, by which choice, what it had to do with, and what was done."""

    __slots__ = ("actor", "acts", "choice", "lucky", "touched")

    def __init__(self, actor: Actor, choice: Choice, lucky: bool) -> None:
        self.actor, self.choice, self.lucky = actor, choice, lucky
        self.touched = Footprint()
        self.acts: list[Act] = []

    def aside(self, actor: Actor, choice: Choice) -> Event:
        """Return an event of the same moment, whose acts are this one's, and what it had to do with is its own."""
        other = Event(actor, choice, False)
        other.acts = self.acts
        return other

    def concern(self, reads: Iterable[Key], writes: Iterable[Key]) -> None:
        """Note the facts that the watch judges what was done by, and those that were changed."""
        self.touched.reads.update(reads)
        self.touched.writes.update(writes)

    def facts(self) -> tuple[list[Key], list[Key]]:
        """Return what of that was read and written; the rest is about memory."""
        reads = [key for key in self.touched.reads if key[0] == FACT]
        return reads, [key for key in self.touched.writes if key[0] == FACT]


class State:
    """A state of the whole system; `copy` it before it is changed."""

    __slots__ = ("buffers", "cells", "channels", "issued_counts", "moments", "nodes", "stored", "watch", "writers")

    def __init__(self, nodes: tuple[Node, ...], cells: Cells, watch: Monitor) -> None:
        self.nodes, self.cells, self.watch = nodes, cells, watch
        self.buffers: tuple[tuple[Entry, ...], ...] = tuple(() for _ in nodes)
        self.issued_counts = tuple(0 for _ in nodes)  # entries that each thread ever put into its buffer
        self.moments = tuple(0 for _ in nodes)  # as Entry.moment
        self.stored: dict[tuple[int, Line], tuple[int, int]] = {}  # (host, line) -> thread, moment of its last store
        self.writers: dict[Line, tuple[FirstStore, ...]] = {}  # of each host that stored to it, streaming included
        self.channels: dict[Address, tuple[tuple[Any, ...], int]] = {}  # waiting messages, and how many were taken

    def copy(self) -> State:
        other = State.__new__(State)
        other.nodes, other.cells, other.watch = self.nodes, self.cells.copy(), self.watch
        other.buffers, other.issued_counts, other.channels = self.buffers, self.issued_counts, self.channels
        other.moments, other.stored, other.writers = self.moments, self.stored, self.writers
        return other

    def memory(self) -> Hashable:
        """Return all but the threads' own progress, as a hashable value."""
        return self.cells.frozen(), self.buffers, frozenset(self.channels.items())

    def frozen(self) -> Hashable:
        """Return a hashable value, equal for equal states."""
        return tuple(map(id, self.nodes)), self.memory(), id(self.watch)
