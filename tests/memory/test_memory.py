"""The memory machine: its definition, its profiles, its matrices, and the larger steps that stand for it."""

from dataclasses import replace
from random import Random

import pytest

from fencepost.model.errors import InputError
from fencepost.model.litmus import Answer, parse_test
from fencepost.model.litmus.explore import explore, explore_as_defined, outcomes
from fencepost.model.litmus.generate import Shape, draw
from fencepost.model.memory import ASSUMPTIONS, MATRICES, MATRIX, PROFILES, Machine, Op, Step, matrix, profile
from fencepost.model.memory.ordering import ORDERS

SDM = MATRICES["sdmC"]
CRASHING = replace(Shape(), ops=(*Shape().ops, Op.CRASH))


def machine(text: str, under: str = "ncx") -> Machine:
    return Machine(parse_test(text).program, PROFILES[under], SDM)


def answer(text: str, under: str = "ncx", order: str = "sdmC") -> Answer:
    test = parse_test(text)
    return explore(test.program, test.bad, PROFILES[under], MATRICES[order]).answer


def test_states_are_values_and_steps_change_none_of_them() -> None:
    it = machine("H0: W x 1; FO x; SF\nH1: R a x\nbad 1:a=1")
    start = it.initial()
    before = hash(start)
    after = dict(it.steps(start))
    assert hash(start) == before
    assert len({start, *after.values()}) == len(after) + 1


def test_a_store_waits_in_the_buffer_then_in_the_cache_then_reaches_memory() -> None:
    it = machine("H0: W x 1\nbad x=1")
    state = it.initial()
    for wanted in (Step("issue", 0, 0), Step("drain", 0, 0, 0), Step("evict", 0, 0)):
        assert state.memory == ((0,),)
        state = dict(it.steps(state))[wanted]
    assert state.memory == ((1,),)
    assert it.settled(state)


def test_a_flush_does_nothing_when_it_is_issued_and_loads_do_not_wait_for_it() -> None:
    it = machine("H0: FL x; R a x\nbad 0:a=1")
    issued = dict(it.steps(it.initial()))[Step("issue", 0, 0)]
    assert Step("issue", 0, 0) in dict(it.steps(issued))
    assert len(issued.buffers[0]) == 1


def test_only_adjacent_texts_of_the_manual_separate_clflushopt_from_what_follows() -> None:
    same_line = "line A = x y\nH0: FO x; W y 1; SF; W z 1; FO z\nbad z=1 & y=0"
    assert [answer(same_line, order=name) for name in MATRICES] == [Answer.FORBIDDEN] * 4
    clflush = "H0: W x 1; FL x; W y 1\nbad y=1 & x=0"
    assert {name: str(answer(clflush, "px86", name)) for name in MATRICES} == {
        "px86": "forbidden",
        "sdmA": "forbidden",
        "sdmC": "forbidden",
        "amdweak": "allowed",
    }


def test_the_default_matrix_is_the_weakest_text_and_each_row_is_as_long_as_the_rest() -> None:
    assert MATRIX == "sdmC"
    order = ORDERS
    for weak, strong in (("sdmC", "px86"), ("px86", "sdmA")):
        for weaker, stronger in zip(MATRICES[weak].rows, MATRICES[strong].rows, strict=True):
            assert all(order.index(a) <= order.index(b) for a, b in zip(weaker, stronger, strict=True))


def test_an_unknown_profile_or_matrix_is_refused_with_the_choices() -> None:
    with pytest.raises(InputError, match="unknown profile 'nct': expected one of sc, tso, px86, ncx"):
        profile("nct")
    with pytest.raises(InputError, match="unknown matrix 'sdmB': expected one of px86, sdmA, sdmC, amdweak"):
        matrix("sdmB")


def test_profiles_name_the_assumptions_they_do_without() -> None:
    assert set(PROFILES["ncx"].assumptions) == set(ASSUMPTIONS)
    assert "HA2" not in PROFILES["ncx-tear"].assumptions
    assert "HA6" not in PROFILES["ncx-bytemask"].assumptions
    assert "HA8" not in PROFILES["ncx-device"].assumptions
    assert PROFILES["tso"].assumptions == ("HA3", "HA7")


def test_hosts_of_a_file_are_one_host_under_a_coherent_profile() -> None:
    text = "H0: W d 1; W f 1\nH7: R a f; R b d\nbad 1:a=1 & 1:b=0"
    assert [answer(text, name) for name in ("sc", "tso", "ncx")] == [
        Answer.FORBIDDEN,
        Answer.FORBIDDEN,
        Answer.ALLOWED,
    ]


def test_without_evictions_dirty_lines_still_reach_memory_at_the_end() -> None:
    assert answer("H0: W x 1\nbad x=1", "ncx-noevict") is Answer.ALLOWED
    assert answer("H0: W x 1\nbad x=0", "ncx-noevict") is Answer.FORBIDDEN


def compare(seed: int, count: int) -> int:
    """Compare every end of random programs, by definition and by larger steps; return how many were small enough."""
    random = Random(seed)
    compared = 0
    for number in range(count):
        hosts = random.choice((1, 2, 2, 3))
        shape = CRASHING if random.random() < 0.2 else Shape()
        shape = replace(
            shape,
            hosts=hosts,
            threads=max(hosts, random.choice((2, 3))),
            instructions=3 if hosts == 3 else 4,
            single_writer=random.random() < 0.3,
        )
        program = draw(random, shape)
        under, order = random.choice(list(PROFILES.values())), random.choice(list(MATRICES.values()))
        final = random.random() < 0.5
        if sum(len(thread.instructions) for thread in program.threads) > 8:
            continue
        by_definition = outcomes(program, under, order, memory_matters=final, as_defined=True)
        assert outcomes(program, under, order, memory_matters=final) == by_definition, (seed, number, under.name)
        compared += 1
    return compared


def test_larger_steps_reach_every_end_of_the_definition_and_no_other() -> None:
    assert compare(seed=3, count=100) > 60


@pytest.mark.slow
def test_larger_steps_reach_every_end_of_the_definition_and_no_other_on_more_programs() -> None:
    assert compare(seed=4, count=300) > 180


def test_larger_steps_need_fewer_states() -> None:
    test = parse_test("H0: W d 1; W f 1; FO d; FO f; SF\nH1: FL f; FL d; MF; R a f; R b d\nbad 1:a=1 & 1:b=2")
    small = explore(test.program, test.bad, PROFILES["ncx"], SDM)
    large = explore_as_defined(test.program, test.bad, PROFILES["ncx"], SDM)
    assert (small.answer, large.answer) == (Answer.FORBIDDEN, Answer.FORBIDDEN)
    assert (small.states, large.states) == (9, 9664)
