"""Protocols: typed state, guarded actions and named invariants, written once for every engine.

    class Counter(Protocol):
        issued: Position = 0
        start: Map[Client, Position] = every(0)

        @action
        def reserve(self, client: Client, count: Count) -> None:
            self.require(count >= 1)
            self.start[client] = self.issued
            self.issued = self.issued + count

        @promise("unique")
        def no_start_is_issued_twice(self, client: Client) -> bool:
            return self.start[client] <= self.issued

Rules, checked when the class is defined: an action requires first and writes afterwards; it does not
branch on state; sorts do not mix. An instance is one concrete state, and an action called on it runs
there. `require` comes first so that a refused action has changed nothing.

`self.for_all(Shard, lambda shard: ...)` and `self.exists(...)` range over all members of a sort of identities, in
requirements and statements alike. How many members there are is open in a proof and fixed in an instance, so a state
of such a protocol is made with the instance that it lies in.
"""

import re
from collections.abc import Callable
from inspect import signature
from typing import (
    Any,
    ClassVar,
    Self,
    TypeVar,
    get_args,
    get_origin,
    get_type_hints,
)
from typing import Protocol as Interface

from fencepost.model.contract import Level
from fencepost.model.errors import NotAccepted, ProtocolError
from fencepost.model.language.counting import counted
from fencepost.model.language.maps import Map
from fencepost.model.language.recording import Field, Recorder, Statement, Transition, record
from fencepost.model.language.sorts import TRUTH, Sort, check_names, sort_of
from fencepost.model.language.terms import Term, lift

Function = TypeVar("Function", bound=Callable[..., Any])
Parameters = tuple[tuple[str, Sort], ...]

NAME = re.compile(r"[A-Za-z0-9_][\w.-]*", re.ASCII)  # of a protocol and of a promise: both become names of files
NATURAL = "natural"  # what the proof calls the claim that each cell holds a value of its sort
TABLES = {"promise": "promises", "invariant": "invariants", "sometimes": "witnesses"}


class Bounds(Interface):
    """How many members each sort has: an `Instance`."""

    def domain(self, sort: Sort) -> range: ...


class Refused(Exception):
    """A requirement of an action does not hold in this state; `requirement_index` counts them from 0."""

    def __init__(self, requirement_index: int) -> None:
        super().__init__(f"requirement {requirement_index}")
        self.requirement_index = requirement_index


def action(function: Function) -> Function:
    """Mark a method as an action: it requires, then writes."""
    function.__dict__["kind"] = ("action", None)
    return function


def invariant(function: Function) -> Function:
    """Mark a method as an auxiliary invariant: true of every reachable state, for all values of its parameters."""
    function.__dict__["kind"] = ("invariant", None)
    return function


def sometimes(function: Function) -> Function:
    """Mark a method as a condition that some reachable state meets, for some values of its parameters."""
    function.__dict__["kind"] = ("sometimes", None)
    return function


def promise(name: str) -> Callable[[Function], Function]:
    """Mark a method as the statement of a promise: of the contract, by its name there, or one of the protocol's own."""
    if not isinstance(name, str) or not NAME.fullmatch(name):
        given = "the method itself" if callable(name) else repr(name)
        raise ProtocolError(f'a promise is called {given}: expected letters, digits, - and _, @promise("once")')

    def mark(function: Function) -> Function:
        function.__dict__["kind"] = ("promise", name)
        return function

    return mark


class Protocol:
    """One state of a protocol; subclasses declare fields, actions, promises and invariants.

    `name` is that of the class, where the class does not set it; `level` is set by protocols that make the promises of
    a level of the contract. `bounds` says how many members each sort has, for `for_all` and `exists`.
    """

    name: ClassVar[str] = ""
    level: ClassVar[Level]
    sorts: ClassVar[dict[str, Sort]] = {}
    fields: ClassVar[dict[str, Field]] = {}
    actions: ClassVar[dict[str, Transition]] = {}
    promises: ClassVar[dict[str, Statement]] = {}
    invariants: ClassVar[dict[str, Statement]] = {}
    witnesses: ClassVar[dict[str, Statement]] = {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        marked = _marked_methods(cls)
        cls.name = vars(cls).get("name", cls.__name__)
        if not isinstance(cls.name, str) or not NAME.fullmatch(cls.name):
            raise ProtocolError(f"{cls.__name__} is called {cls.name!r}: expected letters, digits, ., - and _")
        cls.fields = dict(_declared_fields(cls))
        cls.actions, cls.promises, cls.invariants, cls.witnesses = {}, {}, {}, {}
        used: list[Sort] = [sort for field in cls.fields.values() for sort in (*field.indices, field.sort)]
        for method, (kind, title) in marked.items():
            used += _add(cls, method, kind, title)
        check_names(cls.__name__, used)
        cls.sorts = {sort.name: sort for sort in used if sort is not TRUTH}
        counted(cls)

    def __init__(self, bounds: Bounds | None = None) -> None:
        self._required_count = 0
        self._bounds = bounds
        for declared in self.fields.values():
            setattr(self, declared.name, Map(declared.default) if declared.indices else declared.default)

    def require(self, *conditions: bool) -> None:
        """Refuse the action unless every condition holds. To be called before the action's first write."""
        for condition in conditions:
            if not condition:
                raise Refused(self._required_count)
            self._required_count += 1

    def for_all(self, sort: object, condition: Callable[[Any], bool], *, below: int | None = None) -> bool:
        """Say whether the condition holds of every member of a sort; of a sort of numbers, of those `below`.

        self.require(self.for_all(Shard, lambda shard: self.reported[shard]))
        """
        return all(condition(each) for each in self._members(sort, below))

    def exists(self, sort: object, condition: Callable[[Any], bool], *, below: int | None = None) -> bool:
        """Say whether the condition holds of some member of a sort; of a sort of numbers, of one `below`."""
        return any(condition(each) for each in self._members(sort, below))

    def _members(self, sort: object, below: int | None) -> range:
        if below is not None:
            return range(below)
        which = sort_of(f"{self.name}(for_all)", sort)
        if self._bounds is None:
            raise ProtocolError(
                f"how many {which}s there are is not said: make the state in an instance,"
                f" {type(self).__name__}(Instance(others={{'{which}': 2}}))"
            )
        return self._bounds.domain(which)

    def try_fire(self, action: str, **arguments: int) -> bool:
        """Perform the action where its requirements hold; say whether they did."""
        self._required_count = 0
        try:
            getattr(self, action)(**arguments)
        except Refused:
            return False
        return True

    def fire(self, action: str, **arguments: int) -> None:
        """Perform the action; raise NotAccepted, naming the requirement, where it may not happen."""
        self._required_count = 0
        try:
            getattr(self, action)(**arguments)
        except Refused as refused:
            guard = self.actions[action].guards[refused.requirement_index]
            given = ", ".join(f"{name}={value}" for name, value in arguments.items())
            raise NotAccepted(f"{self.name} does not accept {action}({given}): it requires `{guard}`") from None

    def describe(self, sort: Sort, value: int) -> str:
        """Say what a value of a sort is in this state; for people who read counterexamples."""
        return str(value)

    def copy(self) -> Self:
        """Return another instance in the same state."""
        other = self.__class__.__new__(self.__class__)
        other.__dict__.update(
            {name: value.copy() if isinstance(value, Map) else value for name, value in self.__dict__.items()}
        )
        return other

    def state(self) -> tuple[Any, ...]:
        """Return the state as a hashable value; equal states give equal values."""
        values = [getattr(self, name) for name in self.fields]
        return tuple([v.frozen() if isinstance(v, Map) else v for v in values])

    def restore(self, state: tuple[Any, ...]) -> None:
        """Become the state that `state()` described."""
        for declared, value in zip(self.fields.values(), state, strict=True):
            if declared.indices:
                getattr(self, declared.name).become(dict(value))
            else:
                setattr(self, declared.name, value)


def _add(cls: type[Protocol], method: str, kind: str, title: str | None) -> list[Sort]:
    """Put a marked method into the table of its kind; return the sorts that it names."""
    function = getattr(cls, method)
    parameters = _parameters(cls, function)
    recorder, result = record(cls, cls.fields, function, parameters)
    sorts = [sort for _, sort in parameters]
    if kind == "action":
        if any(sort is TRUTH for sort in sorts):
            raise ProtocolError(f"{recorder.where} takes a truth value: write two actions instead")
        cls.actions[method] = Transition(method, parameters, tuple(recorder.guards), tuple(recorder.writes))
        return sorts + recorder.sorts
    name = title or method.replace("_", "-")
    stated = {NATURAL: "the language"} | {each.name: each.method for each in _statements(cls)}
    if name in stated:
        raise ProtocolError(f"{recorder.where} states {name!r}, as {stated[name]} does: expected another name")
    table: dict[str, Statement] = getattr(cls, TABLES[kind])
    table[name] = Statement(name, method, parameters, _condition(recorder, result))
    return sorts + recorder.sorts


def _statements(cls: type[Protocol]) -> list[Statement]:
    return [*cls.promises.values(), *cls.invariants.values(), *cls.witnesses.values()]


def _condition(recorder: Recorder, result: object) -> Term:
    """Return the condition that a statement returned. Raises ProtocolError where it did anything else."""
    if result is None:
        raise ProtocolError(f"{recorder.where} returns nothing: expected it to return a condition")
    try:
        condition = lift(result)
    except ProtocolError as error:
        raise ProtocolError(f"{recorder.where}: {error}") from None
    if condition.sort is not TRUTH or recorder.guards or recorder.writes:
        raise ProtocolError(f"{recorder.where} must only return a condition, and returns `{condition}`")
    return condition


def _marked_methods(cls: type) -> dict[str, tuple[str, str | None]]:
    """Return the marked methods, those of the parts first, each with the mark nearest to `cls`."""
    marks: dict[str, tuple[str, str | None]] = {}
    for part in reversed(cls.__mro__):
        for name, value in vars(part).items():
            if callable(value) and "kind" in getattr(value, "__dict__", {}):
                _check_free(cls, name)
                marks[name] = value.__dict__["kind"]
    return marks


def _check_free(cls: type, name: str) -> None:
    if hasattr(Protocol, name) or name in vars(Protocol()):
        words = ", ".join(words_of_the_language())
        raise ProtocolError(f"{cls.__name__}.{name} is a word of the language: expected another name than {words}")


def words_of_the_language() -> list[str]:
    """Return the names that no field, action or statement of a protocol may have."""
    return sorted(name for name in vars(Protocol) if not name.startswith("_"))


def _parameters(cls: type, function: Callable[..., Any]) -> Parameters:
    hints = get_type_hints(function, include_extras=True)
    where = f"{cls.__name__}.{function.__name__}"
    names = list(signature(function).parameters)[1:]  # without self
    return tuple((name, sort_of(f"{where}({name})", hints.get(name))) for name in names)


def _declared_fields(cls: type) -> list[tuple[str, Field]]:
    fields = []
    for name, hint in get_type_hints(cls, include_extras=True).items():
        if get_origin(hint) is ClassVar:
            continue
        _check_free(cls, name)
        where = f"{cls.__name__}.{name}"
        default = getattr(cls, name, None)
        is_map = get_origin(hint) is Map
        if isinstance(default, Map) != is_map or default is None:
            raise ProtocolError(f"{where} needs a start value: a number or truth value, or every(value) for a Map")
        sorts = [sort_of(where, each) for each in (get_args(hint) if is_map else (hint,))]
        start = default.default if isinstance(default, Map) else default
        _check_start(where, sorts[-1], start)
        fields.append((name, Field(name, tuple(sorts[:-1]), sorts[-1], start)))
    return fields


def _check_start(where: str, sort: Sort, start: object) -> None:
    """Refuse a start value that is none of its sort: a proof takes it for granted that every cell holds one."""
    if sort is TRUTH:
        if not isinstance(start, bool):
            raise ProtocolError(f"{where} starts at {start!r}: expected True or False")
    elif type(start) is not int or start < 0:
        raise ProtocolError(f"{where} starts at {start!r}: expected a whole number from 0, as every {sort} is")
