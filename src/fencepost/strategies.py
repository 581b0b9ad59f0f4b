"""Hypothesis strategies for what `compare` draws: workloads, schedules, and both together.

    workloads    a Scenario: who sends what in which order to which ring, how long the rings are, which roles take part
    schedules    picks: who steps next and what memory does, as few deviations from the plainest run
    examples     a workload and a schedule, drawn and shrunk together
    arrivals     columns for a race or for attempts: what comes to which ring in which order

Whatever is drawn, smaller is plainer: fewer batches, fewer rings, one message each, no picks.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

import hypothesis
from hypothesis import strategies as st

from fencepost.comparing.named_workloads import named_scenarios
from fencepost.model.programs import Arriving, Scenario
from fencepost.model.programs.roles.client import Sending
from fencepost.native.schedules.differential import JointExample, Picks
from fencepost.native.schedules.pipeline import DESIGN_NAMES

COUNT_MOST = 2**15 - 1
"""Messages of a very large batch: all that the stepped build's packed words can hold."""

_COUNTS = (1, 2, COUNT_MOST)


@dataclass(frozen=True)
class Sizes:
    """How large a workload may be: distinct clients, rings, batches of a run; slots of a ring, at least and at most."""

    clients: int = 2
    rings: int = 2
    batches: int = 5
    slots: tuple[int, int] = (2, 8)
    batches_least: int = 0
    window: int = 3
    """So many places a batch may arrive after those that were sent after it."""


DEFAULT, EXPLORED = Sizes(), Sizes(batches=4, slots=(2, 3))
_SENT_MOST = 3  # by clients that wait for every acknowledgement: their runs are long


@dataclass(frozen=True)
class Sent:
    """One batch on its way: `rings` holds a second one where it is sent again."""

    client: int
    seq: int
    count: int
    rings: tuple[int, ...]
    late: int


def sendings(sizes: Sizes = DEFAULT, counts: tuple[int, ...] = _COUNTS) -> st.SearchStrategy[list[Sent]]:
    """Return what clients send in order: each the next of its batches, or with a gap before it, perhaps twice."""
    one = st.tuples(
        st.integers(0, sizes.clients - 1),
        st.integers(0, sizes.rings - 1),
        st.integers(0, 11),
        st.integers(0, sizes.window),
        st.integers(0, len(counts) - 1),
    )

    def numbered(drawn: list[tuple[int, int, int, int, int]]) -> list[Sent]:
        following: dict[int, int] = defaultdict(int)
        sent = []
        for client, ring, fate, late, size in drawn:
            if fate == 11:
                following[client] += 1  # a gap: that batch is lost on its way
            again = ((ring + fate) % sizes.rings,) if fate in (8, 9, 10) else ()
            sent.append(Sent(client, following[client], counts[size], (ring, *again), late))
            following[client] += 1
        return sent

    return st.lists(one, min_size=sizes.batches_least, max_size=sizes.batches).map(numbered)


def in_order_of_arrival(sent: list[Sent]) -> list[tuple[int, Sent]]:
    """Return (ring, batch) of everything sent, each at most as late as it is said to be; copies come after it."""
    timed = []
    for place, batch in enumerate(sent):
        for copy, ring in enumerate(batch.rings):
            timed.append((place + batch.late + 2 * copy, place, copy, ring, batch))
    timed.sort(key=lambda each: each[:3])
    return [(ring, batch) for _, _, _, ring, batch in timed]


SETTINGS = ("scanners", "receivers", "acknowledgers", "subscribers", "restarted", "delegations", "clients")
"""Who takes part beside the scanners, plainest first.

scanners        nobody: the batches are in the rings when the run begins, as after a restart
receivers       receivers write the batches; each ring has a slot for every one of its batches
acknowledgers   receivers, and acknowledgers who tell clients what they may forget
subscribers     receivers, and subscribers who free slots: rings wrap
restarted       the rings hold what was there before a restart; receivers add to it; subscribers and acknowledgers
delegations     receivers, delegations between them and the scanners, subscribers
clients         clients send, wait for acknowledgements, and perhaps stop and begin again
"""


@st.composite
def workloads(
    draw: st.DrawFn,
    sizes: Sizes = DEFAULT,
    settings: Sequence[str] = SETTINGS,
    counts: tuple[int, ...] = _COUNTS,
) -> Scenario:
    """Draw a scenario, in one of the settings, in which a sound design keeps all its promises."""
    setting = settings[draw(st.integers(0, len(settings) - 1))] if len(settings) > 1 else settings[0]
    sent, slots = draw(sendings(sizes, counts)), draw(st.integers(*sizes.slots))
    if setting == "clients":
        return _of_clients(sent, slots, restarts=draw(st.booleans()))
    rings = _rings(sent)
    most = max(map(len, rings))
    match setting:
        case "scanners":
            return Scenario(rings=rings, slots=max(slots, most), written=True)
        case "receivers":
            return Scenario(rings=rings, slots=max(slots, most))
        case "acknowledgers":
            return Scenario(rings=rings, slots=max(slots, most), acknowledgers=True)
    slots = roomy(rings, slots)
    if setting == "restarted":
        written, later = tuple(ring[:slots] for ring in rings), tuple(ring[slots:] for ring in rings)
        return Scenario(rings=written, later=later, slots=slots, written=True, subscribers=True, acknowledgers=True)
    return Scenario(rings=rings, slots=slots, subscribers=True, delegated=setting == "delegations")


def _rings(sent: list[Sent]) -> tuple[tuple[Arriving, ...], ...]:
    count = 1 + max((ring for batch in sent for ring in batch.rings), default=0)
    rings: list[list[Arriving]] = [[] for _ in range(count)]
    for ring, batch in in_order_of_arrival(sent):
        rings[ring].append(Arriving(batch.client, batch.seq, batch.count))
    return tuple(map(tuple, rings))


def _of_clients(sent: list[Sent], slots: int, *, restarts: bool) -> Scenario:
    """Return a scenario in which these batches are what clients have to send; nothing is lost, and nothing is late."""
    plans: dict[int, list[Sending]] = defaultdict(list)
    for batch in sent[:_SENT_MOST]:
        plan = plans[batch.client]
        plan.append(Sending(batch.rings[0], len(plan), batch.count))
    count = 1 + max((each.ring for plan in plans.values() for each in plan), default=0)
    by_client = tuple(tuple(plans[client]) for client in sorted(plans)) or ((Sending(0, 0, 1),),)
    return Scenario(plans=by_client, ring_count=count, slots=slots, subscribers=True, restarts=restarts)


def has_room(scenario: Scenario, level: int) -> bool:
    """Say whether every batch of a scenario finds a slot in the end, with a design that keeps its promises."""
    rings = tuple(tuple(ring) for ring in scenario.rings)
    if scenario.written:
        if any(len(ring) > scenario.slots for ring in rings):
            return False
        rings = tuple((*ring, *more) for ring, more in zip_longest(rings, scenario.later, fillvalue=()))
    if not scenario.subscribers:
        return all(len(ring) <= scenario.slots for ring in rings)
    return level == 5 or _all_come(rings, scenario.slots)


def roomy(rings: Sequence[Sequence[Arriving]], slots: int) -> int:
    """Return the least number of slots, not below this one, with which parked batches keep no ring full for ever.

    Slots are used again in ring order, each once its batch is ordered or dropped: that is when all predecessors have
    come to some ring. What comes first makes no difference to what has come in the end.
    """
    while not _all_come(rings, slots):
        slots += 1
    return slots


def _all_come(rings: Sequence[Sequence[Arriving]], slots: int) -> bool:
    come = [0] * len(rings)
    ended: dict[int, int] = defaultdict(int)  # client -> the seq below which its batches are ordered
    here: set[tuple[int, int]] = set()
    while True:
        before = (tuple(come), dict(ended))
        for ring, batches in enumerate(rings):
            while come[ring] < len(batches):
                waiting = (at for at in range(come[ring]) if batches[at].seq >= ended[batches[at].client])
                if come[ring] - next(waiting, come[ring]) >= slots:
                    break
                batch = batches[come[ring]]
                here.add((batch.client, batch.seq))
                come[ring] += 1
                while (batch.client, ended[batch.client]) in here:
                    ended[batch.client] += 1
        if (tuple(come), dict(ended)) == before:
            return all(count == len(batches) for count, batches in zip(come, rings, strict=True))


def schedules(picks: int = 40) -> st.SearchStrategy[Picks]:
    """Return picks, at most so many: after so many plain steps, this choice among the others.

    Drawn as bytes, one a pick, so that a whole schedule is drawn at once; those that choose nothing are left out.
    """
    return st.binary(min_size=min(8, picks), max_size=picks).map(picks_of)


_PLAIN_COUNTS = (0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 4, 6, 10)  # so that threads meet in the middle of something


def picks_of(drawn: bytes) -> Picks:
    """Return what bytes stand for: the upper half of one says how many plain steps, the lower which choice."""
    picks, plain_count = [], 0
    for byte in drawn:
        plain_count += _PLAIN_COUNTS[byte >> 4]
        if byte & 15:
            picks.append((plain_count, (byte & 15) - 1))
            plain_count = 0
    return tuple(picks)


def examples(
    sizes: Sizes = DEFAULT,
    settings: Sequence[str] = SETTINGS,
    picks: int = 40,
    designs: Sequence[str] = DESIGN_NAMES,
) -> st.SearchStrategy[JointExample]:
    """Return workloads and schedules together; of four workloads one is a named scenario of the corpus.

    Named ones are those that all of the `designs` can run: workers are not stopped.
    """
    drawn = workloads(sizes, settings)
    return st.builds(JointExample, st.one_of(drawn, drawn, drawn, named_scenarios(designs)), schedules(picks))


def drawn_scenarios(count: int, level: int, seed: int) -> list[Scenario]:
    """Return so many different scenarios of those that `compare` draws; the same for the same seed.

    They are explored run by run, so batches are of one or two messages and there are at most four of them.
    """
    found: list[Scenario] = []

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=4 * count,
        database=None,
        deadline=None,
        phases=(hypothesis.Phase.generate,),
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(scenario=workloads(EXPLORED, counts=(1, 2)))
    def collect(scenario: Scenario) -> None:
        if scenario not in found and scenario != Scenario() and has_room(scenario, level):
            found.append(scenario)

    collect()
    return found[:count]
