"""A sequencer as a user drives it: batches are sent, scanners step, look again, are stopped; clients ask what is acked.

`Attempts` is the session, whoever decides what comes next: a stateful test (`fencepost.stateful`), or a schedule that
is data (`attempted.py`). Every answer and every acknowledgement must be one that the spec allows when it is given; at
the end the history keeps the contract.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from random import Random

from fencepost.comparing.policies.accepted import SPECS, Acceptor, words
from fencepost.comparing.policies.calls import Broken, Called, Make
from fencepost.comparing.policies.sentences import described_ack, described_wait
from fencepost.model.contract import Level
from fencepost.model.histories import History, Workload, verify
from fencepost.model.histories.drained import left_over
from fencepost.native.adapter import Answer
from fencepost.native.schedules.differential import SPEC
from fencepost.native.sequencers import Attempt, AttemptOutcome

PASSES_MOST = 2_000
"""Turns that one attempt passes on to others, all of which get as many: an attempt that passes more does not end."""
TURNS_IN_A_ROW = (40, 80)
"""Of one scanner before another has its turn: enough for a design that makes progress only while it is left alone, and
drawn, so that scanners do not back off in step for ever."""

Turn = tuple[int, str]
"""A scanner, and whether it steps, polls what it set aside, or is stopped; or a client, and `ack`: it asks."""


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
    """A ring and its scanner. `parked`: index -> what had changed when it was last tried, or POLL_AT_ONCE."""

    batches: list[Batch] = field(default_factory=list)
    cursor: int = 0
    parked: dict[int, int] = field(default_factory=dict)
    current: int = -1
    began: int = 0  # what had changed when the attempt began: what was ordered meanwhile it may not have seen
    running: Generator[None, None, Answer] | None = None
    passed_count: int = 0  # turns that the attempt in progress passed on
    met_another: bool = False  # another scanner was at work on the same client during the attempt

    @property
    def in_hand(self) -> Batch | None:
        """The batch of the attempt in progress."""
        return self.batches[self.current] if self.running is not None else None


POLL_AT_ONCE = -1
"""In the place of a number of changes: a batch was set aside as another scanner was at work on its client."""


class Attempts:
    """One sequencer, made anew, and what it answered so far."""

    def __init__(
        self, make: Make, level: Level, ring_count: int, client_count: int, turns_between_acks: int = 0
    ) -> None:
        """After each `turns_between_acks` turns every client asks what it may forget; 0: only when told to."""
        self.level, self.clients, self.turns_between_acks = level, range(client_count), turns_between_acks
        self.sequencer = Called(make, ring_count, client_count)
        self.acceptor = Acceptor(level, ring_count)
        self.rings = [Ring() for _ in range(ring_count)]
        self.ordered: dict[tuple[int, int], int] = {}  # (ring, index) -> start
        self.told: list[str] = []  # what happened, line by line
        self.turns: list[Turn] = []
        self.happened: set[str] = set()
        self._changes = 0  # how often something was ordered: what was parked is worth another look
        self._acked = [0] * client_count
        self._last_ring = 0
        self._turn_count = 0
        self._vain_count = 0  # answers `later` since a batch was last ordered

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
        """Return the parked slots that were not polled since something was ordered."""
        of = self.rings[ring]
        return [] if of.running else sorted(index for index, seen in of.parked.items() if seen < self._changes)

    def poll(self, ring: int, index: int) -> None:
        """Let a scanner try again a slot that it set aside."""
        self._begin(ring, index)

    def can(self, number: int, what: str) -> bool:
        """Say whether a scanner, or a client, can take such a turn."""
        if what == "ack":
            return number < len(self.clients)
        if number >= len(self.rings):
            return False
        if what == "step":
            return self.can_step(number)
        return self.rings[number].running is None and (what == "stop" or bool(self.worth_a_look(number)))

    def take(self, turn: Turn) -> None:
        """Take a turn that can be taken; then, if it is time for that, clients ask what they may forget."""
        number, what = turn
        self.turns.append(turn)
        if what == "ack":
            self.ack(number)
            return
        self._last_ring = number
        if what == "step":
            self.step(number)
        elif what == "stop":
            self.stop(number)
        else:
            self.poll(number, self.worth_a_look(number)[0])
        self._turn_count += 1
        if self.turns_between_acks and self._turn_count % self.turns_between_acks == 0:
            for client in self.clients:
                self.turns.append((client, "ack"))
                self.ack(client)

    def ack(self, client: int) -> None:
        """Ask what a client may forget, at any time. Raises Broken where that is not ordered, or less than before."""
        acked = self.sequencer.acknowledged(client)
        if acked is None:
            self.turns_between_acks = 0  # it keeps no acknowledgements
            return
        self.told.append(f"client {client} asks: it may forget {acked} of its batches")
        self._judge_ack(client, acked)

    def _judge_ack(self, client: int, acked: int) -> None:
        before = self._acked[client]
        if acked < before:
            raise Broken("monotone", f"client {client} may forget {acked} batches, after {before}")
        self._acked[client] = acked
        known = [self.rings[ring].batches[index] for ring, index in self.ordered]
        seqs = [batch.seq for batch in known if batch.client == client]
        ordered_count = next(seq for seq in range(len(seqs) + 1) if seq not in seqs) if self.level == 4 else len(seqs)
        if acked <= ordered_count or acked == before:
            return
        # What no answer says yet an attempt in progress may have done, if its positions are handed out.
        issued = self.sequencer.issued()
        if self.acceptor.acknowledge(client, acked, issued):
            return
        raise Broken("ack-safe", described_ack(self, client, acked, ordered_count, issued))

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
        """Let all scanners go on, in fair turns, until nothing is left to do; then judge the whole. Raises Broken.

        Plainest is to go on with the same scanner; one that is not done after some turns passes them to the next.
        """
        random, turns_before = Random(0), len(self.turns)
        ring, turns_left = self._last_ring, random.randint(*TURNS_IN_A_ROW)
        while busy := [each for each in range(len(self.rings)) if self.can_step(each) or self.worth_a_look(each)]:
            if ring not in busy or not turns_left:
                ring = next((each for each in busy if each > ring), busy[0])
                turns_left = random.randint(*TURNS_IN_A_ROW)
            if self.rings[ring].passed_count >= PASSES_MOST or self._vain_count >= PASSES_MOST:
                del self.turns[turns_before:]  # they come again by themselves
                raise Broken("drained", described_wait(self, ring))
            self.take((ring, "step" if self.can_step(ring) else "poll"))
            turns_left -= 1
        self.judge()

    # --- attempts ---

    def _begin(self, ring: int, index: int) -> None:
        of, batch = self.rings[ring], self.rings[ring].batches[index]
        meets = [each for each in self.rings if each.in_hand is not None and each.in_hand.client == batch.client]
        of.current, of.began, of.passed_count, of.met_another = index, self._changes, 0, bool(meets)
        for other in meets:
            other.met_another = True
        self.acceptor.begin(ring, index)
        made = self.sequencer.try_order(str(batch), ring, batch.client, batch.seq, batch.count)
        if isinstance(made, Generator):
            of.running = made
            self.told.append(f"scanner {ring} begins with {batch}")
            self._go_on(ring)
        else:
            self._end(ring, made)

    def _go_on(self, ring: int) -> None:
        of = self.rings[ring]
        assert of.running is not None
        answered = self.sequencer.go_on(str(of.in_hand), of.running)
        if answered is not None:
            of.running = None
            self._end(ring, answered)
        else:
            of.passed_count += 1
            if of.met_another:
                self.happened.add("contended claim")

    def _end(self, ring: int, answered: Attempt) -> None:
        of = self.rings[ring]
        index, batch = of.current, of.batches[of.current]
        self.told.append(f"scanner {ring}: {batch} of {batch.count}: {words(answered)}")
        allowed = self.acceptor.end(ring, answered, met_another=of.met_another)
        if allowed:
            sentence = f"scanner {ring} answered {words(answered)} for {batch}: {SPECS[self.level]} allows {allowed}"
            raise Broken(SPEC, sentence)
        of.passed_count = 0
        of.parked.pop(index, None)
        if answered.outcome == AttemptOutcome.LATER:
            of.parked[index] = POLL_AT_ONCE if self.acceptor.was_kept_off else of.began
            self._vain_count += 1
            self.happened.add("parked batch")
        elif answered.outcome == AttemptOutcome.DUPLICATE:
            self.happened.add("duplicate")
        else:
            self.ordered[ring, index] = answered.start_position
            self._changes += 1
            self._vain_count = 0

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
            acked = self.sequencer.acknowledged(client)
            if acked is not None:
                self._judge_ack(client, acked)
                ordered = sum(batch.client == client for ring, at, batch in arrived if (ring, at) in self.ordered)
                if self._acked[client] != ordered:
                    sentence = f"client {client} may forget {self._acked[client]} batches in the end, of {ordered}"
                    raise Broken("drained", sentence)
