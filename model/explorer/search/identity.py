"""What makes two searches the same: the code that runs, what it refers to, and the values that it holds.

Code of this package is known by the sources of `fencepost.model`, that of Python by its version, that of an installed
package by the file that it is in, and all other code by what was compiled of it: its instructions and constants, the
globals and modules that it names, what its closures hold. Comments and line numbers do not matter.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from types import BuiltinFunctionType, CellType, CodeType, FunctionType, MappingProxyType, MethodType, ModuleType
from typing import Any

from msgspec import Struct

import fencepost.model
from fencepost.model.errors import InputError

_DESCRIPTORS = (property, staticmethod, classmethod, cached_property)
_PLAIN = (type(None), bool, int, float, complex, str, bytes, type(Ellipsis), type(NotImplemented))


class Indescribable(InputError):
    """A value of which it cannot be said whether it is the same in another process."""


def source_digest() -> str:
    """Return a digest of all sources of `fencepost.model`, and of the Python that runs them."""
    folder = Path(fencepost.model.__file__).parent
    found = sha256(str(sys.implementation.cache_tag).encode())
    for path in sorted(folder.rglob("*.py")):
        found.update(f"\n{path.relative_to(folder)}\n".encode() + path.read_bytes())
    return found.hexdigest()[:32]


def digest_of(*values: Any) -> str:
    """Return a digest of values and of all the code that they lead to. Raises Indescribable."""
    return _Description(values).digest()


class _Description:
    """A walk through everything that some values lead to, each object once, in an order that is always the same."""

    def __init__(self, values: Iterable[Any]) -> None:
        self._hash = sha256()
        self._seen: dict[int, int] = {}
        self._alive: list[Any] = []  # so that no two objects have one id
        for value in values:
            self._add(value)

    def digest(self) -> str:
        return self._hash.hexdigest()[:32]

    def _say(self, *words: object) -> None:
        self._hash.update("\x1f".join(map(str, words)).encode(errors="surrogatepass") + b"\x1e")

    def _add(self, value: Any) -> None:
        if type(value) in _PLAIN:
            return self._say(type(value).__name__, repr(value))
        if isinstance(value, Enum):
            return self._say(type(value).__qualname__, value.name)
        if id(value) in self._seen:
            return self._say("again", self._seen[id(value)])
        self._seen[id(value)] = len(self._seen)
        self._alive.append(value)
        if isinstance(value, set | frozenset):
            return self._say("set", *sorted(digest_of(each) for each in value))
        if isinstance(value, MappingProxyType | dict) and type(value).__module__ in ("builtins", "collections"):
            return self._each("dict", (part for item in value.items() for part in item))
        if type(value) in (tuple, list):
            return self._each(type(value).__name__, value)
        return self._add_code_or_object(value)

    def _each(self, word: str, values: Iterable[Any]) -> None:
        self._say(word)
        for value in values:
            self._add(value)
        self._say("end")

    def _add_code_or_object(self, value: Any) -> None:
        match value:
            case FunctionType():
                self._add_function(value)
            case type():
                self._add_class(value)
            case ModuleType():
                self._add_module(value)
            case CodeType():
                self._add_code(value)
            case MethodType():
                self._each("method", (value.__func__, value.__self__))
            case CellType():
                self._each("cell", _content(value))
            case staticmethod() | classmethod():
                self._each(type(value).__name__, (value.__func__,))
            case property():
                self._each("property", (value.fget, value.fset, value.fdel))
            case cached_property():
                self._each("property", (value.func,))
            case BuiltinFunctionType():
                self._each(f"builtin {value.__qualname__}", (getattr(value, "__self__", None),))
            case _ if hasattr(value, "__wrapped__"):
                self._each("wrapped", (value.__wrapped__,))
            case _:
                self._add_object(value)

    def _add_function(self, function: FunctionType) -> None:
        self._say("function", function.__module__, function.__qualname__, _known(function.__module__))
        if not _known(function.__module__):
            self._add_code(function.__code__)
            named = sorted(_names(function.__code__) & function.__globals__.keys())
            self._each("globals", (part for name in named for part in (name, function.__globals__[name])))
        self._each("defaults", (function.__defaults__, function.__kwdefaults__))
        self._each("closure", function.__closure__ or ())

    def _add_code(self, code: CodeType) -> None:
        self._say(code.co_name, code.co_code.hex(), code.co_flags, code.co_argcount, code.co_kwonlyargcount)
        self._say(code.co_names, code.co_varnames, code.co_cellvars, code.co_freevars)
        self._say(getattr(code, "co_exceptiontable", b"").hex())
        self._each("constants", code.co_consts)

    def _add_class(self, found: type) -> None:
        self._say("class", found.__module__, found.__qualname__, _known(found.__module__))
        if _known(found.__module__):
            return
        self._each("bases", found.__bases__)
        for name, value in vars(found).items():
            if isinstance(value, (FunctionType, *_DESCRIPTORS)):
                self._each(name, (value,))
            elif not name.startswith(("__", "_abc_")):
                self._each(name, () if type(value).__name__ == "member_descriptor" else (value,))

    def _add_module(self, module: ModuleType) -> None:
        self._say("module", module.__name__, _known(module.__name__))
        if not _known(module.__name__):
            held = {name: value for name, value in vars(module).items() if not name.startswith("__")}
            self._each("holds", (part for item in held.items() for part in item))

    def _add_object(self, value: Any) -> None:
        self._add(type(value))
        if isinstance(value, Struct):
            return self._each("fields", (getattr(value, name) for name in value.__struct_fields__))
        if is_dataclass(value):
            return self._each("fields", (getattr(value, each.name) for each in fields(value)))
        slots = [name for each in type(value).__mro__ for name in _slots(each) if hasattr(value, name)]
        reducing = {"__reduce__", "__reduce_ex__"}
        is_plain = not any(reducing & vars(each).keys() for each in type(value).__mro__[:-1])
        if slots or (hasattr(value, "__dict__") and is_plain):
            own = [*vars(value).items()] if hasattr(value, "__dict__") else []
            held = (*own, *((name, getattr(value, name)) for name in slots))
            return self._each("holds", (part for item in held for part in item))
        try:
            reduced = value.__reduce_ex__(2)
        except Exception:
            raise Indescribable(
                f"its programs hold a {type(value).__name__}, of which it cannot be said whether it is the same"
            ) from None
        return self._each("made of", reduced if isinstance(reduced, tuple) else (reduced,))


def _content(cell: CellType) -> tuple[Any, ...]:
    try:
        return (cell.cell_contents,)
    except ValueError:  # nothing is in it yet
        return ()


def _slots(found: type) -> tuple[str, ...]:
    slots = vars(found).get("__slots__", ())
    return (slots,) if isinstance(slots, str) else tuple(each for each in slots if each != "__weakref__")


def _names(code: CodeType) -> set[str]:
    """Return the names that code may look up, with those of the code in it."""
    inner = (each for each in code.co_consts if isinstance(each, CodeType))
    return {*code.co_names}.union(*map(_names, inner))


def _known(module: str | None) -> str:
    """Return by what the code of a module is known instead of by what was compiled of it; nothing for a user's own."""
    root = (module or "").partition(".")[0]
    if module is not None and (module == "fencepost.model" or module.startswith("fencepost.model.")):
        return "source"
    if root in sys.stdlib_module_names:
        return "python"
    path = Path(getattr(sys.modules.get(module or ""), "__file__", None) or "")
    if {"site-packages", "dist-packages"} & {*path.parts}:
        return f"installed {sha256(path.read_bytes()).hexdigest()}"
    return ""
