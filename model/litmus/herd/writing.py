"""Litmus tests as text in herd's X86_64; what the format has no word for stands in its information, `Fencepost.*`.

CAS and FAA become CMPXCHG and XADD with a lock prefix; herd itself has no XADD, so an addition whose result nobody
uses becomes ADD. Hosts, profiles and words that share a line are read again by fencepost, and ignored by herd.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from fencepost.model.errors import InputError
from fencepost.model.litmus.condition import NOT, Atom, Condition
from fencepost.model.litmus.herd.question import TRUE, Quantifier
from fencepost.model.litmus.herd.registers import ACCUMULATOR, PARTS
from fencepost.model.litmus.test import Answer, LitmusTest
from fencepost.model.memory import Instruction, Op, Operand, Program, Thread

_PLAIN = re.compile(r"_?[A-Za-z]\w*", re.ASCII)
_KEYWORDS = {
    "and", "attrs", "cases", "exists", "false", "fault", "filter", "final", "forall", "locations", "nop", "not", "oa",
    "observed", "pa", "pac", "pacda", "pacdb", "pacia", "pacib", "parel1_t", "pte", "ss", "sscap", "tag", "true", "ttd",
    "with",
}  # fmt: skip
_FENCES = {Op.SF: "sfence", Op.MF: "mfence", Op.LF: "lfence"}
_FLUSHES = {Op.FL: "clflush", Op.FO: "clflushopt", Op.WB: "clwb"}


def write_herd(test: LitmusTest) -> str:
    """Return the file. Raises InputError for instructions that x86 does not have: MRMW, PF, CRASH, UR.

    Words and registers whose names mean something else in herd's format are renamed. `stale` and the marks of optional
    instructions are left out: read again, every fence and flush is optional.
    """
    program = test.program
    words = _Names({*_KEYWORDS})
    named = [[words.of(word) for word in line.words] for line in program.lines]
    threads = [_Column(test, number, thread, named) for number, thread in enumerate(program.threads)]
    columns = [column.cells() for column in threads]
    rows = [[f"P{number}" for number in range(len(columns))]]
    length = max(map(len, columns), default=0)
    rows += [[column[at] if at < len(column) else "" for column in columns] for at in range(length)]
    widths = [max(len(row[number]) for row in rows) for number in range(len(columns))]
    code = [f" {' | '.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))} ;" for row in rows]
    initial = [
        f"uint64_t {named[line][word]}={value};"
        for line, each in enumerate(program.lines)
        for word, value in enumerate(each.initial)
    ]
    name = re.sub(r"[^\w./+:\[\]-]", "_", test.name, flags=re.ASCII) or "test"
    head = [f"X86_64 {name}", *_information(test, named), "{", " ".join(initial), "}"]
    return "\n".join([*head, *code, _asked(test, threads, named)]) + "\n"


def _asked(test: LitmusTest, threads: list[_Column], named: list[list[str]]) -> str:
    """Return the question; that the contrary of something cannot be is `forall` of it, as it was read."""
    quantifier, bad = "~exists" if test.expect is Answer.FORBIDDEN else "exists", test.bad
    asked = test.herd.question if test.herd is not None else None
    if asked is not None and asked.quantifier is Quantifier.FORALL and asked.filter == TRUE and bad.items[-1] == NOT:
        quantifier, bad = Quantifier.FORALL.value, Condition(bad.items[:-1], bad.text)
    text = _spelled(bad, threads, named)
    return f"{quantifier} {text if text.startswith('(') else f'({text})'}"


def _information(test: LitmusTest, named: list[list[str]]) -> list[str]:
    program = test.program
    rows = [f"Fencepost.profiles={','.join(test.profiles)}"]
    if program.hosts != (0,):
        placed = (f"P{number}={program.hosts[thread.host]}" for number, thread in enumerate(program.threads))
        rows.append(f"Fencepost.hosts={','.join(placed)}")
    if any(len(line) > 1 for line in named):
        labels = _Names(set())
        lines = (f"{labels.of(line.name)}({' '.join(names)})" for line, names in zip(program.lines, named, strict=True))
        rows.append(f"Fencepost.lines={' '.join(lines)}")
    rows += [f"Fencepost.expect={test.expect}"] if test.expect is Answer.ALLOWED else []
    rows += [f"Fencepost.why={test.why}"] if test.why else []
    return rows


@dataclass
class _Names:
    """Names that mean nothing else, another for each."""

    taken: set[str]
    made: dict[str, str] = field(default_factory=dict)

    def of(self, name: str) -> str:
        if name not in self.made:
            plain = re.sub(r"\W", "_", name, flags=re.ASCII)
            means_more = plain.lower() in self.taken | {*PARTS} or re.fullmatch(r"P[0-9]+", plain)
            plain = f"v{plain}" if means_more or not _PLAIN.fullmatch(plain) else plain
            choices = (plain, *(f"{plain}_{number}" for number in range(2, len(self.made) + 3)))
            self.made[name] = next(each for each in choices if each not in self.made.values())
        return self.made[name]


class _Column:
    """The instructions of one thread."""

    def __init__(self, test: LitmusTest, number: int, thread: Thread, words: list[list[str]]) -> None:
        self._test, self._thread, self._words = test, thread, words
        self._cells: list[str] = []
        taken = {ACCUMULATOR} if any(each.op is Op.CAS for each in thread.instructions) else set()
        self.registers: list[str] = []
        for name in thread.registers:
            self.registers.append(self._register(name, taken))
            taken.add(self.registers[-1].removeprefix("%"))
        self._scratch = self._register("t", taken)
        self._used = _used(test.program, number) | {atom.register for atom in test.bad.atoms if atom.thread == number}

    @staticmethod
    def _register(name: str, taken: set[str]) -> str:
        whole = PARTS.get(name.lower(), ("", 0))[0]
        plain = whole or re.sub(r"\W", "_", name, flags=re.ASCII)
        plain = plain if _PLAIN.fullmatch(plain) else f"v{plain}"
        choices = (plain, *(f"v{plain}_{number}" for number in range(2, len(taken) + 3)))
        return "%" + next(each for each in choices if each not in taken)

    def cells(self) -> list[str]:
        """Return the cells of the column, labels before what they name."""
        targets = sorted(
            {at + 1 + each.skip for at, each in enumerate(self._thread.instructions) if each.op is Op.IFEQ}
        )
        labels = {target: f"L{number}" for number, target in enumerate(targets)}
        for at, each in enumerate(self._thread.instructions):
            if at in labels:
                self._cells.append(f"{labels[at]}:")
            self._write(each, labels.get(at + 1 + each.skip, ""))
        if len(self._thread.instructions) in labels:
            self._cells.append(f"{labels[len(self._thread.instructions)]}:")
        return self._cells

    def _write(self, each: Instruction, label: str) -> None:
        op = each.op
        word = f"({self._words[each.line][max(each.word, 0)]})" if each.line >= 0 else ""
        result = self.registers[each.register] if each.register >= 0 else ""
        if op in _FENCES:
            self._cells.append(_FENCES[op])
        elif op in _FLUSHES:
            self._cells.append(f"{_FLUSHES[op]} {word}")
        elif op is Op.R:
            self._cells.append(f"movq {word},{result}")
        elif op is Op.W:
            self._cells.append(f"movq {self._source(each.value)},{word}")
        elif op is Op.NT:
            self._cells.append(f"movntiq {self._in_register(each.value, self._scratch)},{word}")
        elif op is Op.XCHG:
            self._cells.append(f"xchgq {self._in(each.value, result)},{word}")
        elif op is Op.FAA and each.register not in self._used:
            self._cells.append(f"lock addq {self._source(each.value)},{word}")
        elif op is Op.FAA:
            self._cells.append(f"lock xaddq {self._in(each.value, result)},{word}")
        elif op is Op.CAS:
            source = self._in_register(each.second, self._scratch)
            self._in(each.value, f"%{ACCUMULATOR}")
            self._cells += [f"lock cmpxchgq {word},{source}", f"movq %{ACCUMULATOR},{result}"]
        elif op is Op.IFEQ:
            self._cells += [f"cmpq {self._source(each.value)},{result}", f"jne {label}"]
        else:
            raise InputError(f"{self._test.path}:{each.row}:{each.column}: {each.text}: x86 has no {op.name};"
                             " this test has no form in herd's format")  # fmt: skip

    def _source(self, operand: Operand) -> str:
        return f"${operand.constant}" if operand.register < 0 else self._in_register(operand, self._scratch)

    def _in_register(self, operand: Operand, scratch: str) -> str:
        """Return a register that holds a value: its own where there is one, else `scratch`, filled before."""
        if operand.register >= 0 and not operand.constant:
            return self.registers[operand.register]
        return self._in(operand, scratch)

    def _in(self, operand: Operand, target: str) -> str:
        """Put a value into a register."""
        source = f"${operand.constant}" if operand.register < 0 else self.registers[operand.register]
        if source != target:
            self._cells.append(f"movq {source},{target}")
        if operand.register >= 0 and operand.constant:
            self._cells.append(f"addq ${operand.constant},{target}")
        return target


def _used(program: Program, thread: int) -> set[int]:
    """Return the registers whose value an instruction of the thread uses."""
    used = set()
    for each in program.threads[thread].instructions:
        used |= {each.value.register, each.second.register}
        if each.op is Op.IFEQ:
            used.add(each.register)
    return used


def _spelled(condition: Condition, threads: list[_Column], words: list[list[str]]) -> str:
    """Return a proposition; each connective has its own parentheses."""

    def atom(each: Atom) -> str:
        name = threads[each.thread].registers[each.register] if each.thread >= 0 else words[each.line][each.register]
        plain = name.removeprefix("%") if name.removeprefix("%") in PARTS else name
        sign = "=" if each.equal else "<>"
        return f"{each.thread}:{plain}{sign}{each.value}" if each.thread >= 0 else f"[{name}]{sign}{each.value}"

    return condition.fold(
        atom,
        lambda inner: f"not ({inner})",
        lambda left, right: f"({left} /\\ {right})",
        lambda left, right: f"({left} \\/ {right})",
    )
