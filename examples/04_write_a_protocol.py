"""Write a protocol: two ways to hand out tickets, one right and one wrong.

A protocol is a class: typed state, actions that require first and write afterwards, and what must
always hold. The same methods run on values and are proved on symbols. To see a counterexample, delete
`self.taken[desk] = False` from `Tickets.give`: a desk then gives its ticket out again and again.
"""

from fencepost.model.instance import Instance
from fencepost.model.language import Map, Protocol, action, all_of, every, implies, invariant, not_, promise
from fencepost.model.specs.vocabulary import Client, Position, Ring, Row
from fencepost.model.trace import Trace, replay
from fencepost.proofs import prove


class Desk(Protocol):
    """What both have: a counter, desks that give out tickets, and the book of tickets given."""

    level = 5
    issued: Position = 0
    given: Row = 0
    ticket_of: Map[Row, Position] = every(0)
    ticket_at: Map[Ring, Position] = every(0)
    taken: Map[Ring, bool] = every(False)

    @action
    def give(self, desk: Ring, client: Client) -> None:
        """The client at the desk gets the ticket that the desk has taken."""
        self.require(self.taken[desk])
        self.ticket_of[self.given] = self.ticket_at[desk]
        self.given = self.given + 1
        self.taken[desk] = False

    @promise("unique")
    def no_ticket_is_given_twice(self, one: Row, other: Row) -> bool:
        both = all_of(one < self.given, other < self.given, one != other)
        return implies(both, self.ticket_of[one] != self.ticket_of[other])


class Tickets(Desk):
    """Right: a desk takes its number and advances the counter in one step."""

    name = "example.tickets"

    @action
    def take(self, desk: Ring) -> None:
        self.require(not_(self.taken[desk]))
        self.ticket_at[desk] = self.issued
        self.taken[desk] = True
        self.issued = self.issued + 1

    @invariant
    def tickets_at_desks_differ(self, one: Ring, other: Ring) -> bool:
        both = all_of(self.taken[one], self.taken[other], one != other)
        return implies(both, self.ticket_at[one] != self.ticket_at[other])

    @invariant
    def tickets_were_issued(self, desk: Ring, row: Row) -> bool:
        at_desk = implies(self.taken[desk], self.ticket_at[desk] < self.issued)
        return all_of(at_desk, implies(row < self.given, self.ticket_of[row] < self.issued))

    @invariant
    def a_ticket_at_a_desk_is_not_given_yet(self, desk: Ring, row: Row) -> bool:
        return implies(all_of(self.taken[desk], row < self.given), self.ticket_of[row] != self.ticket_at[desk])


class TornTickets(Desk):
    """Wrong: the number is read in one step, and the counter advanced in another."""

    name = "example.torn_tickets"

    @action
    def read(self, desk: Ring) -> None:
        self.ticket_at[desk] = self.issued
        self.taken[desk] = True

    @action
    def advance(self, desk: Ring) -> None:
        self.require(self.taken[desk])
        self.issued = self.ticket_at[desk] + 1


for protocol in (Tickets, TornTickets):
    (proof,) = prove(protocol, bounds=Instance(clients=1, slots=1))
    print(f"{protocol.name}: {proof.property} {proof.verdict} ({proof.bound})")
    if isinstance(proof.trace, Trace):
        for number, step in enumerate(proof.trace.steps, start=1):
            print(f"  {number}  {step.action} at desk {step.arguments['desk']}")
        print(f"  violated at step {replay(proof.trace).violated_at}")
