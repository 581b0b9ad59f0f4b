"""Litmus tests as text in fencepost's own format; `parse_test` reads them again."""

from __future__ import annotations

import re
from collections.abc import Iterable

from fencepost.model.litmus.condition import AND, NOT, OR, Atom, Condition
from fencepost.model.litmus.source import NAME
from fencepost.model.litmus.test import LitmusTest
from fencepost.model.memory import Instruction, Op, Operand, Program, Thread

SHAPES: dict[Op, str] = {
    Op.W: "xv", Op.NT: "xv", Op.R: "rx", Op.XCHG: "rxv", Op.CAS: "rxvw", Op.FAA: "rxv", Op.MRMW: "rxv",
    Op.FL: "x", Op.FO: "x", Op.WB: "x", Op.PF: "x", Op.SF: "", Op.MF: "", Op.LF: "", Op.IFEQ: "cvn", Op.CRASH: "",
    Op.UR: "rx",
}  # fmt: skip
"""What follows each instruction: r a register that it assigns, c one that it compares, x a word, v and w values, n a
count.
"""
_STRENGTH = {OR: 0, AND: 1, NOT: 2}


def write_test(test: LitmusTest) -> str:
    """Return the file; names that the format does not have are changed, and a thread without instructions has an LF."""
    program = test.program
    words = _distinct([word for line in program.lines for word in line.words])
    names = [[words[word] for word in line.words] for line in program.lines]
    registers = [_distinct(thread.registers) for thread in program.threads]
    rows = [f"name      {test.name}", f"profile   {','.join(test.profiles)}", *_lines(program, names)]
    first = [
        f"{names[line][word]}={value}"
        for line, each in enumerate(program.lines)
        for word, value in enumerate(each.initial)
        if value or (line, word) in test.initialised
    ]
    rows += [f"init      {' '.join(first)}"] if first else []
    for thread, named in zip(program.threads, registers, strict=True):
        rows.append(f"H{program.hosts[thread.host]}: {'; '.join(_code(thread, list(named.values()), names)) or 'LF'}")
    spelled = [list(named.values()) for named in registers]
    rows.append(f"bad       {_spelled(test.bad, spelled, names)}")
    rows += [f"stale     {_spelled(test.stale, spelled, names)}"] if test.stale is not None else []
    rows += [f"why       {test.why}"] if test.why else []
    rows += [f"expect    {test.expect}"] if test.expect else []
    return "\n".join(rows) + "\n"


def _distinct(names: Iterable[str]) -> dict[str, str]:
    """Return, by name, a name that the format has, another for each."""
    made: dict[str, str] = {}
    for name in names:
        plain = re.sub(r"\W", "_", name, flags=re.ASCII)
        plain = plain if NAME.fullmatch(plain) else f"_{plain}"
        choices = (plain, *(f"{plain}_{number}" for number in range(2, len(made) + 3)))
        made[name] = next(each for each in choices if each not in made.values())
    return made


def _lines(program: Program, names: list[list[str]]) -> list[str]:
    """Return the `line` rows: all of them, or none where every word gets its own line in order of its first use."""
    used = [each.line for thread in program.threads for each in thread.instructions if each.line >= 0]
    single = all(len(line.words) == 1 for line in program.lines)
    if single and list(dict.fromkeys(used)) == list(range(len(program.lines))):
        return []
    labels = list(_distinct(line.name for line in program.lines).values())
    return [f"line      {label} = {' '.join(row)}" for label, row in zip(labels, names, strict=True)]


def _code(thread: Thread, registers: list[str], names: list[list[str]]) -> list[str]:
    return [_instruction(each, registers, names) for each in thread.instructions]


def _instruction(each: Instruction, registers: list[str], names: list[list[str]]) -> str:
    parts = [each.op.name]
    for kind in SHAPES[each.op]:
        if kind in "rc":
            parts.append(registers[each.register])
        elif kind == "x":
            parts.append(names[each.line][max(each.word, 0)])
        elif kind == "n":
            parts.append(str(each.skip))
        else:
            parts.append(_value(each.value if kind == "v" else each.second, registers))
    return " ".join(parts) + ("?" if each.optional else "")


def _value(operand: Operand, registers: list[str]) -> str:
    if operand.register < 0:
        return str(operand.constant)
    return registers[operand.register] + (f"+{operand.constant}" if operand.constant else "")


def _spelled(condition: Condition, registers: list[list[str]], names: list[list[str]]) -> str:
    """Return a condition with the fewest parentheses."""
    stack: list[tuple[str, int]] = []
    for item in condition.items:
        if isinstance(item, Atom):
            register = f"{item.thread}:{registers[item.thread][item.register]}" if item.thread >= 0 else ""
            subject = register or names[item.line][item.register]
            stack.append((f"{subject}{'=' if item.equal else '!='}{item.value}", 3))
        elif item == NOT:
            text, strength = stack.pop()
            stack.append((f"!{text}" if strength == 3 else f"!({text})", 2))
        else:
            right, left = stack.pop(), stack.pop()
            own = _STRENGTH[item]
            # `a & (b & c)` keeps its parentheses: what is read again is the same tree
            text = f"{_inside(left, own)} {item} {_inside(right, own + 1)}"
            stack.append((text, own))
    return stack.pop()[0]


def _inside(part: tuple[str, int], least: int) -> str:
    text, strength = part
    return text if strength >= least else f"({text})"
