"""Mutants of the sound protocols: one requirement less, and some obligation must fail.

Every requirement of every action is left out in turn. A mutant that is still proved would mean that
the requirement, or what is claimed of the protocol, says nothing; where that is as it should be,
`EQUIVALENT` says why.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

from fencepost.model.errors import InputError, Interrupted
from fencepost.model.language import Protocol, Transition
from fencepost.model.specs import SOUND
from fencepost.proofs.induction import Induction, Obligation, candidates_of, induct, kept_by
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
    """A protocol with one requirement of one action left out; `killed_by` is an obligation that then fails."""

    protocol: str
    action: str
    requirement: str
    killed_by: Obligation | None
    seconds: float

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
                rest = (*transition.guards[:index], *transition.guards[index + 1 :])
                failed = _first_failure(protocol, replace(transition, guards=rest))
                yield Mutant(protocol.name, transition.name, str(guard), failed, time.perf_counter() - began)


def _first_failure(protocol: type[Protocol], mutated: Transition) -> Obligation | None:
    """Return the first obligation of the changed action that fails; the other actions are as they were."""
    candidates = candidates_of(protocol)
    failed = kept_by(protocol, mutated, candidates, Induction(Solving(attempts=1)), until_first=True)
    return next(iter(failed.values()), None)
