"""fencepost doctor: what this machine can measure, what not and why."""

from __future__ import annotations

import click

from fencepost.command_line import options
from fencepost.command_line.output import print_json, print_summary, print_table
from fencepost.model.contract import Verdict


@click.command("doctor")
@options.json_option
def doctor_command(as_json: bool) -> None:
    """Say what this machine can measure, what not and why.

    Everything is tried, no setting is changed. `yes`: it is there. `limited`: it is there, and figures suffer. `no`:
    what needs it says that it is unavailable. Exit code 0: that something is missing is no fault.

    \b
    fencepost doctor
    """
    from fencepost.doctor import diagnose

    found = diagnose()
    words = {True: "yes", None: "limited", False: "no"}
    if as_json:
        items = [
            {"name": each.name, "available": words[each.available], "detail": each.detail, "needed_by": each.needed_by}
            for each in found
        ]
        print_json("doctor", Verdict.NOT_FOUND, None, items)
        return
    rows = [[each.name, words[each.available], each.detail, each.needed_by] for each in found]
    print_table("what this machine can measure", ["what", "here", "why", "needed by"], rows)
    counts = {word: sum(words[each.available] == word for each in found) for word in words.values()}
    print_summary(verdict=Verdict.NOT_FOUND, property=None, seed=None, trace=None, **counts)
