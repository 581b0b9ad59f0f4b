"""Options that several commands share."""

import re
from collections.abc import Callable
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias, TypeVar

import click

from fencepost.model.contract import LEVELS, Level
from fencepost.model.errors import expected_of
from fencepost.model.report import ENGINES

Function = TypeVar("Function", bound=Callable[..., Any])
Decorator: TypeAlias = Callable[[Any], Any]


if TYPE_CHECKING:

    class _Words(click.Choice[str]): ...

    class _Time(click.ParamType[float]): ...
else:  # neither is a generic in the oldest click that is supported
    _Words, _Time = click.Choice, click.ParamType


class Choice(_Words):
    """One of some words; a wrong one is answered with the words nearest to it."""

    def get_invalid_choice_message(self, value: Any, ctx: click.Context | None) -> str:
        return f"unknown {value!r}: {expected_of(str(value), [str(each) for each in self.choices])}"


class Between(click.FloatRange):
    """A number within a range, which `nan` is not, though it is neither below nor above."""

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> float:
        """Return the number; fails for a text that is none, and for one outside the range."""
        number: float = super().convert(value, parameter, context)
        if isnan(number):
            self.fail(f"{value} is no number", parameter, context)
        return number


class Seconds(_Time):
    """A time: a number of seconds, or one with a unit, such as 60s, 5m or 1h."""

    name = "TIME"
    _units: ClassVar[dict[str, int]] = {"": 1, "s": 1, "m": 60, "h": 3_600}

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        found = re.fullmatch(r"(\d+(?:\.\d+)?)(s|m|h|)", str(value))
        if found is None or not 0 < float(found[1]) < 10**6:
            self.fail(
                f"{value} is no number of seconds: expected a number of seconds such as 60s, or 5m, or 1h", param, ctx
            )
        return float(found[1]) * self._units[found[2]]


def levels(value: str) -> tuple[Level, ...]:
    """Return the levels that the word of --level stands for."""
    return tuple(level for level in LEVELS if value in ("all", str(level)))


one_level_option = click.option(
    "--level",
    type=Choice(["4", "5", "all"]),
    default="all",
    show_default=True,
    callback=lambda context, parameter, value: None if value == "all" else int(value),
    help="Only what makes the promises of this level.",
)
property_option = click.option("--property", metavar="NAME", help="Only this promise, such as client-order.")
engine_option = click.option(
    "--engine",
    "engines",
    multiple=True,
    type=Choice(ENGINES),
    callback=lambda context, parameter, value: value or ENGINES,
    help="Only this engine; may be given more than once.",
)
jobs_option = click.option("--jobs", type=click.IntRange(1, 256), default=2, show_default=True, help="Processes.")

cluster_option = click.option(
    "--cluster",
    metavar="ADDRESS|FILE",
    help="A Dask cluster that works instead of processes here: tcp://HOST:PORT or scheduler.json.",
)


def timeout_option(seconds: float | None, help: str = "What is not visited by then is said.") -> Decorator:
    """Return --timeout, with what it is by default."""
    return click.option("--timeout", type=Seconds(), default=seconds, show_default=seconds is not None, help=help)


json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of a table.")
strict_option = click.option(
    "--strict", is_flag=True, help="What a file says and seldom means is an error, not a warning."
)
hosts_option = click.option(
    "--hosts", metavar="P0=0,P1=1", default="", help="The hosts of the threads of tests in herd's format; else one."
)
quiet_option = click.option("--quiet", is_flag=True, help="No progress on stderr.")
seed_option = click.option(
    "--seed", type=click.IntRange(0, 2**63 - 1), default=0, show_default=True, help="Same seed, same model run."
)
out_option = click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("fencepost-out"),
    show_default=True,
    help="The folder for trace files.",
)
