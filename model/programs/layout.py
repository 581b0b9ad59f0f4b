"""Where the words of the sound programs lie, and who writes each line.

| line                 | words        | writer -> readers                          |
| -------------------- | ------------ | ------------------------------------------ |
| payload ring slot    | content      | receiver -> subscriber                     |
| header ring slot     | batch, guard | receiver -> scanner, delegation            |
| written ring         | count        | delegation -> scanner (where it is used)   |
| chain ring place     | entry, guard | scanner -> subscriber                      |
| acked ring client    | below        | scanner -> acknowledger                    |
| consumed ring        | count        | subscriber -> receiver                     |
| counter              | issued       | scanners                                   |
| next client          | seq          | scanners                                   |
| lock                 | held         | scanners                                   |
| shard number         | held         | scanners (`order4.sharded_mutex`)          |

Every line has one writing host: that is `single-writer`. A guard holds the full index plus one, not a bit: a stale copy
of an earlier lap is never taken for the present one. Data and guard of a header, and of a chain entry, share a line:
who sees the guard in a copy sees what was stored to the line before it, in the same copy.
"""

from fencepost.model.programs.operations import Address, Line

ISSUED: Address = ("counter", "issued")
LOCK: Address = ("lock", "held")


def shard_lock(shard: int) -> Address:
    """Return the lock of a shard of the clients."""
    return ("shard", shard, "held")


def payload(ring: int, slot: int) -> Line:
    """Return the line of a slot's payload."""
    return ("payload", ring, slot)


def header(ring: int, slot: int) -> Line:
    """Return the line of a slot's header."""
    return ("header", ring, slot)


def written(ring: int) -> Line:
    """Return the line in which a delegation says how many slots of its ring were ever filled."""
    return ("written", ring)


def chain(ring: int, place: int) -> Line:
    """Return the line of a place of a ring's export chain."""
    return ("chain", ring, place)


def acked(ring: int, client: int) -> Line:
    """Return the line of a client's acknowledgement on a ring."""
    return ("acked", ring, client)


def consumed(ring: int) -> Line:
    """Return the line in which a subscriber says how many slots of the ring may be used again."""
    return ("consumed", ring)


def next_seq(client: int) -> Address:
    """Return the word of a client's next-expected seq."""
    return ("next", client, "seq")


def to_ring(ring: int) -> Address:
    """Return the channel on which a ring's receiver gets batches."""
    return ("to", ring)


def to_client(client: int) -> Address:
    """Return the channel on which a client gets acknowledgements."""
    return ("from", client)
