"""Bugs of scanners that are stopped, of waits that time out, and of brokers that join while others run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fencepost.model.museum.bug import CLAIM, ORDER5, Bug, batch, deviating, in_rings
from fencepost.model.programs.layout import exported, header
from fencepost.model.programs.operations import Flush, Poll, Program, Store
from fencepost.model.programs.pipeline import Scenario
from fencepost.model.programs.roles.receiver import Receiver
from fencepost.model.programs.roles.restarting import Stoppable
from fencepost.model.programs.roles.waiting import Patient


class GoesOnBehind(Stoppable):
    """The next scanner goes on where the one before it was: what that had set aside is in nobody's hands."""

    def left(self) -> tuple[Sequence[int], int]:
        return (), self.following


class HearsAtAnyWait(Stoppable):
    """A stop is heard at any wait, also between the export of a batch and its acknowledgement."""

    def hears(self) -> bool:
        return True


class AcknowledgesAtLast(Patient):
    """A wait for a client's earlier batch that times out ends as if that had been exported."""

    def timed_out(self, poll: Poll) -> tuple[int, Any] | None:
        address = poll.watched[0].address
        return (0, 1 << 30) if address == exported(address[1]) else None  # type: ignore[arg-type]  # a client


class TakesTheSlotAtLast(Patient):
    """A wait for a slot that times out ends as if the slot had been full."""

    def timed_out(self, poll: Poll) -> tuple[int, Any] | None:
        address, seen = poll.watched[0].address, poll.watched[0].seen
        is_guard = address[0] == "header" and address[-1] == "guard"
        return (0, seen + 1) if is_guard and isinstance(seen, int) else None


class AnnouncesFirst(Receiver):
    """A broker says that its ring is there, and then wipes what another left in it."""

    def join(self) -> Program:
        yield from self.announce()
        yield from self.wipe()
        yield from self.run()


class WipesAndAnnounces(Receiver):
    """One fence for the wiped guards and for the word that says that the ring is there."""

    def wipe(self) -> Program:
        for slot in range(self.slots):
            yield Store((*header(self.ring, slot), "guard"), 0)
            yield Flush(header(self.ring, slot))


_JOINS = Scenario(rings=((batch(0, 0),),), slots=1, late_rings=1)

BUGS: tuple[Bug, ...] = (
    deviating(
        "set_aside_forgotten",
        breaks="drained",
        origin="parked batches are private to a scanner: a new one that trusts the cursor never sees them",
        sound=CLAIM,
        scenario=in_rings((batch(0, 1),), (batch(0, 0),), stops=True),
        stopping=GoesOnBehind,
    ),
    deviating(
        "stopped_in_hand",
        breaks="drained",
        origin="tempting, as a stop that waits for another scanner seems to take for ever",
        sound=CLAIM,
        scenario=in_rings((batch(0, 0),), (batch(0, 1),), stops=True, acknowledgers=True),
        stopping=HearsAtAnyWait,
    ),
    deviating(
        "time_out_acknowledges",
        breaks="ack-safe",
        origin="a wait with an end whose result nobody asks for: it returns, so what it waited for is there",
        sound=CLAIM,
        scenario=in_rings((batch(0, 0),), (batch(0, 1), batch(0, 0)), timeouts=1, acknowledgers=True),
        waiting=AcknowledgesAtLast,
    ),
    deviating(
        "time_out_takes_the_slot",
        breaks="visible",
        origin="the same at a slot: what is read then is on its way, or of the lap before",
        sound=ORDER5,
        scenario=Scenario(rings=((batch(0, 0),),), slots=1, timeouts=1),
        waiting=TakesTheSlotAtLast,
    ),
    deviating(
        "announced_before_wiped",
        breaks="visible",
        origin="a pool of memory is used again: what a broker that is gone left there looks like what arrives",
        sound=ORDER5,
        scenario=_JOINS,
        receiver=AnnouncesFirst,
    ),
    deviating(
        "wiped_with_the_announcement",
        breaks="visible",
        origin="one fence for several flushes (DEV-005) again, where a broker joins",
        sound=ORDER5,
        scenario=_JOINS,
        receiver=WipesAndAnnounces,
    ),
)
