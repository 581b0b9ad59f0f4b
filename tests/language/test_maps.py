"""Total maps behave as a dictionary with a default would, whatever is written and filled in which order."""

from hypothesis import given
from hypothesis import strategies as st

from fencepost.model.language import Map

WRITES = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 5), st.integers(0, 3)), max_size=12)


@given(WRITES)
def test_a_map_is_a_dictionary_with_a_default(writes: list[tuple[int, int, int]]) -> None:
    """A write with count 0 sets one cell, any other fills a range."""
    tested: Map[int, int] = Map(0)
    plain: dict[int, int] = {}
    for start, count, value in writes:
        if count == 0:
            tested[start] = value
            plain[start] = value
        else:
            tested.fill(start, count, lambda cell, value=value: value * cell)  # type: ignore[misc]
            plain.update((cell, value * cell) for cell in range(start, start + count))
    assert [tested[cell] for cell in range(20)] == [plain.get(cell, 0) for cell in range(20)]
    assert tested.written() == {cell: value for cell, value in plain.items() if value}
    other: Map[int, int] = Map(0)
    other.become(tested.written())
    assert other.written() == tested.written()


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.sampled_from(["set", "fill", "copy"]), st.integers(0, 5), st.integers(1, 3))
    )
)
def test_a_copy_and_its_original_do_not_see_each_others_writes(writes: list[tuple[int, str, int, int]]) -> None:
    """Of several maps, each the copy of another: what one says it holds stays true until it is written to itself."""
    tested: list[Map[int, int]] = [Map(0)]
    plain: list[dict[int, int]] = [{}]
    for which, what, start, value in writes:
        place = which % len(tested)
        if what == "copy":
            tested.append(tested[place].copy())
            plain.append(plain[place].copy())
        elif what == "set":
            tested[place][start] = plain[place][start] = value
        else:
            tested[place].fill(start, value, lambda cell, value=value: value * cell)  # type: ignore[misc]
            plain[place].update((cell, value * cell) for cell in range(start, start + value))
        expected = [frozenset((cell, held) for cell, held in each.items() if held) for each in plain]
        assert [each.frozen() for each in tested] == expected


def test_a_range_of_any_size_is_filled_at_once() -> None:
    tested: Map[int, int] = Map(0)
    tested.fill(10, 2**60, lambda cell: cell - 10)
    tested[12] = 7
    assert (tested[9], tested[11], tested[12], tested[10 + 2**60 - 1], tested[10 + 2**60]) == (0, 1, 7, 2**60 - 1, 0)


@given(WRITES, WRITES)
def test_maps_with_one_key_hold_the_same(first: list[tuple[int, int, int]], second: list[tuple[int, int, int]]) -> None:
    made: list[Map[int, int]] = []
    for writes in (first, second):
        made.append(Map(0))
        for start, count, value in writes:
            if count == 0:
                made[-1][start] = value
            else:
                made[-1].fill(start, count, lambda cell, value=value: value * cell)  # type: ignore[misc]
    if made[0].key() == made[1].key():
        assert made[0].frozen() == made[1].frozen()
    assert made[0].key() == made[0].copy().key()


def test_functions_that_differ_in_what_they_close_over_make_other_keys() -> None:
    keys = set()
    for value in (1, 2):
        tested: Map[int, int] = Map(0)
        tested.fill(0, 2, lambda cell, value=value: value)  # type: ignore[misc]
        keys.add(tested.key())
    assert len(keys) == 2


def test_a_key_costs_nothing_of_the_size_of_a_range() -> None:
    """A search keys the state of a spec after each step: cell by cell, batches of 32,767 messages cost 32 s of 39."""
    tested: Map[int, int] = Map(0)
    tested.fill(10, 2**60, lambda cell: cell - 10)
    assert tested.key() == tested.copy().key()
