"""Words that no cache holds: loads behind the thread's non-temporal stores, answered by the device."""

from dataclasses import replace
from random import Random

import pytest

from fencepost.litmus_tests.run import ENGINES, decide_test
from fencepost.model.errors import InputError
from fencepost.model.litmus import Answer, parse_test
from fencepost.model.litmus.explore import Budget
from fencepost.model.litmus.explore import outcomes as python_outcomes
from fencepost.model.litmus.generate import Shape, draw
from fencepost.model.litmus.writing import write_test
from fencepost.model.memory import MATRICES, PROFILES, Op
from fencepost.native.schedules.litmus import outcomes
from fencepost.proofs.timestamps import litmus as smt

WRITER = "H0: NT in 1; R t in; NT cmd 1\nH1: MRMW a cmd 0; MRMW b in 0\nbad 1:a=1 & 1:b=0\n"


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (WRITER, Answer.ALLOWED),  # answered by the thread's own buffer
        ("uncached in\n" + WRITER, Answer.FORBIDDEN),
        (WRITER.replace("R t in", "UR t in"), Answer.FORBIDDEN),
        ("uncached in other\n" + WRITER.replace("R t in", "R t other"), Answer.FORBIDDEN),
        ("H0: W x 1; UR a x\nbad 0:a=0", Answer.ALLOWED),  # it waits for no ordinary store
        ("H0: W x 1; FL x; MF; UR a x\nbad 0:a=0", Answer.FORBIDDEN),
        ("H0: NT x 1; UR a x\nbad 0:a=0", Answer.FORBIDDEN),
        ("H0: W x 1; FO x; SF; W f 1\nH1: R a x; MRMW b f 0; UR c x\nbad 1:b=1 & 1:c=0", Answer.FORBIDDEN),
        ("H0: W x 1; FO x; SF; W f 1\nH1: R a x; MRMW b f 0; R c x\nbad 1:b=1 & 1:c=0", Answer.ALLOWED),
    ],
)
def test_an_uncached_load_reads_the_device_behind_what_was_combined(text: str, answer: Answer) -> None:
    test = parse_test(text, "t")
    for defined in (False, True):
        row = decide_test(test, "ncx", "sdmC", ENGINES, Budget(), defined)
        assert row.answers == {answer}
    assert parse_test(write_test(test), "t").program == test.program


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("uncached y\nH0: W x 1\nbad x=1", "a word that no instruction and no line names"),
        ("uncached x\nH0: W x 1\nbad x=1", "W of an uncached word: expected NT, MRMW or R"),
        ("uncached x\nH0: FAA a x 1\nbad x=1", "FAA of an uncached word"),
    ],
)
def test_what_an_uncached_word_does_not_have_is_refused(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        parse_test(text, "t")


@pytest.mark.parametrize(
    "count", [pytest.param(150, id="quick"), pytest.param(2_000, id="slow", marks=pytest.mark.slow)]
)
def test_explorers_the_definition_and_timestamps_give_the_same_ends(count: int) -> None:
    names = ("ncx", "ncx-nospec", "tso", "ncx-crash", "ncx-noevict", "px86", "ncx-gpf", "sc")
    compared = 0
    for seed in range(count):
        random = Random(seed)
        shape = Shape(
            hosts=random.choice((1, 2)), threads=random.choice((2, 2, 3)), single_writer=random.random() < 0.6,
            ops=(*Shape().ops, *[Op.UR] * 3, *[Op.NT] * 2),
        )  # fmt: skip
        program = draw(random, replace(shape, instructions=random.choice((3, 4))))
        under, order = PROFILES[random.choice(names)], MATRICES[random.choice(sorted(MATRICES))]
        memory = random.random() < 0.5
        found = outcomes(program, under, order, memory_matters=memory)
        assert found == python_outcomes(program, under, order, memory_matters=memory), seed
        if seed % 3 == 0:
            assert found == outcomes(program, under, order, memory_matters=memory, as_defined=True), seed
        if not (under.snapshot and memory) and len(found) < 40:
            solved = smt.outcomes(program, under, order, memory_matters=memory)
            assert solved in (None, found), seed
            compared += solved is not None
    assert compared > count // 3
