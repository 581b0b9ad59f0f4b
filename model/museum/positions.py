"""Bugs of the log by position: what is copied there, how far it may be read, and how it is read."""

from __future__ import annotations

from fencepost.model.museum.bug import ORDER5, Bug, batch, deviating, in_rings
from fencepost.model.programs.operations import Program
from fencepost.model.programs.roles.committer import Committer
from fencepost.model.programs.roles.position_reader import PositionReader
from fencepost.model.specs.refuted.highest_published import Order5HighestPublished


class CommitsWhatComes(Committer):
    """The frontier moves to the end of whatever was copied last, in the order in which entries are found."""

    def commit(self) -> Program:
        for start, (ring, index) in sorted(self.waiting.items()):
            yield from self.copy(ring, index, start)
            yield from self.pass_by(ring, index)
        self.waiting.clear()


class CopiesBackwards(Committer):
    """A batch's messages are copied from the last one on, to its positions from the first one on."""

    def numbers(self, count: int) -> range:
        return range(count - 1, -1, -1)


class CommitsInOneGo(Committer):
    """Between the flushes of the log's lines and the frontier there is no fence."""

    def copied(self) -> Program:
        yield from ()


class ReadsItsCopy(PositionReader):
    """What the host's cache has of a line of the log is taken for what is there."""

    def invalidate(self, position: int) -> Program:
        yield from ()


BUGS: tuple[Bug, ...] = (
    deviating(
        "frontier_jumps",
        breaks="frontier",
        origin='"the highest published" taken for "everything below is published"',
        sound=ORDER5,
        scenario=in_rings((batch(0, 0),), (batch(1, 0),), readers=1),
        refuted=Order5HighestPublished,
        committer=CommitsWhatComes,
    ),
    deviating(
        "copied_backwards",
        breaks="contiguous",
        origin="tempting where the last line is written first, so that a reader of it knows that all are there",
        sound=ORDER5,
        scenario=in_rings((batch(0, 0, 2),), readers=1),
        committer=CopiesBackwards,
    ),
    deviating(
        "log_and_frontier_in_one_go",
        breaks="agreement",
        origin="one fence for several flushes (DEV-005) again, at the end of the log",
        sound=ORDER5,
        scenario=in_rings((batch(0, 0),), readers=2),
        committer=CommitsInOneGo,
    ),
    deviating(
        "log_read_in_cache",
        breaks="agreement",
        origin="a position is written once, so nothing seems to be stale; but a cache may have fetched it before",
        sound=ORDER5,
        scenario=in_rings((batch(0, 0),), readers=2),
        position_reader=ReadsItsCopy,
    ),
)
