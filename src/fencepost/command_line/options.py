"""Options that several commands share."""

from collections.abc import Callable
from math import isnan
from pathlib import Path
from typing import Any, TypeVar

import click

from fencepost.model.contract import LEVELS, Level
from fencepost.model.errors import expected_of
from fencepost.model.report import ENGINES

Function = TypeVar("Function", bound=Callable[..., Any])


class Choice(click.Choice[str]):
    """One of some words; a wrong one is answered with the words nearest to it."""

    def get_invalid_choice_message(self, value: Any, ctx: click.Context | None) -> str:
        return f"unknown {value!r}: {expected_of(str(value), [str(each) for each in self.choices])}"


def levels(value: str) -> tuple[Level, ...]:
    """Return the levels that the word of --level stands for."""
    return tuple(level for level in LEVELS if value in ("all", str(level)))


def level_option(function: Function) -> Function:
    """--level 4|5|all, given to the command as a tuple of levels."""
    return click.option(
        "--level",
        "asked",
        type=Choice(["4", "5", "all"]),
        default="all",
        show_default=True,
        callback=lambda context, parameter, value: levels(value),
        help="The level whose promises are asked for.",
    )(function)


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


class Between(click.FloatRange):
    """A number within a range, which `nan` is not, though it is neither below nor above."""

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> float:
        """Return the number; fails for a text that is none, and for one outside the range."""
        number: float = super().convert(value, parameter, context)
        if isnan(number):
            self.fail(f"{value} is no number", parameter, context)
        return number


def timeout_option(seconds: float) -> Callable[[Function], Function]:
    """Return --timeout, with what it is by default."""
    return click.option(
        "--timeout",
        type=Between(0.01, 10**6),
        default=seconds,
        show_default=True,
        help="Seconds; what is not visited by then is said.",
    )


json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of a table.")
strict_option = click.option(
    "--strict", is_flag=True, help="What a litmus file says and seldom means is an error, not a warning."
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
