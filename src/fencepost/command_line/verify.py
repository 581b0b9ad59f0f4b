"""fencepost verify: a recorded history against what its log promises."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from fencepost.command_line import options
from fencepost.command_line.output import EXIT_BAD_INPUT, exit_code, found_by, print_report, print_table, progress
from fencepost.model.errors import InputError, unknown_choice

if TYPE_CHECKING:
    from fencepost.model.contract import Level
    from fencepost.model.histories import Beside, Rules
    from fencepost.model.histories.files.presets import Preset
    from fencepost.reports.verify import VerifyReport

_FILE = click.Path(path_type=Path)


def _names(context: click.Context, parameter: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of options that are given again, or in one with commas."""
    return tuple(name.strip() for each in value for name in each.split(",") if name.strip())


@click.command("verify")
@click.argument("histories", nargs=-1, type=_FILE, metavar="HISTORY...")
@click.option("--level", type=options.Choice(["4", "5"]), help="Ask for what the level promises.")
@click.option(
    "--property",
    "--properties",
    "names",
    multiple=True,
    callback=_names,
    metavar="A,B",
    help="Ask for these, of any level, instead of a level's.",
)
@click.option("--without", multiple=True, callback=_names, metavar="A,B", help="Ask for all of the level but these.")
@click.option("--list", "listing", is_flag=True, help="List the properties, and what each needs.")
@click.option("--sent", type=_FILE, help="What was sent, with its outcome if known.")
@click.option("--acks", type=_FILE, help="What was acknowledged.")
@click.option("--readers", type=_FILE, help="What readers read.")
@click.option("--map", "mapping", metavar="NAME=COLUMN,...", help="Which column is which, as in position=offset.")
@click.option("--format", "preset", metavar="KIND", help="A kind of log that --list names: its columns and numbering.")
@click.option("--time-unit", type=options.Choice(["ns", "us", "ms", "s"]), help="Of times that are integers.")
@click.option("--from-position", type=click.IntRange(0), metavar="P", help="The first position that is asked for.")
@click.option("--allow-gaps", is_flag=True, default=None, help="Positions may be left out.")
@click.option("--first-seq", type=click.IntRange(0), metavar="N", help="The number of a client's first batch.")
@click.option("--seq-counts", type=options.Choice(["batches", "messages"]), help="What batch_seq counts.")
@click.option("--numbered-by", type=options.Choice(["client", "client-broker"]), help="Whose batches are numbered.")
@click.option("--across-logs", is_flag=True, default=None, help="A client's numbering goes through all logs.")
@click.option("--follow", is_flag=True, help="Read a file that grows, or a pipe, and report as rows come.")
@click.option("--idle", type=click.FloatRange(0.0), metavar="SECONDS", help="With --follow: end when nothing comes.")
@click.option("--model", metavar="MODEL", help="Search for an order of operations: of a register, queue or log.")
@options.timeout_option(60.0)
@click.option("--html", type=_FILE, metavar="FILE", help="Write what was found as a page for any browser.")
@options.json_option
@options.quiet_option
@click.pass_context
def verify_command(context: click.Context, /, histories: tuple[Path, ...], as_json: bool, **given: Any) -> None:
    """Check the history of a drained run, row by row, against what its log promises.

    Every file is checked; one that cannot be read is said on stderr. The exit code is the worst: 1 where
    one is violated, else 2 where one cannot be read, else 3 where one is unknown. What a file has no
    columns for is unknown: it decides where the property was named, and is left out of a level. With --model
    a file holds operations, and it is searched whether some order of them explains what came back.

    \b
    fencepost verify history.csv --level 4
    """
    from fencepost.model.contract import Verdict
    from fencepost.model.histories import Rules
    from fencepost.model.histories.files.columns import mapping_of
    from fencepost.model.histories.rules import choose
    from fencepost.model.linearizability import MODELS
    from fencepost.verifying.run import preset_named, verify

    if given["listing"]:
        _print_list()
        return
    if not histories:
        raise click.UsageError("no HISTORY: expected at least one file")
    level: Level | None = None if given["level"] is None else options.levels(given["level"])[0]
    if given["model"] is not None:
        _refuse_with_a_model(context)
        if given["model"] not in MODELS:
            raise unknown_choice("model", given["model"], MODELS)
        preset, rules = None, None
    else:
        preset = preset_named(given["preset"])
        rules = _rules(preset, given)
        choose(level, given["names"] or None, given["without"])  # before any file is read
    if _is_followed(histories, given):
        report = found_by(lambda: _follow(histories[0], level, rules or Rules(), given, as_json))
        print_report(report, as_json=as_json)
        context.exit(exit_code(report.verdict))
    asked = partial(
        verify,
        histories,
        model=given["model"],
        timeout=given["timeout"],
        level=level,
        property=given["names"] or None,
        without=given["without"],
        rules=rules,
        beside=None if given["model"] is not None else _beside(given),
        columns=mapping_of(given["mapping"]) if given["mapping"] else None,
        format=given["preset"],
        time_unit=given["time_unit"],
        html=given["html"],
        refused=lambda error: click.echo(f"fencepost: {error}", err=True),
        on_progress=progress(given["quiet"]),
    )
    report = found_by(asked)
    for each in report.checked:
        if each.verification is not None and each.verification.extra:
            extra = ", ".join(each.verification.extra)
            click.echo(f"fencepost: {each.name}: columns that say nothing here: {extra}", err=True)
    if as_json or len(report.unread) < len(report.checked):
        print_report(report, as_json=as_json)
    context.exit(EXIT_BAD_INPUT if report.unread and report.verdict is not Verdict.VIOLATED
                 else exit_code(report.verdict))  # fmt: skip


_WITH_A_MODEL = ("model", "timeout", "preset", "html", "as_json", "quiet", "histories", "listing")


def _refuse_with_a_model(context: click.Context) -> None:
    """Raise InputError where something is asked of a log's rows."""
    for name in context.params:
        if name not in _WITH_A_MODEL and context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            said = next(each.opts[0] for each in context.command.params if each.name == name)
            raise InputError(f"{said} asks for something of a log's rows: expected it without --model")


def _is_followed(histories: tuple[Path, ...], given: dict[str, Any]) -> bool:
    if given["follow"] and (len(histories) > 1 or given["sent"] or given["acks"] or given["readers"]):
        raise InputError("--follow takes one HISTORY alone: expected no other, and no --sent, --acks or --readers")
    if given["idle"] is not None and not given["follow"]:
        raise InputError("--idle says when --follow ends: expected both")
    return bool(given["follow"])


def _follow(path: Path, level: Level | None, rules: Rules, given: dict[str, Any], as_json: bool) -> VerifyReport:
    from fencepost.model.histories.files.columns import mapping_of
    from fencepost.model.histories.passes.one_pass import Breach
    from fencepost.verifying.following import follow

    def tell(name: str, breach: Breach) -> None:
        rows = " and ".join(str(row + 1) for row in breach.rows)
        click.echo(f"violated so far: {path}: {name}{f' at row {rows}' if rows else ''}", err=as_json)

    return follow(
        path,
        level=level,
        property=given["names"] or None,
        without=given["without"],
        rules=rules,
        columns=mapping_of(given["mapping"]) if given["mapping"] else None,
        format=given["preset"],
        time_unit=given["time_unit"],
        idle=given["idle"],
        on_found=tell,
        on_progress=progress(given["quiet"]),
    )


def _rules(preset: Preset | None, given: dict[str, Any]) -> Rules:
    """Return a preset's rules, changed by what is given. Where older positions are gone, so are older batches."""
    from dataclasses import replace

    from fencepost.model.histories import Rules

    names = ("from_position", "allow_gaps", "first_seq", "seq_counts", "numbered_by", "across_logs")
    said = {name: given[name] for name in names if given[name] is not None}
    if said.get("from_position"):
        said.setdefault("first_seq", None)
    return replace(preset.rules if preset else Rules(), **said)


def _beside(given: dict[str, Any]) -> Beside:
    from fencepost.model.histories import Beside, Source, read_batches, read_readers
    from fencepost.model.histories.files.columns import mapping_of

    columns = mapping_of(given["mapping"]) if given["mapping"] else {}  # of the log, as far as these files have them
    sources = {name: Source(given[name], columns, may_lack=True) for name in ("sent", "acks", "readers") if given[name]}
    return Beside(
        read_batches(sources["sent"].path, sources["sent"]) if "sent" in sources else None,
        read_batches(sources["acks"].path, sources["acks"]) if "acks" in sources else None,
        read_readers(sources["readers"].path, sources["readers"]) if "readers" in sources else None,
    )


def _print_list() -> None:
    from fencepost.model.histories.files.presets import PRESETS
    from fencepost.model.histories.rules import BEYOND_A_HISTORY, HISTORY_PROPERTIES

    rows = [
        [each.name, ", ".join(map(str, each.levels)), ", ".join(each.needs), each.anomaly, each.promise]
        for each in HISTORY_PROPERTIES.values()
    ]
    print_table("", ["property", "levels", "needs", "anomaly", "what it says"], rows)
    click.echo()
    print_table("", ["no history shows", "because"], [[name, why] for name, why in BEYOND_A_HISTORY.items()])
    click.echo()
    print_table("", ["--format", "which is"], [[name, each.says] for name, each in PRESETS.items()])
