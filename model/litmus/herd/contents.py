"""What registers hold while a thread is compiled: constants, results of loads plus a constant, addresses of words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from fencepost.model.litmus.herd.code import Immediate
from fencepost.model.litmus.herd.registers import Register, integer, signed
from fencepost.model.litmus.herd.words import Address
from fencepost.model.litmus.source import Text
from fencepost.model.memory import Operand

LARGEST_SUM = 2**30  # of a result and a constant; with values below it, no sum leaves four bytes
Content: TypeAlias = Operand | Address
Possible: TypeAlias = dict[tuple[int, int], set[int]]
"""The values that words can have, by (line, index)."""


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
class State:
    """Where a thread is, what its registers hold, and what is known of the results of its loads."""

    at: int = 0
    held: dict[str, Held] = field(default_factory=dict)
    flags: tuple[Content, Content, int] | None = None
    known: dict[int, int] = field(default_factory=dict)
    excluded: dict[int, frozenset[int]] = field(default_factory=dict)
    passed: set[int] = field(default_factory=set)

    def copy(self, at: int) -> State:
        return State(at, dict(self.held), self.flags, dict(self.known), dict(self.excluded), set(self.passed))


class Contents:
    """Reads and writes registers. `loaded` has, by register of the machine, the word that it was loaded from."""

    def __init__(self, native_size: int, possible: Possible | None) -> None:
        self._native_size, self._possible = native_size, possible
        self.loaded: list[tuple[int, int]] = []
        self.adds = False  # whether some value is a result and a constant

    def sum_of(self, state: State, left: Operand, right: Operand, where: Text) -> Operand:
        """Return a sum of 4 or 8 bytes; of two results, one has to be known."""
        if left.register >= 0 and right.register >= 0:
            left = Operand(self.number_of(state, left))
        total = Operand(left.constant + right.constant, max(left.register, right.register))
        self.adds = self.adds or total.constant != 0
        if abs(total.constant) >= LARGEST_SUM:
            raise where.error("a sum of 2^30 and more, with what was loaded or alone: not supported")
        return total

    def number_of(self, state: State, operand: Operand) -> int:
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
        return self._possible.get(self.loaded[register], set()) | {0}  # a crash may zero the pool

    def whole(self, state: State, register: Register) -> Content:
        """Return what a register holds, as it is named."""
        return self.read_as(state, register, abs(register.size))

    def read_as(self, state: State, register: Register, size: int) -> Content:
        """Return what the lowest bytes of a register hold, as a signed number."""
        high = size < 0  # ah, bh, ch, dh
        held = state.held.get(register.whole, Held(Operand(), self._native_size))
        if isinstance(held.content, Address) or (held.size == size and not high):
            return held.content
        if held.content.register >= 0 and held.content.register not in state.known:
            low = 8 * min(held.size, size if not high else 1) - 1
            values = {each + held.content.constant for each in self._values(held.content.register)}
            if not high and all(0 <= each < 2**low for each in values):
                return held.content
        value = self.number_of(state, held.content) & (2 ** (8 * held.size) - 1)
        return Operand(signed(value >> 8 if high else value, abs(size)))

    def operand(self, state: State, source: Immediate | Register) -> Content:
        """Return a constant as it is, or what a register holds."""
        if isinstance(source, Register):
            return self.read_as(state, source, source.size)
        return Operand(integer(source.token))

    def of_size(self, state: State, source: Immediate | Register, size: int) -> Content:
        """Return a constant of so many bytes, or what a register holds."""
        if isinstance(source, Register):
            return self.read_as(state, source, source.size)
        return Operand(integer(source.token, size))

    def written(self, state: State, target: Register, content: Content) -> Held:
        """Return what the whole register holds after a write to a part of it; 4 bytes clear the upper half."""
        if target.size in (4, 8) or isinstance(content, Address):
            return Held(content, target.size)
        native = self._native_size
        before = self.read_as(state, Register(target.whole, native, target.text), native)
        if isinstance(before, Address):
            return Held(content, target.size)
        shift = 8 if target.size < 0 else 0
        mask = (2 ** (8 * abs(target.size)) - 1) << shift
        old, new = self.number_of(state, before), self.number_of(state, content)
        return Held(Operand(signed((old & ~mask) | (new << shift & mask), native)), native)


def computed(what: str, left: int, right: int, size: int) -> int:
    """Return what an instruction computes, before it is cut to `size` bytes."""
    if what == "shl":
        return left << (right & (63 if size == 8 else 31))
    return {"add": left + right, "sub": left - right, "and": left & right, "or": left | right, "xor": left ^ right}[
        what
    ]
