"""The arguments that several verbs take from Python, checked in one place: numbers within bounds, folders and files.

The command line has the same bounds in its options (`command_line/options.py`).
"""

from __future__ import annotations

from numbers import Integral, Real
from os import PathLike, fspath
from pathlib import Path

from fencepost.model.errors import InputError

WHOLE = {
    "jobs": (1, 256),
    "seed": (0, 2**63 - 1),
    "depth": (0, 10**6),
    "runs": (1, 10**9),
    "pct_depth": (1, 9),
    "states": (1, 10**12),
}
"""Whole numbers: the least and the most."""
SECONDS = ("timeout",)


def check_arguments(*, may_be_none: tuple[str, ...] = (), **given: object) -> None:
    """Refuse an argument that cannot be used. Raises InputError with its name, its value and what was expected.

    Those that `may_be_none` have a meaning without a value.
    """
    for name, value in given.items():
        if value is None and name in may_be_none:
            continue
        if name in SECONDS:
            if not isinstance(value, Real) or isinstance(value, bool) or not float(value) >= 0:
                raise InputError(f"{name} is {value!r}: expected a number of seconds from 0")
            continue
        least, most = WHOLE[name]
        if not isinstance(value, Integral) or isinstance(value, bool) or not least <= int(value) <= most:
            raise InputError(f"{name} is {value!r}: expected a whole number of {least}..{most}")


def path_of(name: str, given: str | Path | None) -> Path | None:
    """Return a folder or a file that a verb writes to, given as text or as a path; None: nothing is written.

    Raises InputError for what is neither, and for an empty text.
    """
    if given is None:
        return None
    if not isinstance(given, str | PathLike) or not str(given).strip():
        raise InputError(f"{name} is {given!r}: expected a path, as text or as a pathlib.Path, or None")
    return Path(fspath(given))
