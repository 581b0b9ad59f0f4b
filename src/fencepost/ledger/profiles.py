"""Evidence of where time goes: stages of a race, and misses by a simulated processor."""

from __future__ import annotations

from fencepost.ledger.claim import Asked, Evidence, Found
from fencepost.ledger.figures import of_figure, timed
from fencepost.model.contract import Verdict

COUNTED = ("order5.fetch_add", "order4.mutex", "order4.claim")


def time_by_stage(name: str) -> Evidence:
    """Return: no stage of a batch's way takes more than its part; *violated* by the one that does."""

    def ask(asked: Asked) -> Found:
        from fencepost.bench.decisions.profile import profile

        stages = profile(names=COUNTED[:1], repetitions=asked.repetitions, seed=asked.seed).stages
        longest = max(stages, key=lambda each: each.share.value or 0.0)
        share = of_figure(longest.share, "share")
        stands_out = share.low is not None and share.low > 1 / len(stages)
        words = f"{longest.name} takes {share.value:.0%} ({share.low:.0%}..{share.high:.0%}) of a batch's time"
        return Found(words, Verdict.VIOLATED if stands_out else Verdict.NOT_FOUND, figure=share)

    return timed(name, "fencepost bench profile", ask)


def missed_by_stage(name: str) -> Evidence:
    """Return: instructions, misses and mispredictions of ordering, by hardware or by a simulated processor."""

    def ask(asked: Asked) -> Found:
        from fencepost.bench.kernels import kernels
        from fencepost.bench.machines.counters import why_not_counted

        counted = kernels(COUNTED)
        if counted.unavailable:
            return Found(unavailable=counted.unavailable)
        counts = "; ".join(
            f"{each.name} {each.instructions:.0f} instructions, {each.mispredictions:.2g} mispredicted"
            for each in counted.rows
        )
        reason = why_not_counted("cache-misses")
        # Errors carry their explanation in brackets: the first words are enough on one screen, doctor has the rest.
        source = f"simulated (hardware: {reason.partition(' (')[0]})" if reason else "simulated"
        misses = sum(each.data_misses for each in counted.rows)
        return Found(f"{source}: {counts}, {misses:.2g} misses a batch", Verdict.NOT_FOUND)

    return Evidence(name, "native", "fencepost bench kernels", ask)
