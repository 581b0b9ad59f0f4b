"""Threads that can be at many places at once: a generator cannot be copied, but it can be run again to where it was.

A program that loads a word, finds what it found before and is back where it was has not moved: its node is the same,
and the load is not a step to repeat. So a loop that spins on one word has finitely many.

A thread's state is a `Node`: the results that its program was sent so far. Nodes form a tree, so that a state of the
whole system is a value: to go back is to take an earlier node. A program must be a function of what it is sent; one
that is not (a clock, a random number, a set's order) is found out when it is brought there a second time.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Hashable, Iterator
from dataclasses import dataclass
from gc import get_referents
from pathlib import Path
from traceback import extract_tb
from typing import Any

from msgspec import Struct

from fencepost.model.errors import NotDeterministic
from fencepost.model.explorer.states.monitor import RAISED
from fencepost.model.explorer.states.stuck import Stuck
from fencepost.model.programs.operations import Load, Operation, Program, ThreadOf
from fencepost.model.programs.structures.structure import ENSURED, Malformed, Returned, Unmet
from fencepost.model.trace import Step

PACKAGE = str(Path(__file__).parents[3])
NOT_OF_USER = (Malformed, KeyboardInterrupt, Stuck)
"""What passes through a program and says nothing about its run; whatever else it raises, SystemExit too, is its own."""


@dataclass(frozen=True)
class Raised:
    """What is left of a program that raised an exception: what, where and in which line. Its thread has ended."""

    sentence: str
    property: str = RAISED


class Node:
    """A thread after some results: its pending operation, None once it has ended."""

    __slots__ = ("_following", "_last", "_program", "operation", "returned", "thread")

    def __init__(
        self, thread: ThreadOf, operation: Operation | None, program: Program, last: tuple[Node, Hashable] | None
    ) -> None:
        self.thread = thread
        self.operation = operation
        self.returned: Any = None  # what the program returned, once it has ended
        self._program: Program | None = program  # the generator, until it is moved on to a following node
        self._last = last
        self._following: dict[Hashable, tuple[Node, Step | None]] = {}

    @classmethod
    def first(cls, thread: ThreadOf) -> Node:
        """Return a thread at its beginning."""
        try:
            program = thread.begin()
        except NOT_OF_USER:
            raise
        except BaseException as error:
            program, operation, returned = _nothing(), None, raised(error)
        else:
            operation, returned = _advanced(program, None)
        node = cls(thread, operation, program, None)
        node.returned = returned
        return node

    def after(self, result: Hashable) -> tuple[Node, Step | None]:
        """Return the thread after the pending operation had this result, and the step of the spec that it was."""
        found = self._following.get(result)
        if found is None:
            found = self._following[result] = self._go_on(result)
        return found

    def _go_on(self, result: Hashable) -> tuple[Node, Step | None]:
        assert self.operation is not None
        step = labelled(self.operation, result)
        if isinstance(step, Raised):
            return self._ended(step, result), None
        program, self._program = self._program or self._again(), None
        may_spin = isinstance(self.operation, Load) and step is None
        before = _places(program) if may_spin else None
        operation, returned = _advanced(program, result)
        if may_spin and _same(operation, self.operation) and _places(program) == before:
            program = self._again()  # where a program stands is cheap to compare, what it holds is not: seldom asked
            state = local_state(program)
            operation, returned = _advanced(program, result)
            if local_state(program) == state:
                self._program = program
                return self, None
        node = Node(self.thread, operation, program, (self, result))
        node.returned = returned
        return node, step

    def _ended(self, raised: Raised, result: Hashable) -> Node:
        """Return the node of a program of which a part that is not its generator raised: its label."""
        node = Node(self.thread, None, self._program or self._again(), (self, result))
        node.returned = raised
        return node

    def _again(self) -> Program:
        """Begin the program once more and bring it here."""
        path: list[tuple[Node, Hashable]] = []
        node = self
        while node._last is not None:
            path.append(node._last)
            node = node._last[0]
        program = self.thread.begin()
        operation, returned = _advanced(program, None)
        for step, (earlier, result) in enumerate(reversed(path)):
            if operation is None or not _same(operation, earlier.operation):
                raise self._other(step, earlier.operation, operation, returned)
            operation, returned = _advanced(program, result)
        if not _same(operation, self.operation):
            raise self._other(len(path), self.operation, operation, returned)
        return program

    def _other(self, step: int, before: Operation | None, now: Operation | None, returned: object) -> NotDeterministic:
        from fencepost.model.explorer.states.formatting import (
            operation_words,  # which imports this module, by way of the system
        )

        end = returned.sentence if isinstance(returned, Raised) else "its end"
        said = [operation_words(each) if each is not None else end for each in (before, now)]
        return NotDeterministic(self.thread.name, step + 1, *said)


def _nothing() -> Program:
    """Do nothing: instead of a program that could not be begun."""
    yield from ()


def labelled(operation: Operation, result: Any) -> Step | Raised | None:
    """Return the step of the spec that an operation with this result is."""
    try:
        return operation.label(result) if operation.label is not None else None
    except NOT_OF_USER:
        raise
    except BaseException as error:
        return raised(error)


def _advanced(program: Program, result: Any) -> tuple[Operation | None, Any]:
    """Return a program's next operation, or None and what it returned."""
    try:
        operation = program.send(result)
    except StopIteration as stopped:
        return None, stopped.value
    except NOT_OF_USER:
        raise
    except BaseException as error:
        return None, raised(error)
    if isinstance(operation, Operation):
        return operation, None
    return None, Raised(f"yielded {operation!r}: expected an operation of fencepost.model.programs.operations")


def raised(error: BaseException) -> Raised:
    """Say which exception was raised, or which condition does not hold, and by which line of which file.

    The line is the program's own where what it calls in fencepost raised.
    """
    words = str(error).partition("\n")[0]
    frames = extract_tb(error.__traceback__)[1:]  # the first is the one that runs the program
    own = [each for each in frames if not each.filename.startswith(PACKAGE)]
    last = next(iter(reversed(own or frames)), None)
    where = f", at {Path(last.filename).name}:{last.lineno} in {last.name}: {last.line}" if last is not None else ""
    if isinstance(error, Unmet):
        return Raised(f"finds: {words}{where}", ENSURED)
    return Raised(f"raised {type(error).__name__}" + (f": {words}" if words else "") + where)


def judged(wrong: Callable[[Returned], tuple[str, str] | None], returned: Returned) -> tuple[str, str] | None:
    """Return what is wrong at the end of a run: what a judge says, or that it raised."""
    try:
        return wrong(returned)
    except NOT_OF_USER:
        raise
    except BaseException as error:
        return RAISED, f"at the end of the run the judge {raised(error).sentence}"


def _places(program: Any) -> list[int]:
    """Return where a generator is, and the generators that it delegates to."""
    places = []
    while program is not None and getattr(program, "gi_frame", None) is not None:
        places.append(program.gi_frame.f_lasti)
        program = program.gi_yieldfrom
    return places


def local_state(program: Any) -> Hashable:
    """Return where a generator is and what its variables hold, with those of the generators that it delegates to.

    So for a generator that a variable holds: a program that passes on what another yields is where it was only if that
    one is.
    """
    frames = []
    while program is not None and getattr(program, "gi_frame", None) is not None:
        frame = program.gi_frame
        seen = {id(each) for each in (*frame.f_locals.values(), program.gi_yieldfrom)}
        hidden = [each for each in get_referents(program) if isinstance(each, Iterator) and id(each) not in seen]
        frames.append((frame.f_code, frame.f_lasti, _frozen(frame.f_locals, 6), tuple(map(_position, hidden))))
        program = program.gi_yieldfrom
    return tuple(frames)


def _position(iterator: Iterator[Any]) -> Hashable:
    """Return where an iterator is, such as that of a `for`, which no variable holds; new where it does not say."""
    if isinstance(iterator, Generator):
        return local_state(iterator)
    try:
        return _frozen(iterator.__reduce__(), 6)
    except TypeError:
        return object()


def _frozen(value: Any, depth: int) -> Hashable:
    """Return a hashable picture of a value; what cannot be looked into stands for itself."""
    if value is None or isinstance(value, int | str | float | bytes) or depth == 0:
        return value if isinstance(value, Hashable) else id(value)
    if isinstance(value, dict):
        return frozenset((_frozen(key, depth - 1), _frozen(each, depth - 1)) for key, each in value.items())
    if isinstance(value, list | tuple):
        return tuple(_frozen(each, depth - 1) for each in value)
    if isinstance(value, set | frozenset):
        return frozenset(_frozen(each, depth - 1) for each in value)
    if isinstance(value, Struct):
        return type(value), tuple(_frozen(getattr(value, name), depth - 1) for name in value.__struct_fields__)
    if isinstance(value, Iterator) and not hasattr(value, "__dict__"):
        return _position(value)
    if hasattr(value, "__dict__") and not callable(value):
        return type(value), _frozen(vars(value), depth - 1)
    return id(value)


def _same(one: Operation | None, other: Operation | None) -> bool:
    """Say whether two operations are the same but for their labels, which are functions."""
    if type(one) is not type(other):
        return False
    if one is None:
        return True
    names = (name for name in one.__struct_fields__ if name != "label")
    return all(getattr(one, name) == getattr(other, name) for name in names)
