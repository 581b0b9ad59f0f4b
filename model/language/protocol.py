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
"""

from collections.abc import Callable
from inspect import signature
from typing import (
    Annotated,
    Any,
    ClassVar,
    Self,
    TypeVar,
    get_args,
    get_origin,
    get_type_hints,
)

from fencepost.model.contract import PROPERTIES, Level
from fencepost.model.errors import NotAccepted, ProtocolError, unknown_choice
from fencepost.model.language.maps import Map
from fencepost.model.language.recording import Field, Statement, Transition, record
from fencepost.model.language.terms import TRUTH, Sort, lift

Function = TypeVar("Function", bound=Callable[..., Any])
Parameters = tuple[tuple[str, Sort], ...]


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
    """Mark a method as the statement of a property of the contract, an invariant that users were promised."""
    if name not in PROPERTIES:
        raise unknown_choice("property", name, PROPERTIES)

    def mark(function: Function) -> Function:
        function.__dict__["kind"] = ("promise", name)
        return function

    return mark


class Protocol:
    """One state of a protocol; subclasses declare fields, actions, promises and invariants.

    `name` and `level` are set by protocols that can be asked for by name; parts that are only
    inherited from leave them out.
    """

    name: ClassVar[str] = ""
    level: ClassVar[Level]
    fields: ClassVar[dict[str, Field]] = {}
    actions: ClassVar[dict[str, Transition]] = {}
    promises: ClassVar[dict[str, Statement]] = {}
    invariants: ClassVar[dict[str, Statement]] = {}
    witnesses: ClassVar[dict[str, Statement]] = {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.fields = dict(_declared_fields(cls))
        cls.actions, cls.promises, cls.invariants, cls.witnesses = {}, {}, {}, {}
        for method, (kind, title) in _marked_methods(cls).items():
            _add(cls, method, kind, title)

    def __init__(self) -> None:
        self._required_count = 0
        for declared in self.fields.values():
            setattr(self, declared.name, Map(declared.default) if declared.indices else declared.default)

    def require(self, *conditions: bool) -> None:
        """Refuse the action unless every condition holds. To be called before the action's first write."""
        for condition in conditions:
            if not condition:
                raise Refused(self._required_count)
            self._required_count += 1

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


def _add(cls: type[Protocol], method: str, kind: str, title: str | None) -> None:
    function = getattr(cls, method)
    parameters = _parameters(cls, function)
    recorder, result = record(cls, cls.fields, function, parameters)
    if kind == "action":
        if any(sort == TRUTH for _, sort in parameters):
            raise ProtocolError(f"{recorder.where} takes a truth value: write two actions instead")
        cls.actions[method] = Transition(method, parameters, tuple(recorder.guards), tuple(recorder.writes))
        return
    condition = lift(result)
    if condition.sort != TRUTH or recorder.guards or recorder.writes:
        raise ProtocolError(f"{recorder.where} must only return a condition, and returns `{condition}`")
    table = {"promise": cls.promises, "invariant": cls.invariants, "sometimes": cls.witnesses}[kind]
    name = title or method.replace("_", "-")
    table[name] = Statement(name, method, parameters, condition)


def _marked_methods(cls: type) -> dict[str, tuple[str, str | None]]:
    """Return the marked methods, those of the parts first, each with the mark nearest to `cls`."""
    marks: dict[str, tuple[str, str | None]] = {}
    for part in reversed(cls.__mro__):
        for name, value in vars(part).items():
            if callable(value) and "kind" in getattr(value, "__dict__", {}):
                marks[name] = value.__dict__["kind"]
    return marks


def _sort_of(where: str, hint: object) -> Sort:
    if hint is bool:
        return TRUTH
    if get_origin(hint) is Annotated:
        sorts = [each for each in get_args(hint)[1:] if isinstance(each, Sort)]
        if sorts:
            return sorts[0]
    raise ProtocolError(f"{where} is declared as {hint!r}: expected bool or a sort such as Client or Position")


def _parameters(cls: type, function: Callable[..., Any]) -> Parameters:
    hints = get_type_hints(function, include_extras=True)
    where = f"{cls.__name__}.{function.__name__}"
    names = list(signature(function).parameters)[1:]  # without self
    return tuple((name, _sort_of(f"{where}({name})", hints.get(name))) for name in names)


def _declared_fields(cls: type) -> list[tuple[str, Field]]:
    fields = []
    for name, hint in get_type_hints(cls, include_extras=True).items():
        if get_origin(hint) is ClassVar:
            continue
        where = f"{cls.__name__}.{name}"
        default = getattr(cls, name, None)
        is_map = get_origin(hint) is Map
        if isinstance(default, Map) != is_map or default is None:
            raise ProtocolError(f"{where} needs a start value: a number or truth value, or every(value) for a Map")
        sorts = [_sort_of(where, each) for each in (get_args(hint) if is_map else (hint,))]
        start = default.default if isinstance(default, Map) else default
        fields.append((name, Field(name, tuple(sorts[:-1]), sorts[-1], start)))
    return fields
