"""What became of a trace in an engine: the violation was reached, or not, or the engine cannot express the trace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["violated", "held", "cannot express"]


@dataclass(frozen=True)
class Outcome:
    """`step` counts the steps of the trace; `sentence` is the violation, what held, or what cannot be expressed."""

    kind: Kind
    sentence: str
    step: int | None = None


def violated(step: int, sentence: str) -> Outcome:
    return Outcome("violated", sentence, step)


def held(sentence: str) -> Outcome:
    return Outcome("held", sentence)


def cannot_express(reason: str) -> Outcome:
    return Outcome("cannot express", reason)
