"""Straight-line programs over words of shared memory: what a litmus file says, and what every engine runs.

Jumps go forward only, so every run ends. Words are grouped in lines; a word is named by (line, word) indices.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import IntEnum

from fencepost.model.memory.ordering import Buffered


class Op(IntEnum):
    """The instructions, numbered as the native engine knows them."""

    W = 0
    NT = 1
    FL = 2
    FO = 3
    WB = 4
    SF = 5
    R = 6
    XCHG = 7
    CAS = 8
    FAA = 9
    MRMW = 10
    MF = 11
    LF = 12
    PF = 13
    IFEQ = 14
    CRASH = 15
    UR = 16


BUFFERED: dict[Op, Buffered] = {
    Op.W: Buffered.W,
    Op.NT: Buffered.NT,
    Op.FL: Buffered.FL,
    Op.FO: Buffered.FO,
    Op.WB: Buffered.WB,
    Op.SF: Buffered.SF,
}
"""Instructions that only enter the store buffer when they are issued, and what they are there."""

LOCKED = frozenset({Op.XCHG, Op.CAS, Op.FAA})  # atomic among threads of one host
WAITS_FOR_BUFFER = LOCKED | {Op.MRMW, Op.MF}
PAST_CACHES = frozenset({Op.MRMW, Op.UR})  # answered by the device; the host's own copy is written back and dropped
STORES = LOCKED | {Op.W, Op.NT, Op.MRMW}
ACCESSES = STORES | {Op.R, Op.UR}
ASSIGNS = LOCKED | {Op.R, Op.MRMW, Op.UR}
FLUSHES = frozenset({Op.FL, Op.FO, Op.WB})
ORDERING = FLUSHES | {Op.SF, Op.MF, Op.LF}  # what may be added or left out without adding an outcome by its presence

NO_VALUE = -(2**63)
"""Of a register whose thread lost its host before it came to the load; smaller than any value of a program."""


@dataclass(frozen=True)
class Operand:
    """A value: a constant, or a register of the thread plus a constant."""

    constant: int = 0
    register: int = -1  # -1: none

    def value(self, registers: tuple[int, ...]) -> int:
        return self.constant if self.register < 0 else registers[self.register] + self.constant


@dataclass(frozen=True)
class Instruction:
    """One instruction. Fields it has no use for keep their defaults."""

    op: Op
    line: int = -1
    word: int = -1
    register: int = -1  # where a result goes; of IFEQ, what is compared
    value: Operand = Operand()  # of CAS, the old value
    second: Operand = Operand()  # of CAS, the new value
    skip: int = 0
    optional: bool = field(default=False, compare=False)  # marked `?`: a slot for the ablation
    text: str = field(default="", compare=False)
    row: int = field(default=0, compare=False)
    column: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Line:
    """64 bytes: up to eight words, each with its initial value."""

    name: str
    words: tuple[str, ...]
    initial: tuple[int, ...]


@dataclass(frozen=True)
class Thread:
    """A sequence of instructions on a host; registers are named in order of first use and start at 0."""

    host: int
    instructions: tuple[Instruction, ...]
    registers: tuple[str, ...]


@dataclass(frozen=True)
class Program:
    """Threads over lines of shared memory. `hosts` are the numbers the file uses; engines count them from 0."""

    threads: tuple[Thread, ...]
    lines: tuple[Line, ...]
    hosts: tuple[int, ...]

    def on_one_host(self) -> Program:
        """Return the same program with all its threads on one host."""
        threads = tuple(replace(thread, host=0) for thread in self.threads)
        return replace(self, threads=threads, hosts=self.hosts[:1])

    @property
    def has_crash(self) -> bool:
        """Say whether some thread says itself when its host crashes."""
        return any(each.op is Op.CRASH for thread in self.threads for each in thread.instructions)

    def without_crash(self) -> Program:
        """Return the program without its CRASH instructions, so that a crash profile may choose the moments."""
        return self.without(
            frozenset(
                (number, index)
                for number, thread in enumerate(self.threads)
                for index, each in enumerate(thread.instructions)
                if each.op is Op.CRASH
            )
        )

    def mentioned(self, host: int) -> frozenset[int]:
        """Return the lines that some instruction of a host names."""
        return frozenset(
            instruction.line
            for thread in self.threads
            if thread.host == host
            for instruction in thread.instructions
            if instruction.line >= 0
        )

    def without(self, absent: frozenset[tuple[int, int]]) -> Program:
        """Return the program without some of its instructions, given as (thread, index); jumps are shortened."""
        threads = []
        for number, thread in enumerate(self.threads):
            kept = []
            for index, instruction in enumerate(thread.instructions):
                if (number, index) in absent:
                    continue
                gone = sum((number, at) in absent for at in range(index + 1, index + 1 + instruction.skip))
                kept.append(replace(instruction, skip=instruction.skip - gone))
            threads.append(replace(thread, instructions=tuple(kept)))
        return replace(self, threads=tuple(threads))
