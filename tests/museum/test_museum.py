"""The museum: every bug breaks its promise in a short run; the sound design beside it keeps all of them."""

import dataclasses
import re
from pathlib import Path

import pytest

from fencepost.model.contract import Verdict, promised
from fencepost.model.errors import InputError
from fencepost.model.explorer.monitor.run import REFINEMENT
from fencepost.model.explorer.search.exploration import Limits, explore
from fencepost.model.explorer.subjects import sequencer
from fencepost.model.explorer.traces.run_itf import read_run, write_run
from fencepost.model.explorer.traces.run_trace import reproduced_count
from fencepost.model.museum import BUGS, DESIGNS, Bug, bug
from fencepost.model.museum.bug import ORDER5, deviating, in_rings
from fencepost.model.museum.bug import batch as arriving
from fencepost.model.museum.detection import Engine, Exhibit, Outcome, of_bug, of_sound
from fencepost.model.museum.drawing import drawn
from fencepost.model.museum.engines import explorer, simulated, verified
from fencepost.model.programs.corpus import corpus_for
from fencepost.model.programs.designs import SOUND
from fencepost.model.programs.layout import written
from fencepost.model.programs.operations import Program, Store
from fencepost.model.programs.pipeline import Design
from fencepost.model.programs.roles.delegation import Delegation

# What each bug breaks, and the steps of a shortest run of its scenario that shows it.
SHORTEST = {
    "cas_then_reserve": ("client-order", 10),
    "reserve_then_cas": ("dense", 12),
    "reserve_then_cas_unchecked": ("once", 10),
    "modulo_table": ("prefix", 11),
    "first_expectation_zero": ("once", 11),
    "reserve_for_parked": ("client-order", 13),
    "release_before_reserve": ("client-order", 10),
    "test_outside_lock": ("once", 13),
    "seed_from_first_seen": ("prefix", 6),
    "park_never_rechecked": ("drained", 9),
    "counted_when_placed": ("once", 6),
    "epoch_abandoned": ("drained", 3),
    "epoch_reserves_for_parked": ("dense", 6),
    "ranges_by_ring": ("client-order", 7),
    "epoch_acked_at_once": ("ack-safe", 8),
    "edge_triggered_gate": ("drained", 10),
    "no_wrap": ("no-overwrite", 12),
    "wrap_without_consumed_check": ("no-overwrite", 4),
    "only_slot_zero_protected": ("no-overwrite", 13),
    "stale_lap_flag": ("visible", 6),
    "count_read_twice": ("unique", 14),
    "positions_in_blocks": ("dense", 3),
    "order_before_payload": ("visible", 13),
    "zero_message_blocks": ("drained", 6),
    "delegation_vouches_early": ("visible", 8),
    "slot_flag_taken_back": ("visible", 9),
    "published_while_filled": ("visible", 15),
    "hole_passed": ("drained", 13),
    "claim_by_search": ("no-overwrite", 4),
    "wrong_line_flushed": ("drained", 5),
    "export_after_fence": ("drained", 6),
    "guard_before_entry": ("visible", 7),
    "payload_not_fenced": ("visible", 14),
    "gate_read_in_cache": ("drained", 3),
    "invalidate_with_store_fence": ("visible", 14),
    "flag_line_first": ("visible", 14),
    "reader_never_invalidates": ("visible", 14),
    "invalidate_every_64": ("visible", 14),
    "prefetch_next_header": ("drained", 9),
    "delegation_tail_unflushed": ("drained", 2),
    "counter_spans_hosts": ("unique", 6),
    "broker_wide_ack": ("ack-safe", 10),
    "ack_before_export": ("ack-safe", 7),
    "one_fence_for_export_and_ack": ("ack-safe", 9),
    "parked_is_acked": ("ack-safe", 7),
    "phantom_first_ack": ("ack-safe", 1),
    "backward_frontier": ("monotone", 14),
    "dropped_is_acked": ("ack-safe", 13),
    "frontier_jumps": ("frontier", 17),
    "copied_backwards": ("contiguous", 20),
    "log_and_frontier_in_one_go": ("agreement", 21),
    "log_read_in_cache": ("agreement", 19),
    "count_of_16_bits": ("visible", 5),
    "guard_among_fields": ("visible", 8),
    "set_aside_forgotten": ("drained", 19),
    "stopped_in_hand": ("drained", 36),
    "time_out_acknowledges": ("ack-safe", 23),
    "time_out_takes_the_slot": ("visible", 5),
    "announced_before_wiped": ("visible", 6),
    "wiped_with_the_announcement": ("visible", 7),
}
STEPS_MOST, THREADS_MOST = 23, 4
STEPS_OF_A_WHOLE_RUN, THREADS_OF_A_STOP = 36, 5
"""Of `stopped_in_hand`: two scanners, and what ends one of them; that nothing follows shows at the end of the run."""


def test_every_bug_is_pinned() -> None:
    assert list(SHORTEST) == list(BUGS)


@pytest.mark.parametrize("name", BUGS)
def test_the_explorer_catches_it_in_a_short_run_of_few_threads(name: str) -> None:
    found = explorer(of_bug(bug(name)), 60.0, 0)
    assert found.outcome is Outcome.CAUGHT
    assert (bug(name).breaks, found.trace_length) == SHORTEST[name]
    assert found.run is not None
    most = (STEPS_OF_A_WHOLE_RUN, THREADS_OF_A_STOP) if name == "stopped_in_hand" else (STEPS_MOST, THREADS_MOST)
    assert len(found.run.schedule) <= most[0]
    assert len({actor[0] for actor, _ in found.run.schedule}) <= most[1]
    assert reproduced_count(found.run) == 10


@pytest.mark.parametrize("name", BUGS)
def test_the_sound_design_beside_it_keeps_every_promise_on_the_same_scenario(name: str) -> None:
    sound = bug(name).sound
    found = explore(sequencer(sound, bug(name).scenario, "ncx"), limits=Limits(seconds=60))
    assert found.verdict is Verdict.EXHAUSTED


@pytest.mark.parametrize("name", BUGS)
def test_simpy_catches_it_too(name: str) -> None:
    found = simulated(of_bug(bug(name)), 60.0, 0)
    assert found.outcome is Outcome.CAUGHT
    assert found.run is not None
    assert reproduced_count(found.run) == 10


@pytest.mark.parametrize("each", BUGS.values(), ids=lambda each: each.name)
def test_it_breaks_a_promise_of_its_level_and_says_where_it_comes_from(each: Bug) -> None:

    assert each.breaks in promised(each.level)
    assert each.origin
    assert each.deviation.endswith((".", "?"))
    parts = [field.name for field in dataclasses.fields(Design) if field.name not in ("name", "spec")]
    changed = [part for part in parts if getattr(each.design, part) is not getattr(each.sound, part)]
    assert 1 <= len(changed) <= 2  # a word that two share is read by one and written by the other


def test_a_program_whose_refuted_spec_has_its_steps_refines_that_in_every_run_and_not_the_sound_one() -> None:
    wrong = bug("cas_then_reserve")
    verdicts = []
    for spec in (wrong.design.spec, wrong.sound.spec):
        design = dataclasses.replace(wrong.design, spec=spec)
        subject = sequencer(design, wrong.scenario, "ncx", asked=frozenset({REFINEMENT}))
        verdicts.append(explore(subject).verdict)
    assert verdicts == [Verdict.EXHAUSTED, Verdict.VIOLATED]


ENGINES_ASKED = (explorer, simulated, drawn, verified)


@pytest.mark.parametrize("engine", ENGINES_ASKED, ids=lambda engine: engine.__name__)
@pytest.mark.parametrize("sound", SOUND, ids=lambda sound: sound.name)
def test_no_engine_accuses_a_sound_design(sound: Design, engine: Engine) -> None:
    budget_seconds = 1.0 if engine is explorer else 0.25
    assert engine(of_sound(sound, BUGS.values()), budget_seconds, 1).outcome is Outcome.MISSED


@pytest.mark.slow
@pytest.mark.parametrize("sound", SOUND, ids=lambda sound: sound.name)
def test_the_explorer_accuses_no_sound_design_in_a_minute(sound: Design) -> None:
    assert explorer(of_sound(sound, BUGS.values()), 60.0, 1).outcome is Outcome.MISSED


def test_hypothesis_shrinks_what_it_finds() -> None:
    found = drawn(of_bug(bug("seed_from_first_seen")), 60.0, 0)
    assert (found.outcome, found.trace_length) == (Outcome.CAUGHT, 6)
    assert found.run is not None
    assert reproduced_count(found.run) == 10


@pytest.mark.parametrize("name", ["cas_then_reserve", "reserve_then_cas", "first_expectation_zero", "count_read_twice"])
def test_a_bad_history_is_caught_by_the_history_checker(name: str) -> None:
    found = verified(of_bug(bug(name)), 60.0, 0)
    assert found.outcome is Outcome.CAUGHT
    assert found.detail.startswith(f"{bug(name).breaks}: ")


def test_a_history_cannot_express_what_another_host_reads() -> None:
    assert verified(of_bug(bug("flag_line_first")), 0.5, 0).outcome is Outcome.MISSED
    found = verified(of_bug(bug("no_wrap")), 60.0, 0)
    assert found.outcome is Outcome.CANNOT_EXPRESS
    assert found.detail == "no-overwrite: no row records the reuse of a slot"


@pytest.mark.parametrize("name", ["guard_among_fields", "count_of_16_bits"])
def test_a_history_beside_what_arrived_shows_what_a_scanner_read_wrongly(name: str) -> None:
    found = verified(of_bug(bug(name)), 60.0, 0)
    assert found.outcome is Outcome.CAUGHT
    assert re.search("was ordered from index 0 of broker 0, where client . batch 0 .* had arrived", found.detail)


def test_a_sound_design_is_shown_on_every_named_scenario_that_it_can_run() -> None:
    whole = of_sound(SOUND[0], BUGS.values())
    assert {each.scenario for each in corpus_for(SOUND[0])} <= set(whole.shown_on)


class CountsAhead(Delegation):
    """The count says one slot more than is filled."""

    def run(self) -> Program:
        yield Store((*written(self.ring), "count"), 1)
        yield from super().run()


def test_a_change_that_breaks_nothing_is_missed_within_a_bound() -> None:
    """The scanner waits for the header's own guard as well: that is why it does."""
    scenario = in_rings((arriving(0, 0),), delegated=True)
    harmless = deviating(
        "counts_ahead", breaks="visible", origin="-", sound=ORDER5, scenario=scenario, delegation=CountsAhead
    )
    assert explorer(of_bug(harmless), 60.0, 0).detail == "all 3 runs of 1 scenario"
    assert simulated(of_bug(harmless), 0.2, 0).outcome is Outcome.MISSED


def test_an_engine_says_when_its_time_was_up() -> None:
    whole = of_sound(SOUND[0], BUGS.values())
    found = explorer(whole, 0.0, 0)
    assert found.outcome is Outcome.MISSED
    assert "not exhausted in 0 s" in found.detail


def test_a_bug_is_caught_at_its_own_promise_only() -> None:
    """A parked batch that is acknowledged is ordered as it should be all the same."""
    exhibit = of_bug(bug("parked_is_acked"))
    other: Exhibit = dataclasses.replace(exhibit, asked=frozenset({"unique", "prefix"}))
    assert explorer(other, 60.0, 0).outcome is Outcome.MISSED


def test_a_run_of_a_mutant_is_written_and_read_again(tmp_path: Path) -> None:

    found = explorer(of_bug(bug("counter_spans_hosts")), 60.0, 0)
    assert found.run is not None
    path = tmp_path / "run.itf.json"
    write_run(found.run, path)
    assert read_run(path, DESIGNS) == found.run


def test_an_unknown_mutant_lists_the_choices() -> None:
    with pytest.raises(InputError, match="unknown mutant 'no_rap': did you mean no_wrap"):
        bug("no_rap")
