"""The contract: what a total-order sequencer promises, by name.

This page is the one place where a property is defined in words. Specs state the same names as
invariants, the history checker as a search for a witness; neither is derived from the other.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from fencepost.model.errors import InputError, expected_of, unknown_choice

Level = Literal[4, 5]
LEVELS: tuple[Level, ...] = (4, 5)


class Verdict(StrEnum):
    """How far a statement has been settled. Only the first three are passes; each is said with its bound.

    >>> fencepost.Verdict("not found").passes, fencepost.Verdict.UNKNOWN.passes
    (True, False)
    """

    PROVED = "proved"  # any size, by induction
    EXHAUSTED = "exhausted"  # all runs within a stated bound
    NOT_FOUND = "not found"  # no violation in n runs
    VIOLATED = "violated"  # with a trace that can be replayed
    UNKNOWN = "unknown"  # with the reason; never a pass

    @property
    def passes(self) -> bool:
        return self in (Verdict.PROVED, Verdict.EXHAUSTED, Verdict.NOT_FOUND)


def worst(verdicts: list[Verdict]) -> Verdict:
    """Return the verdict that decides for all of them: violated, then unknown, then the weakest pass.

    Nothing asked is nothing shown: of no verdicts the worst is `unknown`.
    """
    order = (Verdict.VIOLATED, Verdict.UNKNOWN, Verdict.NOT_FOUND, Verdict.EXHAUSTED, Verdict.PROVED)
    return next((verdict for verdict in order if verdict in verdicts), Verdict.UNKNOWN)


@dataclass(frozen=True)
class Property:
    """One promise of the contract and the levels that make it."""

    name: str
    promise: str
    levels: tuple[Level, ...]


CONTRACT: tuple[Property, ...] = (
    Property("unique", "no position belongs to two messages", (4, 5)),
    Property("dense", "every position below issued belongs to a batch, or to one in flight", (4, 5)),
    Property("contiguous", "a batch's messages take consecutive positions in message order", (4, 5)),
    Property("ring-order", "two batches of one ring are ordered in ring order", (5,)),
    Property("client-order", "of one client, all positions of batch i come before all of batch j > i", (4,)),
    Property("prefix", "the ordered batches of a client are exactly 0..m", (4,)),
    Property("once", "a (client, batch_seq) is ordered at most once, however often it was sent", (4,)),
    Property("agreement", "two readers never disagree on whose message is at a position", (4, 5)),
    Property("frontier", "every batch below the committed frontier is published", (4, 5)),
    Property("real-time", "a batch acked before another was sent is ordered before it, each by its first copy", (4, 5)),
    Property("visible", "who sees a batch as ordered sees its whole range and payload", (4, 5)),
    Property("ack-safe", "an acked batch is ordered and deliverable", (4, 5)),
    Property("monotone", "every published frontier only grows", (4, 5)),
    Property("no-overwrite", "a slot is reused only after all its readers consumed its batch", (4, 5)),
    Property("single-writer", "between two hand-overs a line is written by one host", (4, 5)),
    Property("drained", "when senders stop, whatever can be ordered is ordered, exported and acked", (4, 5)),
    Property("wait-free", "a scanner orders a readable batch in a bounded number of its own steps", (5,)),
)

PROPERTIES: dict[str, Property] = {each.name: each for each in CONTRACT}


def promised(level: Level) -> tuple[str, ...]:
    """Return the names of the properties that `level` promises, in contract order."""
    return tuple(each.name for each in CONTRACT if level in each.levels)


UNCOUNTED = "the steps of a scanner are not counted"
"""Why nothing shows `wait-free`."""


def unknown_property(name: object, choices: Iterable[object]) -> InputError:
    """Return the error for a property that nothing asked is of: one of another level, or none of the contract."""
    found = PROPERTIES.get(str(name))
    if found is None:
        return unknown_choice("property", name, choices)
    levels = f"level{'s' * (len(found.levels) > 1)} {' and '.join(map(str, found.levels))}"
    why = f" ({UNCOUNTED})" if found.name == "wait-free" else ""
    known = expected_of("", [str(choice) for choice in choices])
    return InputError(f"{name} is promised at {levels}, and nothing that was asked shows it{why}: {known}")
