"""What is checked: one sequencer, on a workload, within a budget; and the findings that engines make of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fencepost import native
from fencepost.model.contract import Level, Verdict, promised
from fencepost.model.histories import History, Workload, verify
from fencepost.model.histories.checks.searches import CHECKS
from fencepost.model.histories.drained import left_over, never_ordered
from fencepost.model.language import Protocol
from fencepost.model.programs import DESIGNS
from fencepost.model.programs.pipeline import Design
from fencepost.model.report import Finding

NOTHING_ORDERED = "nothing was ordered"
REFINEMENT, SAME_BATCHES, SAME_RANGES, SAME_STEPS = "refinement", "same-batches", "same-ranges", "same-steps"
"""What is asked beside the promises of the contract: program against spec, native against model."""


@dataclass(frozen=True)
class Job:
    """One sequencer.

    deadline        when searches for schedules end at the latest, by time.time(), which other machines have, too
    is_thorough     it goes on to the end of each scenario, as long as there is time
    out             the folder for traces; None: findings hold the traces themselves
    """

    protocol: type[Protocol]
    workload: Workload
    seed: int
    deadline: float
    is_thorough: bool
    out: Path | None

    @property
    def name(self) -> str:
        return self.protocol.name

    @property
    def level(self) -> Level:
        return self.protocol.level

    @property
    def design(self) -> Design | None:
        """Its programs, where it has any."""
        return DESIGNS.get(self.name)

    @property
    def fields(self) -> Design | None:
        """The same with the fields of headers as words of their own, where there is such a design."""
        return DESIGNS.get(f"{self.name}.fields")

    @property
    def is_native(self) -> bool:
        """Whether there is C++ of it."""
        return self.name in native.SEQUENCERS

    def promises(self) -> tuple[str, ...]:
        """Return the promises of its level."""
        return tuple(promised(self.level))

    def finding(
        self, engine: str, name: str, verdict: Verdict, bound: str, seconds: float, *,
        mode: str | None = None, trace: Any = None, explanation: str = "", note: str = "",
    ) -> Finding:  # fmt: skip
        """Return a finding on a property of the sequencer; `mode` tells the native engine's ways apart."""
        memory: str | None = "ncx" if engine == "explorer" or mode in ("explorer", "lockstep") else "coherent"
        memory = None if engine == "z3" else memory
        details = {"level": self.level, "mode": mode, "memory": memory, "note": note or None}
        return Finding(self.name, name, engine, verdict, bound, seconds, trace, explanation, details)

    def on_history(self, engine: str, history: History, seconds: float, mode: str | None = None) -> Iterator[Finding]:
        """Hold what a run ordered against the contract; nothing ordered is nothing shown."""
        if not len(history):
            for name in self.promises():
                if name in CHECKS:
                    yield self.finding(engine, name, Verdict.UNKNOWN, NOTHING_ORDERED, seconds, mode=mode)
        else:
            for found in verify(history, self.level).findings:
                text = "" if found.witness is None else found.witness.sentence
                yield self.finding(
                    engine, found.property, found.verdict, found.bound, seconds, mode=mode, explanation=text
                )
        yield self._drained(engine, history, seconds, mode)

    def _drained(self, engine: str, history: History, seconds: float, mode: str | None) -> Finding:
        """Say whether all that could be ordered was; what is exported and acknowledged, these engines do not see.

        The promise is of batches whose predecessors arrived: where nothing can be ordered it asks for nothing.
        """
        text = left_over(self.workload, history, self.level)
        verdict = Verdict.VIOLATED if text else Verdict.NOT_FOUND if len(history) else Verdict.UNKNOWN
        bound = f"1 run, {len(self.workload)} arrivals; ordering only" if len(history) else NOTHING_ORDERED
        note = never_ordered(self.workload, self.level)
        return self.finding(engine, "drained", verdict, bound, seconds, mode=mode, explanation=text, note=note)


def delivered(workload: Workload, raced: native.RaceResult) -> History:
    """Return the batches that a race delivered, as subscribers saw them, in position order."""
    rows = np.flatnonzero(raced.delivered_position >= 0)
    rows = rows[np.argsort(raced.delivered_position[rows], kind="stable")]
    columns = {name: getattr(workload, name) for name in ("client_id", "batch_seq", "broker_id", "ring_index")}
    columns |= {"message_count": workload.message_count, "start_position": raced.delivered_position}
    columns |= {"sent_ns": raced.sent_ns, "acked_ns": raced.acked_ns}
    return History.from_columns({name: column[rows] for name, column in columns.items()})
