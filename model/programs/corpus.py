"""The corpus: small scenarios by name, each of them one that some kind of bug needs to show.

`check`, `explore`, `mutants`, `compare` and the tests run designs on these. A kind of bug that nothing here shows wants
a scenario of its own in this file, with the sentence that says which kind it is.

Batches are written (client, seq) below, one row a ring, in ring order. Where receivers would only multiply the runs,
the batches are in the rings when the run begins.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from fencepost.model.errors import InputError, unknown_choice
from fencepost.model.programs.pipeline import Design, Scenario, check_roles
from fencepost.model.programs.roles.client import Sending
from fencepost.model.programs.roles.receiver import Arriving

COUNT_MOST = 2**15 - 1
"""The most messages of a batch: what the packed words of the stepped build hold."""


@dataclass(frozen=True)
class Named:
    """One scenario of the corpus; `needed_by` says which kind of bug does not show without it.

    weight       how many times the usual number of runs it is worth: more bugs show in it than in others
    with_fields  whether it is also one for designs whose headers have their fields as words of their own
    """

    name: str
    needed_by: str
    scenario: Scenario
    weight: int = 1
    with_fields: bool = False


def weight_of(name: str) -> int:
    """Return how many times the usual number of runs a scenario is worth; one that is not of the corpus, 1."""
    return CORPUS[name].weight if name in CORPUS else 1


def corpus_for(design: Design) -> tuple[Named, ...]:
    """Return the corpus as a design can run it: with the roles that it needs, without what it has not."""
    fitting = (replace(each, scenario=fitted(each.scenario, design)) for each in CORPUS.values())
    return tuple(each for each in fitting if runs_on(design, each.scenario))


def named(name: str, design: Design) -> Named:
    """Return one scenario as a design can run it. Raises InputError for an unknown name, and where it cannot."""
    if name not in CORPUS:
        raise unknown_choice("scenario", name, CORPUS)
    found = replace(CORPUS[name], scenario=fitted(CORPUS[name].scenario, design))
    check_roles(design, found.scenario)
    return found


def fitted(scenario: Scenario, design: Design) -> Scenario:
    """Return a scenario with the delegations that a design does not work without."""
    return replace(scenario, delegated=True) if "delegations" in design.needs else scenario


def runs_on(design: Design, scenario: Scenario) -> bool:
    """Say whether a design has the roles of a scenario, and the scenario those that it needs."""
    try:
        check_roles(design, scenario)
    except InputError:
        return False
    return True


def _rings(*rings: tuple[tuple[int, int], ...], count: int = 1) -> tuple[tuple[Arriving, ...], ...]:
    return tuple(tuple(Arriving(client, seq, count) for client, seq in ring) for ring in rings)


def _there(*rings: tuple[tuple[int, int], ...], slots: int = 2, count: int = 1) -> Scenario:
    """Return the scenario in which these batches are in their rings when the run begins."""
    given = _rings(*rings, count=count)
    return Scenario(rings=given, slots=slots, written=True, subscribers=True, acknowledgers=True)


def _received(*rings: tuple[tuple[int, int], ...], slots: int = 2, delegated: bool = False) -> Scenario:
    """Return the scenario in which receivers write these batches as slots become free."""
    given = _rings(*rings)
    return Scenario(rings=given, slots=slots, subscribers=True, acknowledgers=True, delegated=delegated)


def _sent(*plans: tuple[tuple[int, int], ...], rings: int = 2, slots: int = 1, restarts: bool = False) -> Scenario:
    """Return the scenario in which each client sends (ring, seq) in this order, and waits for acknowledgements."""
    sendings = tuple(tuple(Sending(ring, seq, 1) for ring, seq in plan) for plan in plans)
    return Scenario(plans=sendings, ring_count=rings, slots=slots, subscribers=True, restarts=restarts)


_ALL = (
    Named(
        "one-slot",
        "every lap is a wrap: what is read, freed or offered a lap too early or too late",
        Scenario(
            rings=((Arriving(0, 0, 1), Arriving(0, 1, 1)), (Arriving(1, 0, 2),)),
            slots=1,
            subscribers=True,
            acknowledgers=True,
        ),
        weight=3,
    ),
    Named(
        "wrap-parked",
        "a parked batch keeps its slot while the ring goes round behind it: frontiers that count what they must search",
        _received(((0, 1), (0, 0), (0, 2))),
    ),
    Named(
        "wrap-distance",
        "two laps of two slots, consumed out of order: distances and indexes that are right only on one slot",
        _received(((0, 1), (0, 0), (0, 2), (0, 3))),
    ),
    Named(
        "parked-second-lap",
        "a batch is parked where another was consumed a lap before, and the ring would go on behind it: what remembers "
        "a slot and not the lap",
        replace(_there(((0, 0), (0, 1))), later=_rings(((0, 3), (0, 2), (0, 4)))),
    ),
    Named(
        "copy-of-parked",
        "a second copy of a parked batch in its own ring: a table of parked batches that holds one slot for each seq",
        _there(((0, 1), (0, 1), (0, 0)), slots=3),
    ),
    Named(
        "copy-of-parked-elsewhere",
        "a second copy of a parked batch in another ring: one of the two is ordered, the other must give its slot back",
        _there(((0, 1),), ((0, 1), (0, 0))),
    ),
    Named(
        "parked-ascending",
        "two batches of one client parked at once, the earlier first: a release that stops after one",
        _there(((0, 1), (0, 2)), ((0, 0),)),
    ),
    Named(
        "parked-descending",
        "two batches of one client parked at once, the later first: parked batches taken in ring order",
        _there(((0, 2), (0, 1)), ((0, 0),)),
    ),
    Named(
        "parked-of-two-clients",
        "two clients parked in one ring: a release that moves the parked batches of one client and forgets the other's",
        _there(((0, 1), (1, 1)), ((1, 0), (0, 0))),
    ),
    Named(
        "ordered-elsewhere",
        "a parked batch is ordered from another ring before it is looked at again: a re-check that expects itself next",
        _there(((0, 1),), ((0, 0), (0, 1))),
    ),
    Named(
        "late-first",
        "a client's first batch comes after its second: a first expectation taken from what is seen first",
        _there(((0, 1), (1, 0)), ((0, 0),)),
    ),
    Named(
        "delegated-tail",
        "a delegation counts what is filled and no batch follows: a tail that is told only with the next batch",
        _received(((0, 0), (0, 1), (0, 2)), delegated=True),
    ),
    Named(
        "delegated-wrap",
        "a delegation counts over the end of the ring: a count that is compared within one lap",
        _received(((0, 0), (0, 1)), slots=1, delegated=True),
    ),
    Named(
        "copy-before-ack",
        "a client sends a batch again, to another ring, before it is acknowledged: a copy that is acknowledged or "
        "delivered as itself",
        _sent(((0, 0), (1, 0), (1, 1))),
    ),
    Named(
        "client-restarts",
        "a client begins again and sends everything to other rings, before or after its acknowledgements: an "
        "acknowledgement that passes a dropped copy",
        _sent(((0, 0), (1, 1)), restarts=True),
    ),
    Named(
        "scanners-restart",
        "the rings are full when the scanners begin, and receivers add to them: what is kept in a scanner and is in no "
        "memory",
        Scenario(
            rings=_rings(((0, 1), (1, 0)), ((0, 0),)),
            later=_rings(((0, 2),), ()),
            slots=2,
            written=True,
            subscribers=True,
            acknowledgers=True,
        ),
    ),
    Named(
        "scanner-stopped",
        "a scanner is stopped with a parked batch set aside, and another goes on in its place: what was in its hands "
        "and is in no memory, and what it does twice",
        replace(_there(((0, 1), (0, 2)), ((0, 0),)), stops=True),
    ),
    Named(
        "stopped-on-the-way",
        "a scanner is stopped while batches arrive and slots are used again: what the next one takes for unread, or "
        "for read",
        replace(_received(((0, 0), (0, 1)), slots=1), stops=True),
    ),
    Named(
        "waits-time-out",
        "each wait of a scanner may end without an answer, those for a slot and those for a client's earlier batch: a "
        "time-out that is taken for one",
        replace(_there(((0, 0),), ((0, 1), (0, 0))), timeouts=1),
        weight=3,
    ),
    Named(
        "slot-times-out",
        "a slot is waited for twice as long as a wait takes: a time-out that is taken for a batch, or the slot for "
        "given up",
        replace(_received(((0, 0), (0, 1))), timeouts=2),
    ),
    Named(
        "broker-joins",
        "a broker joins while another's batches are ordered, in a ring that holds what one that is gone left in it: "
        "whatever is read there before it is wiped",
        replace(_received(((0, 0),), ((0, 1),)), late_rings=1),
    ),
    Named(
        "connections-hole",
        "two connections fill one ring, and the later slot may be published first: a slot that is claimed twice, or "
        "passed while its producer still writes",
        replace(_received(((0, 0), (0, 1))), connections=2),
        weight=2,
    ),
    Named(
        "connections-lap",
        "two connections claim the same slot, a lap apart: each must wait for its own turn there, and a guard without "
        "the lap says full for both",
        replace(_received(((0, 0), (1, 0)), slots=1), connections=2),
    ),
    Named(
        "connections-later",
        "connections begin where the ring is in use: slots that were consumed, and counts that begin anew",
        Scenario(
            rings=_rings(((0, 0),)),
            later=_rings(((1, 0), (0, 1))),
            slots=2,
            written=True,
            subscribers=True,
            connections=2,
        ),
    ),
    Named(
        "slow-subscriber",
        "three laps of one slot: a slot, a chain entry or a payload that is written before its last reader has passed",
        _received(((0, 0), (1, 0), (0, 1)), slots=1),
    ),
    Named(
        "readers-order",
        "two readers by position, and a batch that is exported before the one in front of it: whatever takes the last "
        "published position for the end of what is published",
        Scenario(rings=(*_rings(((0, 0),), count=2), *_rings(((1, 0),))), slots=2, written=True, readers=2),
    ),
    Named(
        "readers-lap",
        "the log outlives the slots that it was copied from: a slot that is given back before it was copied",
        Scenario(rings=_rings(((0, 0), (0, 1)), count=2), slots=1, readers=1),
    ),
    Named(
        "largest-count",
        "a batch of the most messages before one of one: an offset, a count or a sum that wraps or loses its sign",
        Scenario(
            rings=((Arriving(0, 0, COUNT_MOST), Arriving(0, 1, 1)), (Arriving(1, 0, COUNT_MOST),)),
            slots=2,
            written=True,
            subscribers=True,
            acknowledgers=True,
        ),
    ),
    Named(
        "past-32-bits",
        "batches of 2^31 messages, and positions past 2^32: an offset, a count or a sum that is kept in 32 bits, or "
        "has a sign there",
        _there(((0, 0), (0, 1), (0, 2)), slots=3, count=2**31),
        with_fields=True,
    ),
    Named(
        "first-header",
        "a batch on its way into a slot that held nothing, of no client that zeros could stand for: a header whose "
        "guard can be seen before a field that it vouches for",
        Scenario(rings=(_rings(((1, 0),), count=2)), slots=1, subscribers=True),
        with_fields=True,
    ),
    Named(
        "batch-without-messages",
        "a batch without messages before one with: whatever takes it for a batch, or its slot for used",
        Scenario(
            rings=((Arriving(0, 0, 0), Arriving(1, 0, 1), Arriving(1, 1, 0), Arriving(1, 1, 1)),),
            slots=2,
            subscribers=True,
        ),
    ),
    Named(
        "clients-in-one-shard",
        "clients that share a shard or a worker, and one that does not: a word of the shard taken for the client's",
        _there(((0, 0), (2, 1)), ((2, 0), (3, 0))),
    ),
    Named(
        "clients-in-two-shards",
        "two clients of different shards at once: what is everybody's, changed under the lock of some",
        _there(((0, 0),), ((3, 0),)),
    ),
    Named(
        "clients-that-collide",
        "ids that are equal modulo every power of two up to 128, and modulo 240: a table without the client's id in it",
        _there(((0, 0), (128, 1)), ((128, 0), (240, 0))),
    ),
    Named(
        "empty-ring",
        "a ring to which nothing comes, ever: whatever waits for each ring in turn",
        _received(((0, 1), (0, 0)), ()),
    ),
    Named(
        "uneven-rings",
        "three batches on one ring and one on the other, and those wait for it: work divided by rings, not by batches",
        _there(((0, 0), (0, 2), (0, 3)), ((0, 1),), slots=3),
    ),
)

CORPUS: dict[str, Named] = {each.name: each for each in _ALL}
