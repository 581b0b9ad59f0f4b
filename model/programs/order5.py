"""The level-5 scanner: one fetch_add for each batch, in ring order."""

from fencepost.model.programs.operations import ORDERED, Attempted, Await, FetchAdd, Load, Program, Store, at


def order5_fetch_add(ring: int) -> Program:
    """Poll the ring; give each batch the next range; publish it."""
    index = 0
    while True:
        arrived = yield Load(("arrived", ring))
        if arrived == index:
            yield Await(((("arrived", ring), arrived),))
            continue
        count = yield Load(("slot_count", ring, index))
        start = yield FetchAdd(("issued",), count, at("reserve", ring=ring))
        yield Store(("start", ring, index), start)
        yield Store(("ordered", ring, index), 1, at("publish", ring=ring))
        yield Attempted(ring, index, ORDERED, start)
        index += 1
