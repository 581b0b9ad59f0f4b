"""The state of a counterexample to induction has all that its step and the broken promise go by, zeros too."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from fencepost.model.contract import Verdict
from fencepost.model.language import Map, Protocol, Sort, action, every, implies, promise
from fencepost.proofs import Proof, prove

Replica: TypeAlias = Annotated[int, Sort("Replica", numeric=False)]
Entry: TypeAlias = Annotated[int, Sort("Entry")]


class Replicas(Protocol):
    """A log whose entries are committed when all replicas acknowledged them; that they hold what they do is unsaid."""

    name = "test.replicas"
    appended: Entry = 0
    held: Map[Replica, Entry] = every(0)
    acknowledged: Map[Replica, Entry] = every(0)
    committed: Entry = 0
    unrelated: Map[Replica, Entry] = every(0)

    @action
    def append(self) -> None:
        self.appended = self.appended + 1

    @action
    def replicate(self, replica: Replica) -> None:
        self.require(self.held[replica] < self.appended)
        self.held[replica] = self.held[replica] + 1

    @action
    def acknowledge(self, replica: Replica) -> None:
        self.acknowledged[replica] = self.held[replica]

    @action
    def commit(self) -> None:
        self.require(self.committed < self.appended)
        self.require(self.for_all(Replica, lambda replica: self.committed < self.acknowledged[replica]))
        self.committed = self.committed + 1

    @promise("durable")
    def every_replica_holds_what_is_committed(self, replica: Replica, entry: Entry) -> bool:
        return implies(entry < self.committed, entry < self.held[replica])


def proof_of_durable() -> Proof:
    (proof,) = prove(Replicas, depth=3)
    return proof


def test_cells_that_the_promise_and_the_requirements_read_are_shown_at_their_default_too() -> None:
    proof = proof_of_durable()
    assert proof.verdict is Verdict.UNKNOWN
    assert proof.cti is not None
    assert proof.cti.step.action == "commit"
    assert proof.cti.cells == (
        "appended = 1",
        "held[0] = 0",
        "acknowledged[0] = 1",
        "acknowledged[1] = 1",
        "committed = 0",
    )


def test_cells_that_neither_reads_are_left_out_at_their_default() -> None:
    cti = proof_of_durable().cti
    assert cti is not None
    assert not [cell for cell in cti.cells if cell.startswith(("unrelated", "held[1]"))]
