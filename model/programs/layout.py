"""Where the words of the sound programs lie, and who writes each line.

| line                 | words        | writer -> readers                          |
| -------------------- | ------------ | ------------------------------------------ |
| payload ring slot    | content      | receiver -> subscriber                     |
| header ring slot     | batch, guard | receiver -> scanner, delegation            |
| written ring         | count        | delegation -> scanner (where it is used)   |
| chain ring place     | entry, guard | scanner -> subscriber                      |
| acked ring client    | below        | scanner -> acknowledger                    |
| consumed ring        | count        | subscriber or committer -> receiver        |
| claimed ring         | count        | connections (several receivers of a ring)  |
| message ring slot n  | total        | scanner (where headers are written)        |
| log position         | message      | committer -> readers by position           |
| committed            | below        | committer -> readers by position           |
| counter              | issued       | scanners                                   |
| next client          | seq          | scanners                                   |
| (the same line)      | exported     | scanners                                   |
| lock                 | held         | scanners                                   |
| shard number         | held         | scanners (`order4.sharded_mutex`)          |

Every line has one writing host: that is `single-writer`. A guard holds the full index plus one, not a bit: a stale copy
of an earlier lap is never taken for the present one. Data and guard of a header, and of a chain entry, share a line:
who sees the guard in a copy sees what was stored to the line before it, in the same copy.
"""

from fencepost.model.programs.operations import Address, Line

ISSUED: Address = ("counter", "issued")
COMMITTED: Address = ("committed", "below")
LOCK: Address = ("lock", "held")


def entry_of_log(position: int) -> Address:
    """Return the word of the log at a position: which message of which batch."""
    return ("log", position, "message")


def shard_lock(shard: int) -> Address:
    """Return the lock of a shard of the clients."""
    return ("shard", shard, "held")


def payload(ring: int, slot: int) -> Line:
    """Return the line of a slot's payload."""
    return ("payload", ring, slot)


def header(ring: int, slot: int) -> Line:
    """Return the line of a slot's header."""
    return ("header", ring, slot)


def message(ring: int, slot: int, number: int) -> Line:
    """Return the line of the header of a slot's message."""
    return ("message", ring, slot, number)


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


def joined(ring: int) -> Line:
    """Return the line in which a broker that joins while others run says that its ring is there."""
    return ("joined", ring)


def claimed(ring: int) -> Line:
    """Return the line in which the connections that fill a ring together count the slots that they claimed."""
    return ("claimed", ring)


def next_seq(client: int) -> Address:
    """Return the word of a client's next-expected seq."""
    return ("next", client, "seq")


def exported(client: int) -> Address:
    """Return the word that says below which seq all of a client's batches are in export chains, readable by all."""
    return ("next", client, "exported")


def to_ring(ring: int) -> Address:
    """Return the channel on which a ring's receiver gets batches."""
    return ("to", ring)


def to_client(client: int) -> Address:
    """Return the channel on which a client gets acknowledgements."""
    return ("from", client)
