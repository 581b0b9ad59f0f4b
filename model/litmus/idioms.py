"""The sequencer's own idioms, as litmus files that ship with fencepost; those with `?` slots can be ablated."""

from __future__ import annotations

from functools import cache
from importlib import resources
from pathlib import Path

from fencepost.model.errors import unknown_choice
from fencepost.model.litmus.parser import read_test
from fencepost.model.litmus.test import LitmusTest


def idiom_folder() -> Path:
    """Return the folder of the idioms."""
    return Path(str(resources.files("fencepost.model.litmus") / "idioms"))


@cache
def idiom_names() -> tuple[str, ...]:
    """Return the names of all idioms."""
    return tuple(sorted(path.stem for path in idiom_folder().glob("*.litmus")))


def idiom(name: str) -> LitmusTest:
    """Return the idiom of that name."""
    if name not in idiom_names():
        raise unknown_choice("idiom", name, idiom_names())
    return read_test(idiom_folder() / f"{name}.litmus")
