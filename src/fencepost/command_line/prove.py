"""fencepost prove: the promises of a protocol, for any size."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fencepost.command_line import options
from fencepost.command_line.output import exit_code, found_by, print_json, print_summary, print_table
from fencepost.model.contract import Verdict, worst
from fencepost.model.errors import Interrupted
from fencepost.model.writing import kept, store

if TYPE_CHECKING:
    from fencepost.model.instance import Instance
    from fencepost.model.language import Protocol
    from fencepost.proofs import Proof, Solving


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
    "--solver", type=click.Choice(["z3", "cvc5", "both"]), default="z3", show_default=True, help="Who decides."
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
@click.option("--timeout", type=options.Between(0.01), metavar="S", help="About S seconds for an obligation, as work.")
@options.out_option
@options.json_option
@click.pass_context
def prove_command(
    context: click.Context,
    names: tuple[str, ...],
    listing: bool,
    kills: bool,
    emit: Path | None,
    solver: str,
    depth: int,
    sizes: dict[str, int],
    timeout: float | None,
    out: Path,
    as_json: bool,
) -> None:
    """Prove the promises of the protocols NAME, of those in your own FILE.py, or of all sound ones, for any size.

    NAME is one of --list, or FILE.py for the protocols of your own in it, or FILE.py:CLASS for one. A
    promise that induction does not prove is searched for a counterexample in a small instance. Each
    action, and each condition that should be met sometimes, is shown to happen by a run: where one never
    does, no promise counts as proved.
    """
    from fencepost.model.instance import Instance
    from fencepost.model.own import protocol_of
    from fencepost.model.specs import SOUND

    if listing:
        _print_list(names)
        return
    asked = [protocol_of(name) for name in names] or list(SOUND)
    if kills:
        context.exit(_print_mutants(tuple(asked), as_json))
    solving, bounds = _solving(emit, solver, timeout), Instance(others=sizes)
    rows = found_by(lambda: _proved(_rows(asked, solving, depth, bounds, out), quiet=as_json))
    verdict = worst([row["verdict"] for row in rows])
    if as_json:
        print_json("prove", verdict, None, rows)
    else:
        bad = next((row for row in rows if row["verdict"] is verdict and not verdict.passes), None)
        shown = bad and (bad["trace"] or bad["query"])
        print_summary(verdict=verdict, property=bad and bad["property"], seed=None, trace=shown)
    context.exit(exit_code(verdict))


def _proved(rows: Iterator[tuple[dict[str, Any], str]], *, quiet: bool) -> list[dict[str, Any]]:
    """Print each line as it comes; return the rows. Raises Interrupted with those so far."""
    found: list[dict[str, Any]] = []
    try:
        for row, text in rows:
            found.append(row)
            if not quiet:
                click.echo(text)
    except KeyboardInterrupt:
        raise Interrupted(found) from None
    return found


def _solving(emit: Path | None, solver: str, timeout: float | None) -> Solving:
    from fencepost.proofs import Solving
    from fencepost.proofs.solving import RESOURCE_LIMIT, UNITS_PER_SECOND

    limit = RESOURCE_LIMIT if timeout is None else int(timeout * UNITS_PER_SECOND)
    return Solving(choice=solver, resource_limit=limit, emit=emit)  # type: ignore[arg-type]  # click has checked it


def _rows(
    asked: list[type[Protocol]], solving: Solving, depth: int, bounds: Instance, out: Path
) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield the JSON row and the printed line of every obligation, as each is settled."""
    from fencepost.proofs import prove

    for protocol in asked:
        try:
            yield from _of_proofs(prove(protocol, depth=depth, bounds=bounds, solving=solving), out)
        except Interrupted as interrupt:
            yield from _of_proofs(interrupt.found, out)
            raise


def _of_proofs(proofs: list[Proof], out: Path) -> Iterator[tuple[dict[str, Any], str]]:
    for proof in proofs:
        path = _written(proof, out)
        row = _row(proof.protocol, proof.property, proof.verdict, proof.bound, proof.seconds)
        yield row | {"query" if proof.query else "trace": path}, _line(proof, path)
    for each in proofs[0].happenings if proofs else ():
        row = _row(proofs[0].protocol, each.name, each.verdict, each.bound, 0.0)
        yield row, f"{proofs[0].protocol}: {each.name} ... {each.verdict} ({each.bound})"


def _row(protocol: str, name: str, verdict: Verdict, bound: str, seconds: float) -> dict[str, Any]:
    return {
        "protocol": protocol,
        "property": name,
        "verdict": verdict,
        "seconds": round(seconds, 6),
        "bound": bound,
        "trace": None,
        "query": None,
    }


def _written(proof: Proof, out: Path) -> Path | None:
    """Write the trace of what is violated, or the query of what is unknown; return its path."""
    from fencepost.model.itf import write_trace

    if proof.trace is not None:
        path = out / f"{proof.protocol}-{proof.property}.itf.json"
        return kept(path, partial(write_trace, trace=proof.trace))
    if proof.query:
        path = out / f"{proof.protocol}-{proof.property}.smt2"
        return kept(path, partial(store, data=proof.query))
    return None


def _line(proof: Proof, path: Path | None) -> str:
    from fencepost.checking.by_model import describe

    line = f"{proof.protocol}: {proof.property} ... {proof.verdict} ({proof.bound}) {proof.seconds:.3f} s"
    if proof.cti is not None:
        line += "\n  counterexample to induction; no invariant excludes this state, which is perhaps never reached:"
        line += f"\n{proof.cti}"
    if proof.query:
        line += f"\n  query {path}"
    if proof.trace is None:
        return line
    steps = "\n".join(f"    {step}" for step in describe(proof.trace).splitlines())
    return f"{line}\n{steps}\n    trace {path}, replay it with: fencepost replay {path}"


def _print_list(names: tuple[str, ...]) -> None:
    from fencepost.model.own import PROTOCOL, is_own, objects_in, protocol_of
    from fencepost.model.specs import PROTOCOLS, REFUTED, SOUND

    asked: list[type[Protocol]] = []
    for name in names:
        asked += objects_in(name, PROTOCOL).values() if is_own(name) else [protocol_of(name)]
    for each in asked or PROTOCOLS.values():
        kind = f"refuted: {', '.join(REFUTED[each])}" if each in REFUTED else "sound" if each in SOUND else "your own"
        click.echo(f"{each.name} ({kind}): {', '.join(each.promises)}")


def _print_mutants(asked: tuple[type[Protocol], ...], as_json: bool) -> int:
    """Print the kill table; a mutant that survives without being listed as equivalent is a violation."""
    from fencepost.proofs.mutants import mutants

    made = found_by(lambda: mutants(asked))
    rows = [
        {
            "mutant": mutant.name,
            "engine": "z3",
            "outcome": "caught" if mutant.killed_by else "missed",
            "by": mutant.killed_by and mutant.killed_by.statement,
            "equivalent": mutant.equivalent,
            "seconds": round(mutant.seconds, 6),
            "trace_length": None,
        }
        for mutant in made
    ]
    survivors = [mutant for mutant in made if mutant.killed_by is None and mutant.equivalent is None]
    verdict = Verdict.VIOLATED if survivors else Verdict.PROVED if made else Verdict.UNKNOWN
    if as_json:
        print_json("mutants", verdict, None, rows)
        return exit_code(verdict)
    cells = [[str(r["mutant"]), str(r["outcome"]), str(r["by"] or r["equivalent"] or "SURVIVES")] for r in rows]
    print_table("one requirement less", ["mutant", "outcome", "what no longer holds, or why it still may"], cells)
    caught = sum(mutant.killed_by is not None for mutant in made)
    click.echo(f"{len(made)} mutants: {caught} caught, {len(made) - caught - len(survivors)} equivalent")
    print_summary(verdict=verdict, property=survivors[0].name if survivors else None, seed=None, trace=None)
    return exit_code(verdict)
