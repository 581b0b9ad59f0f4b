"""Distributions of times, drawn by inverse transforms of `Random.random`, so that a seed means the same everywhere."""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random
from typing import Any, Literal

import msgspec

from fencepost.model.simulation.quantities import Nanoseconds

Draw = Callable[[], int]


class Distribution(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long something takes. In a scenario: a time, or a table.

    kind         fields             a draw is
    constant     mean               mean
    uniform      at_least, at_most  evenly between the two
    exponential  mean, at_least     at_least plus an exponential, so that the mean is `mean`
    lognormal    median, sigma      median x e^(sigma x normal)
    """

    kind: Literal["constant", "uniform", "exponential", "lognormal"] = "constant"
    mean: Nanoseconds = Nanoseconds(0)
    at_least: Nanoseconds = Nanoseconds(0)
    at_most: Nanoseconds = Nanoseconds(0)
    median: Nanoseconds = Nanoseconds(0)
    sigma: float = 0.0

    def __post_init__(self) -> None:
        if self.kind == "uniform" and self.at_most < self.at_least:
            raise ValueError(f"at_most is {self.at_most}, expected at least at_least ({self.at_least})")
        if self.kind == "exponential" and self.mean <= self.at_least:
            raise ValueError(f"mean is {self.mean}, expected more than at_least ({self.at_least})")
        if self.sigma < 0:
            raise ValueError(f"sigma is {self.sigma}, expected at least 0")

    @property
    def mean_ns(self) -> float:
        """The mean, in nanoseconds."""
        if self.kind == "uniform":
            return (self.at_least + self.at_most) / 2
        return self.median * math.exp(self.sigma**2 / 2) if self.kind == "lognormal" else float(self.mean)

    def draws(self, random: Random) -> Draw:
        """Return a function that draws; a constant uses up no random number."""
        at_least, uniform = int(self.at_least), random.random
        if self.kind == "uniform":
            width = self.at_most - at_least + 1
            return lambda: at_least + int(uniform() * width)
        if self.kind == "exponential":
            scale, log = float(self.mean - at_least), math.log
            return lambda: at_least + int(-log(1.0 - uniform()) * scale + 0.5)
        if self.kind == "lognormal":
            median, sigma = self.median, self.sigma
            return lambda: int(median * math.exp(sigma * _normal(uniform)) + 0.5)
        constant = int(self.mean)
        return lambda: constant

    def described(self) -> str | dict[str, Any]:
        """Return what a scenario would say."""
        if self.kind == "constant":
            return str(self.mean)
        fields = {
            "uniform": ("at_least", "at_most"),
            "exponential": ("mean", "at_least"),
            "lognormal": ("median", "sigma"),
        }[self.kind]
        values = {name: getattr(self, name) for name in fields}
        shown = {name: str(value) if isinstance(value, Nanoseconds) else value for name, value in values.items()}
        return {"kind": self.kind, **shown}


def exponential(random: Random, mean_ns: float) -> Draw:
    """Return draws of an exponential with a mean that need not be a whole number."""
    uniform = random.random
    return lambda: int(-math.log(1.0 - uniform()) * mean_ns + 0.5)


def _normal(uniform: Callable[[], float]) -> float:
    """Draw from the standard normal distribution (Box and Muller 1958)."""
    return math.sqrt(-2.0 * math.log(1.0 - uniform())) * math.cos(2.0 * math.pi * uniform())
