"""Runs that are drawn: uniformly, or by priorities (PCT)."""

from __future__ import annotations

import time
from random import Random

from fencepost.model.contract import Verdict
from fencepost.model.errors import Interrupted
from fencepost.model.explorer.search.exploration import (
    INTERRUPTED,
    RUNS,
    Counts,
    Explored,
    Limits,
    Progress,
    Subject,
    Tell,
    no_run_ended,
)
from fencepost.model.explorer.search.schedule import schedule_of
from fencepost.model.explorer.search.shortening import shortened
from fencepost.model.explorer.search.strategies import Picker, by_priority, draw, uniform


def explore_drawn(
    subject: Subject, strategy: str, seed: int, pct_depth: int, limits: Limits, tell: Tell, began: float
) -> Explored:
    """Draw `limits.runs` runs (None: RUNS) from a seed, or as many as there is time for; return the verdict on them."""
    system, counts, run_count = subject.make(), Counts(), RUNS if limits.runs is None else limits.runs
    told, longest, found, reason = began, 0, None, ""
    while found is None and counts.complete + counts.cut < run_count:
        random = Random(f"{seed} {counts.complete + counts.cut}")
        state_of_random = random.getstate()

        def picker(
            random: Random = random, state_of_random: object = state_of_random, longest: int = longest
        ) -> Picker:
            random.setstate(state_of_random)  # type: ignore[arg-type]  # what getstate returned
            return uniform(random) if strategy == "random" else by_priority(random, pct_depth, longest or 50)

        try:
            state, events, ended = draw(system, picker, limits.depth, began + limits.seconds)
        except KeyboardInterrupt:
            reason = INTERRUPTED
            break
        counts.complete += ended
        counts.cut += not ended
        counts.steps += len(events)
        longest = max(longest, len(events))
        violation = subject.violation_at(system, state) if ended else None
        if violation is not None:
            try:
                found = shortened(system, schedule_of(events), violation, subject.judge), violation
            except Interrupted as interrupt:
                found, reason = (interrupt.found, violation), INTERRUPTED
        now = time.perf_counter()
        if now - told > 1.0:
            told = now
            ran = counts.complete + counts.cut
            tell(Progress(ran, ran / run_count, now - began))
        if now - began > limits.seconds:
            reason = "" if counts.complete else f"the time of {limits.seconds:g} s was spent before a run ended"
            break
    seconds = time.perf_counter() - began
    bound = f"{counts.complete} runs drawn by {strategy}, seed {seed}"
    bound += f", and {counts.cut} cut short" if counts.cut else ""
    if strategy == "pct":
        actors = 2 * len(system.threads)
        chance = 1 / (actors * max(1, longest) ** (pct_depth - 1))
        bound += f"; a run meets a violation of depth {pct_depth} with probability >= {chance:.2g}"
        bound += f", all of them miss one with <= {(1 - chance) ** counts.complete:.2g}"
    bound += f"; {subject.size}" if subject.size else ""
    if found is not None:
        return Explored(
            subject, Verdict.VIOLATED, bound, counts, seconds, found[1], found[0], reason, seed, lines=system.lines
        )
    reason = reason or ("" if counts.complete else no_run_ended(counts, limits))
    verdict = Verdict.UNKNOWN if reason else Verdict.NOT_FOUND
    return Explored(subject, verdict, bound, counts, seconds, reason=reason, seed=seed)
