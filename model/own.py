"""Users' own files: loaded once, their errors shown as theirs, their objects found by name.

A target is written FILE.py or FILE.py:Name. The file is run as `import` would run it, with its folder on the path and
what it prints on stderr; it is run again only where its text has changed.
"""

from __future__ import annotations

import contextlib
import hashlib
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType
from typing import Any, Generic, TypeVar

import click

from fencepost.model.errors import FencepostError, InputError, LoadError
from fencepost.model.language import Protocol
from fencepost.model.leaving import stays_in
from fencepost.model.programs.users.own import Program
from fencepost.model.specs import PROTOCOLS
from fencepost.model.specs import protocol as protocol_named

Object = TypeVar("Object")

PACKAGE = str(Path(__file__).parent.parent)  # its frames are no part of a user's traceback
_IMPORTING = "<frozen importlib"
_COMMANDS = str(Path(click.__file__).parent)


@dataclass(frozen=True)
class Kind(Generic[Object]):
    """A kind of object that a file may define: its noun, and how those of a module are found, by name."""

    noun: str
    find: Callable[[ModuleType], dict[str, Object]]
    advice: str  # what a file that defines none should have


@dataclass(frozen=True)
class Source:
    """Where an object of a user comes from; `sha256` is that of the file's text."""

    module: str
    file: str
    object: str
    sha256: str


@dataclass(frozen=True)
class Loaded:
    """A user's file as it was run."""

    module: ModuleType
    sha256: str


_LOADED: dict[Path, Loaded] = {}


def is_own(target: str | Path) -> bool:
    """Say whether a target is a user's file, with or without the name of an object, rather than a name that ships."""
    return _parts(target)[0].suffix == ".py"


def _parts(target: str | Path) -> tuple[Path, str]:
    """Split FILE.py:Name. A colon before the suffix, as after a drive's letter, belongs to the path."""
    text = str(target)
    head, colon, name = text.rpartition(":")
    return (Path(head), name) if colon and head.endswith(".py") else (Path(text), "")


def load(path: Path) -> Loaded:
    """Return a user's file as a module; it is run where that was not done, or its text has changed since.

    Raises InputError where it cannot be read, and LoadError, with the user's traceback, where it raises.
    """
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"{path}: no such file: expected a Python file, FILE.py or FILE.py:Name") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}: expected a Python file") from None
    place, sha256 = path.resolve(), hashlib.sha256(text).hexdigest()
    known = _LOADED.get(place)
    if known is None or known.sha256 != sha256:
        _LOADED[place] = known = Loaded(_run(path, place, text), sha256)
    return known


def _run(path: Path, place: Path, text: bytes) -> ModuleType:
    """Run a file as a module that its classes can be found in by their annotations."""
    module = ModuleType(f"{place.stem}_{hashlib.sha256(str(place).encode()).hexdigest()[:8]}")
    module.__file__ = str(place)
    sys.modules[module.__name__] = module
    sys.path.insert(0, str(place.parent))
    stays_in(str(path))
    try:
        with contextlib.redirect_stdout(sys.stderr):
            exec(compile(text, str(path), "exec", dont_inherit=True), module.__dict__)
    except KeyboardInterrupt:
        del sys.modules[module.__name__]
        raise
    except BaseException as error:
        del sys.modules[module.__name__]
        raise LoadError(path, f"{type(error).__name__}: {error}", users_traceback(error)) from error
    finally:
        with contextlib.suppress(ValueError):
            sys.path.remove(str(place.parent))
    return module


def users_traceback(error: BaseException) -> str:
    """Return the traceback of an error, and of its causes, without frames of fencepost and of importing."""
    told = traceback.TracebackException.from_exception(error)
    each: traceback.TracebackException | None = told
    while each is not None:
        frames = [frame for frame in each.stack if not frame.filename.startswith((PACKAGE, _IMPORTING, _COMMANDS))]
        each.stack = traceback.StackSummary.from_list(frames)
        each = each.__cause__ or (None if each.__suppress_context__ else each.__context__)
    return "".join(told.format())


def raised_by_user(error: BaseException) -> bool:
    """Say whether an error went through code of a file that was loaded: the user's own bug."""
    return not _files_of_users().isdisjoint(_frames(error))


@contextmanager
def used(thing: type) -> Iterator[None]:
    """Raise LoadError where code of a user's class raises while it is used; SystemExit(0) too is no end of a command.

    Errors of fencepost, which say what is wrong themselves, and KeyboardInterrupt pass.
    """
    try:
        yield
    except (FencepostError, KeyboardInterrupt):
        raise
    except BaseException as error:
        file = getattr(sys.modules.get(thing.__module__), "__file__", None)
        theirs = _files_of_users() | ({str(Path(file).resolve())} if file and not file.startswith(PACKAGE) else set())
        at = next((each for each in reversed(_frames(error)) if each in theirs), None)
        if at is None:
            raise
        raise LoadError(Path(at), f"{type(error).__name__}: {error}", users_traceback(error)) from error


def loaded_modules() -> list[ModuleType]:
    """Return the users' files that were loaded, which no other process can import by name."""
    return [loaded.module for loaded in _LOADED.values()]


def _files_of_users() -> set[str]:
    return {str(loaded.module.__file__) for loaded in _LOADED.values()}


def _frames(error: BaseException) -> list[str]:
    """Return the files that an error went through, the innermost last."""
    return [str(Path(frame.filename).resolve()) for frame in traceback.extract_tb(error.__traceback__)]


def object_of(target: str | Path, kind: Kind[Object]) -> Object:
    """Return the object that FILE.py:Name names, or the only one of its kind in FILE.py, or that named like the file.

    Raises InputError, with what is there, for a name that is not there and where one is asked for of none or several.
    """
    path, name = _parts(target)
    found = objects_in(path, kind)
    named = {**{getattr(each, "name", ""): each for each in found.values()}, **found}
    if name in named:
        return named[name]
    if name:
        near = get_close_matches(name, found, n=3, cutoff=0.4) or list(found)
        raise InputError(f"{path} defines no {kind.noun} {name!r}: did you mean {' or '.join(near)}?")
    if len(found) > 1 and path.stem in found:
        return found[path.stem]
    if len(found) > 1:
        choices = " or ".join(f"{path}:{each}" for each in found)
        raise InputError(f"{path} defines {len(found)} {kind.noun}s: say which one, {choices}")
    return next(iter(found.values()))


def objects_in(target: str | Path, kind: Kind[Object]) -> dict[str, Object]:
    """Return all objects of a kind that a file defines, by name; raises InputError where there is none."""
    path, _ = _parts(target)
    found = kind.find(load(path).module)
    if not found:
        raise InputError(f"{path} defines no {kind.noun}: {kind.advice}")
    return found


def objects_of(target: str | Path, kind: Kind[Object]) -> dict[str, Object]:
    """Return the objects of a kind that FILE.py defines, or the one that FILE.py:Name names; none is no error here."""
    path, name = _parts(target)
    found = kind.find(load(path).module)
    return {each: made for each, made in found.items() if name in ("", each, getattr(made, "name", ""))}


def name_in(target: str | Path) -> str:
    """Return the name in FILE.py:Name, "" where there is none."""
    return _parts(target)[1]


def _protocols(module: ModuleType) -> dict[str, type[Protocol]]:
    """Return the protocols that a module defines. What states no promise or has no action is a part of others."""
    classes = [
        each
        for each in vars(module).values()
        if isinstance(each, type) and issubclass(each, Protocol) and each.__module__ == module.__name__
    ]
    whole = [each for each in classes if each.promises and each.actions]
    return {each.__name__: each for each in whole or classes}


PROTOCOL: Kind[type[Protocol]] = Kind(
    "protocol", _protocols, "expected a class that inherits from fencepost.model.language.Protocol"
)


def _sequencers(module: ModuleType) -> dict[str, type[Any]]:
    """Return the classes of a module that have all functions of a sequencer of one's own."""
    needed = ("begin", "try_order", "acknowledged", "issued")
    return {
        name: each
        for name, each in vars(module).items()
        if isinstance(each, type)
        and each.__module__ == module.__name__
        and all(callable(getattr(each, function, None)) for function in needed)
    }


SEQUENCER: Kind[type[Any]] = Kind(
    "sequencer", _sequencers, "expected a class with begin, try_order, acknowledged and issued"
)


def _programs(module: ModuleType) -> dict[str, Program]:
    """Return the programs that a module has, each by the first of its names."""
    found: dict[str, Program] = {}
    for name, each in vars(module).items():
        if isinstance(each, Program) and not any(each is other for other in found.values()):
            found[name] = each
    return found


PROGRAM: Kind[Program] = Kind("program", _programs, "expected a variable that holds a fencepost.program.Program")


def program_of(target: Program | str | Path) -> Program:
    """Return the program that a target stands for: itself, FILE.py or FILE.py:name.

    Raises InputError where there is none.
    """
    if isinstance(target, Program):
        return target
    if isinstance(target, str | Path) and is_own(target):
        return object_of(target, PROGRAM)
    raise InputError(f"{target!r} is no program: expected a fencepost.program.Program, or FILE.py:name")


def protocol_of(target: type[Protocol] | str | Path) -> type[Protocol]:
    """Return the protocol that a target stands for: a class, the name of one that ships, FILE.py or FILE.py:Name.

    Raises InputError where there is none, and where it promises nothing or has no action: nothing would be proved.
    """
    if isinstance(target, type) and issubclass(target, Protocol):
        found = target
    elif isinstance(target, str | Path):
        found = object_of(target, PROTOCOL) if is_own(target) else protocol_named(str(target))
    else:
        raise InputError(f"{target!r} is no protocol: expected a class that inherits from Protocol, or FILE.py:Name")
    for table, mark in ((found.promises, '@promise("name")'), (found.actions, "@action")):
        if not table:
            raise InputError(f"{found.__name__} has nothing to prove: expected a method marked {mark}")
    return found


def ships(protocol: type[Protocol]) -> bool:
    """Say whether a protocol is one of fencepost's own, which a name is enough for."""
    return PROTOCOLS.get(protocol.name) is protocol


def source_of(thing: type | Callable[..., object] | Program) -> Source | None:
    """Return where a class, function or program of a user comes from; None where no file can give it again."""
    if isinstance(thing, Program):
        return _source_of_program(thing)
    file = getattr(sys.modules.get(thing.__module__), "__file__", None)
    if file is None or "<locals>" in thing.__qualname__:
        return None
    return _source(file, thing.__name__)


def _source_of_program(program: Program) -> Source | None:
    """Find the variable that holds a program: first in files that were loaded, then in all that Python knows."""
    modules = [*(loaded.module for loaded in _LOADED.values()), *sys.modules.values()]
    for module in modules:
        file = getattr(module, "__file__", None)
        if isinstance(file, str) and file.endswith(".py"):
            for name, each in vars(module).items():
                if each is program:
                    return _source(file, name)
    return None


def _source(file: str, name: str) -> Source:
    place = Path(file).resolve()
    known = _LOADED.get(place)
    sha256 = known.sha256 if known is not None else hashlib.sha256(place.read_bytes()).hexdigest()
    return Source(place.stem, str(place), name, sha256)


def object_from(source: Source, kind: Kind[Object]) -> Object:
    """Return the object that a trace was written of. Raises InputError where its file is gone or has changed."""
    path, what = Path(source.file), f"its {kind.noun} {source.object}"
    if not path.is_file():
        raise InputError(f"{what} was in {path}, which is not there: put the file back")
    if hashlib.sha256(path.read_bytes()).hexdigest() != source.sha256:
        raise InputError(f"{what} is in {path}, which was changed since: run it again for a trace of today's")
    return object_of(f"{path}:{source.object}", kind)
