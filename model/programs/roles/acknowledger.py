"""The acknowledger: tells clients which of their batches they may forget."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fencepost.model.programs.layout import acked, to_client
from fencepost.model.programs.operations import Poll, Program, Send, Watched, at

if TYPE_CHECKING:
    from fencepost.model.programs.pipeline import Scenario


class Acknowledger:
    """Watches one ring's acknowledgement words, one for each client, with a view of its own of each."""

    def __init__(self, ring: int, clients: Sequence[int]) -> None:
        self.ring, self.clients = ring, tuple(clients)
        self.seen = dict.fromkeys(clients, 0)

    @classmethod
    def of(cls, ring: int, scenario: Scenario) -> Acknowledger:
        """Return the acknowledger of a ring in a scenario."""
        return cls(ring, scenario.clients(ring))

    def run(self) -> Program:
        """Pass on what is new, for ever."""
        yield from self.greet()
        while True:
            which, below = yield Poll(tuple(self.watched(client) for client in self.clients))
            yield from self.tell(self.clients[which], below)

    def greet(self) -> Program:
        """Say what holds before anything is ordered: nothing."""
        yield from ()

    def watched(self, client: int) -> Watched:
        """Return the word that says how far a client may forget."""
        return Watched((*acked(self.ring, client), "below"), self.seen[client], invalidate=True)

    def tell(self, client: int, below: int) -> Program:
        """Tell a client that its batches of this ring below this one are ordered and can be read."""
        self.seen[client] = below
        label = at("acknowledge", ring=self.ring, client=client, below=below)
        yield Send(to_client(client), (self.ring, below), label)
