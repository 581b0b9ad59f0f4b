"""What has come to pass in a run, as far as the contract speaks of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Batch:
    """What arrived in a slot."""

    client: int
    seq: int
    count: int

    @property
    def identity(self) -> tuple[int, int]:
        return self.client, self.seq

    def __str__(self) -> str:
        return f"client {self.client} batch {self.seq}"


@dataclass(frozen=True)
class Range:
    """An ordered batch: where it came from and its positions."""

    ring: int
    index: int
    batch: Batch
    start: int

    @property
    def end(self) -> int:
        return self.start + self.batch.count

    def __str__(self) -> str:
        return f"{self.batch} at {self.start}..{self.end - 1}"


class Facts:
    """What has come to pass. `after` of the watch copies it before it changes it."""

    def __init__(self) -> None:
        self.arrived: dict[tuple[int, int], Batch] = {}
        self.occupants: dict[tuple[int, int], tuple[int, int]] = {}  # slot of a ring -> ring and index of its batch
        self.consumed: frozenset[tuple[int, int]] = frozenset()
        self.ranges: tuple[Range, ...] = ()
        # Number of a chain -> ring and index of each entry, in chain order; None for a slot that was passed over.
        self.exported: dict[int, tuple[tuple[int, int] | None, ...]] = {}
        self.frontiers: dict[tuple[int, int], int] = {}
        self.told: dict[tuple[int, int], int] = {}  # (ring, client) -> the last acknowledgement
        self.acked: frozenset[tuple[int, int]] = frozenset()
        self.committed = 0  # positions below it may be read
        # Position -> what readers found there: client, seq, message.
        self.read: dict[int, frozenset[tuple[int, int, int]]] = {}
        self.read_to: dict[int, int] = {}  # reader -> the position after the last that it read
        self.acked_when_arrived: dict[tuple[int, int], frozenset[tuple[int, int]]] = {}

    def copy(self) -> Facts:
        other = Facts.__new__(Facts)
        other.__dict__.update(
            {name: dict(value) if isinstance(value, dict) else value for name, value in self.__dict__.items()}
        )
        return other

    def on_ring(self, ring: int, client: int) -> list[tuple[int, Batch]]:
        """Return (index, batch) of a client's arrivals on a ring."""
        return [(index, batch) for (of, index), batch in self.arrived.items() if of == ring and batch.client == client]
