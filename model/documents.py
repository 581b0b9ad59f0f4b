"""Documents that a user gives: a file of JSON or TOML is read, or refused in one line, whatever is in it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from fencepost.model.errors import FormatError

Read = TypeVar("Read")


def text_of(path: Path, expected: str) -> str:
    """Return the text of a file in UTF-8; FormatError names the file and what was expected there."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise FormatError(path, f"no such file: expected {expected}") from None
    except OSError as error:
        raise FormatError(path, f"cannot be read ({error.strerror}): expected {expected}") from None
    except UnicodeDecodeError:
        raise FormatError(path, f"is not text in UTF-8: expected {expected}") from None


def decoded(text: str, decode: Callable[[str], Read], source: Path | str, expected: str) -> Read:
    """Return the document that a text holds; FormatError names the source and what was expected.

    A number of thousands of digits raises ValueError in a decoder, and brackets within brackets by the thousand raise
    RecursionError: both are things that a text may hold. Raises msgspec.ValidationError where `decode` does: what a
    document of another shape lacks is told by its reader.
    """
    try:
        return decode(text)
    except msgspec.ValidationError:
        raise
    except RecursionError:
        raise FormatError(source, f"is nested too deeply: expected {expected}") from None
    except (msgspec.DecodeError, ValueError) as error:
        raise FormatError(source, f"is no {expected}: {_of_one_line(error)}: expected one") from None


def read_json(path: Path, expected: str) -> Any:
    """Return the document of a file of JSON, of any shape; see `decoded`."""
    try:
        return decoded(text_of(path, f"a {expected}"), msgspec.json.decode, path, expected)
    except msgspec.ValidationError as error:  # a number that no double holds
        raise FormatError(path, f"is no {expected}: {error}: expected one") from None


def _of_one_line(error: Exception) -> str:
    """Return what an error says, without Python's advice to change the interpreter."""
    told = str(error).partition(";")[0].replace("\n", " ")
    return f"a number of {told.rpartition('has ')[2]}" if "integer string conversion" in told else told
