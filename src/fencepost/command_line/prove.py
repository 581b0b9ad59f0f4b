"""fencepost prove: the promises of a protocol, for any size."""

from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fencepost.command_line import options
from fencepost.command_line.output import (
    exit_code,
    found_by,
    print_json,
    print_report,
    print_summary,
    print_table,
    progress,
)
from fencepost.model.contract import Verdict

if TYPE_CHECKING:
    from fencepost.model.language import Protocol
    from fencepost.proofs import Solving
    from fencepost.proofs.mutants import Mutant


def _sizes(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, int]:
    """Return the sizes of sorts that SORT=N, SORT=N ... stand for."""
    sizes = {}
    for value in values:
        name, _, size = value.partition("=")
        if not size.isdecimal():
            raise click.BadParameter(f"{value!r}: expected a sort and its number of members, such as Shard=3")
        sizes[name] = int(size)
    return sizes


@click.command("prove")
@click.argument("names", nargs=-1, metavar="[NAME|FILE.py[:NAME]]...")
@click.option("--list", "listing", is_flag=True, help="List the protocols and their promises, and prove nothing.")
@click.option("--mutants", "kills", is_flag=True, help="Leave out each requirement in turn: what notices?")
@click.option(
    "--emit", type=click.Path(file_okay=False, path_type=Path), help="Write each obligation there (SMT-LIB 2)."
)
@click.option(
    "--solver",
    type=options.Choice(["z3", "cvc5", "both"]),
    default="z3",
    show_default=True,
    help="Which solver decides.",
)
@click.option(
    "--depth",
    type=click.IntRange(0, 30),
    default=6,
    show_default=True,
    help="Steps of a counterexample, and of what never happens.",
)
@click.option(
    "--size", "sizes", multiple=True, callback=_sizes, metavar="SORT=N", help="N members of a sort in a counterexample."
)
@options.one_level_option
@options.property_option
@options.timeout_option(None, "About so long for each obligation, as a limit of work.")
@options.out_option
@options.json_option
@options.quiet_option
@click.pass_context
def prove_command(context: click.Context, /, names: tuple[str, ...], **given: Any) -> None:
    """Prove the promises of the protocols NAME, of those in your own FILE.py, or of all sound ones, for any size.

    NAME is one of --list, or FILE.py for the protocols of your own in it, or FILE.py:CLASS for one. A
    promise that induction does not prove is searched for a counterexample in a small instance. Each
    action, and each condition that should be met sometimes, is shown to happen by a run: where one never
    does, no promise counts as proved.

    \b
    fencepost prove order4.claim --property client-order
    """
    from fencepost.model.instance import Instance
    from fencepost.model.own import protocol_of
    from fencepost.model.specs import SOUND
    from fencepost.proving import prove

    if given["listing"]:
        _print_list(names)
        return
    if given["kills"]:
        context.exit(_print_mutants(tuple(map(protocol_of, names)) or SOUND, given["as_json"]))
    asked = partial(
        prove,
        names or None,
        level=given["level"],
        property=given["property"],
        depth=given["depth"],
        bounds=Instance(others=given["sizes"]),
        solving=_solving(given["emit"], given["solver"], given["timeout"]),
        out=given["out"],
        on_progress=progress(given["quiet"]),
    )
    report = found_by(asked)
    print_report(report, as_json=given["as_json"])
    context.exit(exit_code(report.verdict))


def _solving(emit: Path | None, solver: str, timeout: float | None) -> Solving:
    from fencepost.proofs import Solving
    from fencepost.proofs.solving import RESOURCE_LIMIT, UNITS_PER_SECOND

    limit = RESOURCE_LIMIT if timeout is None else int(timeout * UNITS_PER_SECOND)
    return Solving(choice=solver, resource_limit=limit, emit=emit)  # type: ignore[arg-type]  # click has checked it


def _print_list(names: tuple[str, ...]) -> None:
    from fencepost.model.own import PROTOCOL, is_own, objects_in, protocol_of
    from fencepost.model.specs import PROTOCOLS, REFUTED, SOUND

    asked: list[type[Protocol]] = []
    for name in names:
        asked += objects_in(name, PROTOCOL).values() if is_own(name) else [protocol_of(name)]
    for each in asked or PROTOCOLS.values():
        kind = f"refuted: {', '.join(REFUTED[each])}" if each in REFUTED else "sound" if each in SOUND else "your own"
        click.echo(f"{each.name} ({kind}): {', '.join(each.promises)}")


_REDUNDANT = "all still holds: no promise asks for this requirement"
_SURVIVORS = (
    "A requirement without which all still holds makes no protocol wrong: what is promised is proved without it, too."
    " Leave it out, or state as a promise or an invariant what it is for."
)


def _print_mutants(asked: tuple[type[Protocol], ...], as_json: bool) -> int:
    """Print what notices each requirement that is left out; one that nothing notices, and nothing excuses, exits 3."""
    from fencepost.proofs.mutants import mutants

    made = found_by(lambda: mutants(asked))
    rows = [
        {
            "mutant": mutant.name,
            "engine": "z3",
            "outcome": mutant.outcome,
            "by": mutant.killed_by,
            "step": mutant.cti and str(mutant.cti.step),
            "equivalent": mutant.equivalent,
            "seconds": round(mutant.seconds, 6),
            "trace_length": None,
        }
        for mutant in made
    ]
    redundant = [mutant for mutant in made if mutant.outcome == "redundant"]
    undecided = not made or any(mutant.outcome == "unknown" for mutant in made)
    verdict = Verdict.UNKNOWN if redundant or undecided else Verdict.PROVED
    if as_json:
        print_json("mutants", verdict, None, rows)
        return exit_code(verdict)
    cells = [[mutant.name, mutant.outcome, _noticed(mutant)] for mutant in made]
    print_table("weakened specs: one requirement less", ["weakened spec", "outcome", "what no longer holds"], cells)
    counts = Counter(mutant.outcome for mutant in made)
    confirmed = sum(mutant.cti is not None for mutant in made)
    others = "".join(f", {counts[each]} {each}" for each in ("redundant", "unknown") if counts[each])
    click.echo(
        f"{len(made)} weakened specs: {counts['caught']} caught, {confirmed} of them by a step in a small instance;"
        f" {counts['equivalent']} equivalent{others}"
    )
    if redundant:
        click.echo(_SURVIVORS)
    open_ones = [*redundant, *(mutant for mutant in made if mutant.outcome == "unknown")]
    print_summary(verdict=verdict, property=open_ones[0].name if open_ones else None, seed=None, trace=None)
    return exit_code(verdict)


def _noticed(mutant: Mutant) -> str:
    """Say what becomes of a weakened spec."""
    if mutant.killed_by is not None:
        return f"{mutant.killed_by}, by {mutant.cti.step}" if mutant.cti is not None else mutant.killed_by
    return mutant.equivalent or (f"Z3 gave up on {mutant.unknown}" if mutant.unknown else _REDUNDANT)
