"""A value that a reader was owed and memory did not have when the reader was told of it: its writer's fault.

A reader that drops its copy once it knows of a store does all that it can. Where the line reached memory after that,
no invalidation of the reader helps: between the store and what told the reader of it the writer left out a flush of the
line, or the fence behind it.
"""

from __future__ import annotations

from fencepost.model.explorer.explain.order_cause import Cause, who
from fencepost.model.explorer.explain.stale import Stale, reading, step_name, store_of
from fencepost.model.explorer.knowledge import Knowledge
from fencepost.model.explorer.states.formatting import line_words, word_is
from fencepost.model.explorer.traces.run_trace import Run
from fencepost.model.memory.lazy import CERTAIN, Entry
from fencepost.model.programs.operations import Flush, FullFence, Operation, StoreFence, line_of


def handed_over_early(made: Run, knowledge: Knowledge, stale: Stale) -> Cause | None:
    """Return the cause where a reader was told of a store before memory had it; None where memory had it by then."""
    told_at = knowledge.told_at(stale) if stale.where == "memory" else None
    told = reading(made.events[told_at]) if told_at is not None else None
    if told_at is None or told is None or _has_it(made, stale, told_at):
        return None
    by, stored_at = store_of(made, told_at, told[0], told[1])
    late = (
        f"{who(made, stale.writer)}'s {word_is(stale.address, stale.newer)} of {step_name(stale.stored_at)} was not in"
        f" memory before {step_name(stale.in_memory_at or 0)}"
    )
    left_out = left_out_words(made, knowledge, stale, told_at) or f", after {word_is(told[0], told[1])}"
    read = f"{who(made, stale.thread)} went by that and loaded {word_is(stale.address, stale.found)}"
    sentence = (
        f"{late}{left_out}, which {who(made, by)} stored at {step_name(stored_at)}; {read} at {step_name(stale.step)}"
    )
    return Cause(sentence, ((stored_at, by), (stale.step, stale.thread)))


def _has_it(made: Run, stale: Stale, step: int) -> bool:
    """Say whether memory had the newer value, for certain, when a step was done."""
    versions = made.states[step].cells.versions.get(line_of(stale.address), ())
    return any(each.standing == CERTAIN and each.content.get(stale.address[-1], 0) == stale.newer for each in versions)


def left_out_words(made: Run, knowledge: Knowledge, stale: Stale, told_at: int) -> str:
    """Say which of the flush and the fence its writer left out between a store and what told the reader of it."""
    acts = (act for event in made.events for act in event.acts if act.thread == stale.writer)
    own: list[Operation] = [act.what for act in acts if not isinstance(act.what, Entry)]
    line = line_of(stale.address)
    between = [own[place] for place in knowledge.between(stale, told_at)]
    flushes = [place for place, what in enumerate(between) if isinstance(what, Flush) and what.line == line]
    told = reading(made.events[told_at])
    assert told is not None
    if not flushes:
        return f": no flush of line {line_words(line)} before {word_is(told[0], told[1])}"
    is_fenced = any(isinstance(what, StoreFence | FullFence) for what in between[flushes[-1] :])
    flushed = f": no fence between the flush of line {line_words(line)} and {word_is(told[0], told[1])}"
    return "" if is_fenced else flushed
