"""Cuts as Scalog makes them: shards of two replicas report their lengths, and a cut over all of them orders records.

A cut takes of each shard what both replicas hold, and waits for all shards. Proved for any number of shards:

    fencepost prove examples/own/cuts.py:Cuts

To see a counterexample, prove examples/own/cuts.py:PrimaryCuts, which counts what the primary alone holds.
"""

from typing import Annotated, TypeAlias

from fencepost import prove
from fencepost.model.instance import Instance
from fencepost.model.language import (
    Map,
    Protocol,
    Sort,
    action,
    all_of,
    choose,
    every,
    implies,
    invariant,
    not_,
    promise,
    sometimes,
)
from fencepost.model.trace import replay

Shard: TypeAlias = Annotated[int, Sort("Shard", numeric=False)]
Cut: TypeAlias = Annotated[int, Sort("Cut")]
Length: TypeAlias = Annotated[int, Sort("Length")]


class Cuts(Protocol):
    """Right: of each shard a cut takes the shorter of the two lengths that were reported."""

    primary: Map[Shard, Length] = every(0)
    backup: Map[Shard, Length] = every(0)
    primary_reported: Map[Shard, Length] = every(0)
    backup_reported: Map[Shard, Length] = every(0)
    cut: Cut = 0
    counted: Map[Cut, Shard, bool] = every(False)
    length_in: Map[Cut, Shard, Length] = every(0)

    @action
    def append(self, shard: Shard) -> None:
        self.primary[shard] = self.primary[shard] + 1

    @action
    def replicate(self, shard: Shard) -> None:
        self.require(self.backup[shard] < self.primary[shard])
        self.backup[shard] = self.backup[shard] + 1

    @action
    def report_primary(self, shard: Shard) -> None:
        self.primary_reported[shard] = self.primary[shard]

    @action
    def report_backup(self, shard: Shard) -> None:
        self.backup_reported[shard] = self.backup[shard]

    @action
    def count(self, shard: Shard) -> None:
        """The ordering layer enters a shard into the next cut."""
        self.counted[self.cut, shard] = True
        self.length_in[self.cut, shard] = self.ordered_length(shard)

    def ordered_length(self, shard: Shard) -> Length:
        one, other = self.primary_reported[shard], self.backup_reported[shard]
        return choose(one < other, one, other)

    @action
    def issue(self) -> None:
        """The cut is broadcast: what is in it is ordered."""
        self.require(self.for_all(Shard, lambda shard: self.counted[self.cut, shard]))
        self.cut = self.cut + 1

    @action
    def fail_over(self, shard: Shard) -> None:
        """The primary is lost, and the backup takes its place."""
        self.primary[shard] = self.backup[shard]

    @promise("durable")
    def what_is_ordered_is_kept(self, cut: Cut, shard: Shard) -> bool:
        return implies(cut < self.cut, self.length_in[cut, shard] <= self.primary[shard])

    @promise("complete")
    def a_cut_has_every_shard(self, cut: Cut) -> bool:
        return implies(cut < self.cut, self.for_all(Shard, lambda shard: self.counted[cut, shard]))

    @promise("monotone")
    def a_later_cut_holds_no_less(self, cut: Cut, later: Cut, shard: Shard) -> bool:
        return implies(
            all_of(cut < later, later < self.cut), self.length_in[cut, shard] <= self.length_in[later, shard]
        )

    @sometimes
    def records_are_ordered(self, shard: Shard) -> bool:
        return all_of(self.cut > 0, self.length_in[0, shard] > 0)

    # Each invariant below was asked for by a counterexample to induction.

    @invariant
    def the_backup_follows(self, shard: Shard) -> bool:
        return all_of(self.backup_reported[shard] <= self.backup[shard], self.backup[shard] <= self.primary[shard])

    @invariant
    def what_is_counted_was_reported_by_both(self, cut: Cut, shard: Shard) -> bool:
        counted = self.length_in[cut, shard]
        return all_of(counted <= self.primary_reported[shard], counted <= self.backup_reported[shard])

    @invariant
    def the_next_cut_holds_no_less(self, cut: Cut, shard: Shard) -> bool:
        both = all_of(cut < self.cut, self.counted[self.cut, shard])
        return implies(both, self.length_in[cut, shard] <= self.length_in[self.cut, shard])

    @invariant
    def no_cut_is_counted_ahead(self, cut: Cut, shard: Shard) -> bool:
        return implies(self.cut < cut, not_(self.counted[cut, shard]))


class PrimaryCuts(Cuts):
    """Wrong: a cut takes what the primary holds; what is not on the backup yet is lost with the primary."""

    def ordered_length(self, shard: Shard) -> Length:
        return self.primary_reported[shard]


class BareCuts(Cuts):
    """Cuts before its second invariant was found: right, and not proved."""

    @invariant
    def what_is_counted_was_reported_by_both(self, cut: Cut, shard: Shard) -> bool:
        return all_of()


if __name__ == "__main__":
    for proof in prove(Cuts).proofs:
        print(f"{proof.protocol}: {proof.property} {proof.verdict} ({proof.bound})")
    for proof in prove(PrimaryCuts, bounds=Instance(others={"Shard": 2, "Cut": 2})).proofs:
        print(f"{proof.protocol}: {proof.property} {proof.verdict} ({proof.bound})")
        if proof.trace is not None:
            for number, step in enumerate(proof.trace.steps, start=1):
                print(f"  {number}  {step}")
            print(f"  {replay(proof.trace).explanation}")
