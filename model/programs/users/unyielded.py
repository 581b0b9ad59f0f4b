"""Operations that a thread made and did not yield: they have no effect, so that a wrong program would seem right.

`load(a)` makes an operation; only `yield load(a)` does it. What is made while a thread runs is noted with its line. It
is refused once nothing holds it any more, or at the thread's end, as what a thread makes it yields.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from inspect import GEN_CREATED, getgeneratorstate, isgeneratorfunction
from linecache import checkcache, getlines
from pathlib import Path
from types import CodeType
from typing import Any, NamedTuple, TypeVar

from fencepost.model.programs.structures.structure import Malformed
from fencepost.model.programs.users.users_code import place_at, users_frame

Made = TypeVar("Made")


class Noted(NamedTuple):
    """An operation, or steps, and where the user's code made it."""

    operation: Any
    name: str
    code: CodeType
    line: int


_ALONE = [sys.getrefcount(each[0]) for each in [(object(),)]][0]
"""The count of references to what a tuple alone holds."""
_noting: list[list[Noted]] = []
"""Those of the thread that runs, the last: a thread may yield steps of another generator."""


@contextmanager
def noting(made: list[Noted]) -> Iterator[None]:
    """Note in `made` what the user's code makes meanwhile."""
    _noting.append(made)
    try:
        yield
    finally:
        _noting.pop()


def made(operation: Made) -> Made:
    """Note an operation that the user's code makes in a thread or a judge, and return it."""
    frame = users_frame() if _noting else None
    if frame is not None:
        name = sys._getframe(1).f_code.co_name
        _noting[-1].append(Noted(operation, name, frame.f_code, frame.f_lineno))
    return operation


def used(made: list[Noted], operation: object) -> None:
    """Forget an operation that is yielded, or is part of one."""
    made[:] = [each for each in made if each.operation is not operation]


def unnote(operation: object) -> None:
    """Forget an operation that is part of another from now on."""
    if _noting:
        used(_noting[-1], operation)


def refuse_dropped(made: list[Noted]) -> None:
    """Refuse an operation that nothing holds any more and that was not yielded. Raises Malformed, with its line."""
    made[:] = [each for each in made if not _is_begun(each.operation)]
    for each in made:
        if sys.getrefcount(each[0]) <= _ALONE:
            raise _refusal(each)


def refuse_left(made: list[Noted]) -> None:
    """Refuse an operation that was not yielded by the end. Raises Malformed, with its line."""
    for each in made:
        if not _is_begun(each.operation):
            raise _refusal(each)


def refuse_idle_calls(begin: Callable[..., object]) -> None:
    """Refuse a line of a thread's file that calls a generator function and drops what that returns: it does nothing.

    Raises Malformed, with the line. A function that stands in no file that can be read is not looked at.
    """
    code = getattr(begin, "__code__", None)
    if not isinstance(code, CodeType):
        return
    known = getattr(begin, "__globals__", {})
    for line, name in _idle_calls(code.co_filename):
        if isgeneratorfunction(known.get(name)):
            raise Malformed(
                f"{Path(code.co_filename).name}:{line}: {name}(...) is called and never yielded, so that it does"
                f" nothing: expected `yield {name}(...)` or `yield from {name}(...)`"
            )


def _idle_calls(file: str) -> tuple[tuple[int, str], ...]:
    """Return the lines of a file that are the call of a function and nothing else, with its name."""
    checkcache(file)  # it may have been written anew since
    try:
        tree = ast.parse("".join(getlines(file)))
    except SyntaxError:
        return ()
    alone = (each.value for each in ast.walk(tree) if isinstance(each, ast.Expr) and isinstance(each.value, ast.Call))
    return tuple((each.lineno, each.func.id) for each in alone if isinstance(each.func, ast.Name))


def _is_begun(operation: object) -> bool:
    """Say whether steps were begun by `yield from`, which no one else sees."""
    return isinstance(operation, Generator) and getgeneratorstate(operation) != GEN_CREATED


def _refusal(each: Noted) -> Malformed:
    return Malformed(
        f"{place_at(each.code, each.line)}: {each.name}(...) is made and never yielded, so that it does nothing:"
        f" expected `yield {each.name}(...)`, and that a thread yields all that it makes"
    )
