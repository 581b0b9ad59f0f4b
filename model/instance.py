"""A small instance: how many of everything, for engines that must enumerate."""

from dataclasses import dataclass

from fencepost.model.language import Sort

OTHERS = 2  # values of a sort that a protocol of one's own declares


@dataclass(frozen=True)
class Instance:
    """The bounds that a bounded verdict is said with."""

    clients: int = 2
    rings: int = 2
    slots: int = 2  # slots of each ring
    seqs: int = 2  # a client numbers its batches below this
    messages: int = 2  # the largest batch
    readers: int = 2

    @property
    def rows(self) -> int:
        """The most batches that can be ordered: one for each slot."""
        return self.rings * self.slots

    def domain(self, sort: Sort) -> range:
        """Return the values that a parameter or an index of this sort can take."""
        domain = self.domain_or_none(sort)
        return range(OTHERS) if domain is None else domain

    def domain_or_none(self, sort: Sort) -> range | None:
        """Return the domain of a sort, or None where an instance does not bound it."""
        sizes = {
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
        }
        return range(sizes[sort.name]) if sort.name in sizes else None

    def __str__(self) -> str:
        return (
            f"{self.clients} clients, {self.rings} rings of {self.slots} slots, seqs below {self.seqs},"
            f" batches up to {self.messages} messages"
        )
