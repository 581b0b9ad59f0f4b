"""The protocol language: state and actions that run on values and are proved on symbols."""

from fencepost.model.language.counting import quantifiers
from fencepost.model.language.maps import Map, every
from fencepost.model.language.protocol import NATURAL, Protocol, Refused, action, invariant, promise, sometimes
from fencepost.model.language.recording import Field, Statement, Transition, Write
from fencepost.model.language.sorts import TRUTH, Sort
from fencepost.model.language.terms import Term, all_of, any_of, choose, implies, not_

__all__ = [
    "NATURAL", "TRUTH", "Field", "Map", "Protocol", "Refused", "Sort", "Statement", "Term", "Transition", "Write",
    "action", "all_of", "any_of", "choose", "every", "implies", "invariant", "not_", "promise", "quantifiers",
    "sometimes",
]  # fmt: skip
