"""Evidence from proofs, explorations, litmus programs and counts: obligations with a verdict.

Each function returns the Evidence for one obligation; nothing is asked before the ledger is made.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from fencepost.ledger.claim import Asked, Evidence, Found
from fencepost.model.contract import Verdict, worst
from fencepost.model.programs.pipeline import Scenario

EXPLORED_SECONDS = 60.0  # of one obligation; the searches here take less than two


def proved(name: str, protocol: str, *properties: str) -> Evidence:
    """Return: these promises of a protocol are proved for any size, by Z3."""

    def ask(asked: Asked) -> Found:
        from fencepost.proofs import prove

        proofs = {each.property: each for each in prove(protocol)}
        chosen = [proofs[each] for each in properties]
        verdict = worst([each.verdict for each in chosen])
        bounds = list(dict.fromkeys(each.bound for each in chosen if each.verdict is verdict))
        return Found(f"{protocol}: {', '.join(properties)} {verdict} ({'; '.join(bounds)})", verdict)

    return Evidence(name, "z3", f"fencepost prove {protocol}", ask)


def reached(name: str, protocol: str, sometimes: str) -> Evidence:
    """Return: a state that a protocol does not exclude is never reached; *violated* by a run that reaches it."""

    def ask(asked: Asked) -> Found:
        from fencepost.proofs import prove

        happenings = {each.name: each for each in prove(protocol)[0].happenings}
        seen = happenings[sometimes]
        verdict = Verdict.VIOLATED if seen.verdict.passes else Verdict.UNKNOWN
        return Found(f"{protocol}: {sometimes.removeprefix('sometimes ')}, by {seen.bound}", verdict)

    return Evidence(name, "z3", f"fencepost prove {protocol}", ask)


def explored(name: str, target: str, promise: str, scenario: Scenario | str | None = None) -> Evidence:
    """Return: no run of a bug's scenario, or of another one, breaks this promise on memory that is not coherent."""

    def ask(asked: Asked) -> Found:
        from fencepost.exploring.run import explore

        report = explore(
            target, property=promise, scenario=scenario, strategy="exhaustive", timeout=EXPLORED_SECONDS, out=asked.out
        )
        (seen,), (finding,) = report.explored, report.findings
        if seen.violation is None:
            return Found(f"{target}: {promise} {seen.verdict} ({seen.bound})", seen.verdict)
        trace = finding.trace if isinstance(finding.trace, Path) else None
        return Found(f"{target}: {promise}: {seen.violation.sentence}", Verdict.VIOLATED, trace=trace)

    more = f" --strategy exhaustive --scenario {scenario}" if isinstance(scenario, str) else ""
    return Evidence(name, "explorer", f"fencepost explore {target} --property {promise}{more}", ask)


def ablated(name: str, idiom: str, *, suffices: bool = True) -> Evidence:
    """Return: the flushes and fences of an idiom suffice, and which of them are needed."""

    def ask(asked: Asked) -> Found:
        from fencepost.model.litmus.idioms import idiom as idiom_of
        from fencepost.model.memory import MATRICES, PROFILE, PROFILES
        from fencepost.proofs.timestamps.ablation import Role, ablate

        found = ablate(idiom_of(idiom), PROFILES[PROFILE], MATRICES["sdmC"])
        verdict = worst([each.verdict for each in found])
        powerless = [each.promise for each in found if not each.minimal]
        slots = {each.slot for ablation in found for each in ablation.slots}
        needed = {each.slot for ablation in found for each in ablation.slots if each.role is Role.REQUIRED}
        moves = [move.text for ablation in found for move in ablation.moves]
        words = f"{idiom}: {len(needed)} of {len(slots)} flushes and fences needed"
        if powerless:
            moved = f"; moved: {moves[0]}" if moves else ""
            words = f"{idiom}: no placement suffices for {', '.join(powerless)}{moved}"
        more = {"needed": len(needed), "slots": len(slots), "powerless": powerless, "moves": moves}
        return Found(words, Verdict.VIOLATED if powerless else verdict, more=more)

    return Evidence(name, "z3", f"fencepost ablate {idiom}", ask)


def litmus(name: str, idiom: str) -> Evidence:
    """Return: the bad end of an idiom is not reachable on memory that is not coherent between hosts; by all engines."""

    def ask(asked: Asked) -> Found:
        from fencepost.litmus_tests.run import litmus
        from fencepost.model.litmus import Answer
        from fencepost.model.memory import PROFILE

        (row,) = litmus(idiom, profile=PROFILE).rows
        verdicts = {Answer.ALLOWED: Verdict.VIOLATED, Answer.FORBIDDEN: Verdict.EXHAUSTED}
        answer = next(iter(row.answers)) if len(row.answers) == 1 else Answer.UNKNOWN
        words = f"{idiom}: {row.test.bad.text} is {answer} ({', '.join(row.engines)})"
        return Found(words, verdicts.get(answer, Verdict.UNKNOWN))

    return Evidence(name, "explorer", f"fencepost litmus {idiom}", ask)


def counted(name: str, what: Callable[[], Found], command: str) -> Evidence:
    """Return: counts of the production code, in a build that counts, are as they have to be."""
    return Evidence(name, "native", command, lambda asked: what())
