"""The parameters that a trial of each engine has: their names, what they may be, and what is said of a wrong one.

A field is a parameter. In a spec its value may be a list, an axis; here is one value. None is the engine's own default.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args, get_type_hints

import msgspec
from msgspec import Meta, Struct

from fencepost.model.errors import InputError, expected_of

Text = Annotated[str, Meta(min_length=1, max_length=200)]
Count = Annotated[int, Meta(ge=1, le=65_535)]
Share = Annotated[float, Meta(ge=0.0, lt=1.0)]
Microseconds = Annotated[float, Meta(ge=0.0, le=1e9)]
Milliseconds = Annotated[float, Meta(ge=0.0, le=1e7)]
FaultKind = Literal[
    "none", "broker_pause", "broker_crash_before_publish", "broker_crash_after_publish", "slow_subscriber",
    "scanner_pause", "sequencer_stop", "late_broker",
]  # fmt: skip


class SimulationParameters(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A simulated scenario. What a scenario's file says beyond these stands in the table `scenario`."""

    level: Literal[4, 5] | None = None  # without a sequencer: that level's usual one
    sequencer: Text | None = None
    policy: Literal["none", "per_message", "per_batch", "single_fence", "epoch", "seed"] | None = None
    granularity: Literal["batch", "operation"] | None = None
    hosts: Literal["own", "shared"] | None = None
    loop: Literal["open", "closed"] | None = None
    clients: Count | None = None
    brokers: Annotated[int, Meta(ge=1, le=1_024)] | None = None
    rate_batches_per_s: Annotated[float, Meta(gt=0.0, le=1e9)] | None = None  # of each client
    messages_per_batch: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    message_bytes: Annotated[int, Meta(ge=1, le=2**30)] | None = None
    burst_batches: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    window_batches: Count | None = None
    ring_slots: Annotated[int, Meta(ge=1, le=2**20)] | None = None
    delay_us: Microseconds | None = None  # of the network, the part that is always there
    reorder_us: Microseconds | None = None  # the mean of the part that is drawn: what lets batches overtake
    in_order: bool | None = None  # within a connection
    loss: Share | None = None
    epoch_us: Annotated[float, Meta(gt=0.0, le=1e9)] | None = None
    group: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    message_headers: bool | None = None
    duration_ms: Annotated[float, Meta(gt=0.0, le=8.64e7)] | None = None
    warmup_ms: Milliseconds | None = None
    fault: FaultKind | None = None
    fault_at_ms: Milliseconds | None = None
    fault_lasts_ms: Milliseconds | None = None
    scenario: dict[str, Any] | None = None


class NativeParameters(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A sequencer raced by threads on a drawn workload; or one side of a setting of `bench`, timed."""

    sequencer: Text | None = None
    clients: Count | None = None
    brokers: Annotated[int, Meta(ge=1, le=64)] | None = None
    batches: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None  # of each client
    messages_per_batch: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    reorder: Annotated[int, Meta(ge=0, le=100_000)] | None = None  # by so many batches one may be late
    policy: Text | None = None
    poll: Text | None = None
    slots: Annotated[int, Meta(ge=1, le=2**20)] | None = None
    setting: Text | None = None
    side: Text | None = None
    repetitions: Annotated[int, Meta(ge=10, le=10_000)] | None = None
    quick: bool | None = None


class ExplorerParameters(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The schedules of a sequencer, or of a bug of the museum, all of a scenario's or drawn ones."""

    sequencer: Text | None = None
    search: Literal["explorer", "native"] | None = None
    scenario: Text | None = None
    profile: Text | None = None
    strategy: Literal["exhaustive", "random", "pct"] | None = None
    runs: Annotated[int, Meta(ge=1, le=10**9)] | None = None
    depth: Annotated[int, Meta(ge=1, le=10**6)] | None = None
    property: Text | None = None


class CompareParameters(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Native code beside the model, on so many drawn examples."""

    sequencer: Text | None = None
    policy: Text | None = None
    examples: Annotated[int, Meta(ge=1, le=10**7)] | None = None


PARAMETERS: dict[str, type[Struct]] = {
    "simulation": SimulationParameters,
    "native": NativeParameters,
    "explorer": ExplorerParameters,
    "compare": CompareParameters,
}
"""The parameters of each engine."""

FIXED_ONLY = ("scenario",)
"""Parameters of the simulation that are tables, which no axis goes over."""


def is_table(engine: str, name: str) -> bool:
    """Say whether a parameter is a table rather than a value: it has no axis and no column."""
    return engine == "simulation" and name in FIXED_ONLY


def check_value(engine: str, name: str, value: Any, where: str) -> Any:
    """Return a parameter's value as its engine takes it; InputError says where it stands and what was expected."""
    kinds = get_type_hints(PARAMETERS[engine], include_extras=True)
    if name not in kinds:
        raise InputError(f"{where}: unknown parameter of engine {engine}: {expected_of(name, list(kinds))}")
    return converted(value, kinds[name], where)


def converted(value: Any, kind: Any, where: str) -> Any:
    """Return a value of a kind; InputError says where it stands, what was expected and what was found."""
    try:
        found = msgspec.convert(value, kind)
    except msgspec.ValidationError:
        raise InputError(f"{where}: expected {expectation(kind)}, got {_shown(value)}") from None
    if isinstance(found, float) and not abs(found) < float("inf"):  # `nan` too, which is within no bounds
        raise InputError(f"{where}: expected {expectation(kind)}, got {_shown(value)}")
    return found


def expectation(kind: Any) -> str:
    """Return in words what a value of a kind may be: `1..65535`, `one of own, shared`, `a text`."""
    (plain,) = [
        each for each in (get_args(kind) if type(None) in get_args(kind) else (kind,)) if each is not type(None)
    ]
    arguments = get_args(plain)
    if getattr(plain, "__origin__", None) is Literal:
        return f"one of {', '.join(map(str, arguments))}"
    meta = next((each for each in getattr(plain, "__metadata__", ()) if isinstance(each, Meta)), None)
    base = getattr(plain, "__origin__", plain)
    if meta is not None and base in (int, float):
        least = f"{meta.ge:g}" if isinstance(meta.ge, float) else meta.ge
        most = meta.le if meta.le is not None else meta.lt
        most_shown = f"{most:g}" if isinstance(most, float) else most
        if meta.gt is not None:
            return f"more than {meta.gt:g}, at most {most_shown}"
        below = "" if meta.le is not None else "less than "
        return f"{least}..{below}{most_shown}"
    if meta is not None and meta.pattern is not None:
        return "a name of letters, digits, ., _ and -, at most 64"
    words = {str: "a text", bool: "true or false", int: "a whole number", float: "a number"}
    return words.get(base, "a table")


def _shown(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."
