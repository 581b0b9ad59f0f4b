"""fencepost verify: a recorded history against what its log promises."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click
from click.core import ParameterSource

from fencepost.command_line import options
from fencepost.command_line.output import EXIT_BAD_INPUT, exit_code, found_by, print_json, print_summary, print_table
from fencepost.model.errors import InputError, Interrupted, unknown_choice

if TYPE_CHECKING:
    from fencepost.model.contract import Level, Verdict
    from fencepost.model.histories import Beside, Finding, Rules, Verification
    from fencepost.model.histories.presets import Preset

_FILE = click.Path(path_type=Path)
PROGRESS_SECONDS = 2.0
JEPSEN_EDN = "jepsen-edn"


def _names(context: click.Context, parameter: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of options that are given again, or in one with commas."""
    return tuple(name.strip() for each in value for name in each.split(",") if name.strip())


@click.command("verify")
@click.argument("histories", nargs=-1, type=_FILE, metavar="HISTORY...")
@click.option("--level", type=click.Choice(["4", "5"]), help="Ask for what the level promises.")
@click.option(
    "--properties",
    "--property",
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
@click.option("--time-unit", type=click.Choice(["ns", "us", "ms", "s"]), help="Of times that are integers.")
@click.option("--from-position", type=click.IntRange(0), metavar="P", help="The first position that is asked for.")
@click.option("--allow-gaps", is_flag=True, default=None, help="Positions may be left out.")
@click.option("--first-seq", type=click.IntRange(0), metavar="N", help="The number of a client's first batch.")
@click.option("--seq-counts", type=click.Choice(["batches", "messages"]), help="What batch_seq counts.")
@click.option("--numbered-by", type=click.Choice(["client", "client-broker"]), help="Whose batches are numbered.")
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
    """
    from fencepost.model.contract import Verdict, worst
    from fencepost.model.histories.rules import choose

    if given["listing"]:
        _print_list()
        return
    if not histories:
        raise click.UsageError("no HISTORY: expected at least one file")
    level: Level | None = None if given["level"] is None else options.levels(given["level"])[0]
    if given["model"] is not None:
        verified = _search(context, given)
    else:
        preset = _preset(given["preset"])
        rules = _rules(preset, given)
        choose(level, given["names"] or None, given["without"])  # what is asked is wrong for all files alike
        beside = _beside(given)
        _check_follow(histories, given)
        given["is_json"] = as_json
        check = _follow if given["follow"] else _verify
        verified = lambda path: check(path, level, preset, rules, beside, given)  # noqa: E731
    checked = found_by(lambda: _checked(histories, verified))
    refused = any(isinstance(each, InputError) for _, each in checked)
    verdict = worst([Verdict.UNKNOWN if isinstance(each, InputError) else each.verdict for _, each in checked])
    if given["html"] is not None:
        _write_page(given["html"], checked)
    if as_json:
        print_json("verify", verdict, None, [row for path, each in checked for row in _json_rows(path, each)])
    elif any(not isinstance(each, InputError) for _, each in checked):
        _print(checked, verdict, level)
    context.exit(EXIT_BAD_INPUT if refused and verdict is not Verdict.VIOLATED else exit_code(verdict))


_WITH_A_MODEL = ("model", "timeout", "preset", "html", "as_json", "quiet", "histories", "listing")


def _search(context: click.Context, given: dict[str, Any]) -> Callable[[Path], Verification]:
    """Return the search for an order of a file's operations; InputError where something is asked of a log's rows."""
    from fencepost.model.linearizability import MODELS, Limits, read_operations, verify_operations

    if given["model"] not in MODELS:
        raise unknown_choice("model", given["model"], MODELS)
    for name in context.params:
        if name not in _WITH_A_MODEL and context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            said = next(each.opts[0] for each in context.command.params if each.name == name)
            raise InputError(f"{said} asks for something of a log's rows: expected it without --model")
    limits = Limits(seconds=given["timeout"])
    is_edn = given["preset"] == JEPSEN_EDN
    return lambda path: verify_operations(
        read_operations(path, is_edn=is_edn), given["model"], limits=limits, path=path
    )


def _verify(
    path: Path, level: Level | None, preset: Preset | None, rules: Rules, beside: Beside, given: dict[str, Any]
) -> Verification:
    from fencepost.model.histories import Source
    from fencepost.model.histories.columns import mapping_of
    from fencepost.verifying import verify_file

    columns = mapping_of(given["mapping"]) if given["mapping"] else {}
    verification = verify_file(
        path,
        level,
        properties=given["names"] or None,
        without=given["without"],
        rules=rules,
        beside=beside,
        source=Source(path, columns, _time_unit(preset, given)),
        preset=preset,
        progress=_row_progress(path, given["quiet"]),
    )
    if verification.extra:
        click.echo(f"fencepost: {path}: columns that say nothing here: {', '.join(verification.extra)}", err=True)
    return verification


def _check_follow(histories: tuple[Path, ...], given: dict[str, Any]) -> None:
    if given["follow"] and (len(histories) > 1 or given["sent"] or given["acks"] or given["readers"]):
        raise InputError("--follow takes one HISTORY alone: expected no other, and no --sent, --acks or --readers")
    if given["idle"] is not None and not given["follow"]:
        raise InputError("--idle says when --follow ends: expected both")


def _follow(
    path: Path, level: Level | None, preset: Preset | None, rules: Rules, beside: Beside, given: dict[str, Any]
) -> Verification:
    from fencepost.following import follow
    from fencepost.model.histories import Source
    from fencepost.model.histories.columns import mapping_of
    from fencepost.model.histories.one_pass import Breach

    def tell(name: str, breach: Breach) -> None:
        rows = " and ".join(str(row + 1) for row in breach.rows)
        click.echo(f"violated so far: {path}: {name}{f' at row {rows}' if rows else ''}", err=given["is_json"])

    return follow(
        path,
        level,
        properties=given["names"] or None,
        without=given["without"],
        rules=rules,
        source=Source(path, mapping_of(given["mapping"]) if given["mapping"] else {}, _time_unit(preset, given)),
        preset=preset,
        idle_seconds=given["idle"],
        on_found=tell,
        progress=_row_progress(path, given["quiet"]),
    )


def _row_progress(path: Path, quiet: bool) -> Callable[[int], None]:
    """Return a function that says on stderr, every few seconds, how many rows of a long file have been read."""
    told_s = time.monotonic()

    def tell(row_count: int) -> None:
        nonlocal told_s
        if not quiet and time.monotonic() - told_s > PROGRESS_SECONDS:
            told_s = time.monotonic()
            click.echo(f"... {path}: {row_count} rows", err=True)

    return tell


def _time_unit(preset: Preset | None, given: dict[str, Any]) -> Literal["ns", "us", "ms", "s"]:
    unit: Literal["ns", "us", "ms", "s"] = given["time_unit"] or (preset.time_unit if preset else "ns")
    return unit


def _preset(name: str | None) -> Preset | None:
    from fencepost.model.histories.presets import PRESETS

    if name is not None and name not in PRESETS:
        raise unknown_choice("format", name, PRESETS)
    return None if name is None else PRESETS[name]


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
    from fencepost.model.histories import Beside, read_batches, read_readers

    sent, acks, readers = (given[name] for name in ("sent", "acks", "readers"))
    return Beside(
        None if sent is None else read_batches(sent),
        None if acks is None else read_batches(acks),
        None if readers is None else read_readers(readers),
    )


def _write_page(path: Path, checked: list[tuple[Path, Verification | InputError]]) -> None:
    from fencepost.model.histories.page import page

    found = [(file, each) for file, each in checked if not isinstance(each, InputError)]
    try:
        path.write_text(page(found), encoding="utf-8")
    except OSError as error:
        raise InputError(f"--html {path}: {error.strerror}; expected a file that can be written") from None


def _print(checked: list[tuple[Path, Verification | InputError]], verdict: Verdict, level: Level | None) -> None:
    first = None
    for path, verification in checked:
        if isinstance(verification, InputError):
            continue
        at = "" if level is None else f" at level {level}"
        click.echo(f"{verification.verdict}: {path}{at}")
        rows = [
            [each.property, f"{each.verdict} ({each.bound})", each.anomaly or "-", str(each.count)]
            for each in verification.findings
        ]
        needed = [each for each in verification.not_expressible if each.is_needed]
        rows += [[each.property, f"unknown ({each.reason})", "-", "-"] for each in needed]
        print_table("", ["property", "verdict", "anomaly", "culprits"], rows)
        for finding in verification.findings:
            if finding.witness is not None:
                places = ", ".join(_places(path, finding))
                click.echo(f"{finding.property}: {finding.witness.sentence} ({places})")
                first = first or finding.property
        click.echo()
    print_summary(verdict=verdict, property=first, seed=None, trace=None)


def _places(path: Path, finding: Finding) -> list[str]:
    """Return where the rows of a witness are: rows of the history, and of other files with their name."""
    witness = finding.witness
    assert witness is not None
    paths = witness.paths or (path,) * len(witness.rows)
    return [
        f"row {row}" if file in (path, None) else f"{file} row {row}"
        for file, row in zip(paths, witness.rows, strict=True)
    ]


def _json_rows(path: Path, verification: Verification | InputError) -> list[dict[str, Any]]:
    """Return the JSON rows of one file: of one that could not be read a single one, with the error."""
    nothing = dict.fromkeys(("property", "count", "bound", "anomaly", "witness", "error"))
    if isinstance(verification, InputError):
        return [{"file": path, "verdict": "unknown", "asked": True} | nothing | {"error": str(verification)}]
    rows = [_json(path, finding) for finding in verification.findings]
    return rows + [
        {"file": path, "verdict": "unknown", "asked": False}
        | nothing
        | {"property": each.property, "bound": each.reason}
        for each in verification.not_expressible
        if each.is_needed
    ]


def _checked(
    histories: tuple[Path, ...], verified: Callable[[Path], Verification]
) -> list[tuple[Path, Verification | InputError]]:
    """Return what was found in each file, or why it could not be read. Raises Interrupted with those so far."""
    checked: list[tuple[Path, Verification | InputError]] = []
    try:
        for path in histories:
            try:
                checked.append((path, verified(path)))
            except InputError as error:
                click.echo(f"fencepost: {error}", err=True)
                checked.append((path, error))
    except KeyboardInterrupt:
        raise Interrupted(checked) from None
    return checked


def _json(path: Path, finding: Finding) -> dict[str, Any]:
    witness = finding.witness
    return {
        "file": path,
        "property": finding.property,
        "verdict": finding.verdict,
        "asked": True,
        "count": finding.count,
        "bound": finding.bound,
        "anomaly": finding.anomaly or None,
        "error": None,
        "witness": None
        if witness is None
        else {
            "rows": witness.rows,
            "files": witness.paths or (path,) * len(witness.rows),
            "sentence": witness.sentence,
        },
    }


def _print_list() -> None:
    from fencepost.model.histories.presets import PRESETS
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
