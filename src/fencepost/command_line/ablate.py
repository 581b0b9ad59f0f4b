"""fencepost ablate: which flush, fence or invalidation is load-bearing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fencepost.command_line import options
from fencepost.command_line.output import exit_code, found_by, print_json, print_summary, print_table, warn
from fencepost.command_line.repair import repair_in_json, repair_lines
from fencepost.model.contract import worst

if TYPE_CHECKING:
    from fencepost.model.litmus import LitmusTest
    from fencepost.proofs.ablation import Ablation


@click.command("ablate")
@click.argument("program", required=False, metavar="[IDIOM|FILE.litmus|FILE.py[:NAME]]")
@click.option("--list", "as_list", is_flag=True, help="List the idioms that can be ablated.")
@click.option("--profile", metavar="P", help="The profile; by default the first one that the file names.")
@click.option("--matrix", default="sdmC", show_default=True, metavar="M", help="The ordering matrix.")
@click.option("--runs", is_flag=True, help="Show the run behind every required slot.")
@options.strict_option
@options.out_option
@options.json_option
@click.pass_context
def ablate_command(
    context: click.Context,
    program: str | None,
    as_list: bool,
    profile: str | None,
    matrix: str,
    runs: bool,
    strict: bool,
    out: Path,
    as_json: bool,
) -> None:
    """Say which optional instructions of a program are required, and list all minimal sufficient sets.

    A slot is an instruction marked with `?` in a litmus file, such as `FO d?`. Safety (`bad` is unreachable) and
    freshness (`stale` is unreachable) are asked separately. Exits 1 when no set of slots suffices: then a store must
    move, and which one is said. Under a crash profile hosts may crash at any moment; a CRASH in the file is asked about
    beside that.

    In a program of your own, FILE.py or FILE.py:NAME, the marked operations are those in optional(...) of
    fencepost.program; a set suffices where no run of the program with it is violated.

    A wrong program in which nothing is marked is mended: the fewest flushes and fences are said that make it right when
    they are inserted. It is wrong as it stands, so the exit code is 1.
    """
    if as_list or program is None:
        _list()
        return
    from fencepost.model.own import is_own

    if is_own(program):
        from fencepost.command_line.ablate_program import ablate_own

        context.exit(ablate_own(program, profile, matrix, out, runs=runs, as_json=as_json))
    from fencepost.model.litmus.linting import lints, refuse
    from fencepost.model.memory import matrix as matrix_named
    from fencepost.model.memory import profile as profile_named
    from fencepost.proofs.ablation import ablate

    test = _test(program)
    name = profile or test.profiles[0]
    findings = lints(test, [name])
    if strict:
        refuse(findings)
    warn(findings)
    ablations = found_by(lambda: ablate(test, profile_named(name), matrix_named(matrix)))
    verdict = worst([each.verdict for each in ablations])
    if as_json:
        print_json("ablate", verdict, None, [_json(test, name, matrix, each, findings) for each in ablations])
    else:
        _print(test, name, matrix, ablations, runs=runs)
        wrong = next((each for each in ablations if not each.verdict.passes), None)
        print_summary(verdict=verdict, property=wrong and wrong.promise, seed=None, trace=None, program=test.name)
    context.exit(exit_code(verdict))


def _test(program: str) -> LitmusTest:
    from fencepost.model.litmus import read_test
    from fencepost.model.litmus.idioms import idiom

    given = Path(program)
    return read_test(given) if given.suffix == ".litmus" or given.exists() else idiom(program)


def _list() -> None:
    from fencepost.model.litmus.idioms import idiom, idiom_names

    tests = [idiom(name) for name in idiom_names()]
    rows = [[test.name, str(len(test.slots())), test.expect or "-", test.why] for test in tests if test.slots()]
    print_table("idioms with optional slots", ["idiom", "slots", "bad end", "why"], rows)


def _json(test: LitmusTest, profile: str, matrix: str, ablation: Ablation, findings: tuple[str, ...]) -> dict[str, Any]:
    names = {each.slot: each.text for each in ablation.slots}
    return {
        "name": test.name,
        "profile": profile,
        "matrix": matrix,
        "property": ablation.promise,
        "crash": ablation.crash or None,
        "lints": list(findings),
        "condition": ablation.condition,
        "verdict": ablation.verdict,
        "slots": [
            {
                "slot": each.text,
                "thread": each.slot[0],
                "index": each.slot[1],
                "role": each.role,
                "bound": each.bound,
                "run": _cells(each.run),
            }
            for each in ablation.slots
        ],
        "minimal": [[names[slot] for slot in sorted(each)] for each in ablation.minimal],
        "moves": [{"move": each.text, "minimal": [list(slots) for slots in each.minimal]} for each in ablation.moves],
        "run": _cells(ablation.run),
        "repair": repair_in_json(ablation.repair),
        "bound": ablation.bound,
        "reason": ablation.reason or None,
        "queries": ablation.queries,
        "seconds": round(ablation.seconds, 6),
    }


def _cells(run: Any) -> list[list[str]] | None:
    from fencepost.model.litmus.witness import columns

    return None if run is None else columns(run)


def _print(test: LitmusTest, profile: str, matrix: str, ablations: list[Ablation], *, runs: bool) -> None:
    from fencepost.command_line.litmus import assumed, crashing, print_run

    for number, thread in enumerate(test.program.threads):
        code = "; ".join(each.text + ("?" if each.optional else "") for each in thread.instructions)
        click.echo(f"thread {number} on H{test.program.hosts[thread.host]}: {code}")
    for ablation in ablations:
        crash = f", crash {ablation.crash}" if ablation.crash else ""
        click.echo(f"\n{ablation.promise}{crash}: no run ends with {ablation.condition}")
        if ablation.reason:
            click.echo(f"    {ablation.verdict}: {ablation.reason}")
            continue
        if not ablation.slots:
            _print_repair(ablation)
            continue
        if ablation.minimal:
            rows = [[each.text, each.role, each.bound] for each in ablation.slots]
            print_table(f"{test.name} under {profile}, matrix {matrix}", ["thread: slot", "role", "bound"], rows)
        _print_sets(ablation)
        if ablation.run is not None:
            click.echo("with every slot present, this run remains:")
            print_run(ablation.run)
        for each in ablation.slots if runs else ():
            if each.run is not None:
                click.echo(f"without {each.text}, all other slots present:")
                print_run(each.run)
    asked = dict.fromkeys((test.name, profile, each.crash) for each in ablations)
    for line in (*crashing(list(asked)), *assumed([profile])):
        click.echo(line)


def _print_repair(ablation: Ablation) -> None:
    """Print of a program in which nothing is marked whether it is wrong, and what mends it."""
    from fencepost.command_line.litmus import print_run

    if ablation.run is not None:
        click.echo("nothing is marked, and the program is wrong:")
        print_run(ablation.run)
    for line in repair_lines(ablation.repair):
        click.echo(line)
    click.echo(f"{ablation.verdict}: {ablation.bound}")


def _print_sets(ablation: Ablation) -> None:
    names = {each.slot: each.text for each in ablation.slots}
    for each in ablation.minimal:
        said = ", ".join(names[slot] for slot in sorted(each)) or "nothing: it holds without any slot"
        click.echo(f"minimal sufficient set: {{{said}}}")
    if not ablation.minimal:
        click.echo("no placement of these slots suffices: a store must move" if ablation.moves else
                   "no placement of these slots suffices, nor the move of a single store")  # fmt: skip
    for move in ablation.moves:
        click.echo(f"    {move.text}; minimal sufficient sets then: {'; '.join(map(_set, move.minimal))}")
    click.echo(f"{ablation.verdict}: {ablation.bound}")


def _set(slots: tuple[str, ...]) -> str:
    return "{" + ", ".join(slots) + "}"
