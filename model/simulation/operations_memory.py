"""Memory under a clock: what hosts cache, what memory has, and how long each operation takes.

The same machine as `model/memory`, with its choices made by time: a write-back happens when a flush has drained, or
when a dirty line is evicted after a drawn time; a copy is dropped by a flush, or by an eviction. Inside a host lines
move between cores (`contention.SharedLine`). What is left out: stores are not buffered, so they show inside their host
at once, and nothing is fetched by speculation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fencepost.model.simulation.clock import Clock
from fencepost.model.simulation.contention import SharedLine
from fencepost.model.simulation.distributions import Draw
from fencepost.model.simulation.machine_costs import MachineCosts
from fencepost.model.simulation.records import Tally

Line = tuple[Any, ...]
Address = tuple[Any, ...]
Words = dict[Any, Any]  # by address
Wake = Callable[[], None]


class HostLine(SharedLine):
    """One host's copy of a line, and the cores of the host that share it."""

    __slots__ = ("dirty_since_ns", "eviction_due", "extra_ns", "is_pooled", "line", "watchers", "words")

    def __init__(self, costs: MachineCosts, line: Line, *, is_pooled: bool) -> None:
        super().__init__(costs)
        self.line, self.is_pooled = line, is_pooled
        self.words: Words | None = None if is_pooled else {}  # None: not cached
        self.dirty_since_ns = -1  # when the oldest store was made that memory has not; -1: clean
        self.eviction_due = False  # an eviction is scheduled
        self.extra_ns = 0  # of fetching it: what lies behind the line is read with it
        self.watchers: list[Wake] = []


class TimedMemory:
    """The memory of several hosts. `line_of` groups words; `is_pooled` says which lines several hosts may use.

    Lines that are not pooled are their host's own: they are never written back, as nobody else looks.
    """

    def __init__(
        self,
        clock: Clock,
        costs: MachineCosts,
        eviction: Draw,
        *,
        line_of: Callable[[Address], Line],
        is_pooled: Callable[[Line], bool],
        staleness: Tally,
    ) -> None:
        self._clock, self._costs, self._eviction = clock, costs, eviction
        self._line_of, self._is_pooled, self._staleness = line_of, is_pooled, staleness
        self._memory: dict[Line, Words] = {}
        self._hosts: dict[int, dict[Line, HostLine]] = {}
        self._places: dict[int, dict[Address, HostLine]] = {}
        self._memory_watchers: dict[Line, list[Wake]] = {}
        self.on_written_back: Callable[[Line], None] = lambda line: None
        self._cxl_load_ns, self._write_back_ns = int(costs.cxl_load), int(costs.cxl_write_back)

    def places(self, host: int) -> dict[Address, HostLine]:
        """Return the host's sides of lines by the words that were used so far."""
        return self._places.setdefault(host, {})

    def place(self, host: int, address: Address) -> HostLine:
        """Return the host's side of the line in which a word lies."""
        places = self.places(host)
        found = places.get(address)
        if found is None:
            found = places[address] = self.line(host, self._line_of(address))
        return found

    def line(self, host: int, line: Line) -> HostLine:
        """Return the host's side of a line."""
        lines = self._hosts.setdefault(host, {})
        if line not in lines:
            lines[line] = HostLine(self._costs, line, is_pooled=self._is_pooled(line))
        return lines[line]

    def fetched_at(self, place: HostLine, core: int, now_ns: int) -> int:
        """Return when a line that the host does not cache has come from memory; then the core that asked shares it."""
        place.free_ns = max(now_ns, place.free_ns) + self._cxl_load_ns + place.extra_ns
        place.owner = -1
        place.sharers.clear()
        place.sharers.add(core)
        return place.free_ns

    # --- what happens: done when an operation's time has come ---

    def cached(self, place: HostLine) -> Words:
        """Return the host's copy, fetched from memory if there is none."""
        if place.words is None:
            place.words = dict(self._memory.get(place.line, ()))
        return place.words

    def load(self, place: HostLine, address: Address) -> Any:
        """Return a word of the host's copy; one that was never written holds 0."""
        words = place.words
        return (words if words is not None else self.cached(place)).get(address, 0)

    def store(self, place: HostLine, address: Address, value: Any) -> None:
        """Write a word of the host's copy, and wake who watches it."""
        words = place.words
        (words if words is not None else self.cached(place))[address] = value
        if place.is_pooled and place.dirty_since_ns < 0:
            place.dirty_since_ns = self._clock.now_ns
            if not place.eviction_due:
                self._await_eviction(place)
        if place.watchers:
            _wake(place.watchers)

    def flush(self, place: HostLine, *, keeps: bool) -> int:
        """Begin to write a line back, and to drop the copy unless it `keeps` it; return when memory has it."""
        now_ns = self._clock.now_ns
        if place.dirty_since_ns < 0:
            if not keeps and place.is_pooled:
                self._drop(place)
            return now_ns
        done_ns = now_ns + self._write_back_ns
        self._clock.call_at(done_ns, self._write_back, place, keeps)
        return done_ns

    def device_add(self, place: HostLine, address: Address, amount: int) -> Any:
        """Add at the device, past the caches; return the value before."""
        self._write_back(place, False)
        words = self._memory.setdefault(place.line, {})
        before = words.get(address, 0)
        words[address] = before + amount
        self._changed(place.line)
        return before

    def fresh(self, place: HostLine, address: Address) -> Any:
        """Return what a host finds right after it dropped its copy; the line is cached anew."""
        if place.dirty_since_ns < 0 and place.is_pooled:
            place.words = None
        return self.cached(place).get(address, 0)

    def watch_copy(self, place: HostLine, wake: Wake) -> None:
        """Wake when the host's copy changes. A clean copy of a pooled line is evicted some time, and then it may."""
        place.watchers.append(wake)
        if place.is_pooled and place.dirty_since_ns < 0:
            self._clock.call_at(self._clock.now_ns + self._eviction(), self._drop, place)

    def watch_memory(self, place: HostLine, wake: Wake) -> None:
        """Wake when memory has something new of a line, or when the host itself writes it."""
        place.watchers.append(wake)
        if place.is_pooled:
            self._memory_watchers.setdefault(place.line, []).append(wake)

    def _await_eviction(self, place: HostLine) -> None:
        """A dirty line is evicted after a drawn time, if nobody flushes it before; one event a line is enough."""
        since_ns = place.dirty_since_ns
        place.eviction_due = True
        self._clock.call_at(self._clock.now_ns + self._eviction(), self._evict, place, since_ns)

    def _evict(self, place: HostLine, since_ns: int) -> None:
        place.eviction_due = False
        if place.dirty_since_ns == since_ns:
            self._write_back(place, False)
        elif place.dirty_since_ns >= 0:  # flushed in time, and stored to again
            self._await_eviction(place)

    def _write_back(self, place: HostLine, keeps: bool) -> None:
        if place.dirty_since_ns >= 0:
            assert place.words is not None
            now_ns = self._clock.now_ns
            self._staleness.note(now_ns, now_ns - place.dirty_since_ns)
            self._memory[place.line] = dict(place.words)
            place.dirty_since_ns = -1
            self.on_written_back(place.line)
            self._changed(place.line)
        if not keeps:
            self._drop(place)

    def _drop(self, place: HostLine) -> None:
        if place.dirty_since_ns < 0 and place.words is not None:
            place.words = None
            place.owner = -1
            place.sharers.clear()
            if place.watchers:
                _wake(place.watchers)

    def _changed(self, line: Line) -> None:
        watchers = self._memory_watchers.pop(line, None)
        if watchers:
            _wake(watchers)


def _wake(watchers: list[Wake]) -> None:
    woken, watchers[:] = list(watchers), []
    for wake in woken:
        wake()
