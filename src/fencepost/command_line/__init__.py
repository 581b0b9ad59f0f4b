"""The command line: one module a command; results on stdout, progress on stderr."""

from typing import Any

import click

from fencepost import __version__
from fencepost.command_line.ablate import ablate_command
from fencepost.command_line.bench import bench_command
from fencepost.command_line.check import check_command
from fencepost.command_line.claims import claims_command
from fencepost.command_line.compare import compare_command
from fencepost.command_line.doctor import doctor_command
from fencepost.command_line.explore import explore_command
from fencepost.command_line.litmus import litmus_command
from fencepost.command_line.mutants import mutants_command
from fencepost.command_line.new import new_command
from fencepost.command_line.output import EXIT_BAD_INPUT, EXIT_BUG, EXIT_INTERRUPTED
from fencepost.command_line.prove import prove_command
from fencepost.command_line.replay import replay_command
from fencepost.command_line.simulate import simulate_command
from fencepost.command_line.verify import verify_command

__all__ = ["EXIT_BAD_INPUT", "EXIT_BUG", "EXIT_INTERRUPTED", "cli"]


class _Verbs(click.Group):
    """Ends a command that was interrupted before click does, which would print a line of its own."""

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except KeyboardInterrupt:
            raise click.exceptions.Exit(EXIT_INTERRUPTED) from None


@click.group(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="fencepost")
def cli() -> None:
    """Define, prove, simulate and race total-order sequencers.

    Exit codes: 0 everything asked holds within the bound that is printed, 1 violated, 2 usage or bad
    input, 3 unknown, 70 a bug in fencepost, 130 interrupted, 143 terminated.
    """


COMMANDS = (
    check_command,
    prove_command,
    explore_command,
    compare_command,
    mutants_command,
    simulate_command,
    litmus_command,
    ablate_command,
    verify_command,
    replay_command,
    bench_command,
    claims_command,
    new_command,
    doctor_command,
)
for command in COMMANDS:
    cli.add_command(command)
