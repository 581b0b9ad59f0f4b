"""A sequencer as a user drives it: batches are sent, scanners step, look again, are stopped; clients ask what is acked.

`Attempts` is the session, whoever decides what comes next: a stateful test (`fencepost.stateful`), or a schedule that
is data (`attempted.py`). Every answer must be one that the spec allows; at the end the history keeps the contract.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any

from fencepost.compared.accepted import SPECS, Acceptor, words
from fencepost.model.contract import Level
from fencepost.model.histories import History, Workload, verify
from fencepost.model.histories.drained import left_over
from fencepost.native.adapter import Answer, YourSequencer
from fencepost.native.joint import SPEC
from fencepost.native.sequencers import Attempt, AttemptOutcome

STEPS_MOST = 2_000
"""Of a session: whoever takes more of them does not end."""

Make = Callable[[], YourSequencer]


class Broken(Exception):
    """A promise of the contract was broken, or the spec accepts no such answer (`spec`)."""

    def __init__(self, property: str, sentence: str) -> None:
        super().__init__(f"{property}: {sentence}")
        self.property, self.sentence = property, sentence


@dataclass(frozen=True)
class Batch:
    """What is in a slot of a ring."""

    client: int
    seq: int
    count: int

    def __str__(self) -> str:
        return f"client {self.client} batch {self.seq}"


@dataclass
class Ring:
    """A ring and its scanner. `parked`: index -> what had changed when it was last looked at."""

    batches: list[Batch] = field(default_factory=list)
    cursor: int = 0
    parked: dict[int, int] = field(default_factory=dict)
    current: int = -1
    began: int = 0  # what had changed when the attempt began: what was ordered meanwhile it may not have seen
    running: Generator[None, None, Answer] | None = None


class Attempts:
    """One sequencer, made anew, and what it answered so far."""

    def __init__(self, make: Make, level: Level, ring_count: int, client_count: int) -> None:
        self.level, self.clients = level, range(client_count)
        self.sequencer = make()
        self.sequencer.begin(ring_count, client_count)
        self.acceptor = Acceptor(level, ring_count)
        self.rings = [Ring() for _ in range(ring_count)]
        self.ordered: dict[tuple[int, int], int] = {}  # (ring, index) -> start
        self.told: list[str] = []  # what happened, line by line
        self.turns: list[tuple[int, str]] = []  # who went, and did what; kept by whoever decides that
        self.happened: set[str] = set()
        self._changes = 0  # how often something was ordered: what was parked is worth another look
        self._acked = [0] * client_count

    # --- what a user does ---

    def send(self, ring: int, client: int, seq: int, count: int) -> None:
        """Put a batch into a ring."""
        there = [(each.client, each.seq) for of in self.rings for each in of.batches]
        if self.level == 5 and (client, seq) in there:
            self.happened.add("duplicate")  # where it is ordered like any other
        self.rings[ring].batches.append(Batch(client, seq, count))
        self.acceptor.arrive(ring, client, seq, count)

    def can_step(self, ring: int) -> bool:
        """Say whether a scanner has something in progress, or a slot that it has not read."""
        of = self.rings[ring]
        return of.running is not None or of.cursor < len(of.batches)

    def step(self, ring: int) -> None:
        """Let a scanner go on to where another may take over: in its attempt, or in one on its next slot."""
        of = self.rings[ring]
        if of.running is None:
            of.cursor += 1
            self._begin(ring, of.cursor - 1)
        else:
            self._go_on(ring)

    def worth_a_look(self, ring: int) -> list[int]:
        """Return the parked slots that were not looked at since something was ordered."""
        of = self.rings[ring]
        return [] if of.running else sorted(index for index, seen in of.parked.items() if seen < self._changes)

    def poll(self, ring: int, index: int) -> None:
        """Let a scanner look again at a slot that it set aside."""
        self._begin(ring, index)

    def ack(self, client: int) -> None:
        """Ask what a client may forget. Raises Broken where that is not ordered, or less than before."""
        acked = self.sequencer.acknowledged(client)
        if acked is None:
            return
        if acked < self._acked[client]:
            raise Broken("monotone", f"client {client} may forget {acked} batches, after {self._acked[client]}")
        self._acked[client] = acked
        known = [self.rings[ring].batches[index] for ring, index in self.ordered]
        seqs = {batch.seq for batch in known if batch.client == client}
        missing = next((seq for seq in range(acked) if seq not in seqs), None)
        if self.level == 4 and missing is not None:
            raise Broken(
                "ack-safe", f"client {client} may forget all below {acked}, and batch {missing} is not ordered"
            )
        ordered = sum(batch.client == client for batch in known)
        if acked > ordered:
            raise Broken("ack-safe", f"client {client} may forget {acked} batches, and {ordered} of them are ordered")

    def stop(self, ring: int) -> None:
        """Stop a scanner and start it again: what it set aside is forgotten, and its ring read again from the start.

        At level 5, where nothing would be dropped, it goes on where it was.
        """
        of = self.rings[ring]
        assert of.running is None, "a scanner is stopped between two attempts"
        if self.level == 4:
            of.cursor, of.parked = 0, {}
            self.acceptor.restart(ring)
            self.told.append(f"scanner {ring} is stopped and started again")

    def finish(self) -> None:
        """Let all scanners go on until nothing is left to do; then judge the whole. Raises Broken."""
        steps_left = STEPS_MOST
        while busy := [ring for ring in range(len(self.rings)) if self.can_step(ring) or self.worth_a_look(ring)]:
            steps_left -= 1
            if not steps_left:
                raise Broken("drained", f"scanners still have something to do after {STEPS_MOST} turns of each")
            for ring in busy:
                if self.can_step(ring):
                    self.step(ring)
                elif look := self.worth_a_look(ring):
                    self.poll(ring, look[0])
        self.judge()

    # --- attempts ---

    def _begin(self, ring: int, index: int) -> None:
        of, batch = self.rings[ring], self.rings[ring].batches[index]
        of.current, of.began = index, self._changes
        self.acceptor.begin(ring, index)
        made: Any = self.sequencer.try_order(ring, batch.client, batch.seq, batch.count)
        if isinstance(made, Generator):
            of.running = made
            self.told.append(f"scanner {ring} begins with {batch}")
            self._go_on(ring)
        else:
            self._end(ring, made)

    def _go_on(self, ring: int) -> None:
        of = self.rings[ring]
        assert of.running is not None
        try:
            next(of.running)
        except StopIteration as stopped:
            of.running = None
            self._end(ring, stopped.value)
        else:
            others = [each for at, each in enumerate(self.rings) if at != ring and each.running is not None]
            client = of.batches[of.current].client
            if any(each.batches[each.current].client == client for each in others):
                self.happened.add("contended claim")

    def _end(self, ring: int, answer: Answer) -> None:
        of = self.rings[ring]
        index, batch = of.current, of.batches[of.current]
        answered = Attempt(AttemptOutcome(answer[0]), int(answer[1]))
        self.told.append(f"scanner {ring}: {batch} of {batch.count}: {words(answered)}")
        allowed = self.acceptor.end(ring, answered)
        if allowed:
            sentence = f"scanner {ring} answered {words(answered)} for {batch}: {SPECS[self.level]} allows {allowed}"
            raise Broken(SPEC, sentence)
        of.parked.pop(index, None)
        if answered.outcome == AttemptOutcome.LATER:
            of.parked[index] = of.began
            self.happened.add("parked batch")
        elif answered.outcome == AttemptOutcome.DUPLICATE:
            self.happened.add("duplicate")
        else:
            self.ordered[ring, index] = answered.start_position
            self._changes += 1

    # --- the end ---

    def judge(self) -> None:
        """Hold what was ordered against the contract. Raises Broken."""
        arrived = [(ring, at, each) for ring, of in enumerate(self.rings) for at, each in enumerate(of.batches)]
        history = History.from_rows(
            [
                (batch.client, batch.seq, ring, at, batch.count, self.ordered[ring, at], -1, -1)
                for ring, at, batch in arrived
                if (ring, at) in self.ordered
            ]
        )
        for finding in verify(history, self.level).findings if len(history) else ():
            if finding.witness is not None:
                raise Broken(finding.property, finding.witness.sentence)
        workload = Workload.from_rows([(each.client, each.seq, ring, each.count, 0, 0) for ring, _, each in arrived])
        if text := left_over(workload, history, self.level):
            raise Broken("drained", text)
        total, issued = sum(history.message_count.tolist()), self.sequencer.issued()
        if issued != total:
            raise Broken("dense", f"{issued} positions were issued, and {total} belong to ordered batches")
        for client in self.clients:
            self.ack(client)
            if self.sequencer.acknowledged(client) is not None:
                ordered = sum(batch.client == client for ring, at, batch in arrived if (ring, at) in self.ordered)
                if self._acked[client] != ordered:
                    sentence = f"client {client} may forget {self._acked[client]} batches in the end, of {ordered}"
                    raise Broken("drained", sentence)
