"""Clients and the network: when batches are due, how many may be in flight, what is lost, delayed and sent again."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from fencepost.model.simulation.clock import Process, Signal
from fencepost.model.simulation.distributions import exponential
from fencepost.model.simulation.records import NEVER, Batch, Slot
from fencepost.model.simulation.world import World

Receive = Callable[[int, Slot], None]  # a broker, and what arrives there


class Network:
    """Links between every client and every broker, both ways."""

    def __init__(self, world: World, receive: Receive) -> None:
        scenario = world.scenario.network
        self._world, self._receive = world, receive
        self._bandwidth, self._loss, self._in_order = scenario.bandwidth, scenario.loss, scenario.in_order
        self._delay = scenario.delay.draws(world.stream("network delay"))
        self._lost = world.stream("network loss").random
        self._link_free_ns: dict[int, int] = {}  # of a client: until then its link is sending
        self._last_ns: dict[tuple[int, int, bool], int] = {}  # of a connection and direction: the last arrival

    def send(self, slot: Slot) -> None:
        """Send a copy of a batch to the broker of its ring."""
        world, client, broker = self._world, slot.batch.client, slot.ring
        begin_ns = max(world.clock.now_ns, self._link_free_ns.get(client, 0))
        self._link_free_ns[client] = begin_ns + self._bandwidth.time_ns(slot.batch.size)
        if self._is_lost():
            return
        arrival_ns = self._arrival_ns(self._link_free_ns[client], (client, broker, True))
        world.clock.call_at(arrival_ns, self._receive, broker, slot)

    def send_ack(self, copy: Slot, to: Callable[[Slot], None]) -> None:
        """Send the ack of a copy, from the broker that the batch was sent to last."""
        batch = copy.batch
        if self._is_lost():
            return
        arrival_ns = self._arrival_ns(self._world.clock.now_ns, (batch.client, batch.broker, False))
        self._world.clock.call_at(arrival_ns, to, copy)

    def _is_lost(self) -> bool:
        if self._loss and self._lost() < self._loss:
            self._world.recorder.count("lost_in_network")
            return True
        return False

    def _arrival_ns(self, sent_ns: int, connection: tuple[int, int, bool]) -> int:
        arrival_ns = sent_ns + self._delay()
        if self._in_order:
            arrival_ns = max(arrival_ns, self._last_ns.get(connection, 0))
            self._last_ns[connection] = arrival_ns
        return arrival_ns


class Client:
    """One client: numbers its batches, sends what its window allows, keeps what is not acked."""

    def __init__(self, world: World, number: int, network: Network, late: dict[int, int]) -> None:
        self._world, self._number, self._network, self._late = world, number, network, late
        self._settings = world.scenario.clients
        self._size = self._settings.messages_per_batch * int(self._settings.message_bytes)
        self._room = int(self._settings.window)
        self._next_seq = 0
        self._due: deque[Batch] = deque()  # due and not sent: the window is full
        self._timers: deque[tuple[int, Batch, int]] = deque()  # (deadline, batch, when it was sent)
        self._timer = Signal(world.clock)

    def start(self) -> None:
        """Begin to send."""
        process = self._world.clock.process
        if self._settings.loop == "open":
            process(self._open_loop())
        else:
            self._fill_window()
        if self._settings.retransmit_after:
            process(self._retransmit())

    def _open_loop(self) -> Process:
        """Batches are due at the rate, whatever becomes of them: paced or Poisson, one by one or in bursts."""
        world, settings = self._world, self._settings
        mean_ns = settings.burst_batches * 10**9 / settings.rate_of(self._number)
        draw = exponential(world.stream(f"client {self._number}"), float(mean_ns))
        # Clients that keep a pace do not keep it together.
        due_ns = int(mean_ns * self._number / settings.count) if settings.arrivals == "paced" else draw()
        first_ns, burst = due_ns, 0
        while due_ns < world.sending_ends_ns:
            yield world.clock.at(due_ns)
            for _ in range(settings.burst_batches):
                self._due.append(self._new_batch())
            self._send_due()
            burst += 1
            due_ns = first_ns + int(burst * mean_ns) if settings.arrivals == "paced" else due_ns + draw()

    def _new_batch(self) -> Batch:
        settings = self._settings
        batch = Batch(self._number, self._next_seq, settings.messages_per_batch, self._size, self._world.clock.now_ns)
        self._next_seq += 1
        self._world.recorder.batches.append(batch)
        return batch

    def _send_due(self) -> None:
        while self._due and self._room >= self._size:
            self._room -= self._size
            self._send(self._due.popleft())

    def _fill_window(self) -> None:
        """In a closed loop: send as long as the window has room."""
        while self._room >= self._size and self._world.clock.now_ns < self._world.sending_ends_ns:
            self._room -= self._size
            self._send(self._new_batch())

    def _send(self, batch: Batch) -> None:
        world, now_ns = self._world, self._world.clock.now_ns
        batch.sent_ns = now_ns
        batch.broker = self._broker_for(batch, now_ns)
        self._network.send(Slot(batch, batch.broker, now_ns, world.watch.acked_to))
        if self._settings.retransmit_after:
            self._timers.append((now_ns + self._settings.retransmit_after, batch, now_ns))
            self._timer.give()

    def _broker_for(self, batch: Batch, now_ns: int) -> int:
        """Return the broker of the batch's stripe, or the next that has begun and is not known to be gone."""
        count = self._world.scenario.brokers.count
        wanted = self._number + (batch.seq if self._settings.stripe == "round_robin" else 0)
        for offset in range(count):
            broker = (wanted + offset) % count
            if not self._world.is_gone(broker) and self._late.get(broker, 0) <= now_ns:
                return broker
        return wanted % count

    def acked(self, copy: Slot) -> None:
        """An ack arrives."""
        batch = copy.batch
        if batch.acked_ns != NEVER:
            return
        batch.acked_ns, batch.acked_copy = self._world.clock.now_ns, copy
        self._room += batch.size
        if self._settings.loop == "open":
            self._send_due()
        elif self._settings.think:
            self._world.clock.call_at(self._world.clock.now_ns + self._settings.think, self._fill_window)
        else:
            self._fill_window()

    def _retransmit(self) -> Process:
        """Send again what is not acked in time, to whichever broker is there then."""
        clock = self._world.clock
        while True:
            if not self._timers:
                yield self._timer.wait()
                continue
            deadline_ns, batch, sent_ns = self._timers.popleft()
            if deadline_ns > clock.now_ns and batch.acked_ns == NEVER:
                yield clock.at(deadline_ns)
            if batch.acked_ns == NEVER and batch.sent_ns == sent_ns:
                self._world.recorder.count("retransmitted")
                self._send(batch)
