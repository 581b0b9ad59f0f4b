"""order4.first_expectation_zero: wrong. The entry that a client's first batch makes is left at zero.

Zero is also what an absent entry holds, so batch 0 is accepted whenever it comes. All else happens in one step.
"""

from fencepost.model.language import action, choose
from fencepost.model.specs.order4 import Order4
from fencepost.model.specs.vocabulary import Ring, Row


class Order4FirstExpectationZero(Order4):
    """After batch 0, batch 0 is expected."""

    name = "order4.first_expectation_zero"

    @action
    def order_next(self, ring: Ring) -> None:
        """The slot at the cursor is its client's next."""
        index = self.cursor[ring]
        client, seq = self.slot_client[ring, index], self.slot_seq[ring, index]
        self.require(index < self.arrived[ring], seq == self.next_seq[client])
        self.next_seq[client] = choose(seq == 0, 0, seq + 1)
        self.cursor[ring] = index + 1
        self.order(ring, index, self.issued)
        self.issued = self.issued + self.slot_count[ring, index]

    @action
    def publish(self, row: Row) -> None:
        """A batch becomes readable by other hosts."""
        self.require(row < self.length)
        self.published[row] = True
