"""What is asked of a history: a set of properties, by name, and how its log numbers positions and batches.

A level is a set that has a name. What a log does not promise is left out; what it numbers in another
way is said in `Rules`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from fencepost.model.contract import LEVELS, PROPERTIES, Level
from fencepost.model.errors import InputError, unknown_choice

# Why no history of ordered batches can show a property, whatever its rows.
BEYOND_A_HISTORY: dict[str, str] = {
    "contiguous": "a row holds the range of a batch, not the position of each message",
    "frontier": "no row records how far readers were let",
    "visible": "a row says what was ordered, not what another host read",
    "ack-safe": "a row says when a batch was acked, not when it became deliverable",
    "monotone": "no row records a published frontier",
    "no-overwrite": "no row records the reuse of a slot",
    "single-writer": "no row records who wrote a line",
    "wait-free": "no row records the steps of a scanner",
}


# What a file beside the history shows, and the history alone does not.
BESIDE_A_HISTORY: dict[str, str] = {
    "agreement": "a row says what was ordered, not what two readers were given",
    "drained": "a history lists what was ordered, not what arrived",
}

SENT, ACKS, READERS = "what was sent", "what was acknowledged", "what readers read"
"""What is not in a log, and comes from files of its own."""


@dataclass(frozen=True)
class HistoryProperty:
    """A property that a history can show: its sentence, the columns or files that it needs, what breaks it."""

    name: str
    promise: str
    levels: tuple[Level, ...]
    needs: tuple[str, ...]
    anomaly: str


def _of_contract(name: str, needs: tuple[str, ...], anomaly: str) -> HistoryProperty:
    return HistoryProperty(name, PROPERTIES[name].promise, PROPERTIES[name].levels, needs, anomaly)


HISTORY_PROPERTIES: dict[str, HistoryProperty] = {
    each.name: each
    for each in (
        _of_contract("unique", ("start_position",), "overlap"),
        _of_contract("dense", ("start_position",), "hole"),
        _of_contract("ring-order", ("broker_id", "ring_index"), "ring-inversion"),
        _of_contract("client-order", ("client_id", "batch_seq"), "inversion"),
        _of_contract("prefix", ("client_id", "batch_seq"), "lost-prefix"),
        _of_contract("once", ("client_id", "batch_seq"), "duplicate"),
        _of_contract("real-time", ("sent_ns", "acked_ns"), "stale-ack"),
        _of_contract("drained", (SENT,), "left-behind"),
        HistoryProperty("lost", "an acknowledged batch is in the log", (4, 5), (ACKS,), "lost-write"),
        HistoryProperty("invented", "a batch in the log was sent, and did not fail", (4, 5), (SENT,), "invented"),
        _of_contract("agreement", (READERS,), "disagreement"),
        HistoryProperty("reading", "a reader reads on: no gap, no repeat, no step back", (4, 5), (READERS,), "regress"),
    )
}


@dataclass(frozen=True)
class Rules:
    """How a log numbers what it orders, where it is not as fencepost's own sequencers do.

    from_position    the first position that the history should hold
    allow_gaps       positions may be left out (markers, padding, transactions): `dense` asks for nothing between
    first_seq        the number of a client's first batch; None: the first that is there, as where older ones are gone
    seq_counts       whether batch_seq counts batches, or messages (a base sequence)
    numbered_by      whose batches are numbered: a client's, or a client's at each broker
    across_logs      whether a client's numbering goes through all logs, or begins in each
    in_order         whether a batch waits for those of its client with lower numbers: what `drained` owes

    >>> fencepost.Rules(from_position=1, first_seq=1).allow_gaps
    False
    """

    from_position: int = 0
    allow_gaps: bool = False
    first_seq: int | None = 0
    seq_counts: Literal["batches", "messages"] = "batches"
    numbered_by: Literal["client", "client-broker"] = "client"
    across_logs: bool = False
    in_order: bool = True


@dataclass(frozen=True)
class Asked:
    """The properties that are asked for, in contract order; `by_name` where they were named one by one.

    What was named and cannot be shown is unknown, and decides; of a level, what a history has no columns for is
    left out of the verdict, and said.
    """

    names: tuple[str, ...]
    by_name: bool


def choose(level: Level | None, properties: Iterable[str] | None, without: Iterable[str]) -> Asked:
    """Return the properties of a level, or those that are named, less those `without`.

    InputError: nothing is asked, or a name is not that of a property that a history can show.
    """
    if level is not None and level not in LEVELS:
        raise unknown_choice("level", level, LEVELS)
    if level is None and properties is None:
        raise InputError(f"nothing is asked: expected a level ({', '.join(map(str, LEVELS))}) or properties by name")
    named = None if properties is None else {properties} if isinstance(properties, str) else set(properties)
    left_out = {without} if isinstance(without, str) else set(without)
    for name in sorted((named or set()) | left_out):
        if name in BEYOND_A_HISTORY:
            choices = ", ".join(HISTORY_PROPERTIES)
            raise InputError(f"no history can express {name} ({BEYOND_A_HISTORY[name]}): expected some of {choices}")
        if name not in HISTORY_PROPERTIES:
            raise unknown_choice("property", name, HISTORY_PROPERTIES)
    of_level = {each.name for each in HISTORY_PROPERTIES.values() if level in (None, *each.levels)}
    wanted = (of_level if named is None else named) - left_out
    if not wanted:
        raise InputError(f"no property asked for: expected some of {', '.join(HISTORY_PROPERTIES)}")
    return Asked(tuple(name for name in HISTORY_PROPERTIES if name in wanted), by_name=named is not None)
