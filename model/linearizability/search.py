"""The search of Wing and Gong for an order of operations, with what was seen before remembered (Lowe, 2017).

Returns are passed in their order. Before one is passed its operation takes place, and before that any others that
were called and have not taken place: later is early enough for each. What was seen is remembered by the return that
comes next, the state, and which operations have taken place.

Operations that never returned are what makes the search large. Three things are left out, as what is reached without
them can do whatever is reached with them: one that changes nothing; one beside an equal one that is not yet used; and
a configuration that has used up more of them than another of the same state.

References: J. M. Wing, C. Gong, "Testing and verifying concurrent objects", JPDC 1993; G. Lowe, "Testing for
linearizability", CCPE 2017.
"""

import time
from bisect import insort
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fencepost.model.contract import Verdict
from fencepost.model.errors import InputError
from fencepost.model.histories.checks.verify import Finding, Verification, Witness
from fencepost.model.linearizability.models import MODELS, REFUSED, Model, Step
from fencepost.model.linearizability.operations import Operation, by_key

PROPERTY = "linearizable"
ANOMALY = "no-order"
_ROWS_MOST = 4
_LOOKS_PER_CLOCK = 256


@dataclass(frozen=True)
class Limits:
    """How far a search goes before it is unknown: seconds for all objects, configurations for each of them."""

    seconds: float = 60.0
    configurations: int = 2_000_000


class _Given(Exception):
    """A limit was reached; the message says which."""


def verify_operations(
    operations: Iterable[Operation], model: Model | str, *, limits: Limits | None = None, path: Path | None = None
) -> Verification:
    """Search for an order of the operations on each object that the model allows.

    One finding, `linearizable`: not found where each object has an order, violated where one has none, unknown where
    a limit was reached and no object is known to have none. InputError: no operations, a model or operation unknown.

    >>> written = fencepost.Operation("write", 5, None, called=0, returned=3)
    >>> read = fencepost.Operation("read", None, 4, called=5, returned=6)
    >>> str(fencepost.verify_operations([written, read], "register").verdict)
    'violated'
    """
    if isinstance(model, str):
        if model not in MODELS:
            raise InputError(f"unknown model {model!r}: expected one of {', '.join(MODELS)}")
        model = MODELS[model]
    limits = limits or Limits()
    objects = by_key(operations)
    count = sum(map(len, objects.values()))
    if not count:
        raise InputError("no operations: nothing can be verified")
    deadline = time.monotonic() + limits.seconds
    given_up, broken = [], []
    for key, mine in objects.items():
        try:
            search = _Search(mine, model, deadline, limits)
            if not search.finds_an_order():
                broken.append((key, search))
        except _Given as limit:
            given_up.append((key, str(limit)))
        except InputError as error:  # of the model, which does not know the file
            raise InputError(f"{path}, {error}" if path is not None else str(error)) from None
    bound = f"1 run, {count} operation{'' if count == 1 else 's'}"
    bound += f" on {len(objects)} objects" if len(objects) > 1 else ""
    if broken:
        key, search = broken[0]
        finding = Finding(PROPERTY, Verdict.VIOLATED, bound, len(broken), search.witness(key, path), ANOMALY)
    elif given_up:
        key, reason = given_up[0]
        finding = Finding(PROPERTY, Verdict.UNKNOWN, f"{reason}{_of(key)}", 0, None)
    else:
        finding = Finding(PROPERTY, Verdict.NOT_FOUND, bound, 0, None)
    return Verification(None, (finding,), ())


def _of(key: Hashable) -> str:
    return "" if key is None else f", of {key}"


@dataclass
class _Seen:
    """What was seen before one return: for a state and the operations that took place and return, those that do not.

    Of the latter only sets without a smaller one among them are kept.
    """

    unreturned: dict[tuple[Any, int], list[int]] = field(default_factory=dict)

    def add(self, state: Hashable, placed: int, unreturned: int) -> bool:
        """Note a configuration; return whether it can do anything that those before cannot."""
        known = self.unreturned.setdefault((state, placed), [])
        if any(each & unreturned == each for each in known):
            return False
        known[:] = [each for each in known if each & unreturned != unreturned]
        known.append(unreturned)
        return True


class _Search:
    """The search on one object. Sets of operations are integers with a bit for each."""

    def __init__(self, operations: list[Operation], model: Model, deadline: float, limits: Limits) -> None:
        self._operations, self._model = operations, model
        self._steps: list[Step] = [model.step_of(each) for each in operations]
        # Of one moment calls come before returns.
        self._returns = sorted(
            (index for index, each in enumerate(operations) if each.returned is not None),
            key=lambda index: (operations[index].returned, index),
        )
        self._able = list(self._able_before_returns())
        self._deadline, self._limits = deadline, limits
        self._seen = [_Seen() for _ in self._returns]
        self._states: dict[int, dict[Hashable, None]] = {}
        self._furthest = 0

    def _able_before_returns(self) -> Iterator[list[int]]:
        """Yield, for each return, the operations that can take place before it: those that return first, first.

        Those whose returns were passed took place, also where a clock gives both returns one moment.
        """
        rank = {index: place for place, index in enumerate(self._returns)}
        never, called = len(self._returns), 0
        able: list[tuple[int, int]] = []
        for place, index in enumerate(self._returns):
            moment = self._operations[index].returned
            assert moment is not None
            while called < len(self._operations) and self._operations[called].called <= moment:
                insort(able, (rank.get(called, never), called))
                called += 1
            yield [each for _, each in able]
            able.remove((place, index))

    def finds_an_order(self) -> bool:
        """Say whether there is an order. Raises `_Given` where a limit is reached first."""
        stack = [(0, self._model.initial, 0, 0)]
        looks = 0
        while stack:
            place, state, placed, unreturned = stack.pop()
            while place < len(self._returns) and placed >> self._returns[place] & 1:
                placed &= ~(1 << self._returns[place])
                place += 1
            if place == len(self._returns):
                return True
            self._furthest = max(self._furthest, place)
            if not self._seen[place].add(state, placed, unreturned):
                continue
            looks += 1
            self._check_limits(looks)
            states = self._states.setdefault(place, {})
            if len(states) < _ROWS_MOST:
                states[state] = None
            # The last that is pushed is looked at first: the operation whose return comes next.
            stack += reversed(list(self._following(place, state, placed, unreturned)))
        return False

    def _check_limits(self, looks: int) -> None:
        if looks > self._limits.configurations:
            raise _Given(f"over {self._limits.configurations} configurations")
        if looks % _LOOKS_PER_CLOCK == 1 and time.monotonic() > self._deadline:
            raise _Given(f"timed out after {self._limits.seconds:g} s")

    def _following(
        self, place: int, state: Hashable, placed: int, unreturned: int
    ) -> Iterable[tuple[int, Hashable, int, int]]:
        equal: set[tuple[str, Hashable]] = set()
        for index in self._able[place]:
            bit = 1 << index
            if (placed | unreturned) & bit:
                continue
            operation = self._operations[index]
            if operation.returned is not None:
                after = self._steps[index](state, operation)
                if after is not REFUSED:
                    yield place, after, placed | bit, unreturned
            elif (operation.name, operation.argument) not in equal:
                equal.add((operation.name, operation.argument))
                after = self._steps[index](state, operation)
                if after is not REFUSED and after != state:
                    yield place, after, placed, unreturned | bit

    def witness(self, key: Hashable, path: Path | None) -> Witness:
        """Return the operation whose return no order explains, with those that returned last before it."""
        index = self._returns[self._furthest]
        states = [self._model.holds(state) for state in self._states[self._furthest]]
        before = [
            self._operations[each] for each in self._returns[max(0, self._furthest - _ROWS_MOST + 1) : self._furthest]
        ]
        rows = tuple(each.row for each in (*before, self._operations[index]))
        where = "" if key is None else f"{key}: "
        sentence = (
            f"{where}{self._operations[index]}, which no order of the operations called before that return explains: "
            f"without it the {self._model.name} {' or '.join(states)}"
        )
        return Witness(rows, (), sentence, () if path is None else (path,) * len(rows))
