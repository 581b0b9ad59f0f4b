"""What the way from Python into C++ costs: one call for many batches, one call for each, and plain Python.

Beside the call for many stands a copy of its columns, three that go in and two that come out: what no such call can do
without.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from time import perf_counter_ns

import numpy as np

from fencepost.model.errors import Miscounted
from fencepost.native import ISSUED_MAX, AttemptOutcome, Sequencer
from fencepost.native.measuring import ProbeTimes, SettingTimes

if sys.platform == "linux":
    from resource import RUSAGE_THREAD, getrusage

    def preemption_count() -> int:
        """Return how often this thread was made to leave its core."""
        return getrusage(RUSAGE_THREAD).ru_nivcsw

else:

    def preemption_count() -> int:
        """Return 0: only Linux says how often a thread was made to leave its core."""
        return 0


BATCHES_A_CALL = 4096
IN_CALLS = ("bulk", "bare_copy")  # ways that are timed over several calls


def python_entry(repetitions: int, quick: bool) -> SettingTimes:
    """Order batches of level 5 from Python in three ways, and copy their columns, in turn, all checked each time."""
    call_count = 4 if quick else 64
    counts = 1 + np.arange(BATCHES_A_CALL, dtype=np.int64) % 7
    ways: dict[str, Callable[[], int]] = {
        "bulk": lambda: _in_bulk(counts, call_count),
        "bare_copy": lambda: _copied(counts, call_count),
        "one call a batch": lambda: _one_by_one(counts),
        "plain Python": lambda: _in_python(counts),
    }
    values: dict[str, list[float]] = {name: [] for name in ways}
    disturbed = dict.fromkeys(ways, 0)
    for repetition in range(repetitions + 1):  # the first warms up
        for name, way in ways.items():
            preempted_before = preemption_count()
            elapsed_ns = way()
            if repetition > 0:
                values[name].append(elapsed_ns / (BATCHES_A_CALL * (call_count if name in IN_CALLS else 1)))
                disturbed[name] += preemption_count() != preempted_before
    probes = {name: ProbeTimes(tuple(each), BATCHES_A_CALL, disturbed[name], {}) for name, each in values.items()}
    return SettingTimes(probes, (), "")


def _in_bulk(counts: np.ndarray, call_count: int) -> int:
    sequencer, zeros = Sequencer("order5.fetch_add", 1), np.zeros_like(counts)
    elapsed_ns = 0
    for _ in range(call_count):
        first, began = sequencer.issued, perf_counter_ns()
        answers = sequencer.try_order_all(client_id=zeros, batch_seq=zeros, message_count=counts)
        elapsed_ns += perf_counter_ns() - began
        # Kept no longer than until they are checked: a call that follows finds their memory, not pages never touched.
        _check(answers.start_position, counts, sequencer.issued, first)
    return elapsed_ns


def _copied(counts: np.ndarray, call_count: int) -> int:
    """Copy the columns of a call: client, number, count; outcome and start, as many bytes each as the call's have."""
    columns = [np.zeros_like(counts), np.zeros_like(counts), counts]
    columns += [np.zeros(counts.size, dtype=np.int8), np.zeros_like(counts)]
    elapsed_ns = 0
    for _ in range(call_count):
        began = perf_counter_ns()
        copies = [column.copy() for column in columns]
        elapsed_ns += perf_counter_ns() - began
        for column, copy in zip(columns, copies, strict=True):
            if not np.array_equal(column, copy):
                raise Miscounted("a copied column is not what it was copied from")
    return elapsed_ns


def _one_by_one(counts: np.ndarray) -> int:
    sequencer, starts = Sequencer("order5.fetch_add", 1), []
    given = counts.tolist()
    began = perf_counter_ns()
    for count in given:
        starts.append(sequencer.try_order(0, 0, count).start_position)
    elapsed_ns = perf_counter_ns() - began
    _check(np.array(starts), counts, sequencer.issued)
    return elapsed_ns


def _in_python(counts: np.ndarray) -> int:
    """The same in Python: a limit, a running sum, an answer."""
    issued, starts = 0, []
    given = counts.tolist()
    began = perf_counter_ns()
    for count in given:
        if issued + count > ISSUED_MAX:
            break
        starts.append((AttemptOutcome.ORDERED, issued))
        issued += count
    elapsed_ns = perf_counter_ns() - began
    _check(np.array([start for _, start in starts]), counts, issued)
    return elapsed_ns


def _check(starts: np.ndarray, counts: np.ndarray, issued: int, first: int = 0) -> None:
    """Raise Miscounted unless the ranges follow each other from `first` to `issued`."""
    ends = first + np.cumsum(counts)
    if starts.size != counts.size or not np.array_equal(starts, ends - counts) or issued != int(ends[-1]):
        raise Miscounted(f"{starts.size} ranges up to {issued}: expected {counts.size} without a hole up to {ends[-1]}")
