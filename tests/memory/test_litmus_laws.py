"""Laws of the memory model, on random programs (L1 to L6), each with the variant that breaks it."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import permutations
from random import Random

import pytest

from fencepost.model.litmus import Answer, parse_test
from fencepost.model.litmus.explore import Observation, explore
from fencepost.model.litmus.explore import outcomes as python_outcomes
from fencepost.model.litmus.generate import Shape, draw
from fencepost.model.memory import MATRICES, PROFILES, Instruction, Op, Program
from fencepost.model.memory.program import ORDERING
from fencepost.native.schedules.litmus import outcomes
from fencepost.proofs.timestamps import litmus as smt

NCX, NOSPEC, NOEVICT, PX86 = (PROFILES[name] for name in ("ncx", "ncx-nospec", "ncx-noevict", "px86"))
SDM = MATRICES["sdmC"]
SPECULATION = (NCX, NOSPEC)
CRASHING = (PROFILES["ncx-crash"], PROFILES["ncx-gpf"])


# --- L1: one host is x86-TSO ---


def tso_outcomes(program: Program) -> set[Observation]:
    """Enumerate x86-TSO as Owens, Sarkar and Sewell have it: a memory, a FIFO of stores a thread; nothing else."""
    memory = {(line, word): value for line, each in enumerate(program.lines) for word, value in enumerate(each.initial)}
    start = (
        tuple(0 for _ in program.threads),
        tuple(tuple(0 for _ in thread.registers) for thread in program.threads),
        tuple(() for _ in program.threads),
        tuple(sorted(memory.items())),
    )
    todo, known, ends = [start], {start}, set()
    while todo:
        state = todo.pop()
        after = list(tso_steps(program, state))
        if not after:
            held = dict(state[3])
            words = tuple(
                tuple(held[line, word] for word in range(len(each.words))) for line, each in enumerate(program.lines)
            )
            ends.add((*state[1], *words))
        todo += [each for each in after if each not in known]
        known.update(after)
    return ends


def tso_steps(program: Program, state: tuple) -> Iterator[tuple]:  # type: ignore[type-arg]
    pcs, registers, buffers, memory = state
    for thread, code in enumerate(program.threads):
        if buffers[thread]:
            (address, value), *rest = buffers[thread]
            drained = tuple(sorted({**dict(memory), address: value}.items()))
            yield pcs, registers, put(buffers, thread, tuple(rest)), drained
        if pcs[thread] == len(code.instructions):
            continue
        each = code.instructions[pcs[thread]]
        own, address = registers[thread], (each.line, each.word)
        value = each.value.value(own)
        following = put(pcs, thread, pcs[thread] + 1)
        if each.op is Op.W:
            yield following, registers, put(buffers, thread, (*buffers[thread], (address, value))), memory
        elif each.op is Op.IFEQ:
            skip = 0 if own[each.register] == value else each.skip
            yield put(pcs, thread, pcs[thread] + 1 + skip), registers, buffers, memory
        elif each.op is Op.R:
            loaded = {**dict(memory), **dict(buffers[thread])}[address]
            yield following, put(registers, thread, put(own, each.register, loaded)), buffers, memory
        elif each.op in (Op.XCHG, Op.CAS, Op.FAA, Op.MRMW):
            if not buffers[thread]:
                old = dict(memory)[address]
                new = old + value if each.op in (Op.FAA, Op.MRMW) else value
                if each.op is Op.CAS:
                    new = each.second.value(own) if old == value else old
                changed = tuple(sorted({**dict(memory), address: new}.items()))
                yield following, put(registers, thread, put(own, each.register, old)), buffers, changed
        elif each.op is not Op.MF or not buffers[thread]:
            yield following, registers, buffers, memory  # flushes and other fences do nothing on a coherent host


def put(items: tuple, index: int, value: object) -> tuple:  # type: ignore[type-arg]
    return (*items[:index], value, *items[index + 1 :])


@pytest.mark.parametrize("under", ["tso", "ncx", "ncx-nospec", "ncx-noevict"])
def test_one_host_is_exactly_x86_tso(under: str) -> None:
    random = Random(1)
    shape = Shape(hosts=1, threads=3, ops=tuple(op for op in Shape().ops if op is not Op.NT))
    for _ in range(250):
        program = draw(random, shape)
        order = random.choice(list(MATRICES.values()))
        assert outcomes(program, PROFILES[under], order, memory_matters=True) == tso_outcomes(program)


# --- L2: a flush or fence more never adds an outcome ---


def with_one_more(random: Random, program: Program) -> Program:
    """Return the program with one flush or fence inserted somewhere; jumps over it grow."""
    number = random.randrange(len(program.threads))
    thread = program.threads[number]
    at = random.randint(0, len(thread.instructions))
    op = random.choice((Op.FL, Op.FO, Op.WB, Op.SF, Op.MF, Op.LF))
    line = random.randrange(len(program.lines)) if op in (Op.FL, Op.FO, Op.WB) else -1
    grown = [
        replace(each, skip=each.skip + (index < at <= index + each.skip))
        for index, each in enumerate(thread.instructions)
    ]
    changed = replace(thread, instructions=(*grown[:at], Instruction(op, line), *grown[at:]))
    return replace(program, threads=put(program.threads, number, changed))


@pytest.mark.parametrize("under", ["ncx", "ncx-nospec", "ncx-tear", "tso", "ncx-crash"])
def test_adding_a_flush_or_fence_never_adds_an_outcome(under: str) -> None:
    random = Random(2)
    for _ in range(1000):
        program = draw(random, Shape(instructions=5))
        more = with_one_more(random, program)
        order = random.choice(list(MATRICES.values()))
        before, after = (outcomes(each, PROFILES[under], order, memory_matters=True) for each in (program, more))
        assert after <= before


def fenced(random: Random) -> Program:
    """Return two threads whose stores are flushed and fenced and whose loads come after an invalidation."""
    threads = []
    for host in range(2):
        code = []
        for result in range(3):
            line = random.randrange(2)
            if random.random() < 0.5:
                flush, fence = random.choice((Op.FL, Op.FO)), random.choice((Op.SF, Op.MF))
                code += [f"W {'xy'[line]} {random.randint(1, 2)}", f"{flush.name} {'xy'[line]}", fence.name]
            else:
                code += [f"FL {'xy'[line]}", "MF", f"R r{result} {'xy'[line]}"]
        threads.append(f"H{host}: " + "; ".join(code))
    return parse_test("\n".join(["init x=0 y=0", "line X = x", "line Y = y", *threads, "bad x=9"])).program


@pytest.mark.parametrize("under", ["ncx", "ncx-nospec", "tso"])
def test_leaving_a_flush_or_fence_out_never_takes_an_outcome_away_and_often_adds_one(under: str) -> None:
    random = Random(3)
    grown = 0
    for _ in range(250):
        program = fenced(random)
        slots = [
            (number, index)
            for number, thread in enumerate(program.threads)
            for index, each in enumerate(thread.instructions)
            if each.op in ORDERING
        ]
        less = program.without(frozenset({random.choice(slots)}))
        order = random.choice(list(MATRICES.values()))
        before, after = (outcomes(each, PROFILES[under], order, memory_matters=True) for each in (program, less))
        assert before <= after
        grown += before < after
    assert grown >= (1 if under == "tso" else 10)


def test_without_evictions_a_flush_can_add_an_outcome() -> None:
    random = Random(2)
    added = 0
    for _ in range(600):
        program = draw(random, Shape(instructions=5))
        more = with_one_more(random, program)
        added += not outcomes(more, NOEVICT, SDM) <= outcomes(program, NOEVICT, SDM)
    assert added > 0


# --- L3: what a crash can show, a fresh remote reader can see ---


def writers(random: Random) -> str:
    """Return a thread that sets x, y and z from 0 to 1 in some order, with flushes and fences between."""
    order = random.choice(list(permutations("xyz")))
    code = []
    for word in order:
        code += random.choices(["SF", "MF", "", ""], k=1)
        code += [f"W {word} 1", *random.choices([f"FO {word}", f"FL {word}", f"WB {word}", ""], k=1)]
        code += random.choices([f"{op} {other}" for op in ("FO", "FL", "WB") for other in order] + [""] * 9, k=1)
    return "H0: " + "; ".join(each for each in code if each)


def test_a_crash_shows_what_a_fresh_remote_reader_can_see() -> None:
    random = Random(3)
    seen = set()
    for _ in range(200):
        writer = writers(random)
        order = random.choice(list(MATRICES.values()))
        for late, early in permutations("xyz", 2):
            crash = parse_test(f"{writer}\nbad {late}=1 & {early}=0")
            reader = f"H1: FL {late}; MF; R a {late}; FL {early}; MF; R b {early}"
            remote = parse_test(f"{writer}\n{reader}\nbad 1:a=1 & 1:b=0")
            found = explore(crash.program, crash.bad, PX86, order).answer
            assert found is explore(remote.program, remote.bad, NCX, order).answer, writer
            seen.add(found)
    assert seen == {Answer.ALLOWED, Answer.FORBIDDEN}


# --- L4, L5, L6 ---


@pytest.mark.parametrize("under", SPECULATION, ids=lambda each: each.name)
def test_copies_of_a_line_with_one_writer_only_advance(under: object) -> None:
    random = Random(4)
    for _ in range(100):
        flushes = ("FO x", "FL x", "WB x", "SF", "", "")
        writer = "; ".join(f"W x {n}; {random.choice(flushes)}" for n in (1, 2, 3)).replace("; ;", ";").rstrip("; ")
        reader = "; ".join(f"R {name} x; {random.choice(('FL x', 'FO x', 'MF', 'PF x'))}" for name in "abc")
        test = parse_test(f"H0: {writer}\nH1: {reader}\nbad 1:a=9")
        for end in outcomes(test.program, NCX if under is NCX else NOSPEC, SDM):
            assert list(end[1]) == sorted(end[1])


def test_with_two_writers_copies_can_go_back() -> None:
    text = "line A = x y\nH0: W x 1; FO x; SF; W x 2; FO x; SF\nH1: W y 1; FO y\nH2: R a x; R b x\nbad 2:a=2 & 2:b=1"
    test = parse_test(text)
    assert explore(test.program, test.bad, NCX, SDM).answer is Answer.ALLOWED


@pytest.mark.parametrize("dropped", ["", "FL p; ", "MF; "])
def test_an_invalidation_after_the_guard_shows_the_new_payload_and_nothing_less_does(dropped: str) -> None:
    random = Random(5)
    noise = ("FO p", "FL g", "SF", "R z p", "PF p", "MF", "WB p", "LF")
    answers = set()
    for _ in range(60):
        before, between = (random.choice(noise) for _ in range(2))
        first, last = random.choice(("FO p", "SF", "R y g")), random.choice(("FO g", "SF"))
        writer = f"H0: {first}; W p 1; FO p; SF; W g 1; {last}"
        ending = "FL p; MF; R b p".replace(dropped, "") if dropped else "FL p; MF; R b p"
        test = parse_test(f"{writer}\nH1: {before}; R a g; {between}; {ending}\nbad 1:a=1 & 1:b=0")
        answers.add(explore(test.program, test.bad, NCX, SDM).answer)
    assert (Answer.ALLOWED in answers) if dropped else (answers == {Answer.FORBIDDEN})


def test_in_one_line_a_later_store_is_never_seen_without_an_earlier_one() -> None:
    random = Random(6)
    for _ in range(100):
        words = random.sample("abcd", 3)
        noise = [random.choice(("FO a", "FL b", "SF", "WB c", "LF")) for _ in range(3)]
        writer = "; ".join(f"W {word} 1; {more}" for word, more in zip(words, noise, strict=True))
        reader = "; ".join(f"R r{word} {word}; {random.choice(('PF a', 'FL a', 'SF'))}" for word in reversed(words))
        bad = " | ".join(f"1:r{words[late]}=1 & 1:r{words[late - 1]}=0" for late in (1, 2))
        test = parse_test(f"line A = a b c d\nH0: {writer}\nH1: {reader}\nbad {bad}")
        assert explore(test.program, test.bad, NCX, SDM).answer is Answer.FORBIDDEN
        assert explore(test.program, test.bad, NOSPEC, SDM).answer is Answer.FORBIDDEN


# --- three engines, every end ---


def compare_engines(seed: int, count: int) -> int:
    """Compare every end of random single-writer programs in all engines, with and without speculation."""
    random = Random(seed)
    compared = ends = 0
    while compared < count:
        hosts = random.choice((1, 2, 2, 3))
        shape = Shape(hosts=hosts, threads=max(hosts, random.choice((2, 3))), single_writer=True)
        program = draw(random, shape)
        order = random.choice(list(MATRICES.values()))
        final = compared % 2 == 1  # memory at the end as well as registers
        for under in (*SPECULATION, *CRASHING):
            by_time = smt.outcomes(program, under, order, memory_matters=final)
            if by_time is None:
                break
            by_steps = python_outcomes(program, under, order, memory_matters=final)
            assert by_steps == by_time, (seed, compared, under.name)
            assert by_steps == outcomes(program, under, order, memory_matters=final)
            ends += len(by_steps)
        else:
            compared += 1
    return ends


def test_explorers_and_timestamps_give_the_same_ends() -> None:
    assert compare_engines(seed=7, count=30) > 60


@pytest.mark.slow
def test_explorers_and_timestamps_give_the_same_ends_on_1000_programs() -> None:
    assert compare_engines(seed=8, count=1000) > 2000


def test_timestamps_give_the_same_snapshots() -> None:
    random = Random(9)
    for _ in range(20):
        writer = writers(random)
        for late, early in permutations("xyz", 2):
            test = parse_test(f"{writer}\nbad {late}=1 & {early}=0")
            decided = smt.decide(test.program, test.bad, PX86, SDM)
            assert decided.answer is explore(test.program, test.bad, PX86, SDM).answer


def test_timestamps_never_guess_about_a_line_with_two_writing_hosts() -> None:
    text = "H0: CAS a x 0 1\nH1: CAS a x 0 1\nbad 0:a=0 & 1:a=0"
    test = parse_test(text)
    decided = smt.decide(test.program, test.bad, NCX, SDM)
    assert (decided.answer, decided.reason) == (Answer.UNSUPPORTED, "line x is stored to by 2 hosts")
