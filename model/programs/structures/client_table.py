"""One word a client: `native/include/fencepost/clients/client_table.hpp`, operation by operation."""

from __future__ import annotations

from functools import partial

from fencepost.model.errors import InputError
from fencepost.model.programs.operations import CompareExchange, FetchAdd, Line, Load, Store
from fencepost.model.programs.sequencers.partition import owner_of
from fencepost.model.programs.structures.structure import (
    Laid,
    Returned,
    Steps,
    Structure,
    check_numbers,
    never_ended,
    thread,
)

NO_CLIENT = -1  # all bits of the word are set
REFUSED = -1  # instead of the bucket of a client for whom there was no room
CLIENT_MOST = 2**63 - 1


def bucket(index: int) -> Line:
    return ("bucket", index)


def table_lines(capacity: int) -> tuple[Laid, ...]:
    """Return the lines of a table for so many clients."""
    return tuple(Laid(bucket(index), ("client", "word"), {"client": NO_CLIENT}) for index in range(capacity))


def first_bucket(client: int, capacity: int) -> int:
    """Return where the search for a client begins."""
    return owner_of(client, capacity)  # the same product


def word_of(client: int, capacity: int, *, exchanges: bool = True) -> Steps:
    """Return the line of the client's word, which is the client's from now on; None where all buckets are others'.

    Without `exchanges` a bucket is taken by a load and a store.
    """
    index = first_bucket(client, capacity)
    for _ in range(capacity):
        place = (*bucket(index), "client")
        owner = yield Load(place)
        if owner == NO_CLIENT:
            if exchanges:
                owner = yield CompareExchange(place, NO_CLIENT, client)
            else:
                owner = yield Load(place)
                if owner == NO_CLIENT:
                    yield Store(place, client)
            if owner == NO_CLIENT:
                return bucket(index)
        if owner == client:
            return bucket(index)
        index = (index + 1) % capacity
    return None


def client_table(clients: tuple[tuple[int, ...], ...], *, capacity: int = 2, exchanges: bool = True) -> Structure:
    """Return threads of one host that each look their clients up in turn, and count in the word that they get.

    The fault: without `exchanges`, what takes an empty bucket is a load and then a store.
    """
    check_numbers(capacity=capacity, threads=len(clients))
    if len(distinct := {each for of_thread in clients for each in of_thread}) > capacity:
        raise InputError(f"clients are {len(distinct)}: expected at most the capacity, which is {capacity}")
    if any(not 0 <= each <= CLIENT_MOST for each in distinct):
        raise InputError(f"clients are {sorted(distinct)}: expected 0..{CLIENT_MOST}")

    def look_up(of_thread: tuple[int, ...]) -> Steps:
        found: list[int] = []
        for client in of_thread:
            line = yield from word_of(client, capacity, exchanges=exchanges)
            if line is None:
                return (*found, REFUSED)
            found += [line[1], (yield FetchAdd((*line, "word"), 1))]
        return tuple(found)

    threads = tuple(
        thread(f"scanner {number}", 0, partial(look_up, of_thread)) for number, of_thread in enumerate(clients)
    )

    def wrong(returned: Returned) -> tuple[str, str] | None:
        return never_ended(threads, returned) or own_word(clients, returned)

    return Structure(
        "client_table",
        "compare_exchange" if exchanges else "store",
        (capacity, int(exchanges), *(number for each in clients for number in (len(each), *each))),
        table_lines(capacity),
        threads,
        wrong,
        f"clients {' and '.join(str(list(each)) for each in clients)} in {capacity} buckets",
        single_writer=True,
    )


def own_word(clients: tuple[tuple[int, ...], ...], returned: Returned) -> tuple[str, str] | None:
    """Return how two clients got one word, or one client two, from (bucket, count before) of each look-up."""
    word_of_client: dict[int, int] = {}
    counts: dict[int, list[int]] = {}
    for of_thread, values in zip(clients, returned, strict=True):
        assert values is not None
        if values[-1] == REFUSED:
            client = of_thread[len(values) // 2]
            return "own-word", f"client {client} is refused a word, and there are as many as clients"
        for client, index, before in zip(of_thread, values[::2], values[1::2], strict=True):
            if word_of_client.setdefault(client, index) != index:
                return "own-word", f"client {client} has words {word_of_client[client]} and {index}"
            counts.setdefault(client, []).append(before)
    for client, before_counts in sorted(counts.items()):
        if sorted(before_counts) != list(range(len(before_counts))):
            return "own-word", f"client {client} counted from {sorted(before_counts)}: others count in its word"
    return None
