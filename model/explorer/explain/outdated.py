"""A value that was right when it was read, and not any more when its thread acted by it: looked first, acted later.

Another thread stored to the word between, and the reader did not look again. No fence helps: what was read and what is
done by it must be one step, or lie under one lock.
"""

from __future__ import annotations

from collections.abc import Iterator

from fencepost.model.explorer.counterfactual import decides, is_of_the_end
from fencepost.model.explorer.explain.order_cause import Cause, who
from fencepost.model.explorer.explain.stale import step_name
from fencepost.model.explorer.interference import NOT_READ, NOT_STORED, Access, accesses
from fencepost.model.explorer.knowledge import Knowledge
from fencepost.model.explorer.states.formatting import act_words, value_words, word_is
from fencepost.model.explorer.subjects import SequencerOrigin
from fencepost.model.explorer.traces.run_trace import Run
from fencepost.model.memory.lazy import Entry
from fencepost.model.programs.operations import Lock, Unlock


def gone_by_what_was(made: Run, knowledge: Knowledge) -> Cause | None:
    """Return the cause where a thread acted by a value that another had replaced since it was read; None elsewhere."""
    if isinstance(made.trace.origin, SequencerOrigin):
        return None  # its own words say what came between
    judging = None if is_of_the_end(made) else made.events[-1].actor[0]
    for read, other, act in _outdated(accesses(made)):
        if knowledge.reached(read.step, read.thread, judging) and decides(made, read.step, other.stored):
            reader, writer = who(made, read.thread), who(made, other.thread)
            sentence = (
                f"{reader} read {word_is(read.address, read.read)} at {step_name(read.step)} and went by it at"
                f" {step_name(act.step)} ({act_words(act.act)}): {writer}'s {value_words(other.stored)} of"
                f" {step_name(other.step)} came between"
            )
            return Cause(sentence, ((read.step, read.thread), (other.step, other.thread)))
    return None


def _outdated(done: list[Access]) -> Iterator[tuple[Access, Access, Access]]:
    """Yield reads, each with the last store of another to its word, and the reader's next store, to another word."""
    for place, read in enumerate(done):
        if read.read is NOT_READ or read.stored is not NOT_STORED:
            continue
        later = done[place + 1 :]
        act = next((each for each in later if each.thread == read.thread and _is_an_act(each)), None)
        if act is None:
            continue
        between = later[: later.index(act)]
        again = any(each.thread == read.thread and each.address == read.address for each in between)
        others = [
            each
            for each in between
            if each.address == read.address and each.thread != read.thread and each.stored is not NOT_STORED
        ]
        if others and not again and act.address != read.address and others[-1].stored != read.read:
            yield read, others[-1], act


def _is_an_act(access: Access) -> bool:
    """Say whether something was stored, other than to a lock."""
    what = access.act.what
    origin = what.origin if isinstance(what, Entry) else what
    return access.stored is not NOT_STORED and not isinstance(origin, Lock | Unlock)
