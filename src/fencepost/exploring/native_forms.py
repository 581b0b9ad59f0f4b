"""The native code that has the same fault as a bug of the museum: by which build it is shown to the native engines.

    Stepped    a design of the stepped build, of the bug's own name
    BuiltIn    a fault that the stepped build can have built in, in a sound design
    Compiled   a native mutant: one line of the production code changed, compiled when it is asked for

A form has the same mechanism as its bug, at the place that the native code has for it: an export chain may stand where
the programs have a ring of slots. What has no form here has none in C++, and a sentence that says why.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from fencepost.native import Mutant


@dataclass(frozen=True)
class Stepped:
    """A design of the stepped build."""

    design: str

    def __str__(self) -> str:
        return f"design {self.design}"


@dataclass(frozen=True)
class BuiltIn:
    """A fault in a sound design of the stepped build."""

    design: str
    mutant: Mutant

    def __str__(self) -> str:
        return f"{self.design} with {self.mutant.name.lower()}"


@dataclass(frozen=True)
class Compiled:
    """A native mutant, by its name in `fencepost mutants --native`."""

    mutant: str

    def __str__(self) -> str:
        return f"native mutant {self.mutant}"


NativeForm: TypeAlias = Stepped | BuiltIn | Compiled

NATIVE_FORMS: dict[str, NativeForm] = {
    "cas_then_reserve": Stepped("order4.cas_then_reserve"),
    "reserve_then_cas": BuiltIn("order4.claim", Mutant.RESERVE_BEFORE_CLAIM),
    "set_aside_forgotten": BuiltIn("order4.claim", Mutant.SET_ASIDE_FORGOTTEN),
    "stopped_in_hand": BuiltIn("order4.claim", Mutant.STOPPED_IN_HAND),
    "count_of_16_bits": BuiltIn("order5.fetch_add.fields", Mutant.COUNT_OF_16_BITS),
    "guard_among_fields": BuiltIn("order5.fetch_add.fields", Mutant.GUARD_AMONG_FIELDS),
    "time_out_acknowledges": BuiltIn("order4.claim", Mutant.TIME_OUT_ACKNOWLEDGES),
    "time_out_takes_the_slot": BuiltIn("order5.fetch_add", Mutant.TIME_OUT_TAKES_THE_SLOT),
    "announced_before_wiped": BuiltIn("order5.fetch_add", Mutant.ANNOUNCED_BEFORE_WIPED),
    "wiped_with_the_announcement": BuiltIn("order5.fetch_add", Mutant.WIPED_WITH_THE_ANNOUNCEMENT),
    "frontier_jumps": BuiltIn("order5.fetch_add", Mutant.FRONTIER_JUMPS),
    "copied_backwards": BuiltIn("order5.fetch_add", Mutant.COPIED_BACKWARDS),
    "log_and_frontier_in_one_go": BuiltIn("order5.fetch_add", Mutant.LOG_AND_FRONTIER_IN_ONE_GO),
    "log_read_in_cache": BuiltIn("order5.fetch_add", Mutant.LOG_READ_IN_CACHE),
    "order_before_payload": BuiltIn("order5.fetch_add", Mutant.ORDER_BEFORE_PAYLOAD),
    "zero_message_blocks": BuiltIn("order5.fetch_add", Mutant.ZERO_MESSAGE_BLOCKS),
    "only_slot_zero_protected": BuiltIn("order5.fetch_add", Mutant.ONLY_SLOT_ZERO_PROTECTED),
    "published_while_filled": BuiltIn("order5.fetch_add", Mutant.PUBLISHED_WHILE_FILLED),
    "phantom_first_ack": BuiltIn("order5.fetch_add", Mutant.PHANTOM_FIRST_ACK),
    "invalidate_every_64": BuiltIn("order5.fetch_add", Mutant.INVALIDATE_EVERY_64),
    "counter_spans_hosts": BuiltIn("order5.fetch_add", Mutant.COUNTER_SPANS_HOSTS),
    "guard_before_entry": BuiltIn("order5.fetch_add", Mutant.GUARD_BEFORE_ENTRY),
    "reserve_then_cas_unchecked": Compiled("claim_answer_ignored"),
    "modulo_table": Compiled("clients_aliased"),
    "release_before_reserve": Compiled("release_before_reserve"),
    "epoch_abandoned": Compiled("stopped_with_open_epoch"),
    "wrap_without_consumed_check": Compiled("export_without_room"),
    "stale_lap_flag": Compiled("guard_as_flag"),
    "wrong_line_flushed": Compiled("placed_line_of_next_slot"),
    "export_after_fence": Compiled("guard_unflushed"),
    "payload_not_fenced": Compiled("payload_unfenced"),
    "flag_line_first": Compiled("guard_before_fence"),
    "gate_read_in_cache": Compiled("guard_from_copy"),
    "invalidate_with_store_fence": Compiled("loads_do_not_wait"),
    "reader_never_invalidates": Compiled("payload_from_copy"),
    "delegation_tail_unflushed": Compiled("count_unflushed"),
    "one_fence_for_export_and_ack": Compiled("entry_unfenced"),
    "broker_wide_ack": Compiled("ack_out_of_turn"),
}

_OF_SEQUENCERS = (
    "first_expectation_zero", "reserve_for_parked", "test_outside_lock", "seed_from_first_seen", "counted_when_placed",
    "epoch_reserves_for_parked", "ranges_by_ring",
)  # fmt: skip
_OF_SCANNERS = (
    "park_never_rechecked", "edge_triggered_gate", "count_read_twice", "positions_in_blocks",
    "delegation_vouches_early", "hole_passed", "ack_before_export", "parked_is_acked", "backward_frontier",
    "dropped_is_acked", "epoch_acked_at_once",
)  # fmt: skip
_OF_PAIRS = ("slot_flag_taken_back", "claim_by_search")

WITHOUT_FORM: dict[str, str] = {
    **dict.fromkeys(_OF_SEQUENCERS, "the fault is the sequencer's, and no C++ sequencer was written with it"),
    **dict.fromkeys(_OF_SCANNERS, "the fault is the scanner's, and no C++ scanner was written with it"),
    **dict.fromkeys(_OF_PAIRS, "the fault is of receiver and scanner together, and no such pair was written in C++"),
    "no_wrap": "the C++ layout has no index past the end of a ring: every place is taken modulo its slots",
    "prefetch_next_header": "the programs of the C++ pipeline prefetch nothing, and have no operation for it",
}
"""Why a bug has no native form."""
