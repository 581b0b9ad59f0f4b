"""fencepost litmus --herd and --write: final states as herd prints them, and tests in the other format."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fencepost.command_line.output import EXIT_BAD_INPUT, exit_code
from fencepost.model.contract import Verdict
from fencepost.model.errors import InputError

if TYPE_CHECKING:
    from fencepost.model.litmus import LitmusTest


def print_other(paths: Sequence[Path], given: Mapping[str, Any]) -> int:
    """Print one test in a format, or every test as herd does; return the exit code. `given` are the options."""
    aside = [name for name in ("as_json", "runs", "idioms", "outcomes", "as_defined") if given[name]]
    if aside or (given["herd"] and given["write"]):
        raise click.UsageError("--herd and --write go without each other, and without what shows or decides otherwise")
    if given["write"]:
        return convert(paths, given["hosts"], given["write"])
    if "native" not in given["engines"]:
        raise click.UsageError("--herd lists final states by the native engine: leave out --engine")
    return print_as_herd(paths, given)


def print_as_herd(paths: Sequence[Path], given: Mapping[str, Any]) -> int:
    """Print every test as herd does; return 0, or 3 where a budget was spent, or 2 where a file cannot be read.

    As with herd, a condition that does not hold is no failure.
    """
    from fencepost.litmus_tests.herd import as_herd, observe
    from fencepost.model.litmus.explore import Budget

    refused: list[InputError] = []
    code, budget = 0, Budget(given["states"], given["timeout"])
    for test in _tests(paths, given["hosts"], refused):
        try:
            observed = observe(test, profile=given["profile"], matrix=given["matrix"], budget=budget)
        except InputError as error:
            refused.append(error)
            continue
        if observed.reason:
            code = exit_code(Verdict.UNKNOWN)
            click.echo(f"fencepost: {test.path}: unknown: {observed.reason}", err=True)
        else:
            click.echo(as_herd(observed))
    return _said(refused) or code


def convert(paths: Sequence[Path], hosts: str, format: str) -> int:
    """Print one test in a format; several would run into each other, and are refused."""
    from fencepost.litmus_tests.herd import write

    refused: list[InputError] = []
    tests = list(_tests(paths, hosts, refused))
    if len(tests) > 1:
        raise click.UsageError(f"--write prints one test, and {len(tests)} are named: name one file")
    try:
        for test in tests:
            click.echo(write(test, format), nl=False)
    except InputError as error:
        refused.append(error)
    return _said(refused)


def _tests(paths: Sequence[Path], hosts: str, refused: list[InputError]) -> Iterator[LitmusTest]:
    from fencepost.litmus_tests.run import read_tests

    if not paths:
        raise click.UsageError("name a file, a folder or `-`")
    yield from read_tests(paths, refused.append, hosts)


def _said(refused: Sequence[InputError]) -> int:
    for error in refused:
        click.echo(f"fencepost: {error}", err=True)
    return EXIT_BAD_INPUT if refused else 0
