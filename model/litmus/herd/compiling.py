"""Threads of x86 as threads of the machine, which knows loads, stores and one jump, and computes nothing.

Registers are followed while the thread is compiled: each holds a constant, the result of an earlier load plus a
constant, or the address of a word. What needs the value itself, an addition of two results or a jump, splits the
thread: one branch for each value. So a thread becomes a tree of straight pieces, and each leaf says what the registers
hold there. A branch costs nothing else: IFEQ is no access to memory.

Where a register's value is needed and not known, it is one of those that its word can have at all; those are computed
from the program itself, until nothing is added (`reader`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from fencepost.model.litmus.herd import code as steps
from fencepost.model.litmus.herd.code import Code, Placed
from fencepost.model.litmus.herd.registers import Register, integer, signed
from fencepost.model.litmus.herd.words import Address, Words
from fencepost.model.memory import Instruction, Op, Operand, Thread
from fencepost.model.memory.program import ORDERING

MOST_ENDS = 256  # of one thread
NOTHING = Operand()
Content: TypeAlias = Operand | Address
Possible: TypeAlias = dict[tuple[int, int], set[int]]
"""The values that words can have, by (line, index)."""
_COMPARE = {
    "=": lambda left, right: left == right, "!=": lambda left, right: left != right,
    "<": lambda left, right: left < right, "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right, ">=": lambda left, right: left >= right,
    "sign": lambda left, right: left < right, "no sign": lambda left, right: left >= right,
}  # fmt: skip


class ValuesNeeded(Exception):
    """What words can hold has to be known first."""


class Split(Exception):
    """A step depends on a load's result: one branch for each of `values`, and one for all others if `others`."""

    def __init__(self, register: int, values: tuple[int, ...], *, others: bool) -> None:
        super().__init__(register)
        self.register, self.values, self.others = register, values, others


@dataclass(frozen=True)
class Held:
    """What a register holds, as a signed number of `size` bytes."""

    content: Content
    size: int


@dataclass
class _State:
    """Where a thread is, what its registers hold, and what is known of the results of its loads."""

    at: int = 0
    held: dict[str, Held] = field(default_factory=dict)
    flags: tuple[Content, Content, int] | None = None
    known: dict[int, int] = field(default_factory=dict)
    excluded: dict[int, frozenset[int]] = field(default_factory=dict)
    passed: set[int] = field(default_factory=set)

    def copy(self, at: int) -> _State:
        return _State(at, dict(self.held), self.flags, dict(self.known), dict(self.excluded), set(self.passed))


@dataclass(frozen=True)
class End:
    """One way through a thread: what loaded values must be there, or must not, and what registers hold then."""

    guards: tuple[tuple[int, int, bool], ...]  # register of the machine, value, whether it is equal
    held: dict[str, Held]


@dataclass(frozen=True)
class Compiled:
    """A thread of the machine and all its ends."""

    thread: Thread
    ends: tuple[End, ...]


class Compiler:
    """Compiles one thread. `observed` are registers whose value at the end is asked for, with the bytes asked for."""

    def __init__(
        self, number: int, code: Code, words: Words, observed: list[Register], possible: Possible | None
    ) -> None:
        self._number, self._code, self._words, self._possible = number, code, words, possible
        self._observed = observed
        self._names: list[str] = []
        self._loaded: list[tuple[int, int]] = []  # by register of the machine, the word that it was loaded from
        self._ends: list[End] = []

    def compiled(self, host: int) -> Compiled:
        """Return the thread. Raises ValuesNeeded where a load's result matters and nothing says what it may be."""
        native = self._words.native_size
        held = {
            whole: Held(content if isinstance(content, Address) else Operand(content), native)
            for (thread, whole), content in self._words.registers.items()
            if thread == self._number
        }
        instructions = self._walk(_State(held=held))
        return Compiled(Thread(host, tuple(instructions), tuple(self._names)), tuple(self._ends))

    # --- ways through the thread ---

    def _walk(self, state: _State) -> list[Instruction]:
        """Return the instructions from a state on."""
        made: list[Instruction] = []
        code = self._code.steps
        while state.at < len(code):
            placed = code[state.at]
            if state.at in state.passed:
                raise placed.where.error(f"{placed.text}: a loop: jumps back are not supported")
            try:
                instruction = self._take(state, placed)
            except Split as split:
                return [*made, *self._branches(state, split)]
            if instruction is not None:
                made.append(instruction)
        try:
            held = {each.text: self._read_as(state, each, each.size) for each in self._observed}
        except Split as split:
            return [*made, *self._branches(state, split)]
        if len(self._ends) == MOST_ENDS:
            where = code[-1].where
            raise where.error(f"more than {MOST_ENDS} ways through thread P{self._number}: not supported")
        guards = [(register, value, True) for register, value in state.known.items()]
        guards += [(register, value, False) for register, values in state.excluded.items() for value in sorted(values)]
        self._ends.append(End(tuple(guards), {text: Held(content, 0) for text, content in held.items()}))
        return made

    def _branches(self, state: _State, split: Split) -> list[Instruction]:
        """Return the instructions of every branch, one behind the other."""
        others: list[Instruction] = []
        branches = []
        for value in split.values:
            branch = state.copy(state.at)
            branch.known[split.register] = value
            branch.excluded.pop(split.register, None)
            branches.append((value, self._walk(branch)))
        if split.others:
            state.excluded[split.register] = state.excluded.get(split.register, frozenset()) | set(split.values)
            others = self._walk(state)
        elif len(branches) == 1:
            return branches[0][1]
        made = others
        for value, branch_code in reversed(branches):
            # the branch has this value, so a comparison with another always skips
            away = [self._if_equal(split.register, value + 1, len(made))] if made else []
            inside = [*branch_code, *away]
            made = [self._if_equal(split.register, value, len(inside)), *inside, *made] if inside else made
        return made

    def _if_equal(self, register: int, value: int, skip: int) -> Instruction:
        text = f"IFEQ {self._names[register]} {value} {skip}"
        return Instruction(Op.IFEQ, register=register, value=Operand(value), skip=skip, text=text)

    # --- one step ---

    def _take(self, state: _State, placed: Placed) -> Instruction | None:
        """Take a step; return its instruction, if it is one of the machine. Raises Split before anything is changed."""
        at, step = state.at, placed.step
        made: Instruction | None = None
        target = at + 1
        if isinstance(step, steps.Jump):
            target = self._jump(state, step, placed)
        elif isinstance(step, steps.Move):
            state.held[step.target.whole] = self._written(state, step.target, self._operand(state, step.source))
        elif isinstance(step, steps.Arithmetic):
            self._compute(state, step, placed)
        elif isinstance(step, steps.Compare):
            left, right = (self._content(state, each, step.size) for each in (step.left, step.right))
            state.flags = (left, right, step.size)
        else:
            made = self._access(state, step, placed)
        state.passed.add(at)
        state.at = target
        return made

    def _jump(self, state: _State, step: steps.Jump, placed: Placed) -> int:
        if step.label and step.label not in self._code.labels:
            raise placed.where.error(f"{placed.text}: no label {step.label} in this thread")
        target = self._code.labels[step.label] if step.label else len(self._code.steps)
        if not step.condition:
            return target
        if state.flags is None:
            raise placed.where.error(
                f"{placed.text}: no earlier instruction of the thread sets flags that can be followed"
            )
        left, right, size = state.flags
        return target if self._holds(state, step.condition, left, right, size, placed) else state.at + 1

    def _holds(self, state: _State, condition: str, left: Content, right: Content, size: int, placed: Placed) -> bool:
        if isinstance(left, Address) or isinstance(right, Address):
            if condition in ("=", "!="):
                return (left == right) is (condition == "=")
            raise placed.where.error(f"{placed.text}: a comparison of addresses is not supported")
        if condition in ("=", "!=") and (left.register < 0 or right.register < 0):
            result, constant = (right, left) if left.register < 0 else (left, right)
            if result.register < 0 or result.register in state.known:
                return (self._number_of(state, left) == self._number_of(state, right)) is (condition == "=")
            wanted = constant.constant - result.constant
            if wanted not in state.excluded.get(result.register, ()):
                raise Split(result.register, (wanted,), others=True)
            return condition == "!="
        values = self._number_of(state, left), self._number_of(state, right)
        if condition in ("sign", "no sign"):
            values = signed(values[0] - values[1], size), 0
        return _COMPARE[condition](*values)

    def _compute(self, state: _State, step: steps.Arithmetic, placed: Placed) -> None:
        target, size = step.target, step.target.size
        left, right = self._register(state, target), self._operand(state, step.source)
        if step.what == "xor" and step.source == target:
            result: Content = Operand(0)
        elif isinstance(left, Address) or isinstance(right, Address):
            raise placed.where.error(f"{placed.text}: a computation with an address is not supported")
        elif right == Operand(0) and step.what in ("add", "sub", "or", "xor", "shl"):
            result = left
        elif step.what == "sub" and right.register < 0:
            result = self._sum(state, left, Operand(-right.constant), size)
        elif step.what == "add":
            result = self._sum(state, left, right, size)
        else:
            values = self._number_of(state, left), self._number_of(state, right)
            result = Operand(signed(_computed(step.what, *values, size), size))
        state.held[target.whole] = self._written(state, target, result)
        state.flags = (result, Operand(0), size)

    def _sum(self, state: _State, left: Operand, right: Operand, size: int) -> Operand:
        if left.register >= 0 and right.register >= 0:
            left = Operand(self._number_of(state, left))
        register = max(left.register, right.register)
        total = left.constant + right.constant
        return Operand(signed(total, size) if register < 0 else total, register)

    # --- registers ---

    def _number_of(self, state: _State, operand: Operand) -> int:
        """Return the value of an operand, whatever branches that takes."""
        if operand.register < 0:
            return operand.constant
        if operand.register not in state.known:
            values = self._values(operand.register) - state.excluded.get(operand.register, frozenset())
            raise Split(operand.register, tuple(sorted(values)), others=False)
        return state.known[operand.register] + operand.constant

    def _values(self, register: int) -> set[int]:
        if self._possible is None:
            raise ValuesNeeded
        return self._possible.get(self._loaded[register], set()) | {0}  # a crash may zero the pool

    def _register(self, state: _State, register: Register) -> Content:
        return self._read_as(state, register, abs(register.size))

    def _read_as(self, state: _State, register: Register, size: int) -> Content:
        """Return what the lowest bytes of a register hold, as a signed number."""
        high = size < 0  # ah, bh, ch, dh
        held = state.held.get(register.whole, Held(Operand(), self._words.native_size))
        if isinstance(held.content, Address) or (held.size == size and not high):
            return held.content
        if held.content.register >= 0 and held.content.register not in state.known:
            low = 8 * min(held.size, size if not high else 1) - 1
            values = {each + held.content.constant for each in self._values(held.content.register)}
            if not high and all(0 <= each < 2**low for each in values):
                return held.content
        value = self._number_of(state, held.content) & (2 ** (8 * held.size) - 1)
        return Operand(signed(value >> 8 if high else value, abs(size)))

    def _operand(self, state: _State, source: steps.Immediate | Register) -> Content:
        if isinstance(source, Register):
            return self._read_as(state, source, source.size)
        return Operand(integer(source.token))

    def _content(self, state: _State, source: steps.Immediate | Register, size: int) -> Content:
        if isinstance(source, Register):
            return self._read_as(state, source, source.size)
        return Operand(integer(source.token, size))

    def _written(self, state: _State, target: Register, content: Content) -> Held:
        """Return what the whole register holds after a write to a part of it; 4 bytes clear the upper half."""
        if target.size in (4, 8) or isinstance(content, Address):
            return Held(content, target.size)
        native = self._words.native_size
        before = self._read_as(state, Register(target.whole, native, target.text), native)
        if isinstance(before, Address):
            return Held(content, target.size)
        shift = 8 if target.size < 0 else 0
        mask = (2 ** (8 * abs(target.size)) - 1) << shift
        old, new = self._number_of(state, before), self._number_of(state, content)
        return Held(Operand(signed((old & ~mask) | (new << shift & mask), native)), native)

    # --- memory ---

    def _access(self, state: _State, step: steps.Step, placed: Placed) -> Instruction:
        if isinstance(step, steps.Order):
            line, word = self._place(state, step.memory, 0, placed) if step.memory else (-1, -1)
            made = Instruction(step.op, line, word, optional=step.op in ORDERING)
        elif isinstance(step, steps.Store):
            place = self._place(state, step.memory, step.size, placed)
            made = Instruction(step.op, *place, value=self._stored(state, step.source, step.size, placed))
        elif isinstance(step, steps.Load):
            place = self._place(state, step.memory, step.target.size, placed)
            made = self._loading(Op.R, place, state, step.target, placed)
        elif isinstance(step, steps.Exchange):
            place = self._place(state, step.memory, step.target.size, placed)
            value = self._stored(state, step.target, step.target.size, placed)
            made = self._loading(Op.XCHG, place, state, step.target, placed, value)
        elif isinstance(step, steps.FetchAdd):
            place = self._place(state, step.memory, step.size, placed)
            value = self._stored(state, step.source, step.size, placed)
            if step.negative:
                value = Operand(-self._number_of(state, value))
            made = self._loading(Op.FAA, place, state, step.target, placed, value)
            self._flags_of_sum(state, made.register, value, step.size)
        else:
            made = self._comparing(state, step, placed)
        return _shown(made, placed)

    def _comparing(self, state: _State, step: steps.Step, placed: Placed) -> Instruction:
        assert isinstance(step, steps.CompareExchange)
        size = step.accumulator.size
        place = self._place(state, step.memory, size, placed)
        old = self._stored(state, step.accumulator, size, placed)
        new = self._stored(state, step.source, size, placed)
        made = self._loading(Op.CAS, place, state, step.accumulator, placed, old, new)
        state.flags = (Operand(0, made.register), old, size)
        return made

    def _flags_of_sum(self, state: _State, register: int, value: Operand, size: int) -> None:
        """Compare what a locked addition stored with 0; the sum of two results of loads is not followed."""
        known = value.register < 0 or value.register in state.known
        state.flags = (Operand(self._number_of(state, value), register), Operand(0), size) if known else None

    def _loading(
        self, op: Op, place: tuple[int, int], state: _State, target: Register, placed: Placed,
        value: Operand = NOTHING, second: Operand = NOTHING,
    ) -> Instruction:  # fmt: skip
        if abs(target.size) < self._words.native_size and target.size != 4:
            raise placed.where.error(f"{placed.text}: a load of a part of a register is not supported")
        register = len(self._names)
        self._names.append(self._name(target))
        self._loaded.append(place)
        state.held[target.whole] = Held(Operand(0, register), target.size)
        return Instruction(op, *place, register, value, second)

    def _name(self, target: Register) -> str:
        plain = "".join(each if each.isalnum() and each.isascii() else "_" for each in target.text.removeprefix("%"))
        plain = plain if plain[:1].isalpha() else f"r{plain}"
        names = (plain, *(f"{plain}_{number}" for number in range(2, len(self._names) + 3)))
        return next(each for each in names if each not in self._names)

    def _stored(self, state: _State, source: steps.Immediate | Register, size: int, placed: Placed) -> Operand:
        content = self._content(state, source, size)
        if isinstance(content, Address):
            raise placed.where.error(f"{placed.text}: pointers in memory are not supported")
        if content.register in state.known:
            return Operand(self._number_of(state, content))
        return content

    def _place(self, state: _State, memory: steps.Memory | None, size: int, placed: Placed) -> tuple[int, int]:
        assert memory is not None
        if memory.base is None:
            return self._words.place(memory.symbol, abs(size))
        content = self._register(state, memory.base)
        if not isinstance(content, Address):
            raise placed.where.error(
                f"{placed.text}: {memory.base.text} holds no address of a word here: not supported;"
                f" expected an initial value such as {self._number}:{memory.base.text}=x"
            )
        return self._words.place(content.word, abs(size))


def _computed(what: str, left: int, right: int, size: int) -> int:
    if what == "shl":
        return left << (right & (63 if size == 8 else 31))
    return {"sub": left - right, "and": left & right, "or": left | right, "xor": left ^ right}[what]


def _shown(made: Instruction, placed: Placed) -> Instruction:
    """Return an instruction with its text and place in the file."""
    return Instruction(
        made.op, made.line, made.word, made.register, made.value, made.second, made.skip, made.optional,
        placed.text, placed.where.row, placed.where.column,
    )  # fmt: skip
