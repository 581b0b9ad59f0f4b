"""fencepost bench: its commands, and the paths for everything else that is named."""

from __future__ import annotations

import click

from fencepost.command_line.bench.decisions import ablate_command, contention_command
from fencepost.command_line.bench.flush import flush_command
from fencepost.command_line.bench.histories import histories_command
from fencepost.command_line.bench.layout import layout_command
from fencepost.command_line.bench.measured import floor_command, paths_command
from fencepost.command_line.bench.profile import kernels_command, profile_command
from fencepost.command_line.bench.sides import baseline_command, compare_command, self_compare_command
from fencepost.command_line.bench_race import race_command


class PathsByDefault(click.Group):
    """A group in which what names no command is handed to `paths`: `bench two-cores` is `bench paths two-cores`.

    Two sides are a race: `bench A --against B` is `bench race A --against B`.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        asks_for_help = bool(args) and args[0] in ctx.help_option_names
        if not asks_for_help and (not args or args[0] not in self.commands):
            args.insert(0, "race" if any(each.partition("=")[0] == "--against" for each in args) else "paths")
        return super().parse_args(ctx, args)


@click.group("bench", cls=PathsByDefault)
def bench_command() -> None:
    """Measure the native code on this machine.

    Without a command: each PATH that is named, or all, beside its own floor in the same run (`bench paths --help`);
    with --against, two sequencers raced on the same arrivals (`bench race --help`).

    \b
    fencepost bench order5-fetch-add --quick
    fencepost bench order4.mutex --against order4.claim
    """


COMMANDS = (
    paths_command, race_command, floor_command, baseline_command, compare_command, self_compare_command, layout_command,
    flush_command, contention_command, ablate_command, profile_command, kernels_command, histories_command,
)  # fmt: skip
for command in COMMANDS:
    bench_command.add_command(command)
