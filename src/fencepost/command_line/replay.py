"""fencepost replay: a trace file to its violation."""

from pathlib import Path

import click

from fencepost.command_line.output import exit_code, print_summary


@click.command("replay")
@click.argument("trace", type=click.Path(path_type=Path))
@click.pass_context
def replay_command(context: click.Context, trace: Path) -> None:
    """Run the steps of a TRACE file again, on the spec and on the programs, and say what they violate."""
    from fencepost.checking import describe
    from fencepost.model.contract import Verdict
    from fencepost.model.histories import verify
    from fencepost.model.itf import read_trace
    from fencepost.model.programs import DESIGNS, follow
    from fencepost.model.simulation import history_of
    from fencepost.model.trace import replay

    given = read_trace(trace)
    replayed = replay(given)
    name = given.protocol.name
    click.echo(f"{name}: {given.property}, {len(given.steps)} steps, found by {given.found_by}")
    click.echo(describe(given))
    if name in DESIGNS:
        machine, rings = follow(name, given.steps)
        history = history_of(machine, list(range(len(rings))), rings)
        for finding in verify(history, given.protocol.level).findings:
            if finding.witness is not None:
                click.echo(f"programs, the same steps: {finding.property}: {finding.witness.sentence}")
    verdict = Verdict.NOT_FOUND if replayed.violated_at is None else Verdict.VIOLATED
    print_summary(verdict=verdict, property=given.property, step=replayed.violated_at, trace=trace)
    context.exit(exit_code(verdict))
