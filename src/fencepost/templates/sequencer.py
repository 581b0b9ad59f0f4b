"""NewName: a sequencer of level 4, which keeps the order of each client's batches across all rings.

Compare its answers with those that the contract allows, on drawn workloads and schedules:

    fencepost compare new_name.py --level 4 --examples 500

Each ring has a scanner, which tries to order one batch after the other. What is here runs under every order of these
attempts; where another scanner may go on in the middle of one, `yield`. Everything here is yours to change;
docs/compare.md of fencepost says more.
"""

from fencepost.native import Answer, AttemptOutcome


class NewName:
    def begin(self, ring_count: int, client_count: int) -> None:
        """Begin anew: nothing was ordered."""
        self.next_of = [0] * client_count  # the number of the batch that a client's next one must have
        self.position = 0

    def try_order(self, ring: int, client: int, seq: int, count: int) -> Answer:
        """Try once to order a batch of `count` messages."""
        if seq > self.next_of[client]:
            return AttemptOutcome.LATER, -1  # a predecessor is missing: it will be tried again
        if seq < self.next_of[client]:
            return AttemptOutcome.DUPLICATE, -1
        self.next_of[client] += 1
        start = self.position
        self.position += count  # delete this line to see a counterexample
        return AttemptOutcome.ORDERED, start

    def acknowledged(self, client: int) -> int:
        """Return how many batches a client may forget, from its first on."""
        return self.next_of[client]

    def issued(self) -> int:
        """Return the next position that was never handed out."""
        return self.position
