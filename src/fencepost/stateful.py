"""A stateful test of a sequencer, for pytest: send, step, poll, ack, stop, in whatever order Hypothesis thinks of.

    from fencepost.stateful import machine

    class TestMine(machine(Mine, level=4).TestCase): ...

What is drawn is the order of a user's calls, and, where the sequencer says that another may go on, that of its steps.
The same session with the schedule as data is what `fencepost.compare(Mine, level=4)` draws.
"""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from fencepost.comparing.policies.attempts import Attempts
from fencepost.comparing.policies.calls import Broken, Make
from fencepost.model.contract import Level

__all__ = ["Broken", "SequencerMachine", "machine"]

RINGS, CLIENTS = 2, 2
SENT_MOST = 8


class SequencerMachine(RuleBasedStateMachine):
    """One sequencer between clients and scanners; `machine` says which. Raises Broken where a promise is."""

    make: Make
    level: Level

    def __init__(self) -> None:
        super().__init__()
        self.session = Attempts(type(self).make, self.level, RINGS, CLIENTS)
        self.following = [0] * CLIENTS
        self.sent: list[tuple[int, int, int]] = []
        self.is_broken = False

    def _do(self, act: Callable[..., None], *arguments: int) -> None:
        """Do something to the session; once a promise is broken there is nothing left to judge."""
        try:
            act(*arguments)
        except Broken:
            self.is_broken = True
            raise

    @precondition(lambda self: len(self.sent) < SENT_MOST)
    @rule(client=st.integers(0, CLIENTS - 1), ring=st.integers(0, RINGS - 1), count=st.integers(1, 3))
    def send(self, client: int, ring: int, count: int) -> None:
        """A client sends its next batch."""
        batch = client, self.following[client], count
        self.following[client] += 1
        self.sent.append(batch)
        self.session.send(ring, *batch)

    @precondition(lambda self: 0 < len(self.sent) < SENT_MOST)
    @rule(data=st.data(), ring=st.integers(0, RINGS - 1))
    def send_again(self, data: st.DataObject, ring: int) -> None:
        """A client that got no answer sends a batch once more, perhaps to another ring."""
        batch = data.draw(st.sampled_from(self.sent))
        self.sent.append(batch)
        self.session.send(ring, *batch)

    @precondition(lambda self: any(map(self.session.can_step, range(RINGS))))
    @rule(ring=st.integers(0, RINGS - 1))
    def step(self, ring: int) -> None:
        """A scanner goes on, in its attempt or with its next slot."""
        if self.session.can_step(ring):
            self._do(self.session.step, ring)

    @precondition(lambda self: any(map(self.session.worth_a_look, range(RINGS))))
    @rule(ring=st.integers(0, RINGS - 1))
    def poll(self, ring: int) -> None:
        """A scanner looks again at a batch that it set aside."""
        for index in self.session.worth_a_look(ring)[:1]:
            self._do(self.session.poll, ring, index)

    @rule(client=st.integers(0, CLIENTS - 1))
    def ack(self, client: int) -> None:
        """A client asks what it may forget."""
        self._do(self.session.ack, client)

    @rule(ring=st.integers(0, RINGS - 1))
    def stop(self, ring: int) -> None:
        """A scanner is stopped between two attempts, and started again."""
        if self.session.rings[ring].running is None:
            self.session.stop(ring)

    def teardown(self) -> None:
        """Senders have stopped: let all go on to its end, and judge the whole."""
        if not self.is_broken:
            self.session.finish()


def machine(make: Make, level: Level) -> type[SequencerMachine]:
    """Return the machine of a sequencer; its `TestCase` is what pytest and unittest run.

    `make` makes a `fencepost.native.YourSequencer`, `level` says which contract it must keep.
    """
    name = getattr(make, "__name__", type(make).__name__)
    return type(f"{name}Machine", (SequencerMachine,), {"make": staticmethod(make), "level": level})
