"""Crash profiles: a crash at any moment of any run, a CRASH that narrows it, and registers of threads that are gone."""

import json
from functools import partial
from pathlib import Path
from random import Random

import pytest
from commands import run as command

from fencepost.litmus_tests.run import ENGINES, decide_test, litmus
from fencepost.model.errors import InputError
from fencepost.model.explorer.search.exploration import explore as explore_model
from fencepost.model.explorer.subjects import litmus_file
from fencepost.model.litmus import ANY_MOMENT, AT_CRASH, Answer, parse_test
from fencepost.model.litmus.explore import Budget, outcomes
from fencepost.model.litmus.generate import Shape, draw
from fencepost.model.litmus.reduced import Reduced
from fencepost.model.memory import ASSUMPTIONS, MATRICES, PROFILES, Op, Program
from fencepost.native import explore as explore_natively
from fencepost.native.schedules import litmus as native
from fencepost.proofs.timestamps import litmus as smt
from fencepost.proofs.timestamps.ablation import Role, ablate

SDM = MATRICES["sdmC"]
CRASHING = ("ncx-crash", "ncx-gpf", "ncx-device")
LINKED = "H0: W link 1; FO link; MF; W cas 1; FO cas; MF"
BAD = "bad link=1 & cas=0"


run = partial(command, "litmus")


def answer(text: str, under: str = "ncx-crash") -> Answer:
    """Return what every engine says of a text, as defined too."""
    test = parse_test(text)
    rows = (decide_test(test, under, "sdmC", ENGINES, Budget(), False),
            decide_test(test, under, "sdmC", ENGINES[:2], Budget(), True))  # fmt: skip
    (said,) = rows[0].answers | rows[1].answers
    return said


def questions(text: str, folder: Path, under: str = "ncx-crash") -> dict[str, set[Answer]]:
    (folder / "asked.litmus").write_text(f"profile {under}\n{text}\n")
    return {row.crash: row.answers for row in litmus([folder / "asked.litmus"]).rows}


@pytest.mark.parametrize("under", ["ncx-crash", "ncx-gpf"])
def test_a_crash_at_the_end_beside_or_nowhere_is_asked_about_at_every_moment(under: str, tmp_path: Path) -> None:
    for crash in ("", "; CRASH", "\nH0: CRASH"):
        assert questions(f"{LINKED}{crash}\n{BAD}", tmp_path, under)[ANY_MOMENT] == {Answer.ALLOWED}
        right = f"H0: W cas 1; FO cas; MF; W link 1; FO link; MF{crash}\n{BAD}"
        assert questions(right, tmp_path, under)[ANY_MOMENT] == {Answer.FORBIDDEN}


def test_a_crash_in_the_file_narrows_it_to_its_moment_and_both_are_said(tmp_path: Path) -> None:
    text = f"profile ncx-crash\n{LINKED}; CRASH\n{BAD}\nexpect forbidden\n"
    (tmp_path / "end.litmus").write_text(text)
    rows = litmus([tmp_path / "end.litmus"]).rows
    assert [(row.crash, row.answers, row.expect) for row in rows] == [
        (ANY_MOMENT, {Answer.ALLOWED}, None),
        (AT_CRASH, {Answer.FORBIDDEN}, Answer.FORBIDDEN),
    ]
    ran = run("end.litmus", "--quiet", cwd=tmp_path)
    assert "end under ncx-crash, at its CRASH: CRASH narrows the crash to that moment" in ran.stdout
    assert "under ncx-crash every host may crash at any moment" in ran.stdout
    said = json.loads(run("end.litmus", "--json", "--quiet", cwd=tmp_path).stdout)["results"]
    assert [(each["crash"], each["engines"]["z3"]) for each in said] == [
        ("at any moment", "allowed"),
        ("at its CRASH", "forbidden"),
    ]


def test_without_a_crash_profile_a_crash_is_only_where_the_file_says(tmp_path: Path) -> None:
    assert questions(f"{LINKED}; CRASH\n{BAD}", tmp_path, "ncx") == {AT_CRASH: {Answer.FORBIDDEN}}
    ran = run("asked.litmus", "--quiet", cwd=tmp_path)
    assert "CRASH narrows the crash to that moment; no other moment was asked about" in ran.stdout


def test_memory_is_asked_about_at_every_moment_and_not_only_at_the_end() -> None:
    assert answer("H0: W x 1; W x 2\nbad x=1") is Answer.ALLOWED
    assert answer("H0: W x 1; W x 2\nbad x=1", "ncx") is Answer.FORBIDDEN
    assert answer("H0: W x 1; FO x; SF; W y 1\nH1: W z 1\nbad y=1 & x=0 | z=2") is Answer.FORBIDDEN


def test_several_hosts_may_crash_and_one_that_did_stays_down() -> None:
    assert answer("H0: W x 1; FO x; SF\nH1: W y 1; FO y; SF\nbad x=0 & y=0") is Answer.ALLOWED
    assert answer("H0: W x 1; FO x; MF; R a y\nH1: W y 1; FO y; MF; R b x\nbad 0:a=0 & 1:b=1 & x=0") is Answer.FORBIDDEN


def test_a_register_that_was_not_loaded_before_the_crash_has_no_value() -> None:
    reader = "H0: W d 1; FO d; SF; W f 1; FO f; SF\nH1: FL f; MF; R a f; FL d; MF; R b d\nbad "
    assert answer(reader + "1:a=1 & 1:b=0") is Answer.FORBIDDEN
    assert answer(reader + "1:a=1 & !(1:b=1)") is Answer.FORBIDDEN
    assert answer(reader + "1:a=1 & 1:b!=1") is Answer.FORBIDDEN
    assert answer(reader + "1:a=1 & 1:b=1") is Answer.ALLOWED
    beside = "H0: W d 1; FO d; MF; R a d\nH0: CRASH\nbad "
    assert answer(beside + "0:a=0", "ncx") is Answer.FORBIDDEN
    assert answer(beside + "0:a=1", "ncx") is Answer.ALLOWED


def test_what_was_loaded_before_the_crash_counts() -> None:
    acked = "H0: W d 1; {}MRMW r ack 1; R o ack\nbad 0:o=1 & d=0"
    assert answer(acked.format("FO d; MF; ")) is Answer.FORBIDDEN
    assert answer(acked.format("")) is Answer.ALLOWED


def test_a_pool_may_lose_what_was_published_and_a_flushed_cache_may_not() -> None:
    text = "H0: W d 1; FO d; MF; MRMW r done 1\nH1: MRMW m done 0; MRMW b d 0\nbad 1:m=1 & 1:b=0"
    assert {under: answer(text, under) for under in CRASHING} == {
        "ncx-crash": Answer.FORBIDDEN,
        "ncx-gpf": Answer.FORBIDDEN,
        "ncx-device": Answer.ALLOWED,
    }
    assert answer("H0: W d 1\nbad d=0", "ncx-device") is Answer.ALLOWED


def test_a_fence_that_only_a_crash_in_the_middle_needs_is_required() -> None:
    for crash in ("", "; CRASH"):
        test = parse_test(f"H0: W cas 1; FO cas?; SF?; W link 1; FO link?; MF?{crash}\n{BAD}")
        roles = {
            each.crash: {slot.text: slot.role for slot in each.slots}
            for each in ablate(test, PROFILES["ncx-crash"], SDM)
        }
        assert roles[ANY_MOMENT]["0: FO cas"] is roles[ANY_MOMENT]["0: SF"] is Role.REQUIRED
        assert set(roles) == ({ANY_MOMENT, AT_CRASH} if crash else {ANY_MOMENT})


def test_the_explorers_of_sequencers_refuse_a_profile_in_which_hosts_crash() -> None:
    test = parse_test(f"{LINKED}\n{BAD}")
    for explore in (explore_model, explore_natively):
        for under in CRASHING:
            with pytest.raises(InputError, match="does not support"):
                explore(litmus_file(test, under))


def test_a_run_with_a_crash_is_shown(tmp_path: Path) -> None:
    (tmp_path / "none.litmus").write_text(f"profile ncx-crash\n{LINKED}\n{BAD}\n")
    ran = run("none.litmus", "--runs", "--quiet", cwd=tmp_path)
    assert "crashes" in ran.stdout
    for engine in ("explorer", "native"):
        (row,) = litmus([tmp_path / "none.litmus"], engine=engine).rows
        assert row.run is not None
        assert row.run.steps[-1][0].act == "crash"


def test_under_px86_a_store_behind_a_flush_that_is_seen_has_the_flush_behind_it() -> None:
    seen = "H0: W x 1; {}W y 1\nH0: R r y\nbad 1:r=1 & x=0"
    assert answer(seen.format("FL x; "), "px86") is Answer.FORBIDDEN  # POPL 2021, and not 2020
    assert answer(seen.format("FO x; "), "px86") is Answer.ALLOWED
    assert answer(seen.format(""), "px86") is Answer.ALLOWED
    assert "or a store that another thread sees" in ASSUMPTIONS["HA1"]
    assert "HA1" in PROFILES["px86"].assumptions


# --- every end, in every engine ---


def programs(seed: int, count: int) -> list[Program]:
    """Return small programs of one to three hosts, some with a CRASH of their own."""
    random, found = Random(seed), list[Program]()
    while len(found) < count:
        hosts = random.choice((1, 2, 2, 3))
        ops = (*Shape().ops, Op.CRASH) if random.random() < 0.3 else Shape().ops
        shape = Shape(hosts, max(hosts, random.choice((2, 3))), 2, 3, single_writer=random.random() < 0.6, ops=ops)
        program = draw(random, shape)
        if sum(len(thread.instructions) for thread in program.threads) <= 8:
            found.append(program)
    return found


@pytest.mark.parametrize("under", CRASHING)
@pytest.mark.parametrize("memory", [False, True])
def test_all_engines_reach_every_end_of_the_definition(under: str, memory: bool) -> None:
    compared = 0
    for number, program in enumerate(programs(seed=11, count=60)):
        order = list(MATRICES.values())[number % len(MATRICES)]
        expected = native.outcomes(program, PROFILES[under], order, memory_matters=memory, as_defined=True)
        assert outcomes(program, PROFILES[under], order, memory_matters=memory) == expected
        assert native.outcomes(program, PROFILES[under], order, memory_matters=memory) == expected
        by_time = smt.outcomes(program, PROFILES[under], order, memory_matters=memory) if len(expected) < 30 else None
        assert by_time in (None, expected)
        compared += by_time is not None
    assert compared >= (0 if under == "ncx-device" else 15)


def test_the_definition_itself_is_the_same_in_both_languages() -> None:
    for program in programs(seed=12, count=12):
        both = (
            explored(program, PROFILES["ncx-crash"], SDM, memory_matters=True, as_defined=True)
            for explored in (outcomes, native.outcomes)
        )
        assert len(set(both)) == 1


def test_random_programs_tell_a_crash_at_any_moment_from_none(monkeypatch: pytest.MonkeyPatch) -> None:
    given = programs(seed=13, count=20)
    right = [outcomes(each, PROFILES["ncx-crash"], SDM, memory_matters=True) for each in given]
    monkeypatch.setattr(Reduced, "crashes", property(lambda self: False, lambda self, value: None), raising=False)
    wrong = [outcomes(each, PROFILES["ncx-crash"], SDM, memory_matters=True) for each in given]
    assert sum(one != other for one, other in zip(right, wrong, strict=True)) > 10
