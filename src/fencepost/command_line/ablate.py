"""fencepost ablate: which flush, fence or invalidation is load-bearing."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import click

from fencepost.command_line import options
from fencepost.command_line.output import exit_code, found_by, print_report, print_table, progress, warn, writable


@click.command("ablate")
@click.argument("program", required=False, metavar="[IDIOM|FILE.litmus|FILE.py[:NAME]]")
@click.option("--list", "as_list", is_flag=True, help="List the idioms that can be ablated.")
@click.option("--profile", metavar="P", help="The profile; by default the first one that the file names.")
@click.option("--matrix", default="sdmC", show_default=True, metavar="M", help="The ordering matrix.")
@click.option("--property", metavar="NAME", help="Only safety, or only freshness.")
@click.option("--runs", is_flag=True, help="Show the run behind every required slot.")
@options.timeout_option(60.0)
@options.hosts_option
@options.strict_option
@options.out_option
@options.json_option
@options.quiet_option
@click.pass_context
def ablate_command(context: click.Context, /, program: str | None, as_list: bool, **given: Any) -> None:
    """Say which optional instructions of a program are required, and list all minimal sufficient sets.

    A slot is an instruction marked with `?` in a litmus file, such as `FO d?`; in herd's format every fence and flush
    is one. Safety (`bad` is unreachable) and freshness (`stale` is unreachable) are asked separately. Exits 1 when no
    set of slots suffices: then a store must move, and which one is said. Under a crash profile hosts may crash at any
    moment; a CRASH in the file is asked about beside that.

    In a program of your own, FILE.py or FILE.py:NAME, the marked operations are those in optional(...) of
    fencepost.program; a set suffices where no run of the program with it is violated.

    A wrong program in which nothing is marked is mended: the fewest flushes and fences are said that make it right when
    they are inserted. It is wrong as it stands, so the exit code is 1.

    \b
    fencepost ablate publication
    """
    from fencepost.ablating import ablate
    from fencepost.model.own import is_own

    if as_list or program is None:
        _list()
        return
    out: Path | None = given["out"] if is_own(program) else None
    if out is not None:
        writable(out)
    asked = partial(
        ablate,
        program,
        property=given["property"],
        timeout=given["timeout"],
        profile=given["profile"],
        matrix=given["matrix"],
        strict=given["strict"],
        hosts=given["hosts"],
        out=out,
        on_progress=progress(given["quiet"]),
    )
    report = replace(found_by(asked), with_runs=given["runs"])
    warn(lint for each in report.findings for lint in each.details.get("lints", ()))
    print_report(report, as_json=given["as_json"])
    context.exit(exit_code(report.verdict))


def _list() -> None:
    from fencepost.model.litmus.idioms import idiom, idiom_names

    tests = [idiom(name) for name in idiom_names()]
    rows = [[test.name, str(len(test.slots())), test.expect or "-", test.why] for test in tests if test.slots()]
    print_table("idioms with optional slots", ["idiom", "slots", "bad end", "why"], rows)
