"""What holds of a history, seen in one pass over rows that are in the order of their positions.

The pass carries what it has to know of the rows before: where they end, the last number of each client and
ring, the latest send. So a file can be read piece by piece, and memory depends on the numbers of clients
alone. It certifies or it does not: where it does not, `checks` say what is wrong, or that nothing is.
"""

from collections.abc import Iterable, Mapping

import numpy as np

from fencepost.model.histories.passes.one_pass import Breach, Copy
from fencepost.model.histories.records import HIGHEST, NEVER, IntColumn
from fencepost.model.histories.rules import Rules

_ROW_BITS = 14
PIECE_SIZE = 2**_ROW_BITS  # rows; what is made of a piece on the way stays in a core's cache
GROUPS_MOST = 2**22  # clients and brokers, whose numbers are indexes of a table here

_NEEDED = {
    "unique": (),
    "dense": (),
    "ring-order": ("broker_id", "ring_index"),
    "client-order": ("client_id", "batch_seq"),
    "prefix": ("client_id", "batch_seq"),
    "once": ("client_id", "batch_seq"),
    "real-time": ("sent_ns", "acked_ns"),
}
CERTIFIABLE = tuple(_NEEDED)


def columns_for(names: Iterable[str]) -> tuple[str, ...]:
    """Return the columns that a pass for these properties reads."""
    needed = {column for name in names for column in _NEEDED[name]}
    return ("start_position", "message_count", *sorted(needed))


class Certifier:
    """One pass over a history; `held` are the properties that hold so far, of those that were asked for.

    Real time is between batches, not rows: no row may be later than it should, which is more than is asked of copies,
    and rows without a send certify nothing. As a `OnePass` it goes on only as long as all that was asked for holds.
    """

    def __init__(self, names: Iterable[str], rules: Rules, with_numbers: bool = False) -> None:
        self.held = {name for name in names if name in CERTIFIABLE}
        if with_numbers and "real-time" in self.held:
            self.held.add("once")  # whether anything was sent after an ack is asked of batches, not of rows
        self._asked = frozenset(self.held)
        self._rules = rules
        self._end = rules.from_position
        self._clients, self._rings = _Numbering(rules.first_seq), _Numbering(None)
        self._latest_sent_ns, self._earliest_ack_ns = NEVER, HIGHEST

    def add(self, columns: Mapping[str, IntColumn], rows: IntColumn | None = None) -> bool:
        """Go on over the next rows, which are not changed; return whether all that was asked for still holds."""
        size = len(columns["start_position"])
        for first in range(0, size, PIECE_SIZE):
            if self.held:
                self._piece({name: column[first : first + PIECE_SIZE] for name, column in columns.items()})
        return self.held == self._asked

    def found(self) -> dict[str, Breach]:
        """Return what holds as broken nowhere; what does not hold is not told."""
        return {name: Breach(0) for name in self.held}

    def copies(self) -> list[Copy]:
        """Return nothing: a pass with copies does not go on."""
        return []

    def nothing_in_real_time(self) -> str:
        """Return why real time has nothing to say, so that it would hold for want of events; "" where it has."""
        if self._latest_sent_ns == NEVER:
            return "no sent_ns"
        if self._earliest_ack_ns == HIGHEST:
            return "no acked_ns"
        return "" if self._latest_sent_ns > self._earliest_ack_ns else "no batch was acked before another was sent"

    def _piece(self, columns: Mapping[str, IntColumn]) -> None:
        if not self._positions(columns["start_position"], columns["message_count"]):
            self.held.clear()
            return
        if "ring-order" in self.held and not self._rings.add(columns["broker_id"], columns["ring_index"], 1)[0]:
            self.held.discard("ring-order")
        if self.held & {"client-order", "prefix", "once"}:
            step = columns["message_count"] if self._rules.seq_counts == "messages" else 1
            rises, is_whole = self._clients.add(columns["client_id"], columns["batch_seq"], step)
            self.held -= set() if rises else {"client-order", "once", "prefix"}
            self.held -= set() if is_whole else {"prefix"}
        if "real-time" in self.held and not self._times(columns["sent_ns"], columns["acked_ns"]):
            self.held.discard("real-time")

    def _positions(self, start: IntColumn, count: IntColumn) -> bool:
        """Say whether the rows are in position order, and no two share a position; else nothing is certified."""
        if count.min() < 1 or start.min() < 0 or int(start.max()) > HIGHEST - int(count.max()):
            return False
        end = start + count
        between = start[1:] - end[:-1]
        if start[0] < self._end or (len(between) and between.min() < 0):
            return False
        if start[0] != self._end or (len(between) and between.max() > 0):
            self.held.discard("dense")
        self._end = int(end[-1])
        return True

    def _times(self, sent_ns: IntColumn, acked_ns: IntColumn) -> bool:
        recorded = acked_ns != NEVER
        if recorded.any():
            self._earliest_ack_ns = min(self._earliest_ack_ns, int(acked_ns[recorded].min()))
        if sent_ns.min() <= NEVER or acked_ns.min() < NEVER:
            return self._latest_sent_ns == NEVER and bool((sent_ns == NEVER).all()) and acked_ns.min() >= NEVER
        latest = np.maximum.accumulate(sent_ns)
        np.maximum(latest, self._latest_sent_ns, out=latest)
        self._latest_sent_ns = int(latest[-1])
        return bool(((acked_ns >= latest) | ~recorded).all())


class _Numbering:
    """The last number of each group, and the one that should come next; `first` is a group's first, if known."""

    def __init__(self, first: int | None) -> None:
        self._first = first
        self._last = np.zeros(0, dtype=np.int64)
        self._next = np.zeros(0, dtype=np.int64)

    def add(self, group: IntColumn, number: IntColumn, step: IntColumn | int) -> tuple[bool, bool]:
        """Go on; return whether numbers rise in each group, and whether none is left out."""
        most = int(group.max())
        if group.min() < 0 or most >= GROUPS_MOST or number.min() < 0:
            return False, False
        self._grow(most + 1)
        # Group and row in one number: sorting these costs a third of sorting rows by their group.
        keys = (group << _ROW_BITS) | np.arange(len(group))
        keys.sort()
        order, group = keys & (2**_ROW_BITS - 1), keys >> _ROW_BITS
        number = number[order]
        begins = np.concatenate([[True], group[1:] != group[:-1]])
        heads = np.flatnonzero(begins)
        tails = np.append(heads[1:], len(group)) - 1
        behind, expected = np.empty_like(number), np.empty_like(number)
        behind[1:], behind[heads] = number[:-1], self._last[group[heads]]
        following = number + (step if isinstance(step, int) else step[order])
        expected[1:], expected[heads] = following[:-1], self._next[group[heads]]
        if self._first is None:
            unseen = heads[expected[heads] < 0]
            expected[unseen] = number[unseen]
        self._last[group[tails]], self._next[group[tails]] = number[tails], following[tails]
        return bool((number > behind).all()), bool((number == expected).all())

    def _grow(self, size: int) -> None:
        more = max(0, size - len(self._last))
        if more:
            more = max(more, len(self._last))
            self._last = np.concatenate([self._last, np.full(more, -1, dtype=np.int64)])
            self._next = np.concatenate([self._next, np.full(more, -1 if self._first is None else self._first)])
