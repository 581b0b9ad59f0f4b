"""The native code that has the same fault as a bug of the museum: by which build it is shown to the native engines.

    Stepped    a design of the stepped build, of the bug's own name
    BuiltIn    a fault that the stepped build can have built in, in a sound design
    Compiled   a native mutant: one line of the production code changed, compiled when it is asked for

A form has the same mechanism as its bug, at the place that the native code has for it: an export chain may stand where
the programs have a ring of slots. What has no form here has none in C++.
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
