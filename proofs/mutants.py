"""Weakened specs: the sound protocols with one requirement less, and some obligation must fail.

Every requirement of every action is left out in turn. A weakened spec that is still proved would mean that
the requirement, or what is claimed of the protocol, says nothing; where that is as it should be,
`EQUIVALENT` says why.

Z3 mostly gives up on an obligation that fails, rather than decide it. So what is caught is confirmed in a small
instance: a state that keeps to all that is claimed, and one step of the weakened action that breaks one claim.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

from fencepost.model.errors import InputError, Interrupted
from fencepost.model.instance import Instance
from fencepost.model.language import Protocol, Transition
from fencepost.model.specs import SOUND
from fencepost.proofs.cti import CounterexampleToInduction, counterexample_to_induction, weakened
from fencepost.proofs.induction import Induction, candidates_of, induct, kept_by, statements
from fencepost.proofs.solving import Solving

_HAND_STAYS = "the batch in hand is no part of what this action forgets or drops"
_PARKED_TOO_MUCH = "a batch that could have been ordered is parked, and looked at again later"
_DROPPED_TWICE = "what is dropped was ordered before, whether it is parked or not"
_NOT_YET = "a row that is published before it exists is in no reader's reach"
_EPOCH_OPEN = "the plan's range is reserved; what is collected or dropped meanwhile is not in it"

# Protocol, action, the requirement left out -> why all that is promised still holds without it.
EQUIVALENT: dict[tuple[str, str, str], str] = {
    ("order5.epoch", "publish", "row < length"): _NOT_YET,
    ("order5.epoch", "reserve", "cursor[ring] < collected_to[ring]"): "an empty epoch reserves nothing",
    ("order5.epoch", "finish", "assigning[ring]"): "an epoch without batches is finished twice",
    ("order4.mutex", "restart", "stage[ring] == 0"): _HAND_STAYS,
    ("order4.mutex", "lock", "stage[ring] == 0"): "an ordered batch is never published; others are not touched",
    (
        "order4.mutex",
        "park",
        "next_seq[slot_client[ring, in_hand[ring]]] < slot_seq[ring, in_hand[ring]]",
    ): _PARKED_TOO_MUCH,
    ("order4.sharded_mutex", "restart", "stage[ring] == 0"): _HAND_STAYS,
    (
        "order4.sharded_mutex",
        "park",
        "next_seq[slot_client[ring, in_hand[ring]]] < slot_seq[ring, in_hand[ring]]",
    ): _PARKED_TOO_MUCH,
    ("order4.claim", "restart", "stage[ring] == 0"): _HAND_STAYS,
    ("order4.claim", "park", "stage[ring] == 0"): _HAND_STAYS,
    (
        "order4.claim",
        "park",
        "(next_seq[slot_client[ring, cursor[ring]]] < slot_seq[ring, cursor[ring]])"
        " or busy[slot_client[ring, cursor[ring]]]",
    ): _PARKED_TOO_MUCH,
    ("order4.claim", "drop", "stage[ring] == 0"): _HAND_STAYS,
    ("order4.owner", "restart", "stage[ring] == 0"): _HAND_STAYS,
    (
        "order4.owner",
        "hand_over",
        "assigned[slot_client[ring, cursor[ring]]]",
    ): "it waits until its client has an owner",
    ("order4.owner", "drop", "stage[owner] == 0"): _HAND_STAYS,
    ("order4.owner", "drop", "parked_in[ring, index] == life[ring]"): _DROPPED_TWICE,
    ("order4.owner", "drop", "owner[slot_client[ring, index]] == owner"): "anyone may drop what was ordered",
    ("order4.owner", "publish", "row < length"): _NOT_YET,
    ("order4.epoch", "collect", "not assigning"): _EPOCH_OPEN,
    ("order4.epoch", "drop", "not assigning"): _EPOCH_OPEN,
    ("order4.epoch", "drop", "parked_in[ring, index] == life[ring]"): _DROPPED_TWICE,
    ("order4.epoch", "reserve", "1 <= planned"): "an empty epoch reserves nothing",
    ("order4.epoch", "finish", "assigning"): "an epoch without batches is finished twice",
    ("order4.epoch", "publish", "row < length"): _NOT_YET,
}


@dataclass(frozen=True)
class Mutant:
    """A protocol with one requirement of one action left out: a weakened spec.

    `killed_by` is the statement that then fails, and `cti` the small step that breaks it: the confirmation. Where Z3
    gave up on an obligation, `unknown`, and no small step breaks any statement, nothing is known.
    """

    protocol: str
    action: str
    requirement: str
    killed_by: str | None
    seconds: float
    cti: CounterexampleToInduction | None = None
    unknown: str = ""

    @property
    def outcome(self) -> str:
        """In a word: caught; equivalent, where it is known why it may survive; else unknown, or redundant."""
        if self.killed_by is not None:
            return "caught"
        return "equivalent" if self.equivalent is not None else "unknown" if self.unknown else "redundant"

    @property
    def equivalent(self) -> str | None:
        """Why it may survive, where it may."""
        return EQUIVALENT.get((self.protocol, self.action, self.requirement))

    @property
    def name(self) -> str:
        return f"{self.protocol}: {self.action} without require({self.requirement})"


def mutants(protocols: tuple[type[Protocol], ...] = SOUND) -> list[Mutant]:
    """Return every mutant with what became of it.

    Raises InputError for a protocol that is not proved, as what already fails notices nothing, and Interrupted with
    those so far.
    """
    made: list[Mutant] = []
    try:
        for mutant in _each(protocols):
            made.append(mutant)  # one by one: an interrupt may come between two
    except KeyboardInterrupt:
        raise Interrupted(made) from None
    return made


def _each(protocols: tuple[type[Protocol], ...]) -> Iterator[Mutant]:
    for protocol in protocols:
        if protocol not in SOUND and (unproved := protocol.promises.keys() - induct(protocol).proved):
            raise InputError(
                f"{protocol.name} is not proved ({', '.join(sorted(unproved))}): prove it, then its mutants"
            )
        for transition in protocol.actions.values():
            for index, guard in enumerate(transition.guards):
                began = time.perf_counter()
                found = _judged(protocol, transition, index, str(guard))
                yield replace(found, seconds=time.perf_counter() - began)


def _judged(protocol: type[Protocol], transition: Transition, index: int, requirement: str) -> Mutant:
    """Return what becomes of a protocol without one requirement; the other actions are as they were."""
    named = partial(Mutant, protocol.name, transition.name, requirement, seconds=0.0)
    result = Induction(Solving(attempts=1))
    failed = kept_by(protocol, weakened(transition, index), candidates_of(protocol), result, until_first=True)
    if not failed:
        return named(None)
    (first, obligation), *_ = failed.items()
    known = statements(protocol)
    for name in (first, *(each for each in known if each != first)):
        if name in known and (found := _step_that_breaks(protocol, transition.name, index, name)) is not None:
            return named(name, cti=found)
    return named(first) if obligation.answer == "sat" else named(None, unknown=first)


def _step_that_breaks(protocol: type[Protocol], action: str, index: int, name: str) -> CounterexampleToInduction | None:
    """Return a step in a small instance that breaks a statement, from a state that keeps to all of them."""
    known, bounds = statements(protocol), Instance().of(protocol)
    return counterexample_to_induction(protocol, list(known.values()), known[name], action, bounds, without=index)
