"""What operations cost on the simulated clock."""

from dataclasses import dataclass

from fencepost.model.programs.operations import (
    CompareExchange,
    DeviceAdd,
    Exchange,
    FetchAdd,
    Load,
    Lock,
    Operation,
    Poll,
    Store,
    Unlock,
)


@dataclass(frozen=True)
class Costs:
    """Nanoseconds an operation takes before it happens.

    The defaults are orders of magnitude for words shared by the cores of one host, not measurements
    of any machine: they shape the interleaving of a run, and no figure is reported from them.
    """

    load_ns: int = 20
    store_ns: int = 20
    atomic_ns: int = 60  # fetch_add, compare_exchange, lock
    wake_ns: int = 100  # from a write to the poll that sees it

    def of(self, operation: Operation) -> int:
        """Return the cost of one operation."""
        match operation:
            case Load():
                return self.load_ns
            case Store() | Unlock():
                return self.store_ns
            case FetchAdd() | CompareExchange() | Exchange() | DeviceAdd() | Lock():
                return self.atomic_ns
            case Poll():
                return self.wake_ns
        return 0
