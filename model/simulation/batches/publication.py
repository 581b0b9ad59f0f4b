"""How an ordered batch becomes readable on other hosts: what it costs the scanner, and when it shows.

A store shows on another host once its line is written back: by a flush, for which a fence waits, or when the cache
evicts it. A line that was flushed is not cached any more, so the next store to it fetches it first. Policies are those
of the native code; the guard is the last store, and the acknowledgement is a word of its own behind it.

none          one coherent host: a store shows
per_message   flush and fence for each message header (level 4), then the guard, then the acknowledgement, each fenced
per_batch     flush every message header, fence once; then guard and acknowledgement, each fenced
single_fence  one fence for all that the guard vouches for; the guard is flushed and nobody waits: the acknowledgement
              comes behind the next fence, which there is at the latest when the scanner has nothing to do
epoch         single_fence for a group of batches: it closes when it is full, or when its scanner has nothing to do
seed          as at 09ae22d: the guard is stored last and never flushed, so it shows when it is evicted
"""

from __future__ import annotations

from fencepost.model.programs.roles.publication import AHEAD
from fencepost.model.simulation.clock import Process
from fencepost.model.simulation.records import Slot
from fencepost.model.simulation.world import World


class Publication:
    """Publishes for one scanner."""

    def __init__(self, world: World, scanner: int) -> None:
        costs, scenario = world.scenario.machine, world.scenario
        self._world = world
        self._writes_messages = world.level == 4 and scenario.ordering.message_headers
        self._policy, self._group_size = scenario.policy, scenario.ordering.group
        self._fetch_ns, self._store_ns, self._flush_ns = costs.cxl_load, costs.store_hit, costs.flush
        self._write_back_ns = int(costs.cxl_write_back)
        self._fence_ns = max(costs.fence, costs.cxl_write_back)  # with a flush outstanding
        self._coherent_ns = costs.line_transfer + 2 * costs.store_hit  # readers lose their copy of the chain's line
        self._eviction = costs.eviction.draws(world.stream(f"eviction {scanner}"))
        self._group: list[Slot] = []
        self._raised: list[Slot] = []  # guards that no fence stands behind yet
        self._bare_fence_ns = int(costs.fence)
        self._flushed_ns = 0  # when the last of those guards is written back

    def _before_guard_ns(self, slot: Slot) -> int:
        """Return what comes before the guard: message headers at level 4, and the entry that the guard vouches for."""
        messages = slot.batch.count if self._writes_messages else 0
        line_ns = max(self._store_ns + self._flush_ns, self._fetch_ns // AHEAD)
        entry_ns = self._fetch_ns + self._store_ns
        if self._policy == "none":
            return self._coherent_ns
        if self._policy == "per_message":
            # While a fence waits, the next headers come.
            return messages * (self._store_ns + self._flush_ns + self._fence_ns) + entry_ns + self._store_ns
        if self._policy == "per_batch":
            return messages * line_ns + (self._fence_ns if messages else 0) + entry_ns + self._store_ns
        if self._policy == "seed":
            written_ns = self._store_ns + self._flush_ns
            fenced_ns = messages * (self._fetch_ns + written_ns + self._fence_ns) if messages else 2 * written_ns
            return fenced_ns + self._fence_ns + self._store_ns
        return messages * line_ns + entry_ns + self._flush_ns  # the fence comes with the group's end

    def publish(self, slot: Slot) -> Process:
        """Write the batch's positions and its guard; the batch shows now or later."""
        clock, policy = self._world.clock, self._policy
        yield clock.pause(self._before_guard_ns(slot))
        if policy in ("single_fence", "epoch"):
            self._group.append(slot)
            if policy == "single_fence" or len(self._group) >= self._group_size:
                yield from self._raise_guards()
            return
        if policy in ("per_message", "per_batch"):
            self._guard_stored(slot, self._flush_ns + self._write_back_ns)
            yield from self.acknowledge(slot)
        else:
            slot.ackable_with_guard = True
            self._guard_stored(slot, self._eviction() if policy == "seed" else 0)

    def acknowledge(self, slot: Slot) -> Process:
        """Wait for the guard's write-back, then write the acknowledgement and wait for that."""
        clock = self._world.clock
        yield clock.pause(self._flush_ns + self._fence_ns + self._fetch_ns + self._store_ns + self._flush_ns)
        self._world.on_ackable(slot, clock.now_ns + self._write_back_ns)
        yield clock.pause(self._fence_ns)

    def drop_ns(self) -> int:
        """Return what it costs to tell the subscriber that a slot holds a duplicate."""
        if self._policy == "none":
            return self._coherent_ns
        return self._fetch_ns + 2 * self._store_ns + self._flush_ns + self._fence_ns

    def is_open(self) -> bool:
        """Say whether a guard or an acknowledgement is held back."""
        return bool(self._group or self._raised)

    def close(self) -> Process:
        """Hold nothing back: publish the group, if there is one, and acknowledge what was published."""
        if self._group:
            yield from self._raise_guards()
        if self._raised:
            clock = self._world.clock
            yield clock.at(max(clock.now_ns + self._bare_fence_ns, self._flushed_ns))
            yield from self._acknowledge_raised()

    def _raise_guards(self) -> Process:
        """One fence for all that the guards vouch for, then a guard for each, flushed and not waited for."""
        clock = self._world.clock
        yield clock.pause(self._fence_ns)
        yield from self._acknowledge_raised()
        group, self._group = self._group, []
        for slot in group:
            yield clock.pause(self._fetch_ns + self._store_ns)  # the entry's flush dropped the line
            self._guard_stored(slot, self._flush_ns + self._write_back_ns)
            yield clock.pause(self._flush_ns)
            self._flushed_ns = clock.now_ns + self._write_back_ns
            self._raised.append(slot)

    def _acknowledge_raised(self) -> Process:
        """Write the acknowledgements of the guards that a fence stands behind; nobody waits for them."""
        clock = self._world.clock
        raised, self._raised = self._raised, []
        for slot in raised:
            yield clock.pause(self._fetch_ns + self._store_ns + self._flush_ns)
            self._world.on_ackable(slot, clock.now_ns + self._write_back_ns)

    def _guard_stored(self, slot: Slot, shows_after_ns: int) -> None:
        """The guard is stored; other hosts can see it after a while."""
        world = self._world
        now_ns = world.clock.now_ns
        slot.published_ns = now_ns
        world.recorder.staleness.note(now_ns, shows_after_ns)
        world.on_published(slot)
        if shows_after_ns:
            world.clock.call_at(now_ns + shows_after_ns, self._offered, slot)
        else:
            self._offered(slot)

    def _offered(self, slot: Slot) -> None:
        slot.offered_ns = self._world.clock.now_ns
        self._world.on_offered(slot)
        if slot.ackable_with_guard:
            self._world.on_ackable(slot, slot.offered_ns)
