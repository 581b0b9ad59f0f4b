"""What one host tells another, as the C++ templates tell it, decided on the model of non-coherent memory.

The templates run once on a memory policy that writes down each access; what it wrote down, with a reader that does
what a subscriber does, becomes a litmus program. What the accesses should be is said nowhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Any, NamedTuple

from fencepost.model.litmus import Answer, parse_test
from fencepost.model.memory import MATRICES, PROFILES
from fencepost.native import _core
from fencepost.native.schedules.litmus import explore

HAND_OVERS: tuple[str, ...] = _core.HAND_OVERS
"""What is told by one word: a slot given back, a ring closed, a client's frontier moved on."""


class Kind(IntEnum):
    """What an access was."""

    STORE = 0
    LOAD = 1
    WRITE_BACK = 2
    INVALIDATE = 3
    FENCE = 4
    FULL_FENCE = 5


class Access(NamedTuple):
    """One access; `line` and `word` are -1 for fences. Lines are numbered as they first occur."""

    kind: Kind
    line: int
    word: int

    @property
    def name(self) -> str:
        """The word's name in a litmus program."""
        return f"x{self.line}_{self.word}"


class Recorded(NamedTuple):
    """The accesses of who tells, and of who looks afterwards: first a guard, then what it vouches for."""

    writer: list[Access]
    reader: list[Access]


class Verdicts(NamedTuple):
    """Whether a reader may see the guard and an old value behind it, and whether it may miss the guard for ever."""

    torn: Answer
    missed: Answer


def recorded(publication: str, message_count: int, native: Any = _core) -> Recorded:
    """Return what a publication policy does for one batch, and what its subscriber does.

    `native` is a compiled module with this part of `_core`, by default that one.
    """
    return _recorded(native.record_publication(publication, message_count=message_count))


def recorded_hand_over(name: str, native: Any = _core) -> Recorded:
    """Return what one of HAND_OVERS does on either side; of what is looked at, the word by which it is told."""
    writer, reader = _recorded(native.record_hand_over(HAND_OVERS.index(name)))
    told = {each.name for each in writer if each.kind is Kind.STORE}
    return Recorded(writer, [each for each in reader if each.kind is not Kind.LOAD or each.name in told])


def _recorded(rows: tuple[_core.RecordedRows, _core.RecordedRows]) -> Recorded:
    writer, reader = ([Access(Kind(row[0]), *row[1:]) for row in side] for side in rows)
    return Recorded(writer, reader)


def verdicts(
    writer: Sequence[Access], reader: Sequence[Access], *, write_back: str = "FO", profile: str = "ncx"
) -> Verdicts:
    """Decide two litmus programs made of the accesses; `write_back` is the instruction of write-backs, FO or WB.

    Nothing can be torn where the guard stands alone.
    """
    loads = [each for each in reader if each.kind is Kind.LOAD]
    kept = {each.name for each in writer if each.kind is Kind.STORE} & {each.name for each in loads}
    if not loads or loads[0].name not in kept:
        return Verdicts(Answer.FORBIDDEN, Answer.ALLOWED)  # nobody ever stores it
    guard, *values = loads
    values = [each for each in values if each.name in kept]
    lines: dict[int, set[int]] = {}
    for each in (*writer, *reader):
        if each.line >= 0 and (each.kind not in (Kind.STORE, Kind.LOAD) or each.name in kept):
            lines.setdefault(each.line, set()).add(each.word)
    host_0 = [text for each in writer if (text := _instruction(each, kept, lines, write_back))]
    host_1 = [text for each in reader if (text := _instruction(each, kept, lines, write_back))]
    rest = len(host_1) - 1 - host_1.index(f"R r{guard.name} {guard.name}")
    if rest:
        host_1.insert(-rest, f"IFEQ r{guard.name} 1 {rest}")  # reads on only if it saw the guard
    names = {line: " ".join(f"x{line}_{word}" for word in sorted(words)) for line, words in lines.items()}
    shared = [f"line L{line} = {words}" for line, words in names.items()]
    fresh = " & ".join(f"1:r{each.name}=1" for each in values)
    torn = f"bad 1:r{guard.name}=1 & !({fresh})\n" if values else ""
    missed = f"bad 1:m=1 & 1:r{guard.name}=0\n"
    text = "\n".join([*shared, f"H0: {'; '.join([*host_0, 'MRMW d done 1'])}"])
    text += f"\nH1: {'; '.join(['MRMW m done 0', *host_1])}\n"
    return Verdicts(_answer(text, torn, profile), _answer(text, missed, profile))


def _answer(text: str, bad: str, profile: str) -> Answer:
    if not bad:
        return Answer.FORBIDDEN
    test = parse_test(text + bad)
    return explore(test.program, test.bad, PROFILES[profile], MATRICES["sdmC"]).answer


def _instruction(each: Access, kept: set[str], lines: dict[int, set[int]], write_back: str) -> str | None:
    match each.kind:
        case Kind.STORE:
            return f"W {each.name} 1" if each.name in kept else None
        case Kind.LOAD:
            return f"R r{each.name} {each.name}" if each.name in kept else None
        case Kind.WRITE_BACK | Kind.INVALIDATE:
            any_word = f"x{each.line}_{min(lines[each.line])}"
            return f"{write_back if each.kind is Kind.WRITE_BACK else 'FO'} {any_word}"
        case Kind.FENCE:
            return "SF"
        case Kind.FULL_FENCE:
            return "MF"
