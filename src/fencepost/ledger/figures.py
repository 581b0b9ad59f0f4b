"""Evidence by measurement: figures with their intervals, made now, on this machine, by the verbs of `fencepost.bench`.

What other work on the machine mostly disturbed is measured nevertheless and says so: a rule must not rest on it.
"""

from __future__ import annotations

from collections.abc import Callable
from statistics import median

from fencepost.bench.measured_paths import mostly_disturbed
from fencepost.bench.statistics.change import Change, change_of
from fencepost.bench.statistics.figures import Figure
from fencepost.ledger.claim import Asked, Evidence, Found, Measured
from fencepost.model.contract import Verdict
from fencepost.model.errors import InputError

QUICK_REPETITIONS, REPETITIONS = 10, 40


def timed(name: str, command: str, ask: Callable[[Asked], Found]) -> Evidence:
    """Return evidence that is measured, and so runs alone; `command` is given as many repetitions as are asked for."""
    return Evidence(name, "native", command, ask, is_timed=True)


def of_figure(made: Figure, unit: str, undecided: str = "") -> Measured:
    """Return a figure of the bench with the interval of its median."""
    assert made.value is not None
    assert made.interval is not None
    return Measured(made.value, *made.interval, unit, made.n, undecided)


def of_change(made: Change, undecided: str = "") -> Measured:
    """Return a change as a figure in percent; its numbers are shares."""
    return Measured(made.change, made.low, made.high, "%", made.n, undecided)


def path_ratio(name: str, path: str, what: str) -> Evidence:
    """Return: a path of the bench beside its own floor, as a ratio."""

    def ask(asked: Asked) -> Found:
        from fencepost.bench import measure

        row = measure([path], repetitions=asked.repetitions).rows[0]
        if row.figure.unavailable:
            return Found(unavailable=row.figure.unavailable)
        undecided = mostly_disturbed(row.disturbed_count, row.figure.n, 1 if row.floor is None else 2)
        made = of_figure(row.figure, row.figure.unit, undecided)
        return Found(f"{what}: {made}", figure=made, more=row.extras)

    return timed(name, f"fencepost bench {path}", ask)


def side_change(name: str, first: str, second: str, setting: str, what: str) -> Evidence:
    """Return: how much one side's median time differs from another's, timed in turn."""

    def ask(asked: Asked) -> Found:
        from fencepost.bench import compare

        try:
            found = compare(first, second, setting=setting, repetitions=asked.repetitions)
        except InputError as error:
            if "cannot be measured here" not in str(error):
                raise
            return Found(unavailable=str(error))
        made = of_change(found["median"], found.undecided)
        return Found(f"{what}: {made}", figure=made)

    return timed(name, f"fencepost bench compare '{first}' '{second}' --setting {setting}", ask)


def floor_change(name: str, first: str, second: str, what: str) -> Evidence:
    """Return: how much one metric of the machine's floor differs from another."""

    def ask(asked: Asked) -> Found:
        from fencepost.native.measuring import measure_floor

        sides = [measure_floor(each, repetitions=asked.repetitions) for each in (first, second)]
        for side in sides:
            if side.unavailable:
                return Found(unavailable=side.unavailable)
        disturbed = mostly_disturbed(sum(side.disturbed_count for side in sides), asked.repetitions, 2)
        made = of_change(change_of(sides[0].values, sides[1].values, "median", paired=False), disturbed)
        was, now = (median(side.values) for side in sides)
        return Found(f"{what}: {was:.3g} ns, {now:.3g} ns, {made}", figure=made)

    return timed(name, "fencepost bench floor", ask)


def setting_change(name: str, setting: str) -> Evidence:
    """Return: what one setting of machine or scanners changes for a race."""

    def ask(asked: Asked) -> Found:
        from fencepost.bench import ablate

        row = ablate([setting], repetitions=asked.repetitions, seed=asked.seed)[setting]
        if row.change is None:
            return Found(unavailable=row.unavailable)
        made = of_change(row.change)
        note = f" ({row.note})" if row.note else ""
        return Found(f"{row.setting.what}: time of a batch {made}{note}", figure=made)

    return timed(name, f"fencepost bench ablate {setting}", ask)


def pipeline_speed(name: str) -> Evidence:
    """Return: the speed of the native pipeline, how steady it is, the band it lies in, and its ratio to memcpy."""

    def ask(asked: Asked) -> Found:
        from fencepost.bench import baseline

        row = baseline(["pipeline"], repetitions=asked.repetitions).rows[0]
        if row.spread is None:
            return Found(unavailable=row.figure.unavailable)
        low, high = row.spread.mean_interval
        made = Measured(row.spread.metrics["mean"], low, high, "GB/s", row.spread.n, row.undecided)
        ratio = of_figure(row.ratio, "ratio")
        words = f"pipeline {made}, CV {row.spread.cv:.1%} {row.stability}, {ratio} of memcpy"
        more = {"stability": str(row.stability), "band": row.band, "ratio": ratio.value, "cv": row.spread.cv}
        return Found(words, figure=made, more=more)

    return timed(name, "fencepost bench baseline pipeline", ask)


def rule_of_contention(name: str) -> Evidence:
    """Return: the findings' rule about contentions a second says what is measured; *violated* by a load where not."""

    def ask(asked: Asked) -> Found:
        from fencepost.bench import contention

        found = contention(repetitions=asked.repetitions, seed=asked.seed, rates=(5_000, 50_000))
        wrong = [each for each in found.loads if each.rule_holds is False]
        threshold = found.threshold.per_second
        more = {
            "threshold_per_s": None if threshold is None else threshold[0],
            "recommended_without_gain": [each.setup.name for each in wrong if each.advice == "recommended"],
            "gain_though_not_needed": [each.setup.name for each in wrong if each.advice == "not needed"],
        }
        words = "; ".join(
            f"{each.source} {each.setup.name}: {each.locked.contended_per_s:,.0f} contentions/s, {each.advice}, gain "
            f"{each.throughput.value:+.1%}" for each in wrong or found.loads
        )  # fmt: skip
        return Found(words, found.verdict, more=more)

    return timed(name, "fencepost bench contention --rate 5000 --rate 50000", ask)


def faulty_layout(name: str, description: str) -> Evidence:
    """Return: the lines of a description's structures have no fault."""

    def ask(asked: Asked) -> Found:
        from fencepost.bench import layout

        found = layout(description, messages_per_second=MESSAGES_PER_SECOND)
        faults = [f"{each.property} ({each.target})" for each in found.findings]
        words = f"{description}: {len(faults)} faults: {', '.join(faults)}" if faults else f"{description}: no fault"
        verdict = Verdict.VIOLATED if faults else Verdict.EXHAUSTED
        return Found(words, verdict, more={"findings": [each.explanation for each in found.findings]})

    return Evidence(name, "native", f"fencepost bench layout {description} --rate {MESSAGES_PER_SECOND:g}", ask)


MESSAGES_PER_SECOND = 9.6e6  # 10 GB/s of 1 KiB messages, the middle of the findings' own band
