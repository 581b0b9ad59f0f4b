"""The corpus as examples of `compare`: the named scenarios, each of them one that some kind of bug needs to show.

They are drawn beside the workloads of `strategies.py`, which come upon such a scenario seldom or never.
"""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import strategies as st

from fencepost.model.museum.detection import arriving
from fencepost.model.programs import DESIGNS
from fencepost.model.programs.corpus import CORPUS, runs_on
from fencepost.model.programs.pipeline import Scenario
from fencepost.native.schedules.pipeline import has_stepped_form

Row = tuple[int, int, int, int]
"""Ring, client, seq, message count."""
Rings = tuple[tuple[tuple[int, int, int], ...], ...]


def _rings(scenario: Scenario) -> Rings:
    return tuple(
        tuple((batch.client, batch.seq, batch.count) for batch in ring if batch.count >= 1)
        for ring in arriving(scenario)
    )


_SCENARIOS = {each.scenario: name for name, each in CORPUS.items() if has_stepped_form(each.scenario)}
_ROWS: dict[Rings, str] = {}
for _each in CORPUS.values():
    _ROWS.setdefault(_rings(_each.scenario), _each.name)  # the first of those that send the same


def named_scenarios(designs: Iterable[str]) -> st.SearchStrategy[Scenario]:
    """Return the named scenarios that the stepped build has a form of, and all of these designs the roles of."""
    sound = [DESIGNS[name] for name in designs]
    return st.sampled_from([each for each in _SCENARIOS if all(runs_on(design, each) for design in sound)])


def _most(rings: Rings) -> int:
    return max(count for ring in rings for _, _, count in ring)


@st.composite
def named_rows(draw: st.DrawFn, count_most: int) -> tuple[Row, ...]:
    """Draw what comes to the rings in a named scenario, the rings mixed; of those with no larger batch than so many."""
    fitting = [rings for rings in _ROWS if any(rings) and _most(rings) <= count_most]
    rings = draw(st.sampled_from(fitting))
    order = draw(st.permutations([ring for ring, batches in enumerate(rings) for _ in batches]))
    left = [iter(batches) for batches in rings]
    return tuple((ring, *next(left[ring])) for ring in order)


def name_of(scenario: Scenario) -> str:
    """Return the name of a scenario in the corpus, "" where it has none."""
    return _SCENARIOS.get(scenario, "")


def name_of_rows(rows: Iterable[Row]) -> str:
    """Return the name of the scenario in which the same comes to each ring in the same order, "" where it has none."""
    rings: dict[int, list[tuple[int, int, int]]] = {}
    for ring, *batch in rows:
        client, seq, count = batch
        rings.setdefault(ring, []).append((client, seq, count))
    last = max(rings, default=-1)
    found = tuple(tuple(rings.get(ring, ())) for ring in range(last + 1))
    return _ROWS.get(found, _ROWS.get((*found, ()), ""))
