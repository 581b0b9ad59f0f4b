"""What a thread may still do from each of its instructions on: bit sets over lines and registers.

Reductions ask these sets; jumps go forward only, so one pass from the end computes them.
"""

from __future__ import annotations

from dataclasses import dataclass

from fencepost.model.memory import Line, Op, Thread
from fencepost.model.memory.program import ACCESSES, ASSIGNS, LOCKED, STORES, WAITS_FOR_BUFFER


@dataclass(frozen=True)
class Lookahead:
    """One entry for each instruction, and a last one for the end.

    touches   lines whose data an instruction may still load or store
    stores    lines that may still be stored to
    reads     lines whose old content may still matter: loads, locked instructions, stores to a part of a line
    before    as touches, but only up to the next instruction that waits for an empty buffer
    assigns   registers that may still be assigned
    """

    touches: tuple[int, ...]
    stores: tuple[int, ...]
    reads: tuple[int, ...]
    before: tuple[int, ...]
    assigns: tuple[int, ...]


def partial(line: Line) -> bool:
    """Say whether a store to one word leaves other words of the line as they were fetched."""
    return len(line.words) > 1


def lookahead(thread: Thread, lines: tuple[Line, ...]) -> Lookahead:
    """Return the sets of a thread."""
    count = len(thread.instructions)
    touches, stores, reads, before, assigns = ([0] * (count + 1) for _ in range(5))
    for pc in reversed(range(count)):
        instruction = thread.instructions[pc]
        op = instruction.op
        follow = {pc + 1, pc + 1 + instruction.skip}
        bit = 1 << instruction.line if instruction.line >= 0 else 0
        needs_content = op is Op.R or op in LOCKED or (op is Op.W and partial(lines[instruction.line]))
        assigned = instruction.register if op in ASSIGNS else -1
        for sets, own in (
            (touches, bit if op in ACCESSES else 0),
            (stores, bit if op in STORES else 0),
            (reads, bit if needs_content else 0),
            (assigns, 1 << assigned if assigned >= 0 else 0),
            (before, bit if op in ACCESSES else 0),
        ):
            sets[pc] = own
            for each in follow:
                sets[pc] |= sets[each]
        if op in WAITS_FOR_BUFFER or op is Op.CRASH:
            before[pc] = 0
    return Lookahead(tuple(touches), tuple(stores), tuple(reads), tuple(before), tuple(assigns))
