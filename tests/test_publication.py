"""Publication policies, judged on the model: the accesses that the C++ templates make, as litmus programs.

The templates run once on a memory policy that writes down each access; what it wrote down, with a reader that does
what a subscriber does, is decided by the explorer of non-coherent memory. What the accesses should be is said nowhere.
"""

from collections import Counter
from enum import IntEnum
from typing import NamedTuple

import pytest

from fencepost.model.litmus import Answer, parse_test
from fencepost.model.memory import MATRICES, PROFILES
from fencepost.native import LINE_INSTRUCTIONS, PUBLICATIONS, _core
from fencepost.native.litmus import explore

pytestmark = pytest.mark.skipif(not LINE_INSTRUCTIONS["clflushopt"], reason="this machine has no clflushopt")

SOUND = [name for name in PUBLICATIONS if name not in ("none", "seed")]


class Kind(IntEnum):
    STORE = 0
    LOAD = 1
    WRITE_BACK = 2
    INVALIDATE = 3
    FENCE = 4
    FULL_FENCE = 5


class Access(NamedTuple):
    kind: Kind
    line: int
    word: int

    @property
    def name(self) -> str:
        return f"x{self.line}_{self.word}"


def recorded(publication: str, message_count: int) -> tuple[list[Access], list[Access]]:
    writer, reader = _core.record_publication(publication, message_count=message_count)
    return [Access(Kind(row[0]), *row[1:]) for row in writer], [Access(Kind(row[0]), *row[1:]) for row in reader]


def verdicts(
    writer: list[Access], reader: list[Access], *, write_back: str = "FO", profile: str = "ncx"
) -> tuple[Answer, Answer]:
    """Whether a reader may see the guard and an old value behind it; and whether it may miss the guard for ever."""
    guard, *values = [each for each in reader if each.kind is Kind.LOAD]
    kept = {each.name for each in writer if each.kind is Kind.STORE} & {each.name for each in (guard, *values)}
    values = [each for each in values if each.name in kept]
    lines: dict[int, set[int]] = {}
    for each in (*writer, *reader):
        if each.line >= 0 and (each.kind not in (Kind.STORE, Kind.LOAD) or each.name in kept):
            lines.setdefault(each.line, set()).add(each.word)
    host_0 = [text for each in writer if (text := instruction(each, kept, lines, write_back))]
    host_1 = [text for each in reader if (text := instruction(each, kept, lines, write_back))]
    rest = len(host_1) - 1 - host_1.index(f"R r{guard.name} {guard.name}")
    host_1.insert(-rest, f"IFEQ r{guard.name} 1 {rest}")  # reads on only if it saw the guard
    names = {line: " ".join(f"x{line}_{word}" for word in sorted(words)) for line, words in lines.items()}
    shared = [f"line L{line} = {words}" for line, words in names.items()]
    fresh = " & ".join(f"1:r{each.name}=1" for each in values)
    programs = (
        f"bad 1:r{guard.name}=1 & !({fresh})\n",
        f"bad 1:m=1 & 1:r{guard.name}=0\n",
    )
    text = "\n".join([*shared, f"H0: {'; '.join([*host_0, 'MRMW d done 1'])}"])
    text += f"\nH1: {'; '.join(['MRMW m done 0', *host_1])}\n"
    answers = []
    for bad in programs:
        test = parse_test(text + bad)
        answers.append(explore(test.program, test.bad, PROFILES[profile], MATRICES["sdmC"]).answer)
    return answers[0], answers[1]


def instruction(each: Access, kept: set[str], lines: dict[int, set[int]], write_back: str) -> str | None:
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


@pytest.mark.parametrize("publication", SOUND)
@pytest.mark.parametrize("write_back", ["FO", "WB"])
@pytest.mark.parametrize("message_count", [0, 1, 2])
def test_who_sees_the_guard_sees_everything_behind_it_and_the_guard_comes(
    publication: str, write_back: str, message_count: int
) -> None:
    writer, reader = recorded(publication, message_count)
    assert verdicts(writer, reader, write_back=write_back) == (Answer.FORBIDDEN, Answer.FORBIDDEN)


@pytest.mark.parametrize("publication", SOUND)
def test_two_phases_need_no_line_to_be_written_back_whole(publication: str) -> None:
    writer, reader = recorded(publication, 1)
    assert verdicts(writer, reader, profile="ncx-tear")[0] is Answer.FORBIDDEN


def test_the_seed_may_never_show_its_guard() -> None:
    for message_count in (0, 1):
        writer, reader = recorded("seed", message_count)
        safe, fresh = verdicts(writer, reader)
        assert (safe, fresh) == (Answer.FORBIDDEN, Answer.ALLOWED)


def test_a_coherent_publication_shows_nothing_to_another_host() -> None:
    writer, reader = recorded("none", 1)
    without = [each for each in writer if each.kind in (Kind.STORE, Kind.LOAD)]  # what `none` compiles to
    assert verdicts(without, reader) == (Answer.ALLOWED, Answer.ALLOWED)


@pytest.mark.parametrize("publication", SOUND)
def test_without_the_fence_before_the_guard_a_message_may_be_old(publication: str) -> None:
    writer, reader = recorded(publication, 1)
    guard = next(each for each in reader if each.kind is Kind.LOAD)
    before = next(index for index, each in enumerate(writer) if (each.kind, each.name) == (Kind.STORE, guard.name))
    weaker = [each for index, each in enumerate(writer) if each.kind is not Kind.FENCE or index > before]
    assert verdicts(weaker, reader)[0] is Answer.ALLOWED


@pytest.mark.parametrize("publication", SOUND)
def test_a_reader_that_keeps_its_copy_of_a_message_may_see_it_old(publication: str) -> None:
    writer, reader = recorded(publication, 1)
    guard = next(index for index, each in enumerate(reader) if each.kind is Kind.LOAD)
    keeping = [each for index, each in enumerate(reader) if index <= guard or each.kind is not Kind.INVALIDATE]
    assert verdicts(writer, keeping)[0] is Answer.ALLOWED


@pytest.mark.parametrize("message_count", [0, 1, 7])
def test_what_a_batch_costs_in_fences_and_write_backs(message_count: int) -> None:
    costs = {}
    for publication in (*SOUND, "seed"):
        kinds = Counter(each.kind for each in recorded(publication, message_count)[0])
        costs[publication] = (kinds[Kind.FENCE], kinds[Kind.WRITE_BACK])
    assert costs == {
        "per_message": (message_count + 2, message_count + 2),
        "per_batch": (2, message_count + 2),
        "single_fence": (2, message_count + 2),  # the second is finish()'s, once for a whole burst
        "epoch": (2, message_count + 2),  # the same
        "seed": (message_count + 1, message_count + 2),
    }
