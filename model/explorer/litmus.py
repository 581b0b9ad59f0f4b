"""Litmus programs as threads: each instruction an operation, registers as a program's own variables."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

from fencepost.model.errors import InputError
from fencepost.model.explorer.states.state import State
from fencepost.model.explorer.states.system import System
from fencepost.model.litmus.condition import Atom, Condition
from fencepost.model.memory import Instruction, Op, Profile
from fencepost.model.memory import Program as LitmusProgram
from fencepost.model.memory.ordering import Buffered, Matrix
from fencepost.model.programs.operations import (
    Address,
    CompareExchange,
    DeviceAdd,
    Exchange,
    FetchAdd,
    Flush,
    FullFence,
    Load,
    LoadFence,
    Operation,
    Prefetch,
    Program,
    Store,
    StoreFence,
    ThreadOf,
)

_FLUSHES = {Op.FL: Buffered.FL, Op.FO: Buffered.FO, Op.WB: Buffered.WB}


def system_of(program: LitmusProgram, profile: Profile, matrix: Matrix) -> System:
    """Return a litmus program as a system. Raises InputError where a thread crashes its host."""
    for thread in program.threads:
        for each in thread.instructions:
            if each.op in (Op.CRASH, Op.UR):
                raise InputError(f"the explorer has no {each.op.name}: decide this file with `fencepost litmus`")
    threads = [
        ThreadOf(f"thread {number}", thread.host, _begin(program, number))
        for number, thread in enumerate(program.threads)
    ]
    words: dict[Address, int] = {
        (line.name, word): value
        for line in program.lines
        for word, value in zip(line.words, line.initial, strict=True)
        if value
    }
    return System(threads, profile, matrix, words=words)


def _begin(program: LitmusProgram, number: int) -> Callable[[], Program]:
    return lambda: _run(program, number)


def _run(program: LitmusProgram, number: int) -> Program:
    thread = program.threads[number]
    registers = [0] * len(thread.registers)
    pc = 0
    while pc < len(thread.instructions):
        instruction = thread.instructions[pc]
        pc += 1
        if instruction.op is Op.IFEQ:
            if registers[instruction.register] != instruction.value.value(tuple(registers)):
                pc += instruction.skip
            continue
        result = yield _operation(program, instruction, tuple(registers))
        if instruction.register >= 0:
            registers[instruction.register] = result
    return tuple(registers)  # type: ignore[return-value]  # kept as Node.returned; drivers do not need it


def _operation(program: LitmusProgram, instruction: Instruction, registers: tuple[int, ...]) -> Operation:
    value, second = instruction.value.value(registers), instruction.second.value(registers)
    line: Address = (program.lines[instruction.line].name,) if instruction.line >= 0 else ()
    address = (*line, program.lines[instruction.line].words[instruction.word]) if instruction.word >= 0 else ()
    match instruction.op:
        case Op.W | Op.NT:
            return Store(address, value, streaming=instruction.op is Op.NT)
        case Op.R:
            return Load(address)
        case Op.XCHG:
            return Exchange(address, value)
        case Op.CAS:
            return CompareExchange(address, value, second)
        case Op.FAA:
            return FetchAdd(address, value)
        case Op.MRMW:
            return DeviceAdd(address, value)
        case Op.FL | Op.FO | Op.WB:
            return Flush(line, _FLUSHES[instruction.op])
        case Op.SF:
            return StoreFence()
        case Op.MF:
            return FullFence()
        case Op.LF:
            return LoadFence()
        case Op.PF:
            return Prefetch(line)
        case _:
            raise InputError(f"the explorer has no {instruction.op.name}: decide this file with `fencepost litmus`")


def outcomes(program: LitmusProgram, system: System, state: State, *, memory: bool) -> set[tuple[Any, ...]]:
    """Return what a complete run may end with: the registers of each thread and, if asked for, each line's words."""
    registers = tuple(node.returned for node in state.nodes)
    if not memory:
        return {registers}
    lines = [
        [
            tuple(content.get(word, 0) for word in line.words)
            for content in system.memory.finals(state.cells, (line.name,))
        ]
        for line in program.lines
    ]
    return {(*registers, *words) for words in product(*lines)}


def holds(condition: Condition, thread_count: int, outcome: tuple[Any, ...]) -> bool:
    """Say whether a condition is true of an outcome with memory."""

    def atom(each: Atom) -> bool | None:
        held = outcome[each.thread] if each.thread >= 0 else outcome[thread_count + each.line]
        return each.holds(held[each.register])

    return condition.decide(atom) is True
