"""Which flush, fence or invalidation is load-bearing: of a litmus program, or of a program of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

from fencepost.arguments import check_arguments, path_of
from fencepost.model.errors import InputError, Interrupted
from fencepost.model.litmus import LitmusTest, lints, read_test
from fencepost.model.litmus.idioms import idiom
from fencepost.model.litmus.linting import merged_hosts, refuse
from fencepost.model.litmus.parser import STANDARD_INPUT
from fencepost.model.memory import MATRIX, PROFILE
from fencepost.model.memory import matrix as matrix_named
from fencepost.model.memory import profile as profile_named
from fencepost.model.own import is_own, program_of
from fencepost.model.programs.users.own import Program
from fencepost.model.report import Progress
from fencepost.proofs.timestamps.ablation import ablate as ablate_test
from fencepost.proofs.timestamps.oracle import SECONDS_BUDGET
from fencepost.proofs.timestamps.program_ablation import ablate_program
from fencepost.reports.ablate import AblateReport, report_of_program, report_of_test
from fencepost.targets import name_of, one_of, refuse_cpp

Target: TypeAlias = str | Path | LitmusTest | Program
EXPECTED = "an idiom's name, a litmus file or test, FILE.py[:name], or a fencepost.program.Program"


def ablate(
    target: Target,
    *,
    property: str | None = None,
    timeout: float = SECONDS_BUDGET,
    profile: str | None = None,
    matrix: str = MATRIX,
    strict: bool = False,
    hosts: str = "",
    out: str | Path | None = None,
    on_progress: Progress | None = None,
) -> AblateReport:
    """Return what each optional instruction is to a program, and all minimal sufficient sets of them.

    >>> str(fencepost.ablate("publication").verdict)
    'exhausted'

    target     an idiom, a litmus file or test, whose optional instructions are marked `?`; or a program of one's own,
               FILE.py or FILE.py:name, whose optional operations are those in `optional(...)`
    property   `safety` or `freshness` of a litmus program
    timeout    seconds for each promise, or for the program; then the verdict is *unknown*
    profile    by default the first that the file names; of a program, ncx
    hosts      P0=0,P1=1 places the threads of a test in herd's format, where every fence and flush is optional
    out        the folder for traces of a program; None: findings hold the traces themselves

    Violated: no set suffices; or nothing is marked and it is wrong, and then what mends it is said. Raises InputError
    for what has no optional instruction and is right, for a profile without evictions
    and for an unknown name; Interrupted with the report so far.
    """
    check_arguments(timeout=timeout)
    out = path_of("out", out)
    one = one_of(target, EXPECTED)
    refuse_cpp(one)
    if isinstance(one, Program) or (isinstance(one, str | Path) and is_own(one)):
        if property is not None:
            raise InputError(f"property {property!r} of a program of your own: expected none; all it ensures is asked")
        program, under = program_of(one), profile or PROFILE
        merged = merged_hosts(program.name, "program", program.hosts, under)
        if strict:
            refuse(merged)
        if on_progress is not None:
            on_progress(f"ablating {program.name}")
        return report_of_program(ablate_program(program, under, matrix, timeout), out, merged)
    if on_progress is not None:
        on_progress(f"ablating {getattr(one, 'name', one)}")
    test = (one if isinstance(one, LitmusTest) else _test(name_of(one, EXPECTED), hosts)).asking()
    name = profile or test.profiles[0]
    findings = lints(test, [name])
    if strict:
        refuse(findings)
    try:
        found = ablate_test(test, profile_named(name), matrix_named(matrix), seconds=timeout)
    except Interrupted as interrupt:
        raise Interrupted(
            report_of_test(test, name, matrix, interrupt.found, findings, property, is_interrupted=True)
        ) from None
    return report_of_test(test, name, matrix, found, findings, property)


def _test(name: str, hosts: str) -> LitmusTest:
    given = Path(name)
    is_file = name == STANDARD_INPUT or given.suffix == ".litmus" or given.exists()
    return read_test(given, hosts) if is_file else idiom(name)
