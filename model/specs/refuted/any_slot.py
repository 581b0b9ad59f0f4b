"""order5.any_slot: wrong. A scanner orders whichever batch of its ring it comes upon, not the next one.

Each batch is ordered once, and has positions of its own; but a ring is no longer ordered as it was filled.
"""

from fencepost.model.language import action, not_
from fencepost.model.specs.order5_fetch_add import Order5FetchAdd
from fencepost.model.specs.vocabulary import Ring, RingIndex


class Order5AnySlot(Order5FetchAdd):
    """order5.fetch_add with a scanner that does not keep to the order of its ring."""

    name = "order5.any_slot"

    @action
    def reserve(self, ring: Ring, index: RingIndex) -> None:  # type: ignore[override]  # its fault
        """The fetch_add, for any batch of the ring that was not ordered yet."""
        self.require(not_(self.holding[ring]), index < self.arrived[ring], not_(self.ordered(ring, index)))
        self.holding[ring] = True
        self.row_held[ring] = self.length
        self.order(ring, index, self.issued)
        self.issued = self.issued + self.slot_count[ring, index]
