"""The log that the operations of clients show: what Jepsen's kafka workload recorded, as the checker of logs takes it.

A client is a process. Its batches are its sends to a key that were acknowledged or that somebody polled, in the order
of their calls: of any other nobody knows whether it took place. Nobody writes the log down: it is what was polled, and
behind the last offset that anybody polled what was acknowledged with an offset. So a value that was acknowledged
before that and that nobody polled is lost, as in Jepsen's own analysis (jepsen.tests.kafka: lost writes are those
below the highest offset that was read). Where no offset came back, nobody knows which side of it the value is on.

What a poll found is there, also where its transaction failed or nobody knows how it ended; how far readers got, only
those say that ended well.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from fencepost.model.errors import FormatError
from fencepost.model.histories.checks.beside import ACKNOWLEDGED, FAILED, READ_COLUMNS, UNKNOWN, Batches, Beside
from fencepost.model.histories.files.columns import Source, Table
from fencepost.model.histories.files.frames import new_frame
from fencepost.model.histories.files.log_reader import COLUMNS, log_of
from fencepost.model.histories.log import Log
from fencepost.model.histories.records import NEVER
from fencepost.model.linearizability.edn import read_entries
from fencepost.model.linearizability.operations import UNKNOWN as NO_RESULT
from fencepost.model.linearizability.operations import Operation
from fencepost.model.linearizability.reading import Event, paired, polled

_OF_READERS = ("assign", "subscribe", "crash")  # behind these a process reads from another place
_OF_LOGS = ("send", "poll", "txn")

Value: TypeAlias = tuple[Hashable, Hashable]
"""A key and what was sent to it: values are sent once, so that this is a batch."""


class Batch(NamedTuple):
    """Whose batch a value is, its number, and the rows of its call and its acknowledgement (None: none came)."""

    client: str
    seq: int
    called: int
    acked: int | None
    outcome: str


class Poll(NamedTuple):
    """A value that a reader found at an offset, and the row of the call."""

    reader: str
    key: Hashable
    offset: int
    value: Hashable
    row: int

    @property
    def place(self) -> tuple[Hashable, int, Hashable]:
        return self.key, self.offset, self.value


@dataclass
class Operations:
    """The operations of a file, in the order of their calls: sends that did not fail by value, failed ones, polls.

    `moments` has the time of each row in ns, where the file has times; `shown` what polls found whose operation did
    not end well.
    """

    path: Path
    moments: dict[int, int] = field(default_factory=dict)
    sends: dict[Value, Operation] = field(default_factory=dict)
    failed: dict[Value, Event] = field(default_factory=dict)
    polls: list[Poll] = field(default_factory=list)
    shown: list[Poll] = field(default_factory=list)


def read_recorded_log(path: Path | str) -> tuple[Log, Beside]:
    """Return the log in an EDN file of Jepsen's kafka workload, and what was sent and read beside it.

    FormatError names what is wrong with the file and where; InputError says where edn-format is not installed.
    """
    operations = _operations(Path(path))
    if not operations.sends:
        raise FormatError(operations.path, "no process sends: expected the operations of Jepsen's kafka workload")
    rows = _rows(operations)
    batches = _batches(operations, [(key, value) for key, _, value in rows])
    log = _log(operations, rows, batches)
    return log, Beside(sent=_sent(operations.path, batches), readers=_readers(operations, batches))


def _operations(path: Path) -> Operations:
    found = Operations(path)
    sittings: Counter[Hashable] = Counter()  # how often a process began to read from another place
    readers: dict[int, str] = {}  # by the row of a return
    rebalanced: set[int] = set()  # such rows: between any two polls there the reader may have got another place
    events: list[Event] = []
    called: dict[Hashable, Event] = {}
    for event, entry in read_entries(path):
        if isinstance(entry.get("time"), int):
            found.moments[event.row] = entry["time"]
        if event.kind != "invoke" and (event.name in _OF_READERS or entry.get("rebalance-log")):
            sittings[event.process] += 1
        if event.name not in _OF_LOGS:
            continue
        events.append(event)
        readers[event.row] = f"{event.process}.{sittings[event.process]}"
        if entry.get("rebalance-log"):
            rebalanced.add(event.row)
        if event.kind == "invoke":
            called[event.process] = event
            continue
        if event.kind != "ok":
            found.shown.extend(_shown(path, event))
        if event.kind == "fail" and event.process in called:
            found.failed |= dict.fromkeys(_values(called[event.process]), event)
    listed = sorted(paired(path, events, cas_compares=False), key=lambda each: each.called)
    for operation in listed:
        if operation.name == "append":
            _note_send(found, operation)
    for operation in sorted((each for each in listed if each.name == "read"), key=lambda each: each.returned or 0):
        offset = _offset(path, operation.row, operation.argument)
        row = operation.returned or 0
        reader = f"{readers[row]}.{len(found.polls)}" if row in rebalanced else readers[row]
        found.polls.append(Poll(reader, operation.key, offset, operation.result, operation.row))
    return found


def _shown(path: Path, event: Event) -> Iterator[Poll]:
    """Yield what the polls found of an operation that did not end well, as far as the file says it."""
    for part in event.value if isinstance(event.value, tuple) else ():
        if isinstance(part, tuple) and len(part) == 2 and part[0] == "poll":
            for key, offset, value in polled(path, event, part):
                yield Poll("", key, _offset(path, event.row, offset), value, event.row)


def _values(call: Event) -> Iterator[Value]:
    """Yield what a call sends."""
    parts = call.value if isinstance(call.value, tuple) else ()
    return ((part[1], part[2]) for part in parts if isinstance(part, tuple) and len(part) == 3 and part[0] == "send")


def _note_send(found: Operations, operation: Operation) -> None:
    value = (operation.key, operation.argument)
    if value in found.sends:
        problem = f"{operation.argument} is sent to {operation.key} a second time: expected each value once"
        raise FormatError(found.path, problem, row=operation.row)
    if operation.result is not NO_RESULT:
        _offset(found.path, operation.row, operation.result)
    found.sends[value] = operation


def _offset(path: Path, row: int, found: Any) -> int:
    if not isinstance(found, int) or found < 0:
        raise FormatError(path, f"found the offset {found}, expected an integer from 0", row=row)
    return found


def _rows(operations: Operations) -> dict[tuple[Hashable, int, Hashable], int]:
    """Return the log: for each key, offset and value there, in this order, the row that shows it."""
    rows: dict[tuple[Hashable, int, Hashable], int] = {}
    highest: dict[Hashable, int] = {}
    for poll in operations.polls:
        rows.setdefault(poll.place, poll.row)
        highest[poll.key] = max(poll.offset, highest.get(poll.key, -1))
    for poll in operations.shown:
        rows.setdefault(poll.place, poll.row)
    there = {(key, value) for key, _, value in rows}
    for (key, value), send in operations.sends.items():
        # A value that was polled elsewhere than its send says is in the log twice.
        if isinstance(send.result, int) and (send.result > highest.get(key, -1) or (key, value) in there):
            rows.setdefault((key, send.result, value), send.row)
    if not rows:
        raise FormatError(operations.path, "no offset came back from a send or a poll: there is no log to verify")
    return {place: rows[place] for place in sorted(rows, key=lambda place: (str(place[0]), place[1], str(place[2])))}


def _batches(operations: Operations, there: list[Value]) -> dict[Value, Batch]:
    """Return the batches: sends that were acknowledged at an offset or are there, then what should not be there."""
    numbers: Counter[tuple[str, Hashable]] = Counter()
    batches: dict[Value, Batch] = {}

    def add(value: Value, client: str, called: int, acked: int | None, outcome: str) -> None:
        batches[value] = Batch(client, numbers[client, value[0]], called, acked, outcome)
        numbers[client, value[0]] += 1

    seen = set(there)
    for value, send in operations.sends.items():
        if value in seen or (send.returned is not None and send.result is not NO_RESULT):
            outcome = UNKNOWN if send.returned is None else ACKNOWLEDGED
            add(value, str(send.process), send.row, send.returned, outcome)
    for value in there:
        if value not in batches:
            failed = operations.failed.get(value)
            client = "unknown" if failed is None else f"{failed.process} (failed)"
            add(value, client, 0 if failed is None else failed.row, None, "" if failed is None else FAILED)
    return batches


def _log(operations: Operations, rows: dict[tuple[Hashable, int, Hashable], int], batches: dict[Value, Batch]) -> Log:
    listed = [(batches[key, value], str(key), offset) for key, offset, value in rows]
    columns: dict[str, list[object]] = {
        "log": [key for _, key, _ in listed],
        "start_position": [offset for _, _, offset in listed],
        "client_id": [batch.client for batch, _, _ in listed],
        "batch_seq": [batch.seq for batch, _, _ in listed],
    }
    if moments := operations.moments:
        columns["sent_ns"] = [moments.get(batch.called, NEVER) for batch, _, _ in listed]
        columns["acked_ns"] = [
            NEVER if batch.acked is None else moments.get(batch.acked, NEVER) for batch, _, _ in listed
        ]
    source = Source(operations.path)
    log = log_of(Table(new_frame(columns), source, COLUMNS), source)
    return replace(log, rows=np.array(list(rows.values()), dtype=np.int64))


def _sent(path: Path, batches: dict[Value, Batch]) -> Batches:
    sent = {value: batch for value, batch in batches.items() if batch.outcome}
    columns = {
        "client": [batch.client for batch in sent.values()],
        "seq": [batch.seq for batch in sent.values()],
        "log": [str(key) for key, _ in sent],
        "row": [batch.called for batch in sent.values()],
        "outcome": [batch.outcome for batch in sent.values()],
    }
    return Batches(path, new_frame(columns), has_outcomes=True)


def _readers(operations: Operations, batches: dict[Value, Batch]) -> Table | None:
    if not operations.polls:
        return None
    known = [batches[poll.key, poll.value] for poll in operations.polls]
    columns = {
        "reader_id": [poll.reader for poll in operations.polls],
        "start_position": [poll.offset for poll in operations.polls],
        "client_id": [batch.client for batch in known],
        "batch_seq": [batch.seq for batch in known],
        "log": [str(poll.key) for poll in operations.polls],
    }
    rows = np.array([poll.row for poll in operations.polls], dtype=np.int64)
    return Table(new_frame(columns), Source(operations.path), READ_COLUMNS, rows)
