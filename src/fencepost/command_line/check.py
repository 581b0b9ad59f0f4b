"""fencepost check: the main job."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fencepost.command_line import options
from fencepost.command_line.output import exit_code, found_by, print_report, progress
from fencepost.command_line.sequencers import list_option

if TYPE_CHECKING:
    from fencepost.model.histories import Workload


@click.command("check")
@click.argument("target", required=False, metavar="[SEQUENCER|WORKLOAD|FILE.py[:NAME]|FILE.cpp]")
@click.option("--sequencer", metavar="NAME", help="One sequencer, such as order4.claim; also one kept to be refuted.")
@click.option("--workload", type=click.Path(path_type=Path), help="What is sent; by default a recorded workload.")
@list_option
@options.one_level_option
@options.property_option
@options.engine_option
@click.option("--thorough", is_flag=True, help="Every scenario to its end, or until --timeout.")
@options.timeout_option(600.0)
@options.jobs_option
@options.cluster_option
@options.seed_option
@options.out_option
@options.json_option
@options.quiet_option
@click.option("-v", "--verbose", is_flag=True, help="Each property in each engine, and whole counterexamples.")
@click.pass_context
def check_command(context: click.Context, /, target: str | None, **given: Any) -> None:
    """Check a sequencer, or all sound ones, in every engine: the main job.

    Z3 proves each promise for any size. The explorer runs the programs on a corpus of small scenarios in every order,
    on memory that is not coherent. The simulation runs the programs on the workload, every step held against the spec.
    The native code is explored on the same corpus, run step by step beside the model, and raced by real threads.

    FILE.py and FILE.cpp are your own (docs/own.md): every protocol, program and sequencer in it, by the engines that
    apply. A sequencer needs its --level.

    \b
    fencepost check
    fencepost check order4.claim
    fencepost check mine.py
    fencepost check workload.csv --sequencer order4.claim
    """
    from fencepost.checking import check

    sequencer, workload = _asked(target, given["sequencer"], given["workload"])
    asked = partial(
        check,
        sequencer,
        workload=workload,
        level=given["level"],
        property=given["property"],
        engine=given["engines"],
        seed=given["seed"],
        jobs=given["jobs"],
        cluster=given["cluster"],
        timeout=given["timeout"],
        thorough=given["thorough"],
        out=given["out"],
        on_progress=progress(given["quiet"]),
    )
    report = found_by(asked)
    print_report(report, as_json=given["as_json"], verbose=given["verbose"])
    context.exit(exit_code(report.verdict))


def _asked(target: str | None, sequencer: str | None, workload: Path | None) -> tuple[str | None, Workload | None]:
    """Return the sequencer and the workload: TARGET is a workload where it is a file, or looks like one."""
    from fencepost.checking import is_own_work, refuse_unfit
    from fencepost.model.errors import InputError
    from fencepost.model.histories import read_workload
    from fencepost.model.specs import PROTOCOLS

    if target is not None and is_own_work(target):
        if sequencer is not None or workload is not None:
            raise InputError(f"{target} is of your own: leave out {sequencer or workload}")
        return target, None
    is_file = (
        target is not None and target not in PROTOCOLS and (Path(target).exists() or Path(target).suffix in _ENDINGS)
    )
    if is_file and workload is not None:
        raise InputError(f"two workloads, {target} and {workload}: expected one")
    if target is not None and not is_file and sequencer is not None:
        raise InputError(f"two sequencers, {target} and {sequencer}: expected one")
    file = Path(str(target)) if is_file else workload
    given = None if file is None else read_workload(file)
    if given is not None:
        refuse_unfit(given, str(file))
    return (sequencer if is_file else target or sequencer), given


_ENDINGS = (".csv", ".ndjson", ".parquet", ".gz", ".zst")
