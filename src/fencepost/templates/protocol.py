"""NewName: a log on several replicas, where an entry is committed once all of them hold it.

Prove it, for any number of replicas and entries:

    fencepost prove new_name.py

A protocol is a class: fields are its state, actions require first and write afterwards, promises are what must hold in
every state that can be reached. The same methods run on values, where a counterexample is shown, and on symbols, where
they are proved. Everything here is yours to change; docs/own.md of fencepost says what the language has.
"""

from typing import Annotated, TypeAlias

from fencepost.model.language import Map, Protocol, Sort, action, every, implies, invariant, promise, sometimes

# Sorts: the kinds of value. Identities are only told apart; numbers count from 0 and can be ordered.
Replica: TypeAlias = Annotated[int, Sort("Replica", numeric=False)]
Entry: TypeAlias = Annotated[int, Sort("Entry")]


class NewName(Protocol):
    # The state, with what it is at the start. A Map has a cell for every index that there is.
    appended: Entry = 0
    held: Map[Replica, Entry] = every(0)
    acknowledged: Map[Replica, Entry] = every(0)
    committed: Entry = 0

    # Actions: what may happen, in one step each. Parameters may take any value.

    @action
    def append(self) -> None:
        """The leader appends an entry."""
        self.appended = self.appended + 1

    @action
    def replicate(self, replica: Replica) -> None:
        """A replica stores the next entry that it does not hold yet."""
        self.require(self.held[replica] < self.appended)
        self.held[replica] = self.held[replica] + 1

    @action
    def acknowledge(self, replica: Replica) -> None:
        """The leader hears how many entries a replica holds."""
        self.acknowledged[replica] = self.held[replica]

    def is_everywhere(self, entry: Entry) -> bool:
        return self.for_all(Replica, lambda replica: entry < self.acknowledged[replica])

    @action
    def commit(self) -> None:
        """The leader commits the next entry."""
        self.require(self.committed < self.appended)
        self.require(self.is_everywhere(self.committed))  # delete this line to see a counterexample
        self.committed = self.committed + 1

    # Promises: what must hold in every state, for all values of the parameters. Their names are your own.

    @promise("durable")
    def every_replica_holds_what_is_committed(self, replica: Replica, entry: Entry) -> bool:
        return implies(entry < self.committed, entry < self.held[replica])

    # Invariants: what else holds in every state. Where a proof wants one (delete this one), `fencepost prove`
    # shows the counterexample to induction: a state that none excludes, and the step from it that breaks the promise.

    @invariant
    def replicas_hold_what_they_acknowledged(self, replica: Replica) -> bool:
        return self.acknowledged[replica] <= self.held[replica]

    @invariant
    def nothing_is_held_that_was_not_appended(self, replica: Replica) -> bool:
        return self.held[replica] <= self.appended

    # Sometimes: what some run must reach, so that nothing is promised of a protocol in which nothing happens.

    @sometimes
    def something_is_committed(self) -> bool:
        return self.committed > 0
