"""The same machine with its choices made late: what caches did of themselves is decided when somebody notices.

A copy may be fetched, cleaned and evicted at any time, so a host's copy of a line may be anything that memory had since
the host last dropped it. Instead of a step for each of these, memory keeps its versions, and a load chooses among them:

    versions    line -> what memory had, oldest first. A version is certain once it is known that it was there. The
                owner of a dirty line may have written an older content back before it stored again: such a content is
                a version in doubt, made certain by the first load that finds it, or ruled out by a load that found
                something older later.
    seen        (host, line) -> Seen: the copy that the host has, and from where on it may have fetched another
    dirty       (host, line) -> what the host's cache holds and memory may not have yet

Before an event on a line, other hosts' dirty copies of it may be evicted; that is part of the event's choice, and such
a choice is `lucky`: no machine has to make it, ever.

A line of which only one host has to do is that host's own: its words are plain words. A line on which several hosts
store has no versions in doubt: whether an older content was written back is chosen at the next store.

`tests/explorer/test_explorer.py` holds it against the definition (`machine.py`) on the litmus tests and on random
programs.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from itertools import permutations
from typing import Any, NamedTuple, TypeAlias

from fencepost.model.memory.lines import Line, Lines
from fencepost.model.memory.ordering import Buffered
from fencepost.model.memory.profiles import Profile

Content: TypeAlias = dict[Any, Any]  # word -> value; never changed in place; a word that is not in it holds 0
Key: TypeAlias = tuple[Any, ...]
Choice: TypeAlias = tuple[Any, ...]

RULED_OUT, IN_DOUBT, CERTAIN = 0, 1, 2


class Version(NamedTuple):
    """What memory had, or may have had, of a line."""

    content: Content
    standing: int  # CERTAIN, IN_DOUBT or RULED_OUT


class Entry(NamedTuple):
    """Something in a store buffer.

    number   counts the entries of its thread
    moment   counts what orders the entries of its thread: the same for a store and a flush with nothing between them
    """

    kind: Buffered
    line: Line
    word: Hashable
    value: Any
    number: int
    moment: int = 0
    origin: Any = None  # the operation that put it there


class Seen(NamedTuple):
    """What one host knows of a line that it does not hold dirty, as places in the line's versions.

    since   a copy fetched by itself was fetched from this one, what memory had then, or from a later one
    kept    the copy that the last load found, which may still be there; -1 for none
    """

    since: int = 0
    kept: int = -1


class Footprint:
    """What an event has to do with, as keys: two events with no key in common, or only read ones, commute.

    widens   keys whose later writes would have given the event further choices, though they leave the one it made
    dates    keys whose earlier writes leave the event its choice, but fewer choices to those that follow: before such a
             write the event can be followed by all that it can be followed by after it, and by more
    """

    __slots__ = ("dates", "reads", "widens", "writes")

    def __init__(self) -> None:
        self.reads: set[Key] = set()
        self.writes: set[Key] = set()
        self.widens: set[Key] = set()
        self.dates: set[Key] = set()


NOTHING_SEEN = Seen()


class Cells:
    """One state of caches and memory. `copy` it, then change the copy."""

    __slots__ = ("dirty", "seen", "versions", "words")

    def __init__(self) -> None:
        self.words: dict[Key, Any] = {}  # of lines that are one host's own: line + (word,) -> value
        self.versions: dict[Line, tuple[Version, ...]] = {}
        self.seen: dict[tuple[int, Line], Seen] = {}
        self.dirty: dict[tuple[int, Line], Content] = {}

    def copy(self) -> Cells:
        other = Cells.__new__(Cells)
        other.words, other.versions = self.words.copy(), self.versions.copy()
        other.seen, other.dirty = self.seen.copy(), self.dirty.copy()
        return other

    def frozen(self) -> Hashable:
        """Return a hashable value, equal for equal states."""
        versions = (
            (line, tuple((_frozen(each.content), each.standing) for each in versions))
            for line, versions in self.versions.items()
        )
        dirty = ((key, _frozen(content)) for key, content in self.dirty.items())
        parts = (self.words.items(), versions, self.seen.items(), dirty)
        return tuple(frozenset(part) for part in parts)


def _frozen(content: Content) -> Hashable:
    return frozenset(content.items())


class LazyMemory:
    """Loads, stores and flushes on `Cells`, and the choices that each has, under a profile.

    Supported are profiles in which a line is written back whole and no host crashes. Every method that acts takes the
    cells to change, and notes in `touched` what it had to do with.
    """

    def __init__(self, profile: Profile, lines: Lines, initial: dict[Line, Content]) -> None:
        self.profile, self.lines, self.initial = profile, lines, initial

    def start(self) -> Cells:
        """Return the state in which nothing is cached."""
        cells = Cells()
        for line, content in self.initial.items():
            cells.words.update({(*line, word): value for word, value in content.items()})
        return cells

    def versions(self, cells: Cells, line: Line) -> tuple[Version, ...]:
        """Return what memory had of a line."""
        found = cells.versions.get(line)
        return found if found is not None else (Version(self.initial.get(line, {}), CERTAIN),)

    def owners(self, cells: Cells, host: int, line: Line) -> list[int]:
        """Return the hosts that hold the line dirty; the asking host itself only if it is not the one that may."""
        if not self.lines.contested(line):
            owner = next(iter(self.lines.writers.get(line, ())), host)
            return [owner] if owner != host and (owner, line) in cells.dirty else []
        return sorted(each for each, of in cells.dirty if of == line)

    def keys(self, address: Key) -> set[Key]:
        """Return the keys whose writes change what a load of a word may find."""
        line = address[:-1]
        return {("W", address)} if self.lines.own(line) else {("M", line), ("D", line)}

    def keeps(self, cells: Cells, host: int, line: Line) -> bool:
        """Say whether it makes no difference that the host loads the line once more and keeps what it finds.

        It makes one where caches fetch nothing of themselves: there a copy is old only if somebody loaded it before.
        """
        return self.profile.speculate or cells.seen.get((host, line), NOTHING_SEEN).kept >= 0

    # --- what a load may find ---

    def copies(self, cells: Cells, host: int, line: Line) -> Iterator[tuple[Choice, bool]]:
        """Yield each choice of what a host's load of a line finds, and whether it is a lucky one.

        A choice is ("own",), ("copy", place in the versions), or ("evict", hosts whose dirty copies go first).
        """
        if self.lines.own(line):
            yield ("own",), False
            return
        if (host, line) in cells.dirty:
            yield ("own",), False
            if self.lines.contested(line):
                orders = self.evictions(cells, host, line)
                yield from ((("evict", owners), True) for owners in orders if host in owners)
            return
        yield from (((("copy", place)), lucky) for place, lucky in self._places(cells, host, line))
        yield from ((("evict", owners), True) for owners in self.evictions(cells, host, line))

    def _places(self, cells: Cells, host: int, line: Line) -> Iterator[tuple[int, bool]]:
        """Yield the versions a load may find. Those that demand no luck: the copy that is there, or, without one,
        what memory has; where caches fetch of themselves, they may have done so at the earliest moment."""
        versions = self.versions(cells, line)
        since, kept = cells.seen.get((host, line), NOTHING_SEEN)
        first = _certain(versions, since if self.profile.speculate else len(versions) - 1)
        if kept >= 0:
            yield kept, False
            if not self.profile.evict:
                return
        for place in range(first, len(versions)):
            if versions[place].standing and place != kept:
                yield place, kept >= 0 or place != first

    def fresh(self, cells: Cells, host: int, line: Line) -> Iterator[tuple[Choice, bool]]:
        """Yield each choice of what a load finds right after the host dropped its copy."""
        if self.lines.own(line):
            yield ("own",), False
            return
        versions = self.versions(cells, line)
        last = _certain(versions, len(versions) - 1)
        if (host, line) not in cells.dirty:
            yield ("copy", last), False
            yield from ((("copy", place), True) for place in range(last + 1, len(versions)) if versions[place].standing)
        else:
            yield ("own",), False
        yield from ((("evict", owners), True) for owners in self.evictions(cells, host, line))

    def evictions(self, cells: Cells, host: int, line: Line) -> Iterator[tuple[int, ...]]:
        """Yield the orders in which some of the dirty copies of a line may be evicted before this host uses it."""
        if self.profile.evict:
            owners = self.owners(cells, host, line)
            for count in range(1, len(owners) + 1):
                yield from permutations(owners, count)

    def content(self, cells: Cells, host: int, line: Line, choice: Choice) -> Content:
        """Return what a choice finds, without making it."""
        if choice[0] == "copy":
            return self.versions(cells, line)[choice[1]].content
        return cells.dirty[choice[1][-1] if choice[0] == "evict" else host, line]

    def take(self, cells: Cells, host: int, line: Line, choice: Choice, touched: Footprint) -> Content:
        """Make a choice of `copies` or `fresh`: the host has that copy now. Return it."""
        if choice[0] == "own":
            touched.reads.add(("C", host, line))
            return cells.dirty[host, line]
        touched.widens.update({("M", line), ("D", line)})
        if choice[0] == "evict":
            self.evict(cells, choice[1], line, touched)
            last = len(self.versions(cells, line)) - 1
            self._see(cells, host, line, Seen(last, last), touched)
            return cells.versions[line][-1].content
        place, versions = choice[1], self.versions(cells, line)
        seen = cells.seen.get((host, line), NOTHING_SEEN)
        last = len(versions) - 1
        if place != seen.kept:
            self._settle(cells, line, place, seen.since if self.profile.speculate else last, touched)
        touched.reads.add(("V", line, place))
        if self.profile.speculate:
            touched.dates.add(("M", line))
        elif place != seen.kept:
            touched.reads.add(
                ("M", line)
            )  # after the next write, memory has this no more, and nobody fetched it before
        self._see(cells, host, line, Seen(last if self.profile.speculate else 0, place), touched)
        return versions[place].content

    def _see(self, cells: Cells, host: int, line: Line, seen: Seen, touched: Footprint) -> None:
        """Note what a host has of a line now."""
        if cells.seen.get((host, line), NOTHING_SEEN) == seen:
            touched.reads.add(("C", host, line))
        else:
            cells.seen[host, line] = seen
            touched.writes.add(("C", host, line))

    def _settle(self, cells: Cells, line: Line, place: int, until: int, touched: Footprint) -> None:
        """Memory had the version at `place`, and still had it at `until`: what was in doubt between was not there."""
        versions = self.versions(cells, line)
        doubted = [at for at in range(place + 1, until + 1) if versions[at].standing == IN_DOUBT]
        if versions[place].standing == CERTAIN and not doubted:
            return
        settled = list(versions)
        settled[place] = versions[place]._replace(standing=CERTAIN)
        for at in doubted:
            settled[at] = versions[at]._replace(standing=RULED_OUT)
        cells.versions[line] = tuple(settled)
        touched.writes.add(("M", line))

    # --- stores, write-backs ---

    def store(
        self, cells: Cells, host: int, line: Line, word: Hashable, value: Any, choice: Choice, touched: Footprint
    ) -> Any:
        """Let a store reach the cache on the copy of a choice of `copies`; return what the word held before."""
        if self.lines.own(line):
            address = (*line, word)
            touched.writes.add(("W", address))
            before = cells.words.get(address, 0)
            cells.words[address] = value
            return before
        found = self.take(cells, host, line, choice, touched)
        if choice[0] == "own" and self.profile.evict and not self.lines.contested(line):
            self._append(cells, line, Version(found, IN_DOUBT), touched)
        cells.dirty[host, line] = {**found, word: value}
        touched.writes.update({("C", host, line), ("D", line)})
        return found.get(word, 0)

    def flush(self, cells: Cells, host: int, line: Line, kind: Buffered, choice: Choice, touched: Footprint) -> None:
        """Let a flush take effect: write back; drop the copy unless the flush is a clwb.

        `choice` is ("evict", hosts), with the other hosts whose dirty copies are evicted first.
        """
        if self.lines.own(line):
            return
        self.evict(cells, choice[1], line, touched)
        self.write_back(cells, host, line, touched)
        if kind is Buffered.WB:
            touched.reads.add(("C", host, line))
            return
        cells.seen[host, line] = Seen(len(self.versions(cells, line)) - 1)
        touched.reads.add(("M", line))
        touched.writes.add(("C", host, line))
        if self.lines.contested(line):
            touched.widens.add(("D", line))

    def evict(self, cells: Cells, owners: tuple[int, ...], line: Line, touched: Footprint) -> None:
        """Write the dirty copies of these hosts back, in this order."""
        for owner in owners:
            self.write_back(cells, owner, line, touched)

    def write_back(self, cells: Cells, host: int, line: Line, touched: Footprint) -> None:
        """Write a dirty copy back and keep it clean."""
        content = cells.dirty.pop((host, line), None)
        if content is None:
            return
        self._append(cells, line, Version(content, CERTAIN), touched)
        last = len(cells.versions[line]) - 1
        cells.seen[host, line] = Seen(last, last)
        touched.writes.update({("C", host, line), ("D", line)})

    def _append(self, cells: Cells, line: Line, version: Version, touched: Footprint) -> None:
        versions = self.versions(cells, line)
        cells.versions[line] = (*versions, version)
        touched.writes.update({("M", line), ("V", line, len(versions))})

    def device_store(
        self,
        cells: Cells,
        host: int,
        line: Line,
        word: Hashable,
        value: Any,
        choice: Choice,
        touched: Footprint,
        *,
        add: bool = False,
    ) -> Any:
        """Write a host's copy back, drop it, and set (or add to) a word of memory; return what it held before.

        It is one step: nobody sees the line between its write-back and the word.
        """
        if self.lines.own(line):
            before = cells.words.get((*line, word), 0)
            return self.store(cells, host, line, word, before + value if add else value, ("own",), touched)
        self.evict(cells, choice[1], line, touched)
        own = cells.dirty.pop((host, line), None)
        if own is not None and self.profile.evict and not self.lines.contested(line):
            self._append(cells, line, Version(own, IN_DOUBT), touched)
        found = own if own is not None else self.memory(cells, line)
        before = found.get(word, 0)
        content = {**found, word: before + value if add else value}
        self._append(cells, line, Version(content, CERTAIN), touched)
        cells.seen[host, line] = Seen(len(cells.versions[line]) - 1)
        touched.reads.add(("M", line))
        touched.writes.update({("C", host, line), ("D", line)})
        return before

    def memory(self, cells: Cells, line: Line) -> Content:
        """Return what memory certainly has of a line."""
        if self.lines.own(line):
            return {key[-1]: value for key, value in cells.words.items() if key[:-1] == line}
        versions = self.versions(cells, line)
        return versions[_certain(versions, len(versions) - 1)].content

    def finals(self, cells: Cells, line: Line) -> list[Content]:
        """Return what memory may hold of a line when every dirty copy has been written back."""
        dirty = [content for (_, of), content in cells.dirty.items() if of == line]
        return dirty or [self.memory(cells, line)]


def _certain(versions: tuple[Version, ...], place: int) -> int:
    """Return the last certain version at or before a place: what memory had then."""
    while versions[place].standing != CERTAIN:
        place -= 1
    return place
