"""What verbs are asked about: names, paths and objects alike, one or several of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fencepost.model.errors import InputError

CPP = (".cpp", ".cc", ".cxx")


def is_cpp(target: str | Path) -> bool:
    """Say whether a target is a file of C++."""
    return Path(target).suffix in CPP


def refuse_cpp(target: object) -> None:
    """Raise InputError for a file of C++ where no sequencer is asked for: it holds nothing else."""
    if isinstance(target, str | Path) and is_cpp(target):
        raise InputError(
            f"{target} is C++, which holds a sequencer of your own: `fencepost compare` and `check` take it"
        )


def several(targets: object) -> tuple[Any, ...]:
    """Return targets as a tuple, each once: a string, a path or any other object is one; None is none.

    A list, a tuple, a set or an iterator holds several. A string is never taken apart.
    """
    if targets is None:
        return ()
    if not isinstance(targets, list | tuple | set | frozenset | Iterator):
        return (targets,)
    found: list[Any] = []
    for each in targets:
        if each not in found:
            found.append(each)
    return tuple(found)


def name_of(target: object, what: str) -> str:
    """Return a target that is a name, or a path, as text. InputError: it is neither; `what` says what was expected."""
    if isinstance(target, str | Path) and str(target).strip():
        return str(target)
    raise InputError(f"{target!r} of type {type(target).__name__}: expected {what}")


def one_of(targets: object, what: str) -> Any:
    """Return the single target. InputError: there is none, or there are several; `what` says what was expected."""
    found = several(targets)
    if len(found) != 1:
        raise InputError(f"{len(found)} targets: expected one, {what}")
    return found[0]
