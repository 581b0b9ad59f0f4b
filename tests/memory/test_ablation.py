"""Ablation: which flush, fence or invalidation is load-bearing; the known answers, and that the other engine agrees."""

import json
from functools import partial
from itertools import combinations
from pathlib import Path

import pytest
from commands import run as command

from fencepost.model.contract import Verdict
from fencepost.model.errors import InputError
from fencepost.model.litmus import Answer, LitmusTest, parse_test
from fencepost.model.litmus.explore import explore
from fencepost.model.litmus.idioms import idiom, idiom_names
from fencepost.model.memory import MATRICES, PROFILES
from fencepost.proofs.timestamps.ablation import Ablation, ablate

NCX, SDM = PROFILES["ncx"], MATRICES["sdmC"]


run = partial(command, "ablate")


def sets(ablation: Ablation) -> list[set[str]]:
    names = {each.slot: each.text for each in ablation.slots}
    return [{names[slot] for slot in each} for each in ablation.minimal]


def promises(name: str) -> dict[str, Ablation]:
    return {each.promise: each for each in ablate(idiom(name), NCX, SDM)}


def test_the_two_line_publication_has_one_minimal_safety_set() -> None:
    found = promises("publication")
    assert sets(found["safety"]) == [{"0: FO d", "0: SF #1", "1: FL d", "1: MF #2"}]
    assert sets(found["freshness"]) == [{"0: FO f", "1: FL f", "1: MF #1"}]


def test_a_required_slot_comes_with_a_run_and_a_redundant_one_with_its_bound() -> None:
    for each in promises("publication")["safety"].slots:
        assert (each.run is not None) == (each.role == "required")
        assert "states, and Z3" in each.bound or each.run is not None


@pytest.mark.parametrize("lines", [2, 4, 8])
def test_n_payload_lines_need_n_flushes_and_one_fence(lines: int) -> None:
    (minimal,) = sets(promises(f"publication-{lines}")["safety"])
    assert minimal == {*(f"0: FO d{n}" for n in range(lines)), "0: SF"}


def test_a_flag_stored_before_the_fence_admits_no_placement_and_its_store_must_move() -> None:
    safety = promises("flag-before-fence")["safety"]
    assert (safety.verdict, safety.minimal) == (Verdict.VIOLATED, ())
    assert safety.run is not None
    (move,) = safety.moves
    assert move.text == "move `W f 1` behind `SF` (2 instructions later)"
    assert move.minimal == (("0: FO d", "0: SF #1", "1: FL d", "1: MF #2"),)


def test_the_order5_publish_of_the_seed_cannot_be_mended_by_flushes_only_by_its_counter() -> None:
    found = promises("order5-publish")
    assert [move.text.split("`")[1] for move in found["safety"].moves] == ["W ordered 1"]
    assert found["freshness"].verdict is Verdict.VIOLATED
    repaired = promises("order5-publish-repaired")
    assert all(each.verdict is Verdict.EXHAUSTED for each in repaired.values())


def test_a_locked_instruction_may_stand_for_the_fence() -> None:
    assert sets(promises("locked-fence")["safety"]) == [{"0: FAA z own 1"}, {"0: SF"}]
    assert sets(promises("locked-flag")["safety"]) == [{"0: FO d", "1: FL d", "1: MF #2"}]


def test_one_line_needs_nothing_for_safety() -> None:
    assert sets(promises("wrap-with-lap")["safety"]) == [set()]


def test_every_idiom_with_slots_is_decided() -> None:
    ablatable = [name for name in idiom_names() if idiom(name).slots()]
    assert len(ablatable) >= 14
    for name in ablatable:
        assert all(each.verdict is not Verdict.UNKNOWN for each in promises(name).values()), name


@pytest.mark.parametrize("name", ["publication", "locked-fence", "order4-per-message", "reader-poll"])
def test_the_minimal_sets_are_those_that_exploring_every_set_finds(name: str) -> None:
    test = idiom(name)
    slots = test.slots()
    sufficient = [
        frozenset(present)
        for count in range(len(slots) + 1)
        for present in combinations(slots, count)
        if without(test, frozenset(slots) - set(present)) is Answer.FORBIDDEN
    ]
    minimal = {each for each in sufficient if not any(other < each for other in sufficient)}
    assert set(promises(name)["safety"].minimal) == minimal


def without(test: LitmusTest, absent: frozenset[tuple[int, int]]) -> Answer:
    return explore(test.program.without(absent), test.bad, NCX, SDM).answer


def test_a_program_with_two_writing_hosts_is_ablated_by_exploration() -> None:
    text = "H0: W x 1; FO x?; SF?; MRMW r t 1\nH1: MRMW m t 0; IFEQ m 1 3; FL x?; MF?; W x 2\nbad 1:m=1 & x=1"
    (found,) = ablate(parse_test(text), NCX, SDM)
    assert sets(found) == [{"0: FO x"}]


@pytest.mark.parametrize(
    ("text", "profile", "problem"),
    [
        ("H0: W x 1\nbad x=2", "ncx", "no optional slot, and nothing is wrong"),
        ("H0: W x 1; FO x?\nbad x=1", "ncx-noevict", "has no evictions"),
        ("H0: FAA a x 1?; R b x\nbad x=1", "ncx", "FAA a x 1 cannot be optional"),
        ("H0: FAA a x 1?; W y a\nbad y=1", "ncx", "FAA a x 1 cannot be optional"),
    ],
)
def test_what_cannot_be_ablated_is_refused(text: str, profile: str, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        ablate(parse_test(text), PROFILES[profile], SDM)


def test_registers_under_a_crash_profile_are_asked_at_the_end_as_the_explorers_ask_them() -> None:
    found = ablate(idiom("publication"), PROFILES["px86"], MATRICES["sdmC"])
    assert [each.minimal for each in found] == [(frozenset(),), (frozenset(),)]


def test_a_spent_budget_is_unknown_with_its_reason() -> None:
    found = ablate(idiom("publication"), PROFILES["ncx"], MATRICES["sdmC"], seconds=0.0)
    assert {each.verdict for each in found} == {Verdict.UNKNOWN}
    assert found[0].reason == "the time was spent on 0 queries"


def test_the_command_says_that_the_store_must_move_and_exits_1() -> None:
    ran = run("flag-before-fence")
    assert ran.returncode == 1
    assert "no placement of these slots suffices: a store must move" in ran.stdout
    assert "move `W f 1` behind `SF`" in ran.stdout
    assert ran.stdout.splitlines()[-1].startswith("verdict=violated property=safety ")


def test_the_command_takes_a_file_with_marked_slots(tmp_path: Path) -> None:
    path = tmp_path / "mine.litmus"
    path.write_text("H0: W d 1; FO d?; SF?; W f 1\nH1: FL f; MF; R a f; FL d?; MF?; R b d\nbad 1:a=1 & 1:b=0\n")
    ran = run(str(path), "--json")
    assert ran.returncode == 0, ran.stderr
    (result,) = json.loads(ran.stdout)["results"]
    assert result["minimal"] == [["0: FO d", "0: SF", "1: FL d", "1: MF #2"]]
    assert {each["role"] for each in result["slots"]} == {"required"}


def test_the_command_lists_the_idioms_and_names_them_when_one_is_unknown() -> None:
    assert "two-phase-batch" in run("--list").stdout
    ran = run("publicatoin")
    assert ran.returncode == 2
    assert "unknown idiom 'publicatoin': did you mean publication " in ran.stderr
