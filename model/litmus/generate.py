"""Random small programs, for laws that hold of every program. Same seed, same programs."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from fencepost.model.memory import Instruction, Line, Op, Operand, Program, Thread
from fencepost.model.memory.program import ASSIGNS, LOCKED


@dataclass(frozen=True)
class Shape:
    """What is drawn from. Counts are upper bounds, except `hosts`; with `exact`, none is."""

    hosts: int = 2
    threads: int = 2
    lines: int = 2
    instructions: int = 4  # of a thread
    single_writer: bool = False  # between hosts: each line is stored to by one
    neighbours: bool = True  # some lines have two or three words
    exact: bool = False
    ops: tuple[Op, ...] = (
        Op.W, Op.W, Op.W, Op.R, Op.R, Op.R, Op.FL, Op.FO, Op.WB, Op.SF, Op.MF,
        Op.XCHG, Op.CAS, Op.FAA, Op.MRMW, Op.NT, Op.NT, Op.LF, Op.PF, Op.IFEQ,
    )  # fmt: skip


_STORES = frozenset({Op.W, Op.NT, Op.MRMW}) | LOCKED


def draw(random: Random, shape: Shape) -> Program:
    """Return a program; registers are r0, r1, ... in each thread, one for each result."""
    lines = tuple(
        Line(f"l{i}", tuple(f"w{i}{k}" for k in range(words)), (0,) * words)
        for i, words in enumerate(
            random.choice((1, 1, 2, 3)) if shape.neighbours else 1 for _ in range(_count(random, shape, 1, shape.lines))
        )
    )
    owner = [random.randrange(shape.hosts) for _ in lines]
    extra = [random.randrange(shape.hosts) for _ in range(_count(random, shape, 0, shape.threads - shape.hosts))]
    threads = [
        _thread(random, shape, host, lines, [i for i, own in enumerate(owner) if own == host])
        for host in [*range(shape.hosts), *sorted(extra)]
    ]
    return Program(tuple(threads), lines, tuple(range(shape.hosts)))


def _thread(random: Random, shape: Shape, host: int, lines: tuple[Line, ...], owned: list[int]) -> Thread:
    instructions: list[Instruction] = []
    results = 0
    count = _count(random, shape, 1, shape.instructions)
    for index in range(count):
        op = random.choice(shape.ops)
        writable = owned if shape.single_writer else list(range(len(lines)))
        if (op is Op.IFEQ and (not results or index == count - 1)) or (op in _STORES and not writable):
            op = Op.R
        if op is Op.IFEQ:
            value, skip = Operand(random.randint(0, 2)), random.randint(1, count - index - 1)
            instructions.append(Instruction(op, register=random.randrange(results), value=value, skip=skip))
        elif op in (Op.SF, Op.MF, Op.LF, Op.CRASH):
            instructions.append(Instruction(op))
        else:
            line = random.choice(writable if op in _STORES else range(len(lines)))
            word = random.randrange(len(lines[line].words))
            gives = op in ASSIGNS
            value = _operand(random, results) if op in _STORES else Operand()
            if op is Op.CAS and random.random() < 0.5:
                value = Operand(random.randint(0, 2))  # what is there, or was, or never is: some fail
            second = Operand(random.randint(1, 2)) if op is Op.CAS else Operand()
            register = results if gives else -1
            results += gives
            instructions.append(Instruction(op, line, word, register, value, second))
    return Thread(host, tuple(instructions), tuple(f"r{i}" for i in range(results)))


def _count(random: Random, shape: Shape, least: int, most: int) -> int:
    return most if shape.exact else random.randint(least, most)


def _operand(random: Random, results: int) -> Operand:
    if results and random.random() < 0.2:
        return Operand(random.randint(0, 1), random.randrange(results))
    return Operand(random.randint(1, 2))
