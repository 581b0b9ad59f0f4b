"""Threads of x86 as threads of the machine, which knows loads, stores and one jump, and computes nothing.

Registers are followed while the thread is compiled: each holds a constant, the result of an earlier load plus a
constant, or the address of a word. What needs the value itself, an addition of two results or a jump, splits the
thread: one branch for each value. So a thread becomes a tree of straight pieces, and each leaf says what the registers
hold there. A branch costs nothing else: IFEQ is no access to memory.

Where a register's value is needed and not known, it is one of those that its word can have at all; those are computed
from the program itself, until nothing is added (`reader`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fencepost.model.litmus.herd import code as steps
from fencepost.model.litmus.herd.code import Code, Placed
from fencepost.model.litmus.herd.contents import Content, Contents, Held, Possible, Split, State, computed
from fencepost.model.litmus.herd.registers import Register, signed
from fencepost.model.litmus.herd.words import Address, Words
from fencepost.model.memory import Instruction, Op, Operand, Thread
from fencepost.model.memory.program import ORDERING

MOST_ENDS = 256  # of one thread
NOTHING = Operand()
_COMPARE: dict[str, Callable[[int, int], bool]] = {
    "=": lambda left, right: left == right, "!=": lambda left, right: left != right,
    "<": lambda left, right: left < right, "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right, ">=": lambda left, right: left >= right,
    "sign": lambda left, right: left < right, "no sign": lambda left, right: left >= right,
}  # fmt: skip


@dataclass(frozen=True)
class End:
    """One way through a thread: what loaded values must be there, or must not, and what registers hold then."""

    guards: tuple[tuple[int, int, bool], ...]  # register of the machine, value, whether it is equal
    held: dict[str, Held]


@dataclass(frozen=True)
class Compiled:
    """A thread of the machine and all its ends; `adds` where some value is a sum with what was loaded."""

    thread: Thread
    ends: tuple[End, ...]
    adds: bool


class Compiler:
    """Compiles one thread. `observed` are registers whose value at the end is asked for, with the bytes asked for."""

    def __init__(
        self, number: int, code: Code, words: Words, observed: list[Register], possible: Possible | None
    ) -> None:
        self._number, self._code, self._words, self._observed = number, code, words, observed
        self._contents = Contents(words.native_size, possible)
        self._names: list[str] = []
        self._ends: list[End] = []

    def compiled(self, host: int) -> Compiled:
        """Return the thread. Raises ValuesNeeded where a load's result matters and nothing says what it may be."""
        native = self._words.native_size
        held = {
            whole: Held(content if isinstance(content, Address) else Operand(content), native)
            for (thread, whole), content in self._words.registers.items()
            if thread == self._number
        }
        instructions = self._walk(State(held=held))
        return Compiled(Thread(host, tuple(instructions), tuple(self._names)), tuple(self._ends), self._contents.adds)

    # --- ways through the thread ---

    def _walk(self, state: State) -> list[Instruction]:
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
            held = {each.text: self._contents.read_as(state, each, each.size) for each in self._observed}
        except Split as split:
            return [*made, *self._branches(state, split)]
        if len(self._ends) == MOST_ENDS:
            where = code[-1].where
            raise where.error(f"more than {MOST_ENDS} ways through thread P{self._number}: not supported")
        guards = [(register, value, True) for register, value in state.known.items()]
        guards += [(register, value, False) for register, values in state.excluded.items() for value in sorted(values)]
        self._ends.append(End(tuple(guards), {text: Held(content, 0) for text, content in held.items()}))
        return made

    def _branches(self, state: State, split: Split) -> list[Instruction]:
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

    def _take(self, state: State, placed: Placed) -> Instruction | None:
        """Take a step; return its instruction, if it is one of the machine. Raises Split before anything is changed."""
        at, step = state.at, placed.step
        made: Instruction | None = None
        target = at + 1
        if isinstance(step, steps.Jump):
            target = self._jump(state, step, placed)
        elif isinstance(step, steps.Move):
            state.held[step.target.whole] = self._contents.written(
                state, step.target, self._contents.operand(state, step.source)
            )
        elif isinstance(step, steps.Arithmetic):
            self._compute(state, step, placed)
        elif isinstance(step, steps.Compare):
            left, right = (self._contents.of_size(state, each, step.size) for each in (step.left, step.right))
            state.flags = (left, right, step.size)
        else:
            made = self._access(state, step, placed)
        state.passed.add(at)
        state.at = target
        return made

    def _jump(self, state: State, step: steps.Jump, placed: Placed) -> int:
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

    def _holds(self, state: State, condition: str, left: Content, right: Content, size: int, placed: Placed) -> bool:
        if isinstance(left, Address) or isinstance(right, Address):
            if condition in ("=", "!="):
                return (left == right) is (condition == "=")
            raise placed.where.error(f"{placed.text}: a comparison of addresses is not supported")
        if condition in ("=", "!=") and (left.register < 0 or right.register < 0):
            result, constant = (right, left) if left.register < 0 else (left, right)
            if result.register < 0 or result.register in state.known:
                return (self._contents.number_of(state, left) == self._contents.number_of(state, right)) is (
                    condition == "="
                )
            wanted = constant.constant - result.constant
            if wanted not in state.excluded.get(result.register, ()):
                raise Split(result.register, (wanted,), others=True)
            return condition == "!="
        values = self._contents.number_of(state, left), self._contents.number_of(state, right)
        if condition in ("sign", "no sign"):
            values = signed(values[0] - values[1], size), 0
        return _COMPARE[condition](*values)

    def _compute(self, state: State, step: steps.Arithmetic, placed: Placed) -> None:
        target, size = step.target, step.target.size
        left, right = self._contents.whole(state, target), self._contents.operand(state, step.source)
        if step.what == "xor" and step.source == target:
            result: Content = Operand(0)
        elif isinstance(left, Address) or isinstance(right, Address):
            raise placed.where.error(f"{placed.text}: a computation with an address is not supported")
        elif right == Operand(0) and step.what != "and":
            if step.what == "shl":
                return  # which leaves the flags as they were
            result = left
        elif step.what == "sub" and right.register < 0 and size in (4, 8):
            result = self._contents.sum_of(state, left, Operand(-right.constant), placed.where)
        elif step.what == "add" and size in (4, 8):
            result = self._contents.sum_of(state, left, right, placed.where)
        else:
            values = self._contents.number_of(state, left), self._contents.number_of(state, right)
            result = Operand(signed(computed(step.what, *values, abs(size)), abs(size)))
        state.held[target.whole] = self._contents.written(state, target, result)
        state.flags = (result, Operand(0), abs(size))

    # --- memory ---

    def _access(self, state: State, step: steps.Step, placed: Placed) -> Instruction:
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
                value = Operand(-self._contents.number_of(state, value))
            made = self._loading(Op.FAA, place, state, step.target, placed, value)
            self._flags_of_sum(state, made.register, value, step.size)
        else:
            made = self._comparing(state, step, placed)
        return _shown(made, placed)

    def _comparing(self, state: State, step: steps.Step, placed: Placed) -> Instruction:
        assert isinstance(step, steps.CompareExchange)
        size = step.accumulator.size
        whole = state.held.get(step.accumulator.whole)
        if size < self._words.native_size and whole is not None and whole.size > size:
            raise placed.where.error(f"{placed.text}: a comparison with a part of the accumulator is not supported")
        place = self._place(state, step.memory, size, placed)
        old = self._stored(state, step.accumulator, size, placed)
        new = self._stored(state, step.source, size, placed)
        made = self._loading(Op.CAS, place, state, step.accumulator, placed, old, new)
        state.flags = (Operand(0, made.register), old, size)
        return made

    def _flags_of_sum(self, state: State, register: int, value: Operand, size: int) -> None:
        """Compare what a locked addition stored with 0; the sum of two results of loads is not followed."""
        known = value.register < 0 or value.register in state.known
        state.flags = (Operand(self._contents.number_of(state, value), register), Operand(0), size) if known else None

    def _loading(
        self, op: Op, place: tuple[int, int], state: State, target: Register, placed: Placed,
        value: Operand = NOTHING, second: Operand = NOTHING,
    ) -> Instruction:  # fmt: skip
        if abs(target.size) < self._words.native_size and target.size != 4:
            raise placed.where.error(f"{placed.text}: a load of a part of a register is not supported")
        register = len(self._names)
        self._names.append(self._name(target))
        self._contents.loaded.append(place)
        state.held[target.whole] = Held(Operand(0, register), target.size)
        return Instruction(op, *place, register, value, second)

    def _name(self, target: Register) -> str:
        plain = "".join(each if each.isalnum() and each.isascii() else "_" for each in target.text.removeprefix("%"))
        plain = plain if plain[:1].isalpha() else f"r{plain}"
        names = (plain, *(f"{plain}_{number}" for number in range(2, len(self._names) + 3)))
        return next(each for each in names if each not in self._names)

    def _stored(self, state: State, source: steps.Immediate | Register, size: int, placed: Placed) -> Operand:
        content = self._contents.of_size(state, source, size)
        if isinstance(content, Address):
            raise placed.where.error(f"{placed.text}: pointers in memory are not supported")
        if content.register in state.known:
            return Operand(self._contents.number_of(state, content))
        return content

    def _place(self, state: State, memory: steps.Memory | None, size: int, placed: Placed) -> tuple[int, int]:
        assert memory is not None
        if memory.base is None:
            return self._words.place(memory.symbol, abs(size))
        content = self._contents.whole(state, memory.base)
        if not isinstance(content, Address):
            raise placed.where.error(
                f"{placed.text}: {memory.base.text} holds no address of a word here: not supported;"
                f" expected an initial value such as {self._number}:{memory.base.text}=x"
            )
        return self._words.place(content.word, abs(size))


def _shown(made: Instruction, placed: Placed) -> Instruction:
    """Return an instruction with its text and place in the file."""
    return Instruction(
        made.op, made.line, made.word, made.register, made.value, made.second, made.skip, made.optional,
        placed.text, placed.where.row, placed.where.column,
    )  # fmt: skip
