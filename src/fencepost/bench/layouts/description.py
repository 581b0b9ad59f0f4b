"""Descriptions of layouts, as TOML files say them: structures, fields, writers and readers, counts.

An unknown key, a field that overlaps another one, and a role without a host are refused.
"""

from __future__ import annotations

from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Literal, get_args

import msgspec

from fencepost.model.documents import decoded, text_of
from fencepost.model.errors import InputError, unknown_choice

SHIPPED = {"fencepost": "fencepost.toml", "09ae22d": "embarcadero-09ae22d.toml"}
"""Descriptions that come with the package, by name."""

FieldType = Literal["u8", "u16", "u32", "u64", "i8", "i16", "i32", "i64"]
FIELD_TYPES: tuple[FieldType, ...] = get_args(FieldType)


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table of a description."""


class Field(Section, frozen=True):
    """A field, or an array of `count` of them. What the debug info says need not be written: offset, type."""

    name: str
    offset: int | None = None  # bytes
    type: str = ""  # one of FIELD_TYPES
    count: int = 1
    writers: tuple[str, ...] = ()  # roles
    readers: tuple[str, ...] = ()
    guards: tuple[str, ...] = ()  # fields that a reader trusts once it has seen this one; "*": all others
    counts: str = ""  # what it counts, of `per_message`

    @property
    def size(self) -> int | None:
        """Bytes of the field, or of the whole array; None where the debug info must say."""
        return int(self.type[1:]) // 8 * self.count if self.type else None

    @property
    def is_signed(self) -> bool:
        return self.type.startswith("i")


class Flush(Section, frozen=True):
    """What a role flushes: the line that holds the first byte of a field."""

    by: str
    at: str


class Structure(Section, frozen=True):
    """A structure in shared memory. `stride` is the distance of two in an array, `type` its name in C++."""

    name: str
    fields: tuple[Field, ...]
    stride: int
    align: int = 1
    type: str = ""
    stated_bytes: int | None = None  # its size as documents or comments have it, and which
    stated_in: str = "documents"
    handed_over: bool = False  # hosts write it one after another, each when the one before has told it to
    flushes: tuple[Flush, ...] = ()


class Description(Section, frozen=True):
    """Structures, the host of each role, and how many of each thing that is counted there are in a message."""

    name: str
    structures: tuple[Structure, ...]
    line_bytes: int = 64
    hosts: dict[str, str] = {}
    per_message: dict[str, float] = {}
    headers: tuple[str, ...] = ()  # of fencepost's own, to be compiled for their debug info
    instances: tuple[str, ...] = ()


def read_description(name: str | Path) -> Description:
    """Return a description that comes with the package, by its name, or that of a TOML file.

    Raises InputError for a file that cannot be read, and names the structure, the key and what was expected for one
    that says what cannot be.
    """
    if str(name) in SHIPPED:
        return parse_description(files(__package__).joinpath(SHIPPED[str(name)]).read_text(), str(name))
    path = Path(name)
    return parse_description(text_of(path, f"{' or '.join(SHIPPED)}, or a description in TOML"), str(path))


def parse_description(text: str, source: str = "layout") -> Description:
    """Return the description that a text says; see `read_description`."""
    try:
        found: Description = decoded(text, partial(msgspec.toml.decode, type=Description), source, "TOML")
    except msgspec.ValidationError as error:
        raise InputError(f"{source}: {error}") from None
    if found.line_bytes < 8 or found.line_bytes & (found.line_bytes - 1):
        raise InputError(f"{source}: line_bytes is {found.line_bytes}, expected a power of 2 of at least 8")
    if not found.structures:
        raise InputError(f"{source}: structures is empty, expected at least one")
    for structure in found.structures:
        _check_structure(structure, found, f"{source}: {structure.name}")
    return found


def _check_structure(structure: Structure, of: Description, where: str) -> None:
    names = [field.name for field in structure.fields]
    if len(set(names)) < len(names):
        raise InputError(f"{where}: two fields are called {next(n for n in names if names.count(n) > 1)!r}")
    if structure.stride < 1 or structure.align < 1:
        raise InputError(f"{where}: stride is {structure.stride}, align {structure.align}, expected at least 1")
    for field in structure.fields:
        _check_field(field, structure, of, f"{where}.{field.name}")
    for flush in structure.flushes:
        if flush.at not in names:
            raise unknown_choice(f"field of a flush of {structure.name}:", flush.at, names)
        if flush.by not in of.hosts:
            raise unknown_choice(f"role of a flush of {structure.name}:", flush.by, of.hosts)
    check_overlaps([(f.name, f.offset, f.size) for f in structure.fields], structure.stride, where)


def _check_field(field: Field, structure: Structure, of: Description, where: str) -> None:
    if field.type and field.type not in FIELD_TYPES:
        raise InputError(f"{where}: type is {field.type!r}, expected one of {', '.join(FIELD_TYPES)}")
    if not structure.type and (field.offset is None or not field.type):
        raise InputError(f"{where}: has no offset or no type, expected both, or the structure's type in C++")
    if field.count < 1 or (field.offset or 0) < 0:
        raise InputError(f"{where}: count is {field.count}, offset {field.offset}: expected at least 1 and 0")
    for role in (*field.writers, *field.readers):
        if role not in of.hosts:
            raise unknown_choice(f"role of {where}:", role, of.hosts)
    if field.counts and field.counts not in of.per_message:
        raise unknown_choice(f"counts of {where}:", field.counts, of.per_message)
    for guarded in field.guards:
        if guarded != "*" and guarded not in [each.name for each in structure.fields]:
            raise unknown_choice(f"guards of {where}:", guarded, [each.name for each in structure.fields])


def check_overlaps(fields: list[tuple[str, int | None, int | None]], stride: int, where: str) -> None:
    """Raise InputError where two fields share a byte, or one reaches behind the structure."""
    placed = sorted((offset, size, name) for name, offset, size in fields if offset is not None and size is not None)
    for (offset, size, name), (following, _, other) in zip(placed, placed[1:], strict=False):
        if offset + size > following:
            span = f"{offset}..{offset + size - 1}"
            raise InputError(f"{where}: {name} at {span} overlaps {other} at {following}, expected fields apart")
    if placed and placed[-1][0] + placed[-1][1] > stride:
        offset, size, name = placed[-1]
        raise InputError(f"{where}: {name} ends at {offset + size}, expected within the stride of {stride}")
