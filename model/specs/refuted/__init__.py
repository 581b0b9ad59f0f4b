"""Protocols that are wrong, kept to be refuted: public proposals and tempting short cuts, one fault each."""

from fencepost.model.specs.refuted.any_slot import Order5AnySlot
from fencepost.model.specs.refuted.cas_then_reserve import Order4CasThenReserve
from fencepost.model.specs.refuted.first_expectation_zero import Order4FirstExpectationZero
from fencepost.model.specs.refuted.highest_published import Order5HighestPublished
from fencepost.model.specs.refuted.modulo_table import Order4ModuloTable
from fencepost.model.specs.refuted.newest_record import Order5NewestRecord
from fencepost.model.specs.refuted.reserve_for_parked import Order4ReserveForParked
from fencepost.model.specs.refuted.reserve_then_cas import Order4ReserveThenCas, Order4ReserveThenCasUnchecked
from fencepost.model.specs.refuted.seed_from_first_seen import Order4SeedFromFirstSeen
from fencepost.model.specs.refuted.split_counter import Order5SplitCounter

__all__ = [
    "Order4CasThenReserve",
    "Order4FirstExpectationZero",
    "Order4ModuloTable",
    "Order4ReserveForParked",
    "Order4ReserveThenCas",
    "Order4ReserveThenCasUnchecked",
    "Order4SeedFromFirstSeen",
    "Order5AnySlot",
    "Order5HighestPublished",
    "Order5NewestRecord",
    "Order5SplitCounter",
]
