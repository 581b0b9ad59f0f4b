"""Instructions of one thread, from tokens to small steps.

X86 is written as Intel does, the target first; X86_64 as AT&T does, the target last, sizes as suffixes. CMPXCHG and
XADD have their target in memory, on whichever side that is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from fencepost.model.litmus.herd.code import (
    Arithmetic,
    Code,
    Compare,
    CompareExchange,
    Exchange,
    FetchAdd,
    Immediate,
    Jump,
    Load,
    Memory,
    Move,
    Operand,
    Order,
    Placed,
    Step,
    Store,
)
from fencepost.model.litmus.herd.registers import ACCUMULATOR, Register, register
from fencepost.model.litmus.herd.sections import NAME, NUMBER, Cell
from fencepost.model.litmus.source import Text
from fencepost.model.memory import Op

_SIZES = {"b": 1, "w": 2, "l": 4, "q": 8}
_SIZED = ("mov", "add", "sub", "and", "or", "xor", "shl", "cmp", "test", "inc", "dec", "xchg", "xadd", "cmpxchg")
_ARITHMETIC = ("add", "sub", "and", "or", "xor", "shl")
_FENCES = {"mfence": Op.MF, "sfence": Op.SF, "lfence": Op.LF}
_FLUSHES = {"clflush": Op.FL, "clflushopt": Op.FO, "clwb": Op.WB}
_STREAMS = {"movnti": 0, "movntil": 4, "movntiq": 8}
_NOTHING = ("nop", "nopl", "nopw", "endbr64", "pause")
_CONDITIONS = {
    "e": "=", "z": "=", "ne": "!=", "nz": "!=", "le": "<=", "ng": "<=", "l": "<", "lt": "<", "nge": "<", "g": ">",
    "gt": ">", "nle": ">", "ge": ">=", "nl": ">=", "s": "sign", "ns": "no sign",
}  # fmt: skip
_LOCKABLE = ("add", "sub", "or", "xor", "inc", "dec", "xchg", "xadd", "cmpxchg")
_WORD = re.compile(NAME.pattern)


def code_of(cells: Iterable[Cell], native_size: int) -> Code:
    """Return the steps of a thread's cells; `native_size` is 4 for X86, 8 for X86_64."""
    steps: list[Placed] = []
    labels: dict[str, int] = {}
    for cell in cells:
        tokens = list(cell)
        while len(tokens) > 1 and tokens[1].text == ":" and _WORD.fullmatch(tokens[0].text):
            if tokens[0].text in labels:
                raise tokens[0].error(f"a second label {tokens[0].text}")
            labels[tokens[0].text] = len(steps)
            tokens = tokens[2:]
        if tokens:
            reader = _Instruction(tokens, native_size)
            steps += [Placed(step, reader.text, tokens[0]) for step in reader.steps()]
    return Code(tuple(steps), labels)


class _Instruction:
    """One instruction: its words, then the steps that it is made of."""

    def __init__(self, tokens: list[Text], native_size: int) -> None:
        self._first, self._native_size = tokens[0], native_size
        self._locked = tokens[0].text.lower() == "lock"
        named = tokens[1:] if self._locked else tokens
        if not named:
            raise self._first.error("a lock prefix without an instruction")
        self._where = named[0]
        self._name, self._size = self._named(named[0].text.lower())
        self._tokens = named[1:]
        last = tokens[-1]
        end = last.column + len(last.text) if last.row == self._first.row else 0
        self.text = self._spelled(tokens) if end else " ".join(each.text for each in tokens)

    @staticmethod
    def _spelled(tokens: list[Text]) -> str:
        """Return the instruction as the file spaces it, with one blank at most."""
        text = ""
        for before, token in zip([None, *tokens], tokens, strict=False):
            apart = before is not None and token.column > before.column + len(before.text)
            text += (" " if apart else "") + token.text
        return text

    def _named(self, name: str) -> tuple[str, int]:
        """Return an instruction's name without its size, and the size in bytes, 0 where the name has none."""
        if name not in _SIZED and name[:-1] in _SIZED and name[-1] in _SIZES:
            size = _SIZES[name[-1]]
            if size > self._native_size:
                raise self._where.error(f"{self._where.text}: an access of {size} bytes in X86 is not supported")
            return name[:-1], size
        return name, 0

    def steps(self) -> list[Step]:
        """Return what the instruction does. Raises InputError where that is not supported."""
        name = self._name
        if self._locked and name not in _LOCKABLE:
            raise self._first.error(f"{self.text}: no instruction that a lock prefix may stand before")
        if name in _NOTHING:
            return []
        if name in _FENCES:
            self._expect(0)
            return [Order(_FENCES[name])]
        if name in ("ret", "retq"):
            return [Jump("")]
        if name == "jmp" or name.removeprefix("j") in _CONDITIONS and name.startswith("j"):
            return [Jump(self._label(), _CONDITIONS.get(name[1:], ""))]
        makers: dict[str, Callable[[], list[Step]]] = {
            "mov": self._move, "cmp": self._compare, "test": self._test, "inc": self._count, "dec": self._count,
            "xchg": self._exchange, "xadd": self._exchange_add, "cmpxchg": self._compare_exchange,
            **dict.fromkeys(_ARITHMETIC, self._arithmetic), **dict.fromkeys(_FLUSHES, self._flush),
            **dict.fromkeys(_STREAMS, self._stream),
        }  # fmt: skip
        if name not in makers:
            raise self._where.error(f"{self.text}: the instruction {self._where.text} is not supported")
        return makers[name]()

    # --- operands ---

    def _expect(self, count: int) -> list[Operand]:
        groups: list[list[Text]] = [[]] if self._tokens else []
        depth = 0
        for token in self._tokens:
            depth += (token.text in ("(", "[")) - (token.text in (")", "]"))
            if token.text == "," and depth == 0:
                groups.append([])
            else:
                groups[-1].append(token)
        if len(groups) != count or not all(groups):
            raise self._where.error(f"{self.text}: {self._where.text} with {len(groups)} operands; expected {count}")
        return [self._operand(group) for group in groups]

    def _operand(self, tokens: list[Text]) -> Operand:
        texts = [each.text for each in tokens]
        if len(tokens) == 1:
            found = register(texts[0], self._native_size)
            if found:
                return found
            if NUMBER.fullmatch(texts[0]):
                return Immediate(tokens[0])
            raise tokens[0].error(f"{texts[0]}: expected a register, a constant or a word such as [x]")
        if len(tokens) == 4 and texts[2] in ("%rip", "rip"):  # x(%rip)
            return Memory(tokens[0], symbol=texts[0])
        if len(tokens) == 4 and NUMBER.fullmatch(texts[0]) and not texts[0].startswith("$"):  # 0(%rax)
            if int(texts[0], 0):
                raise tokens[0].error(f"{''.join(texts)}: an address with an offset is not supported")
            tokens, texts = tokens[1:], texts[1:]
        if len(tokens) == 3 and (texts[0], texts[2]) in (("[", "]"), ("(", ")")):
            base = register(texts[1], self._native_size)
            if base:
                return Memory(tokens[1], base=base)
            if _WORD.fullmatch(texts[1]):
                return Memory(tokens[1], symbol=texts[1])
        raise tokens[0].error(f"{''.join(texts)}: this way to name an operand is not supported")

    def _label(self) -> str:
        if len(self._tokens) != 1:
            raise self._where.error(f"{self.text}: expected one label")
        return self._tokens[0].text

    def _pair(self) -> tuple[Operand, Operand]:
        """Return target and source."""
        first, second = self._expect(2)
        return (first, second) if self._native_size == 4 else (second, first)

    def _width(self, *operands: Operand) -> int:
        """Return the bytes that the instruction works on."""
        sizes = {abs(each.size) for each in operands if isinstance(each, Register)}
        if self._size:
            sizes.add(self._size)
        if len(sizes) > 1 and self._native_size == 8:
            raise self._where.error(f"{self.text}: operands of {' and '.join(map(str, sorted(sizes)))} bytes")
        return self._size or max(sizes, default=self._native_size)

    def _old(self, size: int) -> Register:
        """Return a register of the machine alone, for what an instruction loads and no register keeps."""
        return Register("old", size, "old")

    def _value(self, operand: Operand) -> Immediate | Register:
        if isinstance(operand, Memory):
            raise operand.token.error(f"{self.text}: two words of memory in one instruction are not supported")
        return operand

    def _target(self, operand: Operand) -> Register | Memory:
        if isinstance(operand, Immediate):
            side = "first" if self._native_size == 4 else "last"
            raise operand.token.error(f"{self.text}: a constant as target; the target stands {side}")
        return operand

    # --- what they do ---

    def _move(self) -> list[Step]:
        target, source = self._pair()
        size = self._width(target, source)
        target = self._target(target)
        if isinstance(target, Memory):
            return [Store(target, self._value(source), size)]
        if isinstance(source, Memory):
            return [Load(target, source)]
        return [Move(target, source)]

    def _stream(self) -> list[Step]:
        target, source = self._pair()
        size = _STREAMS[self._name] or self._width(source)
        if not isinstance(target, Memory) or not isinstance(source, Register):
            raise self._where.error(f"{self.text}: expected a register to store, and a word in memory")
        return [Store(target, source, size, Op.NT)]

    def _arithmetic(self) -> list[Step]:
        target, source = self._pair()
        return self._modify(self._name, target, source, self._width(target, source))

    def _count(self) -> list[Step]:
        (target,) = self._expect(1)
        one = Immediate(Text("1", self._where.path, self._where.row, self._where.column))
        return self._modify("add" if self._name == "inc" else "sub", target, one, self._width(target))

    def _modify(self, what: str, target: Operand, source: Operand, size: int) -> list[Step]:
        target = self._target(target)
        if isinstance(target, Register):
            if self._locked:
                raise self._first.error(f"{self.text}: a lock prefix needs a word in memory")
            if isinstance(source, Memory):
                old = self._old(target.size)
                return [Load(old, source), Arithmetic(what, target, old)]
            return [Arithmetic(what, target, source)]
        value, old = self._value(source), self._old(size)
        if not self._locked:
            return [Load(old, target), Arithmetic(what, old, value), Store(target, old, size)]
        idle = isinstance(value, Immediate) and NUMBER.fullmatch(value.token.text) and value.token.text in ("$0", "0")
        if what not in ("add", "sub") and not idle:
            raise self._where.error(f"{self.text}: a locked {what} of anything but 0 is not supported")
        return [FetchAdd(old, target, value, size, negative=what == "sub")]

    def _compare(self) -> list[Step]:
        left, right = self._pair()
        size = self._width(left, right)
        steps: list[Step] = []
        if isinstance(left, Memory) and isinstance(right, Memory):
            raise left.token.error(f"{self.text}: two words of memory in one instruction are not supported")
        if isinstance(left, Memory) or isinstance(right, Memory):
            old = self._old(size)
            steps.append(Load(old, left if isinstance(left, Memory) else self._as_memory(right)))
            left, right = (old, right) if isinstance(left, Memory) else (left, old)
        return [*steps, Compare(self._value(left), self._value(right), size)]

    @staticmethod
    def _as_memory(operand: Operand) -> Memory:
        assert isinstance(operand, Memory)
        return operand

    def _test(self) -> list[Step]:
        left, right = self._pair()
        if not isinstance(left, Register) or left != right:
            raise self._where.error(f"{self.text}: test of anything but a register with itself is not supported")
        zero = Immediate(Text("0", self._where.path, self._where.row, self._where.column))
        return [Compare(left, zero, left.size)]

    def _flush(self) -> list[Step]:
        (target,) = self._expect(1)
        if not isinstance(target, Memory):
            raise self._where.error(f"{self.text}: expected a word in memory")
        return [Order(_FLUSHES[self._name], target)]

    def _in_memory(self, operands: tuple[Operand, Operand]) -> tuple[Memory, Register]:
        """Return the word and the register of an instruction that has one of each."""
        first, second = operands
        self._width(first, second)
        if isinstance(first, Memory) and isinstance(second, Register):
            return first, second
        if isinstance(second, Memory) and isinstance(first, Register):
            return second, first
        raise self._where.error(f"{self.text}: not supported; expected a word in memory and a register")

    def _exchange(self) -> list[Step]:
        first, second = self._pair()
        if isinstance(first, Register) and isinstance(second, Register):
            old = self._old(first.size)
            return [Move(old, first), Move(first, second), Move(second, old)]
        memory, target = self._in_memory((first, second))
        return [Exchange(target, memory)]

    def _exchange_add(self) -> list[Step]:
        memory, target = self._in_memory(self._pair())
        if self._locked:
            return [FetchAdd(target, memory, target, target.size)]
        old = self._old(target.size)
        return [
            Load(old, memory),
            Arithmetic("add", target, old),
            Store(memory, target, target.size),
            Move(target, old),
        ]

    def _compare_exchange(self) -> list[Step]:
        memory, source = self._in_memory(self._pair())
        if not self._locked:
            raise self._where.error(f"{self.text}: cmpxchg without a lock prefix is not supported")
        accumulator = Register(ACCUMULATOR, source.size, "EAX" if self._native_size == 4 else "rax")
        return [CompareExchange(accumulator, memory, source)]
