"""The small steps that x86 instructions are made of, each with at most one access to memory.

`ADD [x],EAX` is a load, an addition and a store: without a lock other threads may come between.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from fencepost.model.litmus.herd.registers import Register
from fencepost.model.litmus.source import Text
from fencepost.model.memory import Op


@dataclass(frozen=True)
class Immediate:
    """A constant, as its token."""

    token: Text


@dataclass(frozen=True)
class Memory:
    """A word in memory by its name, or by a register that holds its address."""

    token: Text
    symbol: str = ""
    base: Register | None = None


Operand: TypeAlias = Immediate | Register | Memory


@dataclass(frozen=True)
class Load:
    target: Register
    memory: Memory


@dataclass(frozen=True)
class Store:
    memory: Memory
    source: Immediate | Register
    size: int
    op: Op = Op.W  # or NT


@dataclass(frozen=True)
class Exchange:
    """XCHG with memory."""

    target: Register
    memory: Memory


@dataclass(frozen=True)
class FetchAdd:
    """A locked addition; `target` receives what was there, and `negative` makes it a subtraction."""

    target: Register
    memory: Memory
    source: Immediate | Register
    size: int
    negative: bool = False


@dataclass(frozen=True)
class CompareExchange:
    """CMPXCHG with memory: stores `source` if the accumulator has what is there, which then is in the accumulator."""

    accumulator: Register
    memory: Memory
    source: Register


@dataclass(frozen=True)
class Move:
    target: Register
    source: Immediate | Register


@dataclass(frozen=True)
class Arithmetic:
    """`what` is add, sub, and, or, xor, shl; the flags compare the result with 0 afterwards."""

    what: str
    target: Register
    source: Immediate | Register


@dataclass(frozen=True)
class Compare:
    """Sets the flags."""

    left: Register | Immediate
    right: Register | Immediate
    size: int


@dataclass(frozen=True)
class Order:
    """A fence, or a flush of the line of a word."""

    op: Op
    memory: Memory | None = None


@dataclass(frozen=True)
class Jump:
    """`condition` is empty for JMP; `label` is empty for RET, which ends the thread."""

    label: str
    condition: str = ""


Step: TypeAlias = Load | Store | Exchange | FetchAdd | CompareExchange | Move | Arithmetic | Compare | Order | Jump


@dataclass(frozen=True)
class Placed:
    """A step with the instruction that it is part of."""

    step: Step
    text: str
    where: Text


@dataclass(frozen=True)
class Code:
    """The steps of one thread, and what its labels stand before."""

    steps: tuple[Placed, ...]
    labels: dict[str, int]
