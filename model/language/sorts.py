"""Sorts: the kinds of value that a protocol's fields and parameters have."""

import re
from dataclasses import dataclass
from typing import Annotated, get_args, get_origin

from fencepost.model.errors import ProtocolError

RESERVED = ("truth", "literal")


@dataclass(frozen=True, eq=False)
class Sort:
    """A kind of value.

    `numeric` is False for identities (clients, rings), which can only be compared for equality.
    A numeric value is a natural number. `distance` names the sort of the difference of two values
    (`Position` - `Position` is a `Count`); empty means the sort itself.

    A sort is made once, `Shard = Annotated[int, Sort("Shard", numeric=False)]`: two objects are two sorts, and a
    protocol in which two have one name is refused. Raises ProtocolError for a name that is no word.

    `least_members` is set by a protocol that quantifies over the sort: its members are then as many as there may be,
    but not fewer than that. 0: nothing depends on how many there are.
    """

    name: str
    numeric: bool = True
    distance: str = ""
    least_members: int = 0

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not re.fullmatch(r"[A-Za-z]\w*", self.name, re.ASCII):
            raise ProtocolError(f"a sort is called {self.name!r}: expected letters, digits and _, such as Shard")

    def __str__(self) -> str:
        return self.name

    def is_same(self, other: "Sort") -> bool:
        """Say whether both are one sort; inside a protocol one name is one sort."""
        return self.name == other.name


TRUTH = Sort("truth", numeric=False)
LITERAL = Sort("literal")  # a Python integer inside a term: takes the sort of its neighbour


def fits(given: Sort, expected: Sort) -> bool:
    """Say whether a value of the sort `given` may stand where `expected` is due."""
    return given.is_same(expected) or (given is LITERAL and expected is not TRUTH)


def sort_of(where: str, hint: object) -> Sort:
    """Return the sort that an annotation names; `where` is what it annotates, for errors."""
    if hint is bool:
        return TRUTH
    if isinstance(hint, Sort):
        return hint
    if get_origin(hint) is Annotated:
        sorts = [each for each in get_args(hint)[1:] if isinstance(each, Sort)]
        if sorts:
            return sorts[0]
    raise ProtocolError(
        f"{where} is declared as {hint_words(hint)}: expected bool or a sort such as Client or Position"
    )


def hint_words(hint: object) -> str:
    """Return an annotation as it was written, with sorts by their names."""
    if get_origin(hint) is Annotated:
        first, *rest = get_args(hint)
        sort = next((each for each in rest if isinstance(each, Sort)), None)
        return str(sort) if sort is not None else f"Annotated[{', '.join(map(hint_words, (first, *rest)))}]"
    if get_args(hint):
        return f"{hint_words(get_origin(hint))}[{', '.join(map(hint_words, get_args(hint)))}]"
    if isinstance(hint, type):
        return hint.__name__
    return "nothing" if hint is None else str(hint) if isinstance(hint, Sort) else repr(hint)


def check_names(where: str, sorts: list[Sort]) -> None:
    """Raise ProtocolError where two of a protocol's sorts have one name, or a sort has a name of the language."""
    known: dict[str, Sort] = {}
    for sort in sorts:
        if sort.name in RESERVED and sort is not TRUTH:
            raise ProtocolError(
                f"{where} has a sort called {sort.name}: expected another name than {' and '.join(RESERVED)}"
            )
        if known.setdefault(sort.name, sort) is not sort:
            raise ProtocolError(
                f"{where} has two sorts called {sort.name}: make the sort once, {sort.name} = Annotated[int,"
                f' Sort("{sort.name}")], and use that everywhere, or give one of them another name'
            )
