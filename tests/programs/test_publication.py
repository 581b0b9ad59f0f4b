"""Publication policies, judged on the model: the accesses that the C++ templates make, as litmus programs.

The templates run once on a memory policy that writes down each access; what it wrote down, with a reader that does
what a subscriber does, is decided by the explorer of non-coherent memory. What the accesses should be is said nowhere.
"""

from collections import Counter

import pytest

from fencepost.model.litmus import Answer
from fencepost.native import LINE_INSTRUCTIONS, PUBLICATIONS
from fencepost.native.recordings import HAND_OVERS, Access, Kind, Recorded, recorded, recorded_hand_over, verdicts

pytestmark = pytest.mark.skipif(not LINE_INSTRUCTIONS["clflushopt"], reason="this machine has no clflushopt")

SOUND = [name for name in PUBLICATIONS if name not in ("none", "seed")]


@pytest.mark.parametrize("publication", SOUND)
@pytest.mark.parametrize("write_back", ["FO", "WB"])
@pytest.mark.parametrize("message_count", [0, 1, 2])
def test_who_sees_the_guard_sees_everything_behind_it_and_the_guard_comes(
    publication: str, write_back: str, message_count: int
) -> None:
    writer, reader = recorded(publication, message_count)
    assert verdicts(writer, reader, write_back=write_back) == (Answer.FORBIDDEN, Answer.FORBIDDEN)


@pytest.mark.parametrize("publication", [name for name in SOUND if name != "epoch"])
@pytest.mark.parametrize("message_count", [0, 1])
def test_two_phases_need_no_line_to_be_written_back_whole(publication: str, message_count: int) -> None:
    writer, reader = recorded(publication, message_count)
    assert verdicts(writer, reader, profile="ncx-tear")[0] is Answer.FORBIDDEN


def test_an_epoch_writes_a_record_back_with_its_guard_and_needs_the_line_to_be_whole() -> None:
    for message_count in (0, 1):
        writer, reader = recorded("epoch", message_count)
        assert verdicts(writer, reader, profile="ncx-tear")[0] is Answer.ALLOWED
        assert verdicts(writer, reader, profile="ncx-bytemask") == (Answer.FORBIDDEN, Answer.FORBIDDEN)


@pytest.mark.parametrize("message_count", [0, 1])
def test_an_epoch_needs_record_and_guard_on_one_line(message_count: int) -> None:
    parted = {name: _with_the_guard_on_a_line_of_its_own(recorded(name, message_count)) for name in SOUND}
    torn = {name: verdicts(writer, reader).torn for name, (writer, reader) in parted.items()}
    assert torn == {name: Answer.ALLOWED if name == "epoch" else Answer.FORBIDDEN for name in SOUND}


def _with_the_guard_on_a_line_of_its_own(made: Recorded) -> Recorded:
    """Return the same accesses with the guard on another line; the reader fetches the record's behind its guard."""
    guard = next(each for each in made.reader if each.kind is Kind.LOAD)
    apart = 99
    writer, is_raised = [], False
    for each in made.writer:
        is_guard = (each.kind, each.line, each.word) == (Kind.STORE, guard.line, guard.word)
        is_raised = is_raised or is_guard
        moves = is_guard or (each.kind is Kind.WRITE_BACK and each.line == guard.line and is_raised)
        writer.append(each._replace(line=apart) if moves else each)
    at = made.reader.index(guard)
    before = [each._replace(line=apart) if each.line == guard.line else each for each in made.reader[: at + 1]]
    fetched = [Access(Kind.INVALIDATE, guard.line, 0), Access(Kind.FULL_FENCE, -1, -1)]
    return Recorded(writer, [*before, *fetched, *made.reader[at + 1 :]])


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
        "epoch": (2, message_count + 1),  # the same, and a record is written back with its guard
        "seed": (message_count + 1, message_count + 2),
    }


# --- what is told by one word -----------------------------------------------------------------------


@pytest.mark.parametrize("name", HAND_OVERS)
@pytest.mark.parametrize("write_back", ["FO", "WB"])
def test_what_is_handed_over_by_one_word_reaches_the_other_host(name: str, write_back: str) -> None:
    assert verdicts(*recorded_hand_over(name), write_back=write_back).missed is Answer.FORBIDDEN


@pytest.mark.parametrize("name", HAND_OVERS)
@pytest.mark.parametrize("left_out", [Kind.WRITE_BACK, Kind.INVALIDATE])
def test_a_word_that_is_not_written_back_or_not_fetched_again_may_never_be_seen(name: str, left_out: Kind) -> None:
    writer, reader = recorded_hand_over(name)
    without = [[each for each in side if each.kind is not left_out] for side in (writer, reader)]
    assert verdicts(*without).missed is Answer.ALLOWED


@pytest.mark.parametrize("name", HAND_OVERS)
def test_who_looks_at_what_another_host_writes_stores_nothing(name: str) -> None:
    """A line stored to by two hosts is whoever's copy leaves its cache last; see AckFrontier on unknown clients."""
    assert Kind.STORE not in {each.kind for each in recorded_hand_over(name).reader}


@pytest.mark.parametrize("publication", SOUND)
def test_who_reads_a_publication_stores_nothing(publication: str) -> None:
    assert Kind.STORE not in {each.kind for each in recorded(publication, 2).reader}
