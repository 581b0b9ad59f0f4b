"""Idempotent producers with epochs: a client that begins again gets a new epoch, and its old self is fenced off.

A broker appends a batch where it is the next of its client's epoch; what was appended before is dropped, whatever how
often it is sent. A client that lost its memory begins a new epoch at sequence number 0, and from then on nothing of an
older epoch may be appended: its sender may be alive, and not know that it was replaced. Proved for any number of
clients, epochs and batches:

    fencepost prove examples/own/producers.py:Producers

Two short cuts are refuted: `FoldedEpochs` makes a client of each epoch, `Unfenced` takes batches of older
epochs too.
"""

from typing import Annotated, TypeAlias

from fencepost import prove
from fencepost.model.language import (
    Map,
    Protocol,
    Sort,
    action,
    all_of,
    every,
    implies,
    invariant,
    not_,
    promise,
    sometimes,
)
from fencepost.model.trace import replay

Client: TypeAlias = Annotated[int, Sort("Client", numeric=False)]
Epoch: TypeAlias = Annotated[int, Sort("Epoch")]
Sequence: TypeAlias = Annotated[int, Sort("Sequence")]
Row: TypeAlias = Annotated[int, Sort("Row")]


class Log(Protocol):
    """What all have: the log, in the order of its rows, and its promises. Any batch may arrive at any time."""

    length: Row = 0
    client_of: Map[Row, Client] = every(0)
    epoch_of: Map[Row, Epoch] = every(0)
    sequence_of: Map[Row, Sequence] = every(0)

    def write(self, client: Client, epoch: Epoch, sequence: Sequence) -> None:
        self.client_of[self.length] = client
        self.epoch_of[self.length] = epoch
        self.sequence_of[self.length] = sequence
        self.length = self.length + 1

    def are_of_one_client(self, one: Row, other: Row) -> bool:
        return all_of(one < other, other < self.length, self.client_of[one] == self.client_of[other])

    @promise("once")
    def no_batch_is_appended_twice(self, one: Row, other: Row) -> bool:
        same = all_of(self.epoch_of[one] == self.epoch_of[other], self.sequence_of[one] == self.sequence_of[other])
        return not_(all_of(self.are_of_one_client(one, other), same))

    @promise("fenced")
    def an_older_epoch_appends_nothing_after_a_newer(self, one: Row, other: Row) -> bool:
        return implies(self.are_of_one_client(one, other), self.epoch_of[one] <= self.epoch_of[other])

    @promise("in-sequence")
    def an_epoch_is_appended_in_its_order(self, one: Row, other: Row) -> bool:
        both = all_of(self.are_of_one_client(one, other), self.epoch_of[one] == self.epoch_of[other])
        return implies(both, self.sequence_of[one] < self.sequence_of[other])

    @sometimes
    def a_second_epoch_is_appended(self, row: Row) -> bool:
        return all_of(row < self.length, self.epoch_of[row] > 0)


class Producers(Log):
    """Right: the broker knows the newest epoch of each client, and the next sequence number in it."""

    epoch: Map[Client, Epoch] = every(0)
    next: Map[Client, Sequence] = every(0)

    @action
    def append(self, client: Client, epoch: Epoch, sequence: Sequence) -> None:
        """The next batch of the client's epoch; of an older epoch nothing is taken."""
        self.require(epoch == self.epoch[client])
        self.require(sequence == self.next[client])
        self.write(client, epoch, sequence)
        self.next[client] = sequence + 1

    @action
    def begin(self, client: Client, epoch: Epoch) -> None:
        """The first batch of a new epoch."""
        self.require(self.epoch[client] < epoch)
        self.write(client, epoch, 0)
        self.epoch[client] = epoch
        self.next[client] = 1

    @invariant
    def no_row_is_newer_than_its_clients_epoch(self, row: Row) -> bool:
        return implies(row < self.length, self.epoch_of[row] <= self.epoch[self.client_of[row]])

    @invariant
    def rows_of_an_epoch_are_below_its_next(self, row: Row) -> bool:
        client = self.client_of[row]
        now = all_of(row < self.length, self.epoch_of[row] == self.epoch[client])
        return implies(now, self.sequence_of[row] < self.next[client])


class FoldedEpochs(Log):
    """Wrong: client and epoch together are taken for a client. The old self of a client goes on appending."""

    next: Map[Client, Epoch, Sequence] = every(0)

    @action
    def append(self, client: Client, epoch: Epoch, sequence: Sequence) -> None:
        self.require(sequence == self.next[client, epoch])
        self.write(client, epoch, sequence)
        self.next[client, epoch] = sequence + 1

    @invariant
    def rows_of_an_epoch_are_below_its_next(self, row: Row) -> bool:
        own = self.next[self.client_of[row], self.epoch_of[row]]
        return implies(row < self.length, self.sequence_of[row] < own)


class Unfenced(Producers):
    """Wrong: a batch of an older epoch is taken where its number is the next: a client's old self goes on appending."""

    @action
    def append(self, client: Client, epoch: Epoch, sequence: Sequence) -> None:
        self.require(epoch <= self.epoch[client])
        self.require(sequence == self.next[client])
        self.write(client, epoch, sequence)
        self.next[client] = sequence + 1


if __name__ == "__main__":
    for protocol in (Producers, FoldedEpochs, Unfenced):
        for proof in prove(protocol).proofs:
            print(f"{proof.protocol}: {proof.property} {proof.verdict} ({proof.bound})")
            if proof.trace is not None:
                for number, step in enumerate(proof.trace.steps, start=1):
                    print(f"  {number}  {step}")
                print(f"  {replay(proof.trace).explanation}")
