"""fencepost prove: the promises of a protocol, for any size."""

from __future__ import annotations

from pathlib import Path

import click

from fencepost.command_line import options
from fencepost.command_line.output import exit_code, print_json, print_summary


@click.command("prove")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--list", "listing", is_flag=True, help="List the protocols and their promises, and prove nothing.")
@click.option("--depth", type=click.IntRange(0, 30), default=None, help="Steps of the search for a counterexample.")
@options.out_option
@options.json_option
@click.pass_context
def prove_command(
    context: click.Context, names: tuple[str, ...], listing: bool, depth: int | None, out: Path, as_json: bool
) -> None:
    """Prove the promises of the protocols NAME, or of all sound ones, for any size.

    A promise that induction does not prove is searched for a counterexample in a small instance.
    """
    from fencepost.model.contract import worst
    from fencepost.model.itf import write_trace
    from fencepost.model.specs import PROTOCOLS, SOUND, protocol
    from fencepost.proofs import prove
    from fencepost.proofs.verdicts import DEPTH

    if listing:
        for each in PROTOCOLS.values():
            click.echo(f"{each.name}: {', '.join(each.promises)}")
        return
    asked = [protocol(name) for name in names] or list(SOUND)
    proofs, rows, first = [], [], None
    for each in asked:
        for proof in prove(each, depth=DEPTH if depth is None else depth):
            path = None
            if proof.trace is not None:
                path = out / f"{proof.protocol}-{proof.property}.itf.json"
                write_trace(path, proof.trace)
                first = first or (proof.property, path)
            proofs.append(proof)
            if not as_json:
                said = f"{proof.verdict} ({proof.bound}) {proof.seconds:.3f} s"
                click.echo(f"{proof.protocol}: {proof.property} ... {said}")
            rows.append(
                {
                    "protocol": proof.protocol,
                    "property": proof.property,
                    "verdict": proof.verdict,
                    "seconds": round(proof.seconds, 6),
                    "bound": proof.bound,
                    "trace": path,
                }
            )
    verdict = worst([proof.verdict for proof in proofs])
    if as_json:
        print_json("prove", verdict, None, rows)
    else:
        print_summary(verdict=verdict, property=first and first[0], seed=None, trace=first and first[1])
    context.exit(exit_code(verdict))
