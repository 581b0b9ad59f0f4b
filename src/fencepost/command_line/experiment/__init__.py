"""fencepost experiment: sweeps that survive, on one machine or a cluster."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fencepost.command_line import options
from fencepost.command_line.experiment.report import report_command
from fencepost.command_line.output import exit_code, found_by, print_report
from fencepost.model.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fencepost.experiments.running import Advance, Monitor
    from fencepost.experiments.spec import Spec
    from fencepost.reports.experiment import ExperimentReport

Command = Callable[..., None]
SPEC = click.Path(path_type=Path)
LINE_SECONDS = 5.0
"""Between two lines of progress where there is no terminal, at least."""
LINE_SECONDS_MOST = 30.0
"""And at most, also where no trial ends for so long."""


@click.group("experiment")
def experiment_command() -> None:
    """Run sweeps of trials that survive: their spec, their store, what became of them.

    \b
    fencepost experiment new --preset smoke      a commented spec, smoke.toml
    fencepost experiment run smoke.toml          its trials, into a store
    fencepost experiment status fencepost-out/smoke.db
    """


experiment_command.add_command(report_command)


def running_options(command: Command) -> Command:
    """--jobs, --backend, --cluster, --json, --quiet: of the commands that run trials."""
    for option in (
        options.quiet_option,
        options.json_option,
        options.cluster_option,
        click.option(
            "--backend", type=options.Choice(["loky", "inline", "dask"]), default=None,
            help="Where trials run; loky, or dask with --cluster.",
        ),
        options.jobs_option,
    ):  # fmt: skip
        command = option(command)
    return command


@experiment_command.command("new")
@click.option("--preset", type=str, default="smoke", show_default=True, help="What to begin with.")
@click.option("--list", "as_list", is_flag=True, help="List the presets.")
@click.option("--smoke", is_flag=True, help="Its quick form: few values, short trials, two replications.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="The file; by default PRESET.toml here.")
def new_spec_command(preset: str, as_list: bool, smoke: bool, out: Path | None) -> None:
    """Write a commented spec, from a preset.

    \b
    fencepost experiment new --preset smoke
    """
    from fencepost.experiments.presets import PRESETS, new_experiment, sentence_of

    if as_list:
        for name in PRESETS:
            click.echo(f"{name:16}{sentence_of(name)}")
        return
    path = new_experiment(preset, out, smoke=smoke)
    click.echo(f"wrote {path}")
    click.echo(f"next: fencepost experiment run {path}")


@experiment_command.command("run")
@click.argument("spec", type=SPEC)
@click.option("--dry-run", is_flag=True, help="Say how many trials there are and how long they may take, and stop.")
@click.option("--max-trials", type=click.IntRange(1, 10**9), default=100_000, show_default=True, help="Not more.")
@options.out_option
@running_options
@click.pass_context
def run_command(
    context: click.Context,
    /,
    spec: Path,
    dry_run: bool,
    max_trials: int,
    out: Path,
    **given: Any,
) -> None:
    """Run the trials of SPEC that its store does not have yet.

    The store is OUT/NAME.db, a row for each finished trial. Interrupted, it says how to go on; what is finished is
    never run again by the same code. Exit code 1: a trial is violated; 3: one is unknown, failed or missing.

    \b
    fencepost experiment run smoke.toml
    """
    from fencepost.experiments.running import store_of
    from fencepost.experiments.spec import check_trial_count, read_spec

    asked = read_spec(spec)
    check_trial_count(asked, max_trials)
    store = store_of(asked, out)
    if dry_run:
        _say_dry(asked, store, given["jobs"])
        return
    if not given["quiet"]:
        _say_what_changed(asked, store)
    _run(context, asked, store, **given)


@experiment_command.command("resume")
@click.argument("store", type=SPEC)
@running_options
@click.pass_context
def resume_command(context: click.Context, /, store: Path, **given: Any) -> None:
    """Go on with the run of STORE: the trials that have no outcome yet.

    \b
    fencepost experiment resume fencepost-out/smoke.db
    """
    from fencepost.experiments.run import Run

    _run(context, Run.open(store).spec, store, **given)


@experiment_command.command("status")
@click.argument("store", type=SPEC)
@options.json_option
@click.pass_context
def status_command(context: click.Context, store: Path, as_json: bool) -> None:
    """Say how far the run of STORE is, also while it runs.

    \b
    fencepost experiment status fencepost-out/smoke.db
    """
    from fencepost.experiments.run import Run
    from fencepost.experiments.store import writing_process
    from fencepost.reports.experiment import report_of

    report = replace(found_by(lambda: report_of(Run.open(store))), writing_process=writing_process(store))
    print_report(report, as_json=as_json)
    context.exit(exit_code(report.verdict))


@experiment_command.command("export")
@click.argument("store", type=SPEC)
@click.argument("file", type=SPEC)
@click.option("--sweep", metavar="NAME", help="Only the trials of this sweep.")
def export_command(store: Path, file: Path, sweep: str | None) -> None:
    """Write the finished trials of STORE to FILE: .parquet, .csv or .ndjson.

    \b
    fencepost experiment export fencepost-out/smoke.db trials.parquet
    """
    from fencepost.experiments.run import Run

    run = Run.open(store)
    is_new = not file.parent.exists()
    path = run.export(file, sweep)
    made = f" (made the folder {file.parent})" if is_new else ""
    click.echo(f"wrote {path}: {sum(run.statuses(sweep).values())} trials{made}")


def _run(
    context: click.Context,
    spec: Spec,
    store: Path,
    *,
    jobs: int,
    backend: str | None,
    cluster: str | None,
    as_json: bool,
    quiet: bool,
) -> None:
    from fencepost.experiments.running import backend_of, run_on

    chosen = backend_of(backend or ("dask" if cluster else "loky"), jobs, cluster)

    def go() -> ExperimentReport:
        with _progress(quiet) as watch:
            return run_on(spec, store, chosen, watch)

    report = found_by(go)
    print_report(report, as_json=as_json)
    context.exit(exit_code(report.verdict))


@contextmanager
def _progress(quiet: bool) -> Iterator[Monitor | None]:
    """Give what shows how far a run is: one bar on a terminal, else a line every few seconds."""
    if quiet:
        yield None
    elif sys.stderr.isatty():
        yield from _bar()
    else:
        yield from _lines()


def _lines() -> Iterator[Monitor]:
    """Say how far a run is, and between ends of trials that are long that it goes on."""
    began_s = said_s = time.monotonic()
    last, is_over = "no trial has ended yet", threading.Event()

    def say(advance: Advance) -> None:
        nonlocal said_s, last
        now_s, last = time.monotonic(), str(advance)
        if now_s - said_s >= LINE_SECONDS or advance.done == advance.missing:
            said_s = now_s
            click.echo(f"... {advance}", err=True)

    def remind() -> None:
        nonlocal said_s
        while not is_over.wait(LINE_SECONDS_MOST / 10):
            now_s = time.monotonic()
            if now_s - said_s >= LINE_SECONDS_MOST * 0.9:
                said_s = now_s
                # No lock of a stream is held here: trials are forks, in which it would stay locked.
                os.write(sys.stderr.fileno(), f"... after {now_s - began_s:.0f} s: {last}\n".encode())

    reminder = threading.Thread(target=remind, daemon=True)
    reminder.start()
    try:
        yield say
    finally:
        is_over.set()
        reminder.join()


def _bar() -> Iterator[Monitor]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (
        TextColumn("missing trials"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"),
        TextColumn("{task.fields[left]}"), TextColumn("{task.fields[failed]}"),
    )  # fmt: skip
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None, rate="", left="", failed="")

        def show(advance: Advance) -> None:
            failed = f"[red]{advance.failed} failed[/]" if advance.failed else ""
            rate = f"{advance.rate_per_s:.3g}/s"
            left_s = advance.seconds_left
            left = "" if left_s is None else f"about {timedelta(seconds=round(left_s))} left"
            bar.update(task, total=advance.missing, completed=advance.done, rate=rate, left=left, failed=failed)

        yield show


def _say_what_changed(spec: Spec, store: Path) -> None:
    """Say where a spec asks for other figures, titles or claims of trials that its store has."""
    from fencepost.experiments.run import Run

    kept = Run.open(store).spec if store.exists() else spec
    if kept != spec and kept.identity() == spec.identity():
        click.echo("... only figures, titles or claims changed: what is finished is kept", err=True)


def _say_dry(spec: Spec, store: Path, jobs: int) -> None:
    """Say how many trials there are, how many are missing, and how long those may take by what has run."""
    from fencepost.experiments.run import Run

    run = Run.open(store) if store.exists() else None
    if run is not None and run.spec.identity() != spec.identity():
        raise InputError(f"{store}: is the store of another spec: give the experiment another name, or another --out")
    missing_s, is_known = 0.0, True
    for sweep in spec.sweeps:
        count = sweep.combination_count * spec.replications
        finished = 0 if run is None else sum(run.statuses(sweep.name).values())
        each_s = run.seconds(sweep.name) / finished if run is not None and finished else None
        is_known = is_known and (each_s is not None or finished == count)
        missing_s += (each_s or 0.0) * (count - finished) / (1 if sweep.engine == "native" else jobs)
        took = "nothing has run" if each_s is None else f"{each_s:.3g} s each"
        click.echo(f"{sweep.name}: {sweep.engine}, {count} trials, {count - finished} missing ({took})")
    estimate = f"about {missing_s:.0f} s with {jobs} jobs" if is_known else "unknown until some of each sweep has run"
    click.echo(f"{spec.name}: {spec.trial_count} trials; time: {estimate}")
