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
from fencepost.command_line.examples import examples_command
from fencepost.command_line.experiment import experiment_command
from fencepost.command_line.explore import explore_command
from fencepost.command_line.litmus import litmus_command
from fencepost.command_line.mutants import mutants_command
from fencepost.command_line.new import new_command
from fencepost.command_line.output import EXIT_BAD_INPUT, EXIT_BUG, EXIT_INTERRUPTED
from fencepost.command_line.prove import prove_command
from fencepost.command_line.replay import replay_command
from fencepost.command_line.sequencers import sequencers_command
from fencepost.command_line.simulate import simulate_command
from fencepost.command_line.verify import verify_command

__all__ = ["EXIT_BAD_INPUT", "EXIT_BUG", "EXIT_INTERRUPTED", "cli"]


WIDTH = 80
GROUPS = {
    "Check a design": ("check", "prove", "explore", "compare", "mutants", "sequencers"),
    "Look closer": ("replay", "litmus", "ablate", "verify"),
    "Measure": ("simulate", "experiment", "bench", "doctor"),
    "Your own": ("new",),
}
OTHERS = "More"


class _Verbs(click.Group):
    """Ends a command that was interrupted before click does, which would print a line of its own.

    Its commands are listed in groups, each with its first sentence.
    """

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the groups, and in a last one the commands that are in none."""
        grouped = {name for names in GROUPS.values() for name in names}
        groups = {**GROUPS, OTHERS: tuple(name for name in self.commands if name not in grouped)}
        for title, names in groups.items():
            rows = [(name, _sentence(self.commands[name])) for name in names if name in self.commands]
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except KeyboardInterrupt:
            raise click.exceptions.Exit(EXIT_INTERRUPTED) from None


def _sentence(command: click.Command) -> str:
    """Return the first sentence of a command's help."""
    paragraph = " ".join((command.help or "").strip().split("\n\n")[0].split())
    return paragraph.split(". ")[0].rstrip(".") + "."


@click.group(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": WIDTH})
@click.version_option(__version__, prog_name="fencepost")
def cli() -> None:
    """Define, prove, simulate and race total-order sequencers.

    \b
    fencepost check                          all sound sequencers, every engine
    fencepost explore order4.claim           its schedules on incoherent memory
    fencepost verify history.csv --level 4   your own recorded history
    fencepost new program mailbox            your own program, to begin with

    Exit codes: 0 everything asked holds within the bound that is printed, 1 violated, 2 usage or bad
    input, 3 unknown, 70 a bug in fencepost, 130 interrupted, 143 terminated.
    """


COMMANDS = (
    check_command,
    prove_command,
    explore_command,
    compare_command,
    mutants_command,
    sequencers_command,
    simulate_command,
    experiment_command,
    litmus_command,
    ablate_command,
    verify_command,
    replay_command,
    bench_command,
    claims_command,
    new_command,
    examples_command,
    doctor_command,
)
for command in COMMANDS:
    cli.add_command(command)
