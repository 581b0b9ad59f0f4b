"""Flushes and fences that a litmus program could have and has not: a flush and a fence beside each access."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from fencepost.model.litmus import LitmusTest
from fencepost.model.memory import Op, Profile, Program
from fencepost.model.memory.program import LOCKED, STORES, Instruction, Thread
from fencepost.proofs.timestamps.encoding import Slot


def with_insertions(test: LitmusTest, profile: Profile) -> tuple[Program, dict[Slot, str]]:
    """Return the program with an optional instruction wherever one may help, and these in words, fences last.

    Behind each store, a flush of its line and an SFENCE; before each load, a flush of its line and an MFENCE. On one
    host, whose caches are coherent, fences alone. What is marked in the test is there, and stays.
    """
    program = _with_all_marked(test.program)
    is_one_host = profile.one_host or len(program.hosts) == 1
    threads, texts = [], dict[Slot, str]()
    for number, thread in enumerate(program.threads):
        blocks = [_block(program, each, is_one_host) for each in thread.instructions]
        threads.append(_joined(thread, blocks))
        index = 0
        for each, (before, after) in zip(thread.instructions, blocks, strict=True):
            for at, inserted in enumerate([*before, each, *after]):
                if inserted is not each:
                    where = "before" if at < len(before) else "behind"
                    texts[number, index] = f"thread {number}: {inserted.text} {where} `{each.text}`"
                index += 1
    mended = replace(program, threads=tuple(threads))
    flushes_first = sorted(texts, key=lambda slot: (_at(mended, slot).op is Op.MF, slot))
    return mended, {slot: texts[slot] for slot in flushes_first}


def _with_all_marked(program: Program) -> Program:
    """Return a program in which no instruction is optional: all are there."""
    threads = (
        replace(each, instructions=tuple(replace(one, optional=False) for one in each.instructions))
        for each in program.threads
    )
    return replace(program, threads=tuple(threads))


def _at(program: Program, slot: Slot) -> Instruction:
    return program.threads[slot[0]].instructions[slot[1]]


def _block(program: Program, each: Instruction, is_one_host: bool) -> tuple[list[Instruction], list[Instruction]]:
    """Return what may be inserted before and behind an instruction."""
    return list(_before(program, each, is_one_host)), list(_behind(program, each, is_one_host))


def _before(program: Program, each: Instruction, is_one_host: bool) -> Iterator[Instruction]:
    if each.op is Op.R:
        if not is_one_host:
            yield _flush(program, each)
        yield Instruction(Op.MF, optional=True, text="MF")


def _behind(program: Program, each: Instruction, is_one_host: bool) -> Iterator[Instruction]:
    if each.op in STORES:
        if not is_one_host:
            yield _flush(program, each)
        if each.op not in LOCKED or not is_one_host:
            yield Instruction(Op.SF, optional=True, text="SF")
    elif each.op in (Op.FL, Op.FO, Op.WB):
        yield Instruction(Op.SF, optional=True, text="SF")


def _flush(program: Program, each: Instruction) -> Instruction:
    word = program.lines[each.line].words[each.word]
    return Instruction(Op.FO, line=each.line, word=each.word, optional=True, text=f"FO {word}")


def _joined(thread: Thread, blocks: list[tuple[list[Instruction], list[Instruction]]]) -> Thread:
    """Return a thread with what is inserted; a jump leads to what stands before its target."""
    starts, length = [], 0
    for before, after in blocks:
        starts.append(length)
        length += len(before) + 1 + len(after)
    starts.append(length)
    code: list[Instruction] = []
    for index, (each, (before, after)) in enumerate(zip(thread.instructions, blocks, strict=True)):
        here = starts[index] + len(before)
        skip = starts[index + 1 + each.skip] - here - 1 if each.op is Op.IFEQ else each.skip
        code += [*before, replace(each, skip=skip), *after]
    return replace(thread, instructions=tuple(code))
