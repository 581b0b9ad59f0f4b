"""Export chains: `native/include/fencepost/structures/export_chain.hpp`, operation by operation."""

from __future__ import annotations

from functools import partial

from fencepost.model.errors import unknown_choice
from fencepost.model.programs.operations import Line
from fencepost.model.programs.structures.ring import POLICIES, PROGRESS, Ring, Writer, follow, taken_wrong
from fencepost.model.programs.structures.structure import (
    PAUSE,
    Returned,
    Steps,
    Structure,
    check_numbers,
    never_ended,
    thread,
)

RECORD = ("client", "seq", "start", "count", "origin")
INDEX_BITS = 56  # of an origin; above them, the ring


class Chain:
    """The writing end."""

    def __init__(self, ring: Ring, policy: str) -> None:
        self.writer, self.policy = Writer(ring), POLICIES[policy]()

    def export_blocking(self, record: tuple[int, ...], *, finishes: bool = True) -> Steps:
        if not (yield from self.writer.has_room(1)):
            if finishes:
                yield from self.finish()
            while not (yield from self.writer.has_room(1)):
                yield PAUSE
        yield from self.policy.publish(self.writer, record, (), record[2])

    def finish(self) -> Steps:
        yield from self.policy.finish(self.writer)

    def close(self) -> Steps:
        yield from self.finish()
        yield from self.writer.close()


def chain_ring(slots: int, readers: int, chain: int) -> Ring:
    """Return the ring of a chain."""
    return Ring(slots, readers, RECORD, (chain,))


def record(client: int, seq: int, start: int, ring: int, index: int) -> tuple[int, ...]:
    """Return the record of a batch of one message."""
    return client, seq, start, 1, ring << INDEX_BITS | index


def export_chain(policy: str = "single_fence", *, slots: int = 1, records: int = 2, readers: int = 1) -> Structure:
    """Return a scanner that exports so many records and closes its chain, and readers that follow it to its end."""
    policies = [each for each in POLICIES if each != "guard_before_fence"]
    if policy not in policies:
        raise unknown_choice("policy", policy, policies)
    check_numbers(slots=slots, records=records, readers=readers)
    ring = chain_ring(slots, readers, 0)
    exported = tuple(record(1, seq, 7 + seq, 0, seq) for seq in range(records))
    headers: tuple[tuple[Line, ...], ...] = ((),) * records

    def export() -> Steps:
        chain = Chain(ring, policy)
        for each in exported:
            yield from chain.export_blocking(each)
        yield from chain.close()
        return ()

    threads = (
        thread("scanner", 0, export),
        *(thread(f"subscriber {each}", 1 + each, partial(follow, ring, each, headers)) for each in range(readers)),
    )

    def wrong(returned: Returned) -> tuple[str, str] | None:
        expected = tuple(number for each in exported for number in each)
        return taken_wrong(returned[1:], expected, len(RECORD)) or never_ended(threads, returned)

    return Structure(
        "export_chain",
        policy,
        (list(POLICIES).index(policy), slots, records, readers),
        (*ring.lines, PROGRESS) if policy == "seed" else ring.lines,
        threads,
        wrong,
        f"{records} records by {policy} through {slots} slots to {readers} subscribers",
        single_writer=True,
    )
