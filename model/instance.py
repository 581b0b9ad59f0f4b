"""A small instance: how many of everything, for engines that must enumerate."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from fencepost.model.errors import InputError, unknown_choice
from fencepost.model.language import TRUTH, Protocol, Sort

MEMBERS, NUMBERS = 2, 3  # of a sort of one's own, where it is not said: of identities, and of numbers from 0
MOST = 1_000  # an instance is enumerated, so it is small


@dataclass(frozen=True)
class Instance:
    """The bounds that a bounded verdict is said with.

    `others` holds the size of each further sort by the sort's name, 2 for identities and 3 for numbers where it is not
    there; it may name a sort of the fields above too, and then it decides.
    """

    clients: int = 2
    rings: int = 2
    slots: int = 2  # slots of each ring
    seqs: int = 2  # a client numbers its batches below this
    messages: int = 2  # the largest batch
    readers: int = 2
    others: Mapping[str, int] = field(default_factory=dict, hash=False)

    @property
    def rows(self) -> int:
        """The most batches that can be ordered: one for each slot."""
        return self.rings * self.slots

    def domain(self, sort: Sort) -> range:
        """Return the values that a parameter or an index of this sort can take."""
        known = self._known()
        return range(known.get(sort.name, NUMBERS if sort.numeric else MEMBERS))

    def domain_or_none(self, sort: Sort) -> range | None:
        """Return the domain of a sort, or None for numbers that the instance does not bound."""
        return None if sort.numeric and sort.name not in self._known() else self.domain(sort)

    def _known(self) -> dict[str, int]:
        return {
            "Client": self.clients,
            "Ring": self.rings,
            "RingIndex": self.slots,
            "Seq": self.seqs,
            "Count": self.messages + 1,
            "Row": self.rows,
            "Entry": self.rows,
            "Bucket": self.clients,
            "Position": self.rows * self.messages,
            "Reader": self.readers,
            **self.others,
        }

    def of(self, protocol: type[Protocol]) -> "Instance":
        """Return the instance of a protocol with sorts of its own: their sizes are in it, and no others.

        Raises InputError for a size of a sort that the protocol does not have, and one that is too small or too large.
        """
        sorts = {sort.name: sort for sort in _enumerated(protocol)}
        for name, size in self.others.items():
            if not sorts:
                raise InputError(
                    f"size {name}={size}: {protocol.name or protocol.__name__} counts the members of no sort:"
                    " expected no size; leave it out"
                )
            if name not in sorts:
                raise unknown_choice("sort", name, sorts)
            least = max(1, sorts[name].least_members)
            if type(size) is not int or not least <= size <= MOST:
                raise InputError(f"{size!r} members of {name}: expected {least} to {MOST}")
        if not self.others and sorts.keys() <= self._known().keys():
            return self
        return replace(self, others={name: len(self.domain(sort)) for name, sort in sorts.items()})

    def __str__(self) -> str:
        if self.others:
            return ", ".join(f"{name}={size}" for name, size in self.others.items())
        return (
            f"{self.clients} clients, {self.rings} rings of {self.slots} slots, seqs below {self.seqs},"
            f" batches up to {self.messages} messages"
        )


def _enumerated(protocol: type[Protocol]) -> list[Sort]:
    """Return the sorts that an instance must bound: those of indices and parameters, and those counted."""
    indices = [sort for each in protocol.fields.values() for sort in each.indices]
    tables = (protocol.actions, protocol.promises, protocol.invariants, protocol.witnesses)
    parameters = [sort for table in tables for each in table.values() for _, sort in each.parameters]
    counted = [sort for sort in protocol.sorts.values() if sort.least_members]
    return [sort for sort in (*indices, *parameters, *counted) if sort is not TRUTH]
