"""The client: numbers its batches, stripes them over rings, and keeps each until it is acknowledged."""

from collections.abc import Sequence
from dataclasses import dataclass

from fencepost.model.programs.layout import to_client, to_ring
from fencepost.model.programs.operations import Address, Program, Receive, Send


@dataclass(frozen=True)
class Sending:
    """One batch as a client sends it; the same seq again is a retransmission."""

    ring: int
    seq: int
    count: int


class Client:
    """Sends what it has planned; after a restart, sends all that was not acknowledged again, to other rings.

    It ends when every batch is acknowledged by a ring that it was sent to. A level-4 ring acknowledges by seq, a
    level-5 ring by how many of the batches that came to it on this ring are ordered.
    """

    def __init__(
        self,
        client: int,
        plan: Sequence[Sending],
        rings: int,
        level: int,
        *,
        restarts: bool = False,
        connections: int = 1,
    ) -> None:
        self.client, self.plan, self.rings, self.level, self.restarts = client, tuple(plan), rings, level, restarts
        self.connections = connections  # to each broker
        self._sent: dict[int, list[Sending]] = {ring: [] for ring in range(rings)}  # to each ring, in order
        self._acked: set[int] = set()

    def run(self) -> Program:
        """Send, perhaps send again, and wait for the acknowledgements."""
        for sending in self.plan:
            yield from self.send(sending)
        if self.restarts:
            for sending in self.plan:
                yield from self.send(Sending((sending.ring + 1) % self.rings, sending.seq, sending.count))
        yield from self.wait_for_acknowledgements()

    def wait_for_acknowledgements(self) -> Program:
        """Wait until every batch is acknowledged."""
        while self._acked != {sending.seq for sending in self.plan}:
            ring, below = yield Receive(to_client(self.client))
            self.note(ring, below)

    def send(self, sending: Sending) -> Program:
        """Send one batch."""
        self._sent[sending.ring].append(sending)
        yield Send(self.channel(sending), (self.client, sending.seq, sending.count))

    def channel(self, sending: Sending) -> Address:
        """Return where a batch goes: a ring has one receiver."""
        return to_ring(sending.ring)

    def note(self, ring: int, below: int) -> None:
        """Take note of an acknowledgement."""
        sent = self._sent[ring]
        forgotten = [each for each in sent if each.seq < below] if self.level == 4 else sent[:below]
        self._acked |= {each.seq for each in forgotten}
