"""The history checker: does what was recorded keep the contract?

It knows the contract in words and the rows of a history, and shares nothing with any sequencer or
spec. Every check is a search for a witness, in bulk and in O(n log n); `CHECKS` names them all. What
a history cannot show is said, with the reason, instead of passed.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from fencepost.model.contract import LEVELS, PROPERTIES, Level, Verdict, promised, worst
from fencepost.model.errors import InputError, unknown_choice
from fencepost.model.histories.checks import CHECKS
from fencepost.model.histories.real_time import FirstCopies
from fencepost.model.histories.records import History, OrderedBatch

# Why no history of ordered batches can show a property, whatever its rows.
BEYOND_A_HISTORY: dict[str, str] = {
    "contiguous": "a row holds the range of a batch, not the position of each message",
    "agreement": "a row says what was ordered, not what two readers were given",
    "frontier": "no row records how far readers were let",
    "visible": "a row says what was ordered, not what another host read",
    "ack-safe": "a row says when a batch was acked, not when it became deliverable",
    "monotone": "no row records a published frontier",
    "no-overwrite": "no row records the reuse of a slot",
    "single-writer": "no row records who wrote a line",
    "drained": "a history lists what was ordered, not what arrived",
    "wait-free": "no row records the steps of a scanner",
}


@dataclass(frozen=True)
class Witness:
    """The rows that break a property, in the order of the sentence that says how."""

    rows: tuple[int, ...]  # data rows of the history, from 1
    batches: tuple[OrderedBatch, ...]
    sentence: str


@dataclass(frozen=True)
class Finding:
    """What a history shows of one property: `not found` with its bound, or `violated` with a witness.

    `count` says how many violations there are, counted as the property's check says; 0 if not found.
    """

    property: str
    verdict: Verdict
    bound: str
    count: int
    witness: Witness | None


@dataclass(frozen=True)
class NotExpressible:
    """A promise that this history can neither keep nor break, and why."""

    property: str
    reason: str


@dataclass(frozen=True)
class Verification:
    """What a history shows of the promises of a level, in contract order.

    `findings` and `not_expressible` together are all that was asked, each property in one of them.
    """

    level: Level
    findings: tuple[Finding, ...]
    not_expressible: tuple[NotExpressible, ...]

    @property
    def verdict(self) -> Verdict:
        """The worst of the findings: a history passes by what it shows."""
        return worst([finding.verdict for finding in self.findings])

    def __getitem__(self, name: str) -> Finding:
        """Return the finding of the property `name`; KeyError where there is none."""
        return {finding.property: finding for finding in self.findings}[name]


def verify(history: History, level: Level, *, properties: Iterable[str] | None = None) -> Verification:
    """Check the rows of a drained run against what `level` promises, or against `properties` of it alone.

    Rows may come in any order. A property that these rows cannot express is listed apart; asked for
    by name it is an InputError, as are a property that the level does not promise and a history
    without batches.
    """
    if level not in LEVELS:
        raise unknown_choice("level", level, LEVELS)
    if not len(history):
        raise InputError("the history has no batches: nothing can be verified")
    reasons = {name: reason for name in promised(level) if (reason := _why_not(name, history))}
    asked = promised(level) if properties is None else _asked(level, properties, reasons)
    return Verification(
        level=level,
        findings=tuple(_find(name, history) for name in asked if name not in reasons),
        not_expressible=tuple(NotExpressible(name, reasons[name]) for name in asked if name in reasons),
    )


def _asked(level: Level, properties: Iterable[str], reasons: dict[str, str]) -> tuple[str, ...]:
    names = set([properties] if isinstance(properties, str) else properties)
    choices = [name for name in promised(level) if name not in reasons]
    for name in sorted(names):
        if name not in PROPERTIES:
            raise unknown_choice("property", name, choices)
        expected = f"expected one of {', '.join(choices)}"
        if name not in promised(level):
            raise InputError(f"level {level} does not promise {name}: {expected}")
        if name in reasons:
            raise InputError(f"this history cannot express {name} ({reasons[name]}): {expected}")
    if not names:
        raise InputError(f"no property asked for: expected some of {', '.join(choices)}")
    return tuple(name for name in choices if name in names)


def _why_not(name: str, history: History) -> str | None:
    if name != "real-time":
        return BEYOND_A_HISTORY.get(name)
    if not (history.sent_ns >= 0).any():
        return "no row records sent_ns"
    if not (history.acked_ns >= 0).any():
        return "no row records acked_ns"
    if not FirstCopies.of(history).sent_after_an_ack_count():
        return "no batch was acked before another was sent"
    return None


def _find(name: str, history: History) -> Finding:
    violation = CHECKS[name](history)
    bound = _bound(name, history)
    if violation is None:
        return Finding(name, Verdict.NOT_FOUND, bound, 0, None)
    rows = violation.indexes
    witness = Witness(tuple(row + 1 for row in rows), tuple(history[row] for row in rows), violation.sentence)
    return Finding(name, Verdict.VIOLATED, bound, violation.count, witness)


def _bound(name: str, history: History) -> str:
    bound = f"1 run, {_counted(len(history), 'batch', 'batches')}"
    if name == "real-time":
        bound += f", {FirstCopies.of(history).sent_after_an_ack_count()} sent after another was acked"
    return bound


def _counted(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"
