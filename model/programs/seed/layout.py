"""Where the words of the seed programs lie.

| line                 | words                                              | writer -> readers                |
| -------------------- | -------------------------------------------------- | -------------------------------- |
| broker ring          | lock; log, slots, logical_offset                   | receivers, delegation            |
| slot ring index      | batch_seq, client_id, num_msg, log_idx, total_size | receiver -> all                  |
| (the same line)      | start_logical_offset, broker_id                    | receiver -> nobody here          |
| (the same line)      | ordered, export, total                             | scanner -> subscriber            |
| slot-end ring index  | batch_complete                                     | receiver -> delegation           |
| message ring place   | padded                                             | receiver -> scanner, delegation  |
| (the same line)      | segment_header, logical_offset, next_msg_diff      | delegation; scanner (order 4)    |
| (the same line)      | total                                              | scanner (order 4)                |
| payload ring place   | content                                            | receiver -> subscriber           |
| progress ring        | written, written_addr                              | delegation; scanner (order 4)    |
| (the same line)      | replicated r, for each ring r                      | replica -> acknowledger of r     |
| ordered ring         | ordered, ordered_offset                            | scanner -> acknowledger, replica |
| counter, lock, table | issued; held; next                                 | scanners                         |

A header has 68 bytes in use and so two lines; its first is written by two hosts. The progress entry is one per broker,
`ordered` on a line of its own (offset 512); of the 32 words of 4 bytes from offset 32 on that replicas write, the first
eight lie on the broker's line with `written`.

The log has one place a message, from 1 on; 0 is the segment's header. Of a payload only its last line is kept, as that
is the one that others write to. Sizes are counted in messages, not in bytes.
"""

from fencepost.model.programs.operations import Address, Line

ISSUED: Address = ("counter", "issued")
LOCK: Address = ("lock", "held")
FIRST_MESSAGE = 1  # a place of 0 says that nothing is written


def broker(ring: int) -> Line:
    """Return what the threads of a broker share: the lock and what it guards, which the delegation does not take."""
    return ("broker", ring)


def place(ring: int, index: int, slots: int) -> tuple[int, int]:
    """Return the ring and slot of an index: past the end of a ring lies the next one."""
    return ring + index // slots, index % slots


def slot(ring: int, index: int, slots: int) -> Line:
    """Return the first line of a header."""
    return ("slot", *place(ring, index, slots))


def slot_end(ring: int, index: int, slots: int) -> Line:
    """Return the second line of a header."""
    return ("slot-end", *place(ring, index, slots))


def message(ring: int, place: int) -> Line:
    """Return the header of a message, a line of its own."""
    return ("message", ring, place)


def payload(ring: int, place: int) -> Line:
    """Return the last line of a message's payload; of place 0, the header of the segment, before the first message."""
    return ("payload", ring, place)


def progress(ring: int) -> Line:
    """Return the broker's line of its progress entry."""
    return ("progress", ring)


def replicated(on: int, ring: int) -> Address:
    """Return the word in which broker `on` says up to which offset it has replicated a ring."""
    return (*progress(on), f"replicated {ring}")


def ordered(ring: int) -> Line:
    """Return the sequencer's line of a broker's progress entry."""
    return ("ordered", ring)


def table(client: int) -> Address:
    """Return a client's entry of the scanners' table; 0 stands for both absent and 0."""
    return ("table", client, "next")


def connection(ring: int, client: int, number: int) -> Address:
    """Return the channel of one of a client's connections to a broker."""
    return ("to", ring, client, number)
