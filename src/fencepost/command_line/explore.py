"""fencepost explore: the schedules of a sequencer's programs, of a mutant's, of a litmus file, or of one's own."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fencepost.command_line import options
from fencepost.command_line.output import exit_code, found_by, print_report, progress, warn, writable
from fencepost.command_line.sequencers import list_option

if TYPE_CHECKING:
    from fencepost.model.programs import Scenario


@click.command("explore")
@click.argument("what", metavar="SEQUENCER|MUTANT|FILE.litmus|FILE.py[:NAME]")
@click.option("--profile", metavar="P", help="The memory; by default ncx, or what a litmus file names.")
@click.option(
    "--engine",
    type=options.Choice(["explorer", "native"]),
    default="explorer",
    show_default=True,
    help="The reference in Python, or the same in C++: litmus files and the sequencers that have a stepped build.",
)
@list_option
@options.property_option
@click.option("--matrix", default="sdmC", show_default=True, metavar="M", help="The ordering matrix.")
@click.option(
    "--strategy",
    type=options.Choice(["exhaustive", "random", "pct"]),
    help="By default exhaustive; on the whole corpus, up to a budget for each scenario.",
)
@click.option(
    "--scenario",
    metavar="NAME",
    help="One of the corpus by name, all of them (of a sequencer, the default), or drawn; or give sizes.",
)
@click.option("--clients", type=click.IntRange(1, 8), default=2, show_default=True)
@click.option("--brokers", type=click.IntRange(1, 8), default=2, show_default=True)
@click.option("--batches", type=click.IntRange(1, 64), default=3, show_default=True, help="Of all clients together.")
@click.option("--slots", type=click.IntRange(1, 64), default=4, show_default=True, help="Of each ring.")
@click.option("--duplicates", type=click.IntRange(0, 8), default=0, show_default=True, help="First batches sent again.")
@click.option(
    "--roles",
    default=None,
    metavar="R,...",
    help="Beside the scanners: receivers, delegations, subscribers, acknowledgers, clients; by default all but"
    " clients, delegations only where the sequencer needs them. Without receivers, the batches are in the rings when"
    " the run begins; with clients, those send them and wait for acknowledgements.",
)
@click.option("--restarts", is_flag=True, help="Clients restart when all is sent, and send again to other rings.")
@click.option(
    "--connections",
    type=click.IntRange(1, 4),
    default=1,
    show_default=True,
    help="Receivers that fill a ring together; with clients, of each client to a broker (seed.*).",
)
@click.option(
    "--replicas",
    type=click.IntRange(0, 4),
    default=0,
    show_default=True,
    help="That acknowledgements wait for (seed.*).",
)
@click.option("--no-reduction", is_flag=True, help="Every order of steps, also of those that commute.")
@click.option(
    "--runs",
    type=click.IntRange(1, 10**9),
    help="At most so many; by default 2,000 of random and pct, 40 of each scenario of the corpus.",
)
@click.option("--pct-depth", type=click.IntRange(1, 9), default=3, show_default=True, help="The d of PCT.")
@click.option("--depth", type=click.IntRange(1, 10**6), default=5_000, show_default=True, help="The steps of a run.")
@options.timeout_option(60.0)
@click.option("--jobs", type=click.IntRange(1, 256), default=1, show_default=True, help="Processes.")
@options.cluster_option
@click.option("--resume", is_flag=True, help="Continue where an interrupted search with the same --out stopped.")
@options.hosts_option
@options.strict_option
@options.seed_option
@options.out_option
@options.json_option
@options.quiet_option
@click.pass_context
def explore_command(context: click.Context, /, what: str, **given: Any) -> None:
    """Visit the runs of a small system: every one (exhaustive), or drawn ones (random, pct).

    FILE.py is a program of your own (docs/own.md), FILE.py:NAME one of several.

    Memory's choices are part of a run: what is fetched, evicted and written back when. Every run is held against the
    contract and against the spec that it must refine; those of a mutant, against the promise that it must break, and on
    its own scenario unless a size is given. Of a litmus file runs are counted, not executions: one of these may be
    several runs.

    \b
    fencepost explore order4.claim --scenario wrap-parked
    fencepost explore no_wrap
    """
    from fencepost.exploring.run import checkpoint_of, explore

    out: Path = given["out"]
    writable(out)
    if given["resume"] and not given["quiet"] and not any(out.glob(f"*-{checkpoint_of(what, out).name}")):
        click.echo(f"... no search to resume in {out}: a new one begins", err=True)
    asked = partial(
        explore,
        what,
        property=given["property"],
        engine=given["engine"],
        seed=given["seed"],
        jobs=given["jobs"],
        cluster=given["cluster"],
        timeout=given["timeout"],
        depth=given["depth"],
        runs=given["runs"],
        profile=given["profile"],
        matrix=given["matrix"],
        scenario=_scenario_of(context, what, given),
        strategy=given["strategy"],
        reduction=not given["no_reduction"],
        pct_depth=given["pct_depth"],
        resume=given["resume"],
        strict=given["strict"],
        hosts=given["hosts"],
        out=out,
        on_progress=progress(given["quiet"], every_seconds=1.0),
    )
    report = found_by(asked)
    warn(lint for each in report.findings for lint in each.details["lints"])
    print_report(report, as_json=given["as_json"])
    if not given["quiet"]:
        click.echo(f"... {sum(each.seconds for each in report.findings):.2f} s", err=True)
    context.exit(exit_code(report.verdict))


def _is_sized(context: click.Context) -> bool:
    """Say whether an option asks for a size; else a mutant is explored on its own scenario."""
    typed = click.core.ParameterSource.COMMANDLINE
    sizes = ("clients", "brokers", "batches", "slots", "duplicates", "roles", "restarts", "connections", "replicas")
    return any(context.get_parameter_source(name) is typed for name in sizes)


def _scenario_of(context: click.Context, what: str, given: dict[str, Any]) -> Scenario | str | None:
    from fencepost.model.errors import InputError

    if given["scenario"] is not None and _is_sized(context):
        raise InputError(
            f"--scenario {given['scenario']} has its own sizes: leave out --clients, --slots, --roles, ..."
        )
    return _scenario(what, given) if _is_sized(context) else given["scenario"]


def _scenario(what: str, given: dict[str, Any]) -> Scenario:
    from fencepost.model.errors import InputError, unknown_choice
    from fencepost.model.explorer.subjects import arrivals, plans
    from fencepost.model.programs import DESIGNS, Scenario

    known = ("receivers", "delegations", "subscribers", "acknowledgers", "clients")
    needed = ("receivers", *DESIGNS[what].needs) if what in DESIGNS else ("receivers",)
    by_default = dict.fromkeys((*needed, "subscribers", "acknowledgers"))
    asked = ",".join(by_default) if given["roles"] is None else given["roles"]
    roles = [role.strip() for role in asked.split(",") if role.strip()]
    for role in roles:
        if role not in known:
            raise unknown_choice("role", role, known)
    if given["restarts"] and "clients" not in roles:
        raise InputError("--restarts without clients: add `clients` to --roles")
    rings = [list(ring) for ring in arrivals(given["clients"], given["brokers"], given["batches"])]
    for number in range(given["duplicates"]):
        sent = rings[number % len(rings)]
        if sent:
            rings[(number + 1) % len(rings)].append(sent[0])
    written = "receivers" not in roles and "clients" not in roles
    if written and max(map(len, rings)) > given["slots"]:
        raise InputError(
            f"{max(map(len, rings))} batches on a ring of {given['slots']} slots: without receivers, expected"
            " at most as many as slots; add `receivers` to --roles, or more --slots"
        )
    frees = "subscribers" in roles or needed != ("receivers",)  # what needs more roles does not wait for space
    if max(map(len, rings)) > given["slots"] and not frees:
        raise InputError(
            f"{max(map(len, rings))} batches on a ring of {given['slots']} slots, and no subscribers to free them:"
            " add `subscribers` to --roles, or more --slots"
        )
    sent_by = plans(given["clients"], rings) if "clients" in roles else ()
    return Scenario(
        rings=() if sent_by else tuple(tuple(ring) for ring in rings),
        plans=sent_by,
        ring_count=len(rings) if sent_by else 0,
        restarts=given["restarts"],
        connections=given["connections"],
        replicas=given["replicas"],
        slots=given["slots"],
        written=written,
        delegated="delegations" in roles,
        subscribers="subscribers" in roles,
        acknowledgers="acknowledgers" in roles,
    )
