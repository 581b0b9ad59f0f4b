"""What is said of a session that breaks a promise: what a scanner waits for, and which acknowledgement was early."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path
from types import GeneratorType
from typing import TYPE_CHECKING, Any

from fencepost.native import adapter

if TYPE_CHECKING:
    from fencepost.comparing.policies.attempts import Attempts, Batch


def described_ack(session: Attempts, client: int, acked: int, ordered_count: int, issued: int) -> str:
    """Say that a client may forget more than is ordered, and what scanners do with its batches at that moment."""
    at_work = [
        f"scanner {ring} is at work on {of.in_hand}"
        for ring, of in enumerate(session.rings)
        if of.in_hand is not None and of.in_hand.client == client
    ]
    meanwhile = f": {' and '.join(at_work)}, and {issued} positions are issued" if at_work else ""
    if session.level == 4:
        return f"client {client} may forget all below {acked}, and batch {ordered_count} is not ordered{meanwhile}"
    return f"client {client} may forget {acked} batches, and {ordered_count} of them are ordered{meanwhile}"


def described_wait(session: Attempts, ring: int) -> str:
    """Say that a scanner went on and on while all others had as many turns, and what it waits for."""
    of = session.rings[ring]
    if of.running is None:
        parked = " and ".join(
            f"scanner {at} for {each.batches[index]}" for at, each in enumerate(session.rings) for index in each.parked
        )
        return f"scanners were answered later again and again, and nothing was ordered: {parked}"
    batch = of.batches[of.current]
    waits = f"scanner {ring} passed its turn {of.passed_count:,} times, waiting for"
    where = _place_of(of.running)
    reasons = [*_predecessor(session, ring, batch), *_others_at_work(session, ring)]
    known = "; ".join(reasons) or "what does not come: no other scanner is at work, and none has anything left to do"
    return f"{waits} {known} ({batch} in hand{where})"


def _predecessor(session: Attempts, ring: int, batch: Batch) -> Iterator[str]:
    """Yield which batch must be ordered before this one, and where it is."""
    if session.level != 4:
        return
    ordered = {(each.client, each.seq) for each in (session.rings[at].batches[index] for at, index in session.ordered)}
    missing = next((seq for seq in range(batch.seq) if (batch.client, seq) not in ordered), None)
    if missing is None:
        return
    name, found = f"client {batch.client} batch {missing}", False
    for at, other in enumerate(session.rings):
        for index, each in enumerate(other.batches):
            if (each.client, each.seq) != (batch.client, missing):
                continue
            found = True
            if index in other.parked:
                yield f"{name}, which scanner {at} set aside"
            elif index >= other.cursor:
                yield f"{name}, which stands behind {'it' if at == ring else other.in_hand or 'others'} in ring {at}"
    if not found:
        yield f"{name}, which never arrived"


def _others_at_work(session: Attempts, ring: int) -> Iterator[str]:
    for at, other in enumerate(session.rings):
        if at != ring and other.in_hand is not None:
            yield f"scanner {at} at work on {other.in_hand}, which passed its turn {other.passed_count:,} times"


def _place_of(running: Generator[Any, Any, Any]) -> str:
    """Return the line where an attempt written in Python passes its turn."""
    while isinstance(running, GeneratorType) and isinstance(running.gi_yieldfrom, GeneratorType):
        running = running.gi_yieldfrom
    frame = running.gi_frame if isinstance(running, GeneratorType) else None
    if frame is None or frame.f_code.co_filename == adapter.__file__:
        return ""
    return f", at line {frame.f_lineno} of {Path(frame.f_code.co_filename).name}"
