"""What a step changed in store buffers, caches and memory, in words; and all that they hold, for `--full`."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from fencepost.model.explorer.explain.stale import reading
from fencepost.model.explorer.monitor.run_state import STANDING
from fencepost.model.explorer.states.formatting import entry_words, line_words, word_is
from fencepost.model.explorer.states.state import State
from fencepost.model.explorer.traces.run_trace import Run
from fencepost.model.memory.lazy import CERTAIN, NOTHING_SEEN, Content, Entry, Version
from fencepost.model.memory.lines import Line
from fencepost.model.programs.operations import line_of

Shown: TypeAlias = Callable[[Line], bool]


class Changes(NamedTuple):
    """What a step changed: each a list of short sentences."""

    buffers: list[str]
    caches: list[str]
    memory: list[str]


def lines_in_play(made: Run) -> set[Line]:
    """Return the lines that the steps of a schedule are about; what happens at once on other lines is left out."""
    found: set[Line] = set()
    for event in made.events[1:]:
        read = reading(event)
        if read is not None:
            found.add(line_of(read[0]))
        what = event.acts[0].what if event.acts else None
        if isinstance(what, Entry):
            found.add(what.line)
        elif (address := getattr(what, "address", None)) is not None:
            found.add(line_of(address))
    return found


def changes(made: Run, step: int, shown: Shown) -> Changes:
    """Return what a step changed, on the lines that are shown; of a store buffer, how many entries wait in it.

    `v2` is the version of a line that memory had after two write-backs. Versions that may have been there are said when
    a reader has found them.
    """
    after = made.states[step]
    before = made.states[step - 1] if step else None
    own = _own_words(made, before, after, shown)
    caches, memory = _caches(made, before, after, shown), _memory(made, before, after, shown)
    if made.system.profile.one_host:
        memory += [text for _, text in own]
    else:
        caches += [f"host {host}: {text}" for host, text in own]
    return Changes(_buffers(made, before, after), caches, memory)


def _buffers(made: Run, before: State | None, after: State) -> list[str]:
    names = (thread.name for thread in made.system.threads)
    old = before.buffers if before else tuple(() for _ in after.buffers)
    triples = zip(names, old, after.buffers, strict=True)
    return [f"{name}: {len(buffer)}" for name, was, buffer in triples if was != buffer]


def _caches(made: Run, before: State | None, after: State, shown: Shown) -> list[str]:
    found = []
    for host, line in sorted({*after.cells.seen, *after.cells.dirty}, key=str):
        if not shown(line):
            continue
        dirty, kept = after.cells.dirty.get((host, line)), after.cells.seen.get((host, line), NOTHING_SEEN).kept
        was_dirty, had = None, NOTHING_SEEN.kept
        if before is not None:
            was_dirty, had = (
                before.cells.dirty.get((host, line)),
                before.cells.seen.get((host, line), NOTHING_SEEN).kept,
            )
        if dirty is not None:
            if dirty != was_dirty:
                base = was_dirty or (_versions(made, before, line)[had].content if before else {})
                found.append(f"host {host}: {_difference(line, base, dirty)} dirty")
        elif kept >= 0 and (kept != had or was_dirty is not None):
            found.append(f"host {host}: {line_words(line)} v{kept}")
        elif kept < 0 and (had >= 0 or was_dirty is not None):
            found.append(f"host {host}: no {line_words(line)}")
    return found


def _versions(made: Run, state: State | None, line: Line) -> tuple[Version, ...]:
    return made.system.memory.versions(state.cells, line) if state else ()


def _difference(line: Line, before: Content, after: Content) -> str:
    """Return the words of a line that differ."""
    changed = {word: after[word] for word in after if word not in before or before[word] != after[word]}
    return _all(line, changed or after)


def _memory(made: Run, before: State | None, after: State, shown: Shown) -> list[str]:
    found = []
    for line, versions in after.cells.versions.items():
        old = _versions(made, before, line)
        for place, each in enumerate(versions):
            new = place >= len(old) or old[place].standing != CERTAIN
            if shown(line) and new and each.standing == CERTAIN:
                earlier = [version.content for version in versions[:place] if version.standing == CERTAIN]
                found.append(f"v{place}: {_difference(line, earlier[-1] if earlier else {}, each.content)}")
    return found


def _own_words(made: Run, before: State | None, after: State, shown: Shown) -> list[tuple[int, str]]:
    """Return (host, text) of words that are one host's own, which need no flush to be seen there."""
    found = []
    old = before.cells.words if before else made.system.memory.start().words
    for address, value in after.cells.words.items():
        if shown(line_of(address)) and old.get(address, 0) != value:
            host = min(made.system.lines.hosts.get(line_of(address), {0}))
            found.append((host, word_is(address, value)))
    return found


def contents(made: Run, state: State) -> Changes:
    """Return all that buffers, caches and memory hold in a state."""
    names = [thread.name for thread in made.system.threads]
    buffers = [
        f"{name}: {entry_words(entry)}" for name, buffer in zip(names, state.buffers, strict=True) for entry in buffer
    ]
    seen = sorted(state.cells.seen.items(), key=str)
    dirty = sorted(state.cells.dirty.items(), key=str)
    clean = [(key, each.kept) for key, each in seen if each.kept >= 0 and key not in state.cells.dirty]
    caches = [f"host {host}: {line_words(line)} v{kept}" for (host, line), kept in clean]
    caches += [f"host {host}: {_all(line, content)} dirty" for (host, line), content in dirty]
    own = [word_is(address, value) for address, value in state.cells.words.items()]
    memory = [
        f"v{place}: {_all(line, each.content)}{'' if each.standing == CERTAIN else f' ({STANDING[each.standing]})'}"
        for line, versions in state.cells.versions.items()
        for place, each in enumerate(versions)
    ]
    if made.system.profile.one_host:
        return Changes(buffers, caches, [*memory, *own])
    return Changes(buffers, [*caches, *(f"own: {each}" for each in own)], memory)


def _all(line: Line, content: Content) -> str:
    """Return the words of a line, which is named once."""
    words = [word_is((*line, word), value) for word, value in content.items()]
    return ", ".join([*words[:1], *(text.split(" . ")[-1] for text in words[1:])]) or f"{line_words(line)} all 0"
