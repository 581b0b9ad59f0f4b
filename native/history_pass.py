"""The pass over histories in C++, as `fencepost.model.histories.passes.streaming` asks for one."""

from collections.abc import Collection, Iterable, Mapping

import numpy as np

from fencepost.model.histories.checks.searches import worst_copies
from fencepost.model.histories.passes.one_pass import Breach, Copy, Culprit
from fencepost.model.histories.records import HIGHEST, NEVER, IntColumn
from fencepost.model.histories.rules import Rules
from fencepost.native import _core

_COLUMNS = (
    "start_position", "message_count", "client_id", "batch_seq", "broker_id", "ring_index", "sent_ns", "acked_ns",
)  # fmt: skip
KEPT_MOST = 1_000_000  # runs of numbers, and copies, that a pass keeps; of a file with more it cannot tell


class HistoryPass:
    """One pass: what it finds of some properties. `with_numbers`: rows have clients and numbers."""

    def __init__(self, names: Collection[str], rules: Rules, with_numbers: bool) -> None:
        self._with_numbers = with_numbers
        self._pass = _core.HistoryPass(
            ring_order="ring-order" in names,
            client_order="client-order" in names,
            numbers=with_numbers,
            real_time="real-time" in names,
            from_position=rules.from_position,
            first_seq=rules.first_seq,
            counts_messages=rules.seq_counts == "messages",
            kept_max=KEPT_MOST,
        )

    def add(self, columns: Mapping[str, IntColumn], rows: IntColumn) -> bool:
        """Go on over the next rows; return whether the pass can: in position order, with possible values."""
        nothing = np.zeros(0, dtype=np.int64)
        given = [np.ascontiguousarray(columns.get(name, nothing), dtype=np.int64) for name in _COLUMNS]
        return self._pass.add([*given, rows])

    def found(self) -> dict[str, Breach]:
        """Return what is broken, and where. A property of numbers is absent where the pass cannot tell.

        Rows may be added afterwards; those at the position of the last before then come behind it, whatever they are.
        """
        self._pass.finish()
        told = self._with_numbers and self._pass.can_tell_numbers
        found = {}
        for name, (count, first, second, listed) in self._pass.found().items():
            if name in ("prefix", "once") and not told:
                continue
            rows = () if not count else (first,) if name == "prefix" else (first, second)
            low = second if name == "prefix" else 0
            worst = tuple(Culprit(_there(culprit), size) for *culprit, size in listed)
            found[name] = Breach(count, _there(rows), low, self._worst_copies() if name == "once" else worst)
        return found

    def _worst_copies(self) -> tuple[Culprit, ...]:
        copies: dict[tuple[int, int], tuple[int, ...]] = {}
        for each in self.copies():
            batch = each.client_id, each.batch_seq
            copies[batch] = (*copies.get(batch, ()), each.row)
        return worst_copies(copies)

    def copies(self) -> list[Copy]:
        """Return the rows whose batch had come before."""
        return [Copy(*each) for each in self._pass.copies()]

    def nothing_in_real_time(self) -> str:
        """Return why real time has nothing to say; "" where it has."""
        if self._pass.latest_sent_ns == NEVER:
            return "no sent_ns"
        if self._pass.earliest_ack_ns == HIGHEST:
            return "no acked_ns"
        later = self._pass.latest_sent_ns > self._pass.earliest_ack_ns
        return "" if later else "no batch was acked before another was sent"


def _there(rows: Iterable[int]) -> tuple[int, ...]:
    """Return the rows that are some."""
    return tuple(row for row in rows if row >= 0)
