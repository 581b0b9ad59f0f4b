"""The history checker: does what was recorded keep what its log promises?

It knows the contract in words and the rows of a history, and shares nothing with any sequencer or
spec. Every check is a search for a witness, in bulk and in O(n log n); `CHECKS` names them all. What
a history cannot show is said, with the reason, instead of passed.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from fencepost.model.contract import Level, Verdict, promised, worst
from fencepost.model.errors import InputError
from fencepost.model.histories.checks.beside import Beside, Culprits
from fencepost.model.histories.checks.reader_checks import check_agreement, check_reading
from fencepost.model.histories.checks.real_time import FirstCopies
from fencepost.model.histories.checks.searches import CHECKS, Violation
from fencepost.model.histories.checks.sent_checks import check_drained, check_invented, check_lost
from fencepost.model.histories.log import Log, Part, each_log, numbered, with_epochs, with_identities
from fencepost.model.histories.passes.certifier import Certifier
from fencepost.model.histories.passes.one_pass import Culprit, worst_of
from fencepost.model.histories.records import NEVER, History, OrderedBatch
from fencepost.model.histories.rules import (
    ACKS,
    BEYOND_A_HISTORY,
    HISTORY_PROPERTIES,
    READERS,
    SENT,
    Asked,
    Rules,
    choose,
)


@dataclass(frozen=True)
class Witness:
    """The rows that break a property, in the order of the sentence that says how."""

    rows: tuple[int, ...]  # data rows of the history, or of `paths`, from 1
    batches: tuple[OrderedBatch, ...]  # none where the rows are of a file beside the log
    sentence: str
    paths: tuple[Path | None, ...] = ()  # of each row, where the file is known


@dataclass(frozen=True)
class Finding:
    """What a history shows of one property: `not found` with its bound, or `violated` with a witness.

    `count` says how many culprits there are, counted as the property's check says; 0 if not found. `worst` are the
    worst of them: data rows from 1 of the history, or of the file beside it that the property is about, and by how
    much, as `MEASURES` says. A
    property that was asked for by name and cannot be shown is unknown, with the reason as its bound.
    """

    property: str
    verdict: Verdict
    bound: str
    count: int
    witness: Witness | None
    anomaly: str = ""
    worst: tuple[Culprit, ...] = ()


MEASURES = {
    "unique": "positions shared",
    "dense": "positions without a batch",
    "ring-order": "places too late",
    "client-order": "numbers too late",
    "prefix": "numbers missing",
    "once": "times again",
    "real-time": "ns between ack and send",
    "agreement": "different batches",
    "reading": "positions on or back",
}
"""How much is wrong with a culprit, by property: what its size counts. Of the others all culprits are alike."""


@dataclass(frozen=True)
class NotExpressible:
    """A promise that this history can neither keep nor break, and why; `is_needed` where another history could."""

    property: str
    reason: str
    is_needed: bool = False


@dataclass(frozen=True)
class Verification:
    """What a history shows of what was asked, in contract order.

    `findings` and `not_expressible` together are all that was asked, each property in one of them. `level` is None
    where properties were named.
    """

    level: Level | None
    findings: tuple[Finding, ...]
    not_expressible: tuple[NotExpressible, ...]
    extra: tuple[str, ...] = ()  # columns of the file that say nothing here
    log: Log | None = None  # what was checked, where it was in memory whole
    beside: Beside | None = None  # and what with it

    @property
    def verdict(self) -> Verdict:
        """The worst of the findings: a history passes by what it shows."""
        return worst([finding.verdict for finding in self.findings])

    def __getitem__(self, name: str) -> Finding:
        """Return the finding of the property `name`; KeyError where there is none."""
        return {finding.property: finding for finding in self.findings}[name]


def verify(
    history: History | Log,
    level: Level | None = None,
    *,
    properties: Iterable[str] | None = None,
    without: Iterable[str] = (),
    rules: Rules | None = None,
    beside: Beside | None = None,
) -> Verification:
    """Check the rows of a drained run against what `level` promises, or against `properties` by name.

    Rows may come in any order. `rules` say how the log numbers; `beside` is what was sent, acknowledged
    and read. A property of a level that these rows cannot express is listed apart; one that was named is
    unknown. InputError: a name that no history can show, nothing asked, and a history without batches.
    """
    log = history if isinstance(history, Log) else Log(history)
    asked = choose(level, properties, without)
    if not len(log.history):
        raise InputError("the history has no batches: nothing can be verified")
    # A batch waits for another where all before it are promised to be there.
    rules = replace(rules or Rules(), in_order="prefix" in asked.names)
    search = _Search(log, rules, beside or Beside(), asked.names)
    reasons = {name: reason for name in asked.names if (reason := search.why_not(name))}
    findings = [search.find(name) for name in asked.names if name not in reasons]
    return replace(verification_of(asked, level, findings, reasons, log.extra), log=log, beside=beside)


def verification_of(
    asked: Asked, level: Level | None, findings: Iterable[Finding], reasons: Mapping[str, str], extra: tuple[str, ...]
) -> Verification:
    """Return what was found of what was asked, in that order; `reasons` say why a property cannot be shown."""
    found = {each.property: each for each in findings}
    if asked.by_name:
        named = [found[name] if name in found else _unknown(name, reasons[name]) for name in asked.names]
        return Verification(None, tuple(named), (), extra)
    silent = [NotExpressible(name, reasons[name], is_needed=True) for name in asked.names if name in reasons]
    beyond = promised(level) if level is not None else ()
    silent += [NotExpressible(name, BEYOND_A_HISTORY[name]) for name in beyond if name in BEYOND_A_HISTORY]
    return Verification(level, tuple(found[name] for name in asked.names if name in found), tuple(silent), extra)


def _unknown(name: str, reason: str) -> Finding:
    return Finding(name, Verdict.UNKNOWN, reason, 0, None)


def why_not(name: str, absent: Collection[str], rules: Rules, beside: Beside) -> str | None:
    """Return why a property cannot be shown without some columns or files, or None if it can."""
    for needed in HISTORY_PROPERTIES[name].needs:
        if needed in absent:
            return f"no {needed}"
        if needed in _FILES and not _is_there(needed, beside):
            return f"no file of {needed}"
    return "gaps between positions are allowed" if name == "dense" and rules.allow_gaps else None


class _Search:
    """The checks on one log, each on the parts in which its property holds."""

    def __init__(self, log: Log, rules: Rules, beside: Beside, names: tuple[str, ...]) -> None:
        self._log, self._rules, self._beside = log, rules, beside
        self._numbered = numbered(log, rules)
        self._certified = Certifier(names if log.is_plain else (), rules)
        self._certified.add(self._numbered.history.columns)

    def why_not(self, name: str) -> str | None:
        """Return why this history cannot show a property, or None if it can."""
        if reason := why_not(name, self._log.absent, self._rules, self._beside):
            return reason
        for column in ("sent_ns", "acked_ns") if name == "real-time" else ():
            if not (getattr(self._log.history, column) != NEVER).any():
                return f"no {column}"
        if name == "real-time" and not self._was_anything_sent_after_an_ack():
            return "no batch was acked before another was sent"
        return None

    def _was_anything_sent_after_an_ack(self) -> bool:
        if {"real-time", "once"} <= self._certified.held:  # without copies a row is a batch
            return not self._certified.nothing_in_real_time()
        return any(FirstCopies.of(part.history).was_anything_sent_after_an_ack() for part in self._parts("real-time"))

    def _parts(self, name: str) -> list[Part]:
        whole = self._numbered
        if name == "prefix":
            return [whole]
        if name == "once":
            return [whole, *with_identities(self._log, self._rules)]
        epochs = with_epochs(self._log, self._rules) if name == "client-order" else ()
        return list(each_log(self._log, [whole, *epochs]))

    def find(self, name: str) -> Finding:
        """Return what the rows show of a property."""
        if name in WITH_FILES:
            return found_beside(name, self._log, self._rules, self._beside)
        bound = bound_of(len(self._log.history))
        if name in self._certified.held:
            return Finding(name, Verdict.NOT_FOUND, bound, 0, None)
        found = [(part, violation) for part in self._parts(name) if (violation := CHECKS[name](part)) is not None]
        if not found:
            return Finding(name, Verdict.NOT_FOUND, bound, 0, None)
        count = sum(violation.count for _, violation in found)
        every = [
            Culprit(self._rows(part, culprit.rows), culprit.size)
            for part, violation in found
            for culprit in violation.worst
        ]
        worst = worst_of([each.size for each in every], lambda place: every[place].rows)
        return found_broken(name, bound, count, self._witness(*found[0]), worst)

    def _rows(self, part: Part, indexes: Iterable[int]) -> tuple[int, ...]:
        """Return the rows of the table, from 1, of some rows of a part."""
        whole = [int(part.indexes[index]) for index in indexes]
        return tuple(index + 1 if self._log.rows is None else int(self._log.rows[index]) for index in whole)

    def _witness(self, part: Part, violation: Violation) -> Witness:
        indexes = [int(part.indexes[index]) for index in violation.indexes]
        rows = self._rows(part, violation.indexes)
        batches = [self._log.history[index] for index in indexes]
        paths = () if self._log.path is None else (self._log.path,) * len(rows)
        return Witness(rows, tuple(batches), part.where + violation.sentence, paths)


WITH_FILES: dict[str, Callable[[Log, Rules, Beside], Culprits]] = {
    "lost": check_lost,
    "invented": check_invented,
    "drained": check_drained,
    "agreement": check_agreement,
    "reading": check_reading,
}
_COUNTED_AS = {"agreement": "positions", "reading": "steps"}
_FILES = (SENT, ACKS, READERS)


def _is_there(file: str, beside: Beside) -> bool:
    """Say whether a file is there; what was sent may say what was acknowledged."""
    if file == ACKS:
        return beside.acks is not None or (beside.sent is not None and beside.sent.has_outcomes)
    return (beside.sent if file == SENT else beside.readers) is not None


def found_beside(name: str, log: Log, rules: Rules, beside: Beside) -> Finding:
    """Return what a log shows of a property with the files beside it."""
    culprits = WITH_FILES[name](log, rules, beside)
    bound = f"1 run, {culprits.asked_count} {_COUNTED_AS.get(name, 'batches')}"
    if not culprits.count:
        return Finding(name, Verdict.NOT_FOUND if culprits.asked_count else Verdict.UNKNOWN, bound, 0, None)
    witness = Witness(
        tuple(row for _, row in culprits.rows), (), culprits.sentence, tuple(path for path, _ in culprits.rows)
    )
    anomaly = culprits.anomaly or HISTORY_PROPERTIES[name].anomaly
    return Finding(name, Verdict.VIOLATED, bound, culprits.count, witness, anomaly, culprits.worst)


def found_broken(name: str, bound: str, count: int, witness: Witness, worst: tuple[Culprit, ...]) -> Finding:
    """Return the finding of a property that rows of a log break."""
    starts = [batch.start_position for batch in witness.batches]
    is_reuse = name == "unique" and len(starts) > 1 and len(set(starts)) == 1
    return Finding(
        name, Verdict.VIOLATED, bound, count, witness, "reuse" if is_reuse else HISTORY_PROPERTIES[name].anomaly, worst
    )


def bound_of(count: int) -> str:
    """Return what a verdict about so many batches holds within."""
    return f"1 run, {count} batch{'' if count == 1 else 'es'}"
