"""Workloads for races: small ones first, each seed the same; every shape that some mutation needs comes round."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

import numpy as np
import numpy.typing as npt

from fencepost.native import ISSUED_MAX, RaceOptions

Row = tuple[int, int, int, int]  # client, seq, broker, messages

SHAPES = ("mixed", "newcomers", "copies", "pairs", "newcomers", "crowd", "stopped", "held", "newcomers", "narrow")


@dataclass(frozen=True)
class Raced:
    """A workload, and how it is raced. `needs_no_more_room`: whatever comes, what has to be parked fits."""

    sequencer: str
    level: int
    rows: tuple[Row, ...]
    seed: int
    parking_capacity: int
    needs_no_more_room: bool
    first_position: int = 0
    epoch_batch_count: int = 4
    options: RaceOptions = field(default_factory=RaceOptions)
    stop_rows: tuple[int, ...] = ()

    def columns(self) -> list[npt.NDArray[np.int64]]:
        """Return the rows as columns."""
        return [np.array([row[at] for row in self.rows], dtype=np.int64) for at in range(4)]


def drawn(seed: int, run: int, sequencer: str, level: int) -> Raced:
    """Return the workload of a run; every shape comes round before clients send more, up to 48 batches each."""
    random = Random(f"races {seed} {run}")
    round_ = run // 4
    shape = SHAPES[round_ % len(SHAPES)]
    batches = min(2 + 2 * (round_ // len(SHAPES)), 48)
    clients, rings = random.randint(1, 5), random.randint(1, 4)
    policy = random.choice(("none", "none", "per_batch", "single_fence", "epoch", "epoch", "per_message"))
    options = RaceOptions(
        slot_count=random.choice((1, 2, 3, 4, 8)),
        publication=policy,
        line_instruction="none" if policy == "none" else "clflushopt",
        guard_batch_count=random.choice((2, 5, 16)),
    )
    parking, roomy = 4096, True
    stop_rows: tuple[int, ...] = ()
    if shape == "pairs":  # of each client at most one batch is parked at any time
        rings, rows = 1, _pairs(clients, batches)
        parking = clients
    else:
        spread = 1 if shape == "narrow" else 8
        rows = _striped(random, clients, rings, batches, spread, copies=0.6 if shape == "copies" else 0.15)
    seed = random.getrandbits(32)
    if shape == "newcomers":  # whose words meet in one place
        rows = _striped(random, 24, 4, 2, 8, copies=0.0)
        seed -= seed % 4  # the clocks' threads are slow then (memory/clocked.hpp)
    if shape == "crowd":  # of more clients than there are chains to park in; all wait for their first batches
        crowd = random.choice((6, 12, 24, 96))
        parking, rows = 2 * crowd, _striped(random, crowd, rings, 2, 8, copies=0.0)
        rows = tuple(sorted(rows, key=lambda row: row[1] == 0))
    if shape == "held":  # also where all that is left of a ring fits its slots
        parking, roomy = random.randint(0, 3), False
        rows = _striped(random, clients, rings, random.randint(2, 8), 8, copies=0.15)
    if shape == "stopped":
        stop_rows = (len(rows) // 3, len(rows) // 3)
    if random.random() < 0.2:
        rows = tuple((client, seq, ring, count + 65_536) for client, seq, ring, count in rows)
    first = random.choice((0, 0, 0, 2**32 - 10, ISSUED_MAX - sum(row[3] for row in rows)))
    return Raced(sequencer, level, rows, seed, parking, roomy, first, random.choice((1, 4, 64)),
                 options, stop_rows)  # fmt: skip


def _striped(random: Random, clients: int, rings: int, batches: int, spread: int, copies: float) -> tuple[Row, ...]:
    """Clients stripe over rings, out of order by up to `spread`; some batches are sent twice, one may be missing."""
    sent: list[tuple[float, Row]] = []
    for number, client in enumerate(random.sample(range(2**20), clients)):
        lacking = random.randrange(batches) if random.random() < 0.15 else -1
        for seq in range(batches):
            for _ in range(0 if seq == lacking else 1 + (random.random() < copies)):
                place = seq + spread * random.random()
                sent.append((place, (client, seq, random.randrange(rings), 1 + (number + seq) % 5)))
    return tuple(row for _, row in sorted(sent))


def _pairs(clients: int, batches: int) -> tuple[Row, ...]:
    """In one ring, each client's batches in swapped pairs: 1 0 3 2 ..."""
    return tuple(
        (client * 1024, pair + offset, 0, 1 + offset)
        for pair in range(0, batches, 2)
        for client in range(clients)
        for offset in (1, 0)
    )
