"""fencepost replay: a trace file in every engine, as text, step by step, or for another tool."""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fencepost.command_line import options
from fencepost.command_line.output import exit_code, found_by, print_report, progress

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fencepost.model.explorer.traces.run_trace import RunTrace
    from fencepost.model.trace import Trace

EXPORTS = ("text", "chrome", "shiviz", "html", "itf")


@click.command("replay")
@click.argument("trace", type=click.Path(path_type=Path))
@options.engine_option
@click.option("--step", "stepwise", is_flag=True, help="One step at a time: Enter for the next, q to stop.")
@click.option("--full", is_flag=True, help="Every operation, and all that buffers, caches and memory hold.")
@click.option("--export", type=options.Choice(EXPORTS), help="Write the run for another tool, to the file of --to.")
@click.option("--to", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Where --export writes.")
@options.json_option
@options.quiet_option
@click.pass_context
def replay_command(
    context: click.Context,
    /,
    trace: Path,
    stepwise: bool,
    full: bool,
    export: str | None,
    to: Path | None,
    **given: Any,
) -> None:
    """Run a TRACE again in every engine that can express it, and say what it violates and why.

    A trace is of a spec (written by `prove` and `check`) or of programs (by `explore`). A file in which some state is
    not what the steps make of it is refused, with the number of the step. The engine z3 stands for the spec that Z3
    proves, its steps taken on values.

    \b
    fencepost replay fencepost-out/order5.split_counter-unique.itf.json
    """
    from fencepost.exploring.export import exported
    from fencepost.exploring.replay import read, replay
    from fencepost.model.errors import InputError
    from fencepost.model.writing import kept, store

    if (export is None) is not (to is None):
        raise InputError("--export and --to FILE go together: one says what to write, the other where")
    of = read(trace)
    report = found_by(lambda: replay(of, engine=given["engines"], on_progress=progress(given["quiet"])))
    if export is not None and to is not None:
        to = kept(to, partial(store, data=exported(of, export, full=full)))
    if not given["as_json"]:
        for line in _told(of, trace, full=full, stepwise=stepwise):
            click.echo(line)
    print_report(replace(report, files=(trace, to)), as_json=given["as_json"])
    context.exit(exit_code(report.verdict))


def _told(given: Trace | RunTrace, path: Path, *, full: bool, stepwise: bool) -> Iterator[str]:
    """Yield the text of a trace, line by line; where it is stepped through, wait after each step."""
    from fencepost.model.trace import Trace, replay

    if isinstance(given, Trace):
        yield f"{given.protocol.name}: {given.property}, {len(given.steps)} steps, found by {given.found_by}"
        blocks = _spec_steps(given, full=full or stepwise)
        end = [replay(given).explanation]
    else:
        from fencepost.model.explorer.explain.columns import Layout, conclusion, heading
        from fencepost.model.explorer.explain.narration import Narration
        from fencepost.model.explorer.traces.run_trace import run

        made = run(given)
        layout = Layout(Narration(made, full=full))
        yield from [*heading(made), *layout.heads()]
        blocks = (layout.step(step) for step in layout.telling.steps())
        end = conclusion(made, path)
    for block in blocks:
        yield from block
        if stepwise and sys.stdin.isatty() and click.getchar() in ("q", "Q"):
            break
    yield from end


def _spec_steps(given: Trace, *, full: bool) -> Iterator[list[str]]:
    """Yield each step of a spec's trace; with `full`, also what it changed."""
    from fencepost.model.trace import cells_of

    width = len(str(len(given.steps)))
    before: dict[str, str] = {}
    for number, state in enumerate(given.states()):
        after = cells_of(state)
        if number:
            changed = [f"{name} = {value}" for name, value in after.items() if before.get(name) != value]
            indented = [f"{'':>{width}}    {each}" for each in changed if full]
            yield [f"{number:>{width}}  {given.steps[number - 1]}", *indented]
        before = after
