"""Memory under a clock: what hosts cache, what memory has, and how long each operation takes.

The same machine as `model/memory`, with its choices made by time: a write-back happens when a flush has drained, or
when a dirty line is evicted after a drawn time; a copy is dropped by a flush, or by an eviction. Inside a host lines
move between cores (`contention.SharedLine`). What is left out: stores are not buffered, so they show inside their host
at once, and nothing is fetched by speculation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from fencepost.model.simulation.clock import Clock
from fencepost.model.simulation.contention import LineTimes, SharedLine
from fencepost.model.simulation.distributions import Draw
from fencepost.model.simulation.machine_costs import MachineCosts
from fencepost.model.simulation.records import Tally

Line = tuple[Any, ...]
Address = tuple[Any, ...]
Words = dict[Any, Any]  # by the last part of their address

NOBODY, SEVERAL = -1, -2  # instead of the number of a core or host
NEVER_NS = 2**62
LOOK_NS = 20_000  # between looks at what is dirty and must be evicted some time
UNWRITTEN: Words = {}  # of every line that memory has nothing of; nobody changes it


class Watcher(Protocol):
    """Who waits for a word to change, on these places."""

    watching: Sequence[HostLine]
    is_asleep: bool

    def wake(self) -> None: ...


class MemoryLine:
    """What memory has of a line: words that nobody changes any more, and who waits for others."""

    __slots__ = ("watchers", "words")

    def __init__(self) -> None:
        self.words = UNWRITTEN
        self.watchers: list[Watcher] | None = None  # None: nobody ever did


class LineGroup:
    """Lines of one name and ring, as one host sees them: which core of it alone uses them, and who writes them."""

    __slots__ = ("core", "eviction", "host", "is_pooled", "is_told", "written_by")

    def __init__(self, host: int, written_by: list[int], eviction: Draw, *, is_pooled: bool, is_told: bool) -> None:
        self.host, self.is_pooled, self.is_told = host, is_pooled, is_told
        self.core = NOBODY if is_pooled else SEVERAL  # what a host keeps for itself is there to be shared
        self.eviction = eviction  # its own stream, so that it matters to none how fast others get on
        self.written_by = written_by  # one for all hosts: [the host that alone has ever written, or NOBODY, SEVERAL]

    def used_by(self, core: int) -> None:
        """Take note of a core that uses these lines."""
        if self.core == NOBODY:
            self.core = core
        elif self.core != core:
            self.core = SEVERAL


class HostLine(SharedLine):
    """One host's copy of a line, and the cores of the host that share it.

    `words` are those of memory, the very same, until the host stores; None: not cached.
    """

    __slots__ = (
        "asked_ns", "dirty_since_ns", "draining", "evicted_ns", "extra_ns", "family", "home", "is_listed", "is_pooled",
        "line", "watchers", "words",
    )  # fmt: skip

    def __init__(self, times: LineTimes, line: Line, home: MemoryLine, family: LineGroup) -> None:
        self.times, self.waits, self.transfers, self.owner, self.holders, self.free_ns = times, None, None, -1, 0, 0
        self.line, self.home, self.family, self.is_pooled = line, home, family, family.is_pooled
        self.words: Words | None = None if family.is_pooled else {}
        self.dirty_since_ns = -1  # when the oldest store was made that memory has not; -1: clean
        self.draining = 0  # flushes that memory has not yet
        self.evicted_ns = NEVER_NS  # when it is evicted if it is still dirty then
        self.is_listed = False  # among the lines that are looked at for evictions
        self.asked_ns = -1  # when it was asked for ahead of its use; -1: it was not
        self.extra_ns = 0  # of fetching it: what lies behind the line is read with it
        self.watchers: list[Watcher] | None = None  # None: nobody ever did


class TimedMemory:
    """The memory of several hosts.

    `line_of` groups words; `is_pooled` says which lines several hosts may use; `eviction` makes a stream of times.

    Lines that are not pooled are their host's own: they are never written back, as nobody else looks. `written_back` is
    told of the lines with these names.
    """

    def __init__(
        self,
        clock: Clock,
        costs: MachineCosts,
        eviction: Callable[[str], Draw],
        *,
        line_of: Callable[[Address], Line],
        is_pooled: Callable[[Line], bool],
        staleness: Tally,
        told: Sequence[str] = (),
        written_back: Callable[[Line], None] = lambda line: None,
    ) -> None:
        self._clock, self._times, self._eviction = clock, LineTimes(costs), eviction
        self._line_of, self._is_pooled = line_of, is_pooled
        self._stale_at_ns, self._stale_ns = staleness.at_ns, staleness.values
        self._told, self._on_written_back = told, written_back
        self._memory: dict[Line, MemoryLine] = {}
        self._hosts: dict[int, dict[Line, HostLine]] = {}
        self._families: dict[tuple[int, Line], LineGroup] = {}
        self._writers: dict[Line, list[int]] = {}
        self._dirty: list[HostLine] = []  # lines that may have to be evicted
        self._looks_ns = -1  # when they are looked at next; -1: nothing is dirty
        self._cxl_load_ns, self._write_back_ns = int(costs.cxl_load), int(costs.cxl_write_back)

    def place(self, host: int, address: Address) -> HostLine:
        """Return the host's side of the line in which a word lies."""
        return self.line(host, self._line_of(address))

    def line(self, host: int, line: Line) -> HostLine:
        """Return the host's side of a line."""
        lines = self._hosts.get(host)
        if lines is None:
            lines = self._hosts[host] = {}
        found = lines.get(line)
        if found is None:
            home = self._memory.get(line)
            if home is None:
                home = self._memory[line] = MemoryLine()
            family = self._families.get((host, line[:2])) or self._family(host, line)
            found = lines[line] = HostLine(self._times, line, home, family)
        return found

    def _family(self, host: int, line: Line) -> LineGroup:
        name = line[:2]
        written_by, eviction = self._writers.setdefault(name, [NOBODY]), self._eviction(f"{host} {name}")
        family = LineGroup(
            host, written_by, eviction, is_pooled=self._is_pooled(line), is_told=line[0] in self._told
        )  # fmt: skip
        self._families[host, name] = family
        return family

    def fetched_at(self, place: HostLine, core: int, now_ns: int, to_store: bool) -> int:
        """Return when a line that the host does not cache has come from memory, for the core that asked.

        `to_store`: it comes as that core's own, so a store need not ask for it again.
        """
        free_ns, asked_ns = place.free_ns, place.asked_ns
        if asked_ns >= 0:
            place.asked_ns = -1
            at_ns = max(now_ns, asked_ns + self._cxl_load_ns) + place.extra_ns
        else:
            at_ns = (free_ns if free_ns > now_ns else now_ns) + self._cxl_load_ns + place.extra_ns
        place.free_ns = at_ns
        place.holders = 1 << core
        place.owner = core if to_store else -1
        return at_ns

    # --- what happens: done when an operation's time has come ---

    def load(self, place: HostLine, address: Address) -> Any:
        """Return a word of the host's copy, fetched if there is none; one that was never written holds 0."""
        words = place.words
        if words is None:
            words = place.words = place.home.words
        return words.get(address[-1], 0)

    def store(self, place: HostLine, address: Address, value: Any) -> None:
        """Write a word of the host's copy, and wake who watches it."""
        words = place.words
        if words is None or words is place.home.words:
            words = place.words = dict(place.home.words)
        words[address[-1]] = value
        if place.dirty_since_ns < 0 and place.is_pooled:
            self.made_dirty(place, self._clock._now)
        if place.watchers:
            wake_all(place.watchers, place)

    def made_dirty(self, place: HostLine, now_ns: int) -> None:
        """A line has what memory has not. Nobody may ever flush it: it is evicted after a drawn time."""
        family = place.family
        written_by = family.written_by
        if written_by[0] != family.host:
            written_by[0] = family.host if written_by[0] == NOBODY else SEVERAL
        place.dirty_since_ns = now_ns
        place.evicted_ns = evicted_ns = now_ns + family.eviction()
        if not place.is_listed:
            place.is_listed = True
            self._dirty.append(place)
            if self._looks_ns < 0:
                self._looks_ns = now_ns + LOOK_NS
                self._clock.call_at(self._looks_ns, self._look)
        if evicted_ns <= self._looks_ns:
            self._clock.call_at(evicted_ns, self._evict, place, evicted_ns)

    def flush(self, place: HostLine, now_ns: int, keeps: bool) -> int:
        """Begin to write a line back, and to drop the copy unless it `keeps` it; return when memory has it."""
        if place.dirty_since_ns < 0:
            if not keeps and place.is_pooled:
                self._drop(place)
            return now_ns
        done_ns = now_ns + self._write_back_ns
        place.draining += 1
        self._clock.call_at(done_ns, self._drained, place, keeps)
        return done_ns

    def device_add(self, place: HostLine, address: Address, amount: int) -> Any:
        """Add at the device, past the caches; return the value before."""
        self._write_back(place, False)
        home = place.home
        before = home.words.get(address[-1], 0)
        home.words = {**home.words, address[-1]: before + amount}
        if home.watchers:
            wake_all(home.watchers, place)
        return before

    def fresh(self, place: HostLine, address: Address) -> Any:
        """Return what a host finds right after it dropped its copy; the line is cached anew."""
        words = place.words
        if words is None or (place.dirty_since_ns < 0 and place.is_pooled):
            words = place.words = place.home.words
        return words.get(address[-1], 0)

    def watch_copy(self, place: HostLine, watcher: Watcher) -> None:
        """Wake when the host's copy changes. A clean copy of a pooled line is evicted some time, and then it may."""
        _watch(place, watcher)
        if place.is_pooled and place.dirty_since_ns < 0:
            self._clock.call_at(self._clock.now_ns + place.family.eviction(), self._drop, place)

    def watch_memory(self, place: HostLine, watcher: Watcher) -> None:
        """Wake when memory has something new of a line, or when the host itself writes it."""
        _watch(place, watcher)
        if place.is_pooled:
            _watch(place.home, watcher)

    def lose(self, host: int) -> int:
        """Lose what only the caches of a host hold, as it has crashed; return how many lines that were."""
        lost = 0
        for place in self._hosts.get(host, {}).values():
            if place.is_pooled:
                lost += place.dirty_since_ns >= 0
                place.dirty_since_ns, place.evicted_ns, place.words = -1, NEVER_NS, None
        return lost

    def _look(self) -> None:
        """Arrange for the evictions until the next look. Most lines are flushed by then, so this saves their events."""
        looked_ns, self._looks_ns = self._looks_ns, self._looks_ns + LOOK_NS
        still_dirty = []
        for place in self._dirty:
            if place.dirty_since_ns < 0:
                place.is_listed = False
                continue
            still_dirty.append(place)
            if looked_ns < place.evicted_ns <= self._looks_ns:
                self._clock.call_at(place.evicted_ns, self._evict, place, place.evicted_ns)
        self._dirty = still_dirty
        if still_dirty:
            self._clock.call_at(self._looks_ns, self._look)
        else:
            self._looks_ns = -1

    def _evict(self, place: HostLine, due_ns: int) -> None:
        if place.evicted_ns == due_ns:
            self._write_back(place, False)

    def _drained(self, place: HostLine, keeps: bool) -> None:
        place.draining -= 1
        self._write_back(place, keeps)

    def _write_back(self, place: HostLine, keeps: bool) -> None:
        since_ns = place.dirty_since_ns
        if since_ns >= 0:
            assert place.words is not None
            now_ns, home = self._clock._now, place.home
            self._stale_at_ns.append(now_ns)
            self._stale_ns.append(now_ns - since_ns)
            home.words = place.words
            place.dirty_since_ns = -1
            place.evicted_ns = NEVER_NS
            if place.family.is_told:
                self._on_written_back(place.line)
            if home.watchers is not None:
                wake_all(home.watchers, place)
        if not keeps:
            self._drop(place)

    def _drop(self, place: HostLine) -> None:
        if place.dirty_since_ns < 0 and place.words is not None:
            place.words = None
            place.owner = -1
            place.holders = 0
            if place.watchers:
                wake_all(place.watchers, place)


def _watch(watched: HostLine | MemoryLine, watcher: Watcher) -> None:
    if watched.watchers is None:
        watched.watchers = [watcher]
    elif watcher not in watched.watchers:
        watched.watchers.append(watcher)


def wake_all(watchers: Sequence[Watcher], place: HostLine) -> None:
    """Wake those who wait for the line of a place now; they stay where they are for the next time."""
    for watcher in watchers:
        if not watcher.is_asleep:
            continue
        for watched in watcher.watching:
            if watched.home is place.home:
                watcher.wake()
                break
