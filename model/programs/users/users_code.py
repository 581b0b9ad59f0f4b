"""Where a user's program stands in the user's own code: for errors, marks and insertions."""

from __future__ import annotations

import sys
from collections.abc import Generator
from pathlib import Path
from types import CodeType, FrameType, GeneratorType
from typing import Any, TypeAlias

from fencepost.model.programs.structures.structure import Malformed

PACKAGE = str(Path(__file__).parents[3])  # its frames are no part of a user's program

Yielded: TypeAlias = Generator[Any, Any, Any]
"""A thread: it yields operations, pauses, optional operations, and steps like `wait_until`."""


def stands(program: Yielded) -> str:
    """Say where a generator stands."""
    frame = frame_of(program)
    return place_of(frame) if frame is not None else str(program)


def frame_of(program: Yielded | None) -> FrameType | None:
    """Return the innermost frame of a generator that stands."""
    while isinstance(program, GeneratorType) and isinstance(program.gi_yieldfrom, GeneratorType):
        program = program.gi_yieldfrom
    return program.gi_frame if isinstance(program, GeneratorType) else None


def standing(program: Yielded, outer: Yielded | None) -> FrameType | None:
    """Return where the user's code stands."""
    frame = frame_of(program)
    is_users = frame is not None and not frame.f_code.co_filename.startswith(PACKAGE)
    return frame if is_users else frame_of(outer)


def place_of(frame: FrameType) -> str:
    """Return a place in the user's code in words."""
    return place_at(frame.f_code, frame.f_lineno)


def place_at(code: CodeType, line: int) -> str:
    """Return a line of a function in words."""
    return f"{Path(code.co_filename).name}:{line} in {code.co_name}"


def users_frame() -> FrameType | None:
    """Return the innermost frame of the user's code."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(PACKAGE):
        frame = frame.f_back
    return frame


def malformed(problem: str) -> Malformed:
    """Return the error of an operation that is none, with the user's line."""
    frame = users_frame()
    return Malformed(f"{place_of(frame)}: {problem}" if frame is not None else problem)


def short(value: object) -> str:
    """Return a value as it is written, cut where that is long."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def named(function: object) -> str:
    """Return a function of the user's in words: its name, and where it stands."""
    code = getattr(function, "__code__", None)
    name = getattr(function, "__name__", short(function))
    return f"{name} ({Path(code.co_filename).name}:{code.co_firstlineno})" if isinstance(code, CodeType) else name


def is_truth_value(value: object) -> bool:
    """Say whether a value is true or false by itself: a bool or a number, and no text, tuple, function or None."""
    return value is not None and hasattr(type(value), "__bool__")
