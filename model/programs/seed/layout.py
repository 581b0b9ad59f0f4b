"""Where the words of the seed programs lie.

| line                 | words                                        | writer -> readers               |
| -------------------- | -------------------------------------------- | ------------------------------- |
| slot ring index      | batch_seq, log_idx, client_id, num_msg       | receiver -> scanner, delegation |
| (the same line)      | ordered, export, total                       | scanner -> subscriber           |
| slot-end ring index  | batch_complete                               | receiver -> delegation          |
| message ring index m | padded, content                              | receiver -> scanner, subscriber |
| (the same line)      | total (order 4)                              | scanner                         |
| progress ring        | written, written_addr                        | delegation; scanner (order 4)   |
| ordered ring         | ordered, ordered_offset                      | scanner -> acknowledger         |
| counter, lock, table | issued; held; next                           | scanners                        |

A header has 68 bytes in use and so two lines; its first is written by two hosts. The progress entry is one per broker,
`ordered` on a line of its own (offset 512), `written` on the broker's.
"""

from fencepost.model.programs.operations import Address, Line

ISSUED: Address = ("counter", "issued")
LOCK: Address = ("lock", "held")


def place(ring: int, index: int, slots: int) -> tuple[int, int]:
    """Return the ring and slot of an index: past the end of a ring lies the next one."""
    return ring + index // slots, index % slots


def slot(ring: int, index: int, slots: int) -> Line:
    """Return the first line of a header."""
    return ("slot", *place(ring, index, slots))


def slot_end(ring: int, index: int, slots: int) -> Line:
    """Return the second line of a header."""
    return ("slot-end", *place(ring, index, slots))


def message(ring: int, index: int, number: int, slots: int) -> Line:
    """Return the header line of a message; its payload is taken to lie with it."""
    return ("message", *place(ring, index, slots), number)


def progress(ring: int) -> Line:
    """Return the broker's line of its progress entry."""
    return ("progress", ring)


def ordered(ring: int) -> Line:
    """Return the sequencer's line of a broker's progress entry."""
    return ("ordered", ring)


def table(client: int) -> Address:
    """Return a client's entry of the scanners' table; 0 stands for both absent and 0."""
    return ("table", client, "next")
