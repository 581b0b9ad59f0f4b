"""order5.newest_record: wrong. A reader takes the newest record for the next one, and asks for no position.

Which record is the newest one depends on when it looks, so that two readers see different ones in the same place.
"""

from fencepost.model.language import action, choose
from fencepost.model.specs.order5_fetch_add import Order5FetchAdd
from fencepost.model.specs.vocabulary import Reader


class Order5NewestRecord(Order5FetchAdd):
    """order5.fetch_add with readers that follow the newest record."""

    name = "order5.newest_record"

    @action
    def read(self, reader: Reader) -> None:
        """A reader takes the newest record, where there is any."""
        position = self.read_to[reader]
        self.require(self.length >= 1)
        self.seen[reader, position] = choose(self.length >= 1, self.length - 1, 0)
        self.read_to[reader] = position + 1
