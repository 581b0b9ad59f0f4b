"""What caches did of themselves in a run, where in its order it must have been.

Memory's choices are delayed until observed: a load that finds an old copy shows that its host fetched the line before
the newer version came, and one that finds what nobody flushed shows that a cache had written it back by then.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from fencepost.model.explorer.explain.stale import reading, stale_reads, store_of
from fencepost.model.explorer.states.formatting import line_words, word_is
from fencepost.model.explorer.traces.run_trace import Run
from fencepost.model.memory.lazy import CERTAIN, Entry, Version
from fencepost.model.memory.lines import Line
from fencepost.model.memory.ordering import Buffered

_WRITING_BACK = (Buffered.FL, Buffered.FO, Buffered.WB, Buffered.NT)


class CacheEvent(NamedTuple):
    """What the cache of a host did of itself before a step."""

    before: int
    host: int
    text: str


def cache_events(made: Run) -> list[CacheEvent]:
    """Return what caches did of themselves, in the order of the run."""
    return sorted({*_fetches(made), *_write_backs(made)})


def _fetches(made: Run) -> Iterator[CacheEvent]:
    """Yield the fetches that loads of old copies show: each came before the version that the load missed."""
    for stale in stale_reads(made):
        read = reading(made.events[stale.step])
        if stale.where == "memory" and stale.kept_since is None and read is not None and stale.in_memory_at:
            line = line_words((*stale.address[:-1],))
            host = made.system.hosts[stale.thread]
            text = f"fetches line {line}, {word_is(stale.address, stale.found)}: step {stale.step} finds it"
            yield CacheEvent(stale.in_memory_at, host, text)


def _write_backs(made: Run) -> Iterator[CacheEvent]:
    """Yield the write-backs that no flush asked for: a version that memory has, after a step that drained none."""
    for step in range(1, made.last + 1):
        flushed = {act.what.line for act in made.events[step].acts
                   if isinstance(act.what, Entry) and act.what.kind in _WRITING_BACK}  # fmt: skip
        for line, versions in made.states[step].cells.versions.items():
            old = made.states[step - 1].cells.versions.get(line, ())
            for place, each in enumerate(versions):
                new = each.standing == CERTAIN and (place >= len(old) or old[place].standing != CERTAIN)
                if new and place and line not in flushed:
                    yield _write_back(made, step, line, versions, place)


def _write_back(made: Run, step: int, line: Line, versions: tuple[Version, ...], place: int) -> CacheEvent:
    earlier, content = versions[place - 1].content, versions[place].content
    changed = {word: value for word, value in content.items() if earlier.get(word) != value} or dict(content)
    words = ", ".join(word_is((*line, word), value) for word, value in changed.items())
    writer = store_of(made, step, *next(((*line, word), value) for word, value in changed.items()))[0] if changed else 0
    return CacheEvent(step, made.system.hosts[writer], f"writes line {line_words(line)} back, {words}")
