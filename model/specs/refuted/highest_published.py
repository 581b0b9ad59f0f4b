"""order5.highest_published: wrong. A reader takes "the highest published" for "everything below is published".

The order in which ranges are reserved is not the order in which they are published.
"""

from fencepost.model.language import action
from fencepost.model.specs.order5_fetch_add import Order5FetchAdd
from fencepost.model.specs.vocabulary import Row


class Order5HighestPublished(Order5FetchAdd):
    """order5.fetch_add with a frontier that jumps."""

    name = "order5.highest_published"

    @action
    def commit(self, row: Row) -> None:
        """The frontier moves to the end of any published batch."""
        self.require(self.published[row], self.committed < self.end_of(row))
        self.committed = self.end_of(row)
