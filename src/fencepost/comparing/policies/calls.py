"""Calls of a sequencer that a user wrote: whatever they raise is a crash of it, and so is an answer that is none."""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import cached_property, partial
from operator import index
from pathlib import Path
from traceback import TracebackException, extract_tb
from typing import Any, TypeVar

from fencepost.comparing.verdicts import CRASH
from fencepost.model.errors import InputError
from fencepost.model.own import PACKAGE, users_traceback
from fencepost.model.processes import is_worker
from fencepost.model.programs.users.users_code import short
from fencepost.native.adapter import Answer, YourSequencer
from fencepost.native.sequencers import Attempt, AttemptOutcome

Made = TypeVar("Made")
Make = Callable[[], YourSequencer]
UNKNOWN_THROWN = "Caught an unknown exception!"
"""What pybind11 says of an exception of C++ that is no std::exception."""
AN_ANSWER = "an AttemptOutcome and a first position, such as (AttemptOutcome.ORDERED, 0) or (AttemptOutcome.LATER, -1)"
A_NUMBER = "a whole number"


class Broken(Exception):
    """A promise of the contract was broken, the spec accepts no such answer (`spec`), or a call fails (`crash`).

    `call` says which call failed, and `traceback` has the user's lines of one that raised.
    """

    def __init__(self, property: str, sentence: str, call: str = "", traceback: tuple[str, ...] = ()) -> None:
        super().__init__(f"{property}: {sentence}")
        self.property, self.sentence, self.call, self.traceback = property, sentence, call, traceback


class Called:
    """A sequencer, made anew and begun when it is first called. Each call raises Broken where it fails."""

    def __init__(self, make: Make, ring_count: int, client_count: int) -> None:
        self._make, self._counts = make, (ring_count, client_count)

    @cached_property
    def _sequencer(self) -> YourSequencer:
        made = _called("making it", self._make)
        _called("begin", lambda: made.begin(*self._counts))
        return made

    def try_order(self, what: str, *batch: int) -> Attempt | Generator[None, None, Any]:
        """Begin an attempt; return its answer, or, where it says that others may go on, the rest of it."""
        call = f"try_order of {what}"
        made: Any = _called(call, lambda: self._sequencer.try_order(*batch))
        return made if isinstance(made, Generator) else self._answer(call, made)

    def go_on(self, what: str, running: Generator[None, None, Any]) -> Attempt | None:
        """Go on with an attempt; return its answer, None where it passes its turn."""
        call = f"try_order of {what}"
        ended = _called(call, partial(_next, running))
        return None if ended is None else self._answer(call, *ended)

    def acknowledged(self, client: int) -> int | None:
        """Return how many of a client's batches it may forget; None where that is not kept."""
        call = f"acknowledged of client {client}"
        made = _called(call, lambda: self._sequencer.acknowledged(client))
        return None if made is None else self._number(call, made)

    def issued(self) -> int:
        """Return the next position that was never handed out."""
        return self._number("issued", _called("issued", lambda: self._sequencer.issued()))

    def _answer(self, call: str, given: Answer) -> Attempt:
        found = _called(call, partial(_attempt, given))
        return found if found is not None else self._refuse(call, given, AN_ANSWER)

    def _number(self, call: str, given: Any) -> int:
        found = _called(call, partial(_whole, given))
        return found if found is not None else self._refuse(call, given, A_NUMBER)

    def _refuse(self, call: str, given: Any, expected: str) -> Any:
        function = call.split()[0]
        code: Any = getattr(getattr(type(self._sequencer), function, None), "__code__", None)
        is_python = code is not None and not code.co_filename.startswith(PACKAGE)
        where = f", at {Path(code.co_filename).name}:{code.co_firstlineno} in {function}" if is_python else ""
        raise Broken(CRASH, f"{call} returned {_shown(given)}{where}: expected {expected}", call)


def _next(running: Generator[None, None, Any]) -> tuple[Any] | None:
    try:
        next(running)
    except StopIteration as stopped:
        return (stopped.value,)
    return None


def _attempt(given: Any) -> Attempt | None:
    """Return an answer as an attempt; None where it is none."""
    if not isinstance(given, tuple | list) or len(given) != 2:
        return None
    outcome, start = map(_whole, given)
    known = [each.value for each in AttemptOutcome]
    return None if outcome not in known or start is None else Attempt(AttemptOutcome(outcome), start)


def _whole(given: Any) -> int | None:
    """Return a whole number of whatever type; None where it is none."""
    if isinstance(given, bool):
        return None
    try:
        return index(given)
    except TypeError:
        return None


def _called(call: str, function: Callable[[], Made]) -> Made:
    """Return what a call returns. Raises Broken for whatever it raises, but an interrupt of this process.

    A process that works for another one gets no interrupts: there, KeyboardInterrupt is the user's own, too.
    """
    try:
        return function()
    except BaseException as error:
        told = _of_user(error)
        if isinstance(error, KeyboardInterrupt) and not is_worker():
            raise
        if isinstance(error, InputError) and not told:  # a module that cannot be loaded
            raise
        if isinstance(error, Broken) and error.call:  # the sequencer was begun within this call
            raise
        raise Broken(CRASH, f"{call} {_raised(error, told)}", call, told) from error


def _of_user(error: BaseException) -> tuple[str, ...]:
    """Return the lines of a traceback that went through the user's Python; nothing of what C++ threw."""
    frames = extract_tb(error.__traceback__)
    if all(frame.filename.startswith(PACKAGE) for frame in frames):
        return ()
    return tuple(users_traceback(error).splitlines())


def _raised(error: BaseException, told: tuple[str, ...]) -> str:
    """Say in a line what was raised, and where."""
    only = next(TracebackException.from_exception(error).format_exception_only(), "")
    words = only.partition("\n")[0].removeprefix(f"{type(error).__module__}.")
    if not told:
        text = words.partition(": ")[2]
        return "threw what is no std::exception" if text == UNKNOWN_THROWN else f"threw an exception: {text or words}"
    frames = [each for each in extract_tb(error.__traceback__) if not each.filename.startswith(PACKAGE)]
    last = frames[-1]
    return f"raised {words}, at {Path(last.filename).name}:{last.lineno} in {last.name}: {last.line}"


def _shown(value: Any) -> str:
    """Return a value as it is written, as far as it can be."""
    try:
        return short(value)
    except (Exception, SystemExit, GeneratorExit):
        return f"a {type(value).__name__} that cannot be printed"
