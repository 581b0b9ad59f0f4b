"""Structures as a compiler laid them out, read from the DWARF debug info of an ELF file."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fencepost
from fencepost.comparing.compiling import compiler_path
from fencepost.model.errors import InputError

_STRUCTURES = ("DW_TAG_structure_type", "DW_TAG_class_type")
_SCOPES = (*_STRUCTURES, "DW_TAG_namespace")
_PASSED_ON = ("DW_TAG_typedef", "DW_TAG_const_type", "DW_TAG_volatile_type")
_PUBLIC, _PRIVATE = 1, 3  # DW_ACCESS_*: table 7.14
_SIGNED = 5, 13  # DW_ATE_signed, DW_ATE_signed_char: DWARF 5, table 7.11


@dataclass(frozen=True)
class Member:
    """A member: where it lies, how many bytes it has; `is_signed` is None where it is no number."""

    name: str
    offset: int
    size: int
    is_signed: bool | None
    is_private: bool = False


@dataclass(frozen=True)
class Compiled:
    """A structure as it was compiled; `align` is 0 where the debug info does not say."""

    name: str
    size: int
    align: int
    members: tuple[Member, ...]
    is_private: bool = False  # itself, or a class around it


def compiled_structures(elf: Path) -> dict[str, Compiled]:
    """Return the structures of an ELF file by their qualified names.

    Raises InputError for a file that cannot be read, is no ELF file or has no debug info.
    """
    from elftools.common.exceptions import ELFError
    from elftools.elf.elffile import ELFFile

    try:
        with elf.open("rb") as stream:
            file = ELFFile(stream)
            if not file.has_dwarf_info() or not any(True for _ in file.get_dwarf_info().iter_CUs()):
                raise InputError(f"{elf}: has no debug info, expected a file compiled with -g")
            found: dict[str, Compiled] = {}
            for unit in file.get_dwarf_info().iter_CUs():
                for structure in _structures(unit.get_top_DIE(), ""):
                    found.setdefault(structure.name, structure)
            return found
    except OSError as error:
        raise InputError(f"{elf}: cannot be read ({error.strerror}): expected an ELF file") from None
    except ELFError as error:
        raise InputError(f"{elf}: is no ELF file ({error}): expected one compiled with -g") from None


def _structures(die: Any, scope: str, is_private: bool = False) -> Iterator[Compiled]:
    for child in die.iter_children():
        if child.tag not in _SCOPES or "DW_AT_declaration" in child.attributes:
            continue
        name, hidden = f"{scope}{_name(child)}", is_private or _is_private(child, die)
        if child.tag in _STRUCTURES and "DW_AT_byte_size" in child.attributes:
            size, align = (_number(child, each) for each in ("DW_AT_byte_size", "DW_AT_alignment"))
            yield Compiled(name, size, align, _members(child), hidden)
        yield from _structures(child, f"{name}::", hidden)


def _is_private(die: Any, around: Any) -> bool:
    """Say whether a member or nested type is not public; without a word of its own, it is as its class has it."""
    default = _PRIVATE if around.tag == "DW_TAG_class_type" else _PUBLIC
    return (_number(die, "DW_AT_accessibility") or default) != _PUBLIC


def _members(die: Any) -> tuple[Member, ...]:
    found = []
    for child in die.iter_children():
        if child.tag == "DW_TAG_member" and "DW_AT_data_member_location" in child.attributes:
            size, is_signed = _measure(child.get_DIE_from_attribute("DW_AT_type"))
            offset = _number(child, "DW_AT_data_member_location")
            found.append(Member(_name(child), offset, size, is_signed, _is_private(child, die)))
    return tuple(found)


def _measure(die: Any) -> tuple[int, bool | None]:
    """Return the bytes of a type, of all elements of an array, and whether it, or what it wraps, is a signed number."""
    if die.tag in _PASSED_ON:
        return _measure(die.get_DIE_from_attribute("DW_AT_type")) if "DW_AT_type" in die.attributes else (0, None)
    if die.tag == "DW_TAG_array_type":
        size, is_signed = _measure(die.get_DIE_from_attribute("DW_AT_type"))
        for dimension in die.iter_children():
            count = _number(dimension, "DW_AT_count") or _number(dimension, "DW_AT_upper_bound") + 1
            size *= count
        return size, is_signed
    encoding = _number(die, "DW_AT_encoding")
    return _number(die, "DW_AT_byte_size"), (encoding in _SIGNED if encoding else None)


def _name(die: Any) -> str:
    value = die.attributes.get("DW_AT_name")
    return value.value.decode() if value is not None else "(unnamed)"


def _number(die: Any, attribute: str) -> int:
    value = die.attributes.get(attribute)
    return value.value if value is not None and isinstance(value.value, int) else 0


def compiled_headers(headers: tuple[str, ...], instances: tuple[str, ...]) -> dict[str, Compiled]:
    """Compile fencepost's own headers with debug info, with these types in use, and return their structures.

    Raises InputError where there is no compiler, or with its first error where it refuses.
    """
    compiler = compiler_path("fencepost's own layout is read from what a compiler makes of its headers")
    folder = Path(fencepost.__file__).parent / "native" / "include"
    lines = [f'#include "fencepost/{header}"' for header in headers]
    lines += [f"template class {instance};" for instance in instances]
    with tempfile.TemporaryDirectory() as made:
        source, target = Path(made) / "layout.cpp", Path(made) / "layout.o"
        source.write_text("\n".join(lines) + "\n")
        command = [
            compiler,
            "-std=c++20",
            "-g",
            "-O0",
            "-fno-eliminate-unused-debug-types",
            f"-I{folder}",
            "-c",
            str(source),
            "-o",
            str(target),
        ]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        if ran.returncode:
            first = next((line for line in ran.stderr.splitlines() if "error" in line), "no message")
            raise InputError(f"{compiler}: {first}: expected the headers to compile as they are")
        return compiled_structures(target)
