"""What x86 instructions do, against an interpreter that shares nothing with the compiler: all interleavings, both ways.

The interpreter computes on whole numbers and takes one access to memory at a time; the compiler follows registers and
splits threads. Under profile `sc` the final states must be the same, of random programs with arithmetic and jumps.
"""

from random import Random
from typing import NamedTuple

import pytest

from fencepost.model.errors import InputError
from fencepost.model.litmus import parse_test
from fencepost.model.memory import matrix, profile
from fencepost.native.schedules import litmus as native

REGISTERS, WORDS = ("rax", "rbx", "rcx"), ("x", "y")
Instruction = tuple[str, ...]
JUMPS = {
    "je": lambda left, right: left == right, "jne": lambda left, right: left != right,
    "jle": lambda left, right: left <= right, "jlt": lambda left, right: left < right,
    "jge": lambda left, right: left >= right, "jgt": lambda left, right: left > right,
}  # fmt: skip


def drawn(random: Random, count: int) -> list[Instruction]:
    """Return instructions; every jump comes right behind what sets its flags."""
    code: list[Instruction] = []
    while len(code) < count:
        register, other = random.choice(REGISTERS), random.choice(REGISTERS)
        word, value = random.choice(WORDS), str(random.randint(0, 2))
        kind = random.choice(
            ("mov", "load", "load", "store", "add", "sub", "xor", "and", "or", "cmp", "cmp", "shl", "move")
        )
        kind = random.choice(
            (kind, kind, "xchg", "xadd", "cmpxchg", "inc", "lock dec", "lock add", "addmem", "addload")
        )
        if kind == "cmp":
            code.append(random.choice([("cmp", register, value), ("cmpr", register, other), ("cmpm", word, value)]))
            code.append((random.choice(sorted(JUMPS)), str(len(code) + 1 + random.randint(0, 2))))
        else:
            code.append((kind, register, other, word, value))
    return code


def as_text(each: Instruction) -> str:
    if each[0] in JUMPS:
        return f"{each[0]} L{each[1]}"
    if each[0].startswith("cmp") and each[0] != "cmpxchg":
        left = {"cmp": f"${each[2]}", "cmpr": f"%{each[2]}", "cmpm": f"${each[2]}"}[each[0]]
        return f"cmpq {left},({each[1]})" if each[0] == "cmpm" else f"cmpq {left},%{each[1]}"
    kind, register, other, word, value = each
    with_constant = kind in ("add", "sub", "shl")
    return {
        "mov": f"movq ${value},%{register}",
        "move": f"mov %{other},%{register}",
        "load": f"movq ({word}),%{register}",
        "store": f"movq %{register},({word})",
        "xchg": f"xchgq %{register},({word})",
        "xadd": f"lock xaddq %{register},({word})",
        "cmpxchg": f"lock cmpxchgq ({word}),%{register}",
        "inc": f"incq ({word})",
        "lock dec": f"lock decq ({word})",
        "lock add": f"lock addq ${value},({word})",
        "addmem": f"addq %{register},({word})",
        "addload": f"addq ({word}),%{register}",
    }.get(kind, f"{kind}q {f'${value}' if with_constant else f'%{other}'},%{register}")


def file_of(threads: list[list[Instruction]]) -> str:
    columns = [[f"P{number}"] for number in range(len(threads))]
    for column, code in zip(columns, threads, strict=True):
        column += [f"L{at}: {as_text(each)}" for at, each in enumerate(code)]
        column += [f"L{at}:" for at in range(len(code), len(code) + 4)]
    height = max(map(len, columns))
    rows = [" | ".join(column[at] if at < len(column) else "" for column in columns) for at in range(height)]
    places = [f"{number}:{register}" for number in range(len(threads)) for register in REGISTERS]
    shown = "; ".join([*places, *WORDS])
    return "X86_64 drawn\n{}\n" + " ;\n".join(rows) + f" ;\nlocations [{shown};]\nexists (x=0)\n"


class At(NamedTuple):
    """A thread between two steps; `half` is what an addition to memory has loaded, and not stored yet."""

    pc: int = 0
    registers: tuple[int, ...] = (0, 0, 0)
    flags: tuple[int, int] = (0, 0)
    half: int | None = None


Memory = tuple[int, ...]
COMPUTED = {
    "add": lambda a, b: a + b, "sub": lambda a, b: a - b, "shl": lambda a, b: a << b,
    "xor": lambda a, b: a ^ b, "and": lambda a, b: a & b, "or": lambda a, b: a | b,
}  # fmt: skip


def stepped(each: Instruction, at: At, memory: Memory) -> tuple[At, Memory]:
    """Take one step of a thread: an instruction, or a load or a store of one that has both."""
    on = at._replace(pc=at.pc + 1, half=None)
    if each[0] in JUMPS:
        return (on._replace(pc=int(each[1])) if JUMPS[each[0]](*at.flags) else on), memory
    if each[0] in ("cmp", "cmpr", "cmpm"):
        subject = memory[WORDS.index(each[1])] if each[0] == "cmpm" else at.registers[REGISTERS.index(each[1])]
        with_ = at.registers[REGISTERS.index(each[2])] if each[0] == "cmpr" else int(each[2])
        return on._replace(flags=(subject, with_)), memory
    kind, name, other, word, value = each
    mine, held, there = REGISTERS.index(name), at.registers[REGISTERS.index(name)], memory[WORDS.index(word)]

    def into(register: int, new: int, flags: tuple[int, int] = at.flags) -> At:
        return on._replace(registers=(*at.registers[:register], new, *at.registers[register + 1 :]), flags=flags)

    def stored(new: int) -> Memory:
        index = WORDS.index(word)
        return (*memory[:index], new, *memory[index + 1 :])

    if kind in COMPUTED:
        by = int(value) if kind in ("add", "sub", "shl") else at.registers[REGISTERS.index(other)]
        new = COMPUTED[kind](held, by)
        return into(mine, new, (new, 0)), memory
    if kind in ("inc", "addmem"):
        if at.half is None:
            return at._replace(half=there), memory
        new = at.half + (1 if kind == "inc" else held)
        return on._replace(flags=(new, 0)), stored(new)
    if kind == "cmpxchg":
        equal = there == at.registers[0]
        return into(0, there, (there, at.registers[0])), stored(held if equal else there)
    if kind in ("lock dec", "lock add"):
        new = there + (-1 if kind == "lock dec" else int(value))
        return on._replace(flags=(new, 0)), stored(new)
    if kind == "addload":
        return into(mine, held + there, (held + there, 0)), memory
    if kind == "xadd":
        return into(mine, there, (held + there, 0)), stored(held + there)
    if kind == "xchg":
        return into(mine, there), stored(held)
    if kind == "store":
        return on, stored(held)
    return into(mine, {"mov": int(value), "move": at.registers[REGISTERS.index(other)], "load": there}[kind]), memory


def all_ends(threads: list[list[Instruction]]) -> set[tuple[int, ...]]:
    """Return the registers of every thread and then the words, of every interleaving."""
    start: tuple[tuple[At, ...], Memory] = (tuple(At() for _ in threads), (0,) * len(WORDS))
    waiting, known, ends = [start], {start}, set()
    while waiting:
        ats, memory = waiting.pop()
        running = [number for number, at in enumerate(ats) if at.pc < len(threads[number])]
        if not running:
            ends.add((*(value for at in ats for value in at.registers), *memory))
        for number in running:
            after, changed = stepped(threads[number][ats[number].pc], ats[number], memory)
            state = ((*ats[:number], after, *ats[number + 1 :]), changed)
            if state not in known:
                known.add(state)
                waiting.append(state)
    return ends


def compiled_ends(threads: list[list[Instruction]]) -> set[tuple[int | str | None, ...]] | str:
    """Return the same, of the compiled program in the native engine; or why it is refused."""
    try:
        test = parse_test(file_of(threads), "drawn")
    except InputError as error:
        return str(error)
    assert test.herd is not None
    ends = native.outcomes(test.program, profile("sc"), matrix("sdmC"), memory_matters=True)
    shown = test.herd.question.observed()
    return {tuple(test.herd.final_state(end)[place.text] for place in shown) for end in ends}


@pytest.mark.parametrize(
    "count", [pytest.param(150, id="quick"), pytest.param(3_000, id="slow", marks=pytest.mark.slow)]
)
def test_compiled_programs_end_as_their_instructions_say(count: int) -> None:
    refused = jumped = 0
    for seed in range(count):
        random = Random(seed)
        threads = [drawn(random, random.randint(1, 5)) for _ in range(random.choice((1, 2, 2)))]
        found = compiled_ends(threads)
        if isinstance(found, str):
            assert "not supported" in found or "cannot be followed" in found, file_of(threads)
            refused += 1
            continue
        assert found == all_ends(threads), file_of(threads)
        jumped += any(each[0] in JUMPS for code in threads for each in code)
    assert refused < count // 5
    assert jumped > count // 10


def test_an_interpreter_with_a_locked_addition_in_two_steps_would_be_noticed() -> None:
    locked: list[Instruction] = [("lock add", "rax", "rax", "x", "1")]
    apart: list[Instruction] = [("inc", "rax", "rax", "x", "1")]
    assert all_ends([locked, locked]) != all_ends([apart, apart])
    assert compiled_ends([locked, locked]) == all_ends([locked, locked])
    assert compiled_ends([apart, apart]) == all_ends([apart, apart])
