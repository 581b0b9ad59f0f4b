"""States of a system of threads, and what happens between them."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, NamedTuple, TypeAlias

from fencepost.model.explorer.threads import Node
from fencepost.model.explorer.watch import Watch
from fencepost.model.memory.late import Cells, Choice, Entry, Touched
from fencepost.model.programs.operations import Address, Operation
from fencepost.model.trace import Step

Actor: TypeAlias = tuple[int, int]  # thread, and the number of its buffer entry, or THREAD for the thread itself
THREAD = -1
Transition: TypeAlias = tuple[Choice, bool]  # what is chosen, and whether it is lucky
NOTHING: Choice = ()
OWN: Choice = ("own",)
FORWARDED: Choice = ("forwarded",)
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
        self.touched = Touched()
        self.acts: list[Act] = []


class State:
    """A state of the whole system; `copy` it before it is changed."""

    __slots__ = ("buffers", "cells", "channels", "issued_counts", "nodes", "watch")

    def __init__(self, nodes: tuple[Node, ...], cells: Cells, watch: Watch) -> None:
        self.nodes, self.cells, self.watch = nodes, cells, watch
        self.buffers: tuple[tuple[Entry, ...], ...] = tuple(() for _ in nodes)
        self.issued_counts = tuple(0 for _ in nodes)  # entries that each thread ever put into its buffer
        self.channels: dict[Address, tuple[tuple[Any, ...], int]] = {}  # waiting messages, and how many were taken

    def copy(self) -> State:
        other = State.__new__(State)
        other.nodes, other.cells, other.watch = self.nodes, self.cells.copy(), self.watch
        other.buffers, other.issued_counts, other.channels = self.buffers, self.issued_counts, self.channels
        return other

    def memory(self) -> Hashable:
        """Return all but the threads' own progress, as a hashable value."""
        return self.cells.frozen(), self.buffers, frozenset(self.channels.items())

    def frozen(self) -> Hashable:
        """Return a hashable value, equal for equal states."""
        return tuple(map(id, self.nodes)), self.memory(), id(self.watch)
