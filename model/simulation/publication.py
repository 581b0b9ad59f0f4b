"""How an ordered batch becomes readable on other hosts: what it costs the scanner, and when it shows.

A store shows on another host once its line is written back: by a flush, for which a fence waits, or when the cache
evicts it. Policies are those of the native code.

none          one coherent host: a store shows
per_message   flush and fence for each line, then the guard
per_batch     flush every line, fence once; then the guard, flushed and fenced
single_fence  the same, but nobody waits for the guard's write-back
epoch         single_fence for a group of batches: it closes when it is full, or when its scanner has nothing to do
seed          as at 09ae22d: the guard is stored last and never flushed, so it shows when it is evicted
"""

from __future__ import annotations

from fencepost.model.simulation.clock import Process
from fencepost.model.simulation.records import Slot
from fencepost.model.simulation.world import World

HEADER_LINES = 2  # 68 bytes of header


class Publication:
    """Publishes for one scanner."""

    def __init__(self, world: World, scanner: int) -> None:
        costs, scenario = world.scenario.machine, world.scenario
        self._world, self._scanner = world, scanner
        self._policy, self._group_size = scenario.policy, scenario.ordering.group
        self._line_ns = costs.store_hit + costs.flush
        self._fence_ns = costs.fence + costs.cxl_write_back
        self._flush_ns = int(costs.flush)
        self._flushed_ns = self._flush_ns + self._fence_ns  # from the guard's store to the end of the fence
        self._write_back_ns = int(costs.cxl_write_back)
        self._coherent_ns = costs.line_transfer + 2 * costs.store_hit  # readers of the header lose their copies
        self._eviction = costs.eviction.draws(world.stream(f"eviction {scanner}"))
        self._group: list[Slot] = []

    def _lines(self, slot: Slot) -> int:
        """Return how many lines hold positions: every message header at level 4, the batch's header at both."""
        return HEADER_LINES + (slot.batch.count if self._world.level == 4 else 0)

    def publish(self, slot: Slot) -> Process:
        """Write the batch's positions and its guard; the batch shows now or later."""
        clock, policy, lines = self._world.clock, self._policy, self._lines(slot)
        if policy == "none":
            yield clock.timeout(self._coherent_ns)
            self._published(slot, 0, 0)
        elif policy == "per_message":
            yield clock.timeout((lines + 1) * (self._line_ns + self._fence_ns))
            self._published(slot, self._flushed_ns, 0)
        elif policy == "per_batch":
            yield clock.timeout((lines + 1) * self._line_ns + 2 * self._fence_ns)
            self._published(slot, self._flushed_ns, 0)
        elif policy == "single_fence":
            yield clock.timeout((lines + 1) * self._line_ns + self._fence_ns)
            self._published(slot, self._flush_ns, self._write_back_ns)
        elif policy == "seed":
            fences = lines if self._world.level == 4 else 1
            yield clock.timeout(lines * self._line_ns + fences * self._fence_ns)
            self._published(slot, 0, self._eviction())
        else:
            yield clock.timeout(lines * self._line_ns)
            self._group.append(slot)
            if len(self._group) >= self._group_size:
                yield from self.close()

    def close(self) -> Process:
        """Publish the group, if there is one."""
        if self._group:
            group, self._group = self._group, []
            yield self._world.clock.timeout(self._fence_ns + len(group) * self._line_ns)
            for slot in group:
                self._published(slot, self._flush_ns, self._write_back_ns)

    def _published(self, slot: Slot, stored_ago_ns: int, shows_after_ns: int) -> None:
        """The scanner is done with a batch, whose guard it stored a while ago; other hosts see it now or later."""
        world = self._world
        now_ns = world.clock.now_ns
        slot.published_ns = now_ns
        world.recorder.staleness.note(now_ns, stored_ago_ns + shows_after_ns)
        world.on_published(slot)
        if shows_after_ns:
            world.clock.call_at(now_ns + shows_after_ns, lambda: self._offered(slot))
        else:
            self._offered(slot)

    def _offered(self, slot: Slot) -> None:
        slot.offered_ns = self._world.clock.now_ns
        self._world.on_offered(slot)
