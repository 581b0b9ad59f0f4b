"""Bugs of headers whose fields are words of their own."""

from __future__ import annotations

from fencepost.model.museum.bug import Bug, batch, deviating, in_rings
from fencepost.model.programs.designs import design
from fencepost.model.programs.layout import header
from fencepost.model.programs.operations import Flush, Program, Store, StoreFence
from fencepost.model.programs.pipeline import Scenario
from fencepost.model.programs.roles.header_fields import WIDTHS, FieldReceiver
from fencepost.model.programs.roles.receiver import Arriving

FIELDS5 = design("order5.fetch_add.fields")


class CountOf16Bits(FieldReceiver):
    """The count of messages is kept in 16 bits: of one more than fit there, 1 is left."""

    widths = {**WIDTHS, "count": 16}


class GuardAmongTheFields(FieldReceiver):
    """The guard is stored before one of the fields that it vouches for: what is read then is a torn pair."""

    def write_header(self, index: int, batch: Arriving) -> Program:
        line = header(*self.place(index))
        (late, value), *fields = self.header_words(batch).items()
        for word, each in fields:
            yield Store((*line, word), each)
        yield Store((*line, "guard"), self.guard(index), self.arrived(batch))
        yield Store((*line, late), value)
        yield Flush(line)
        yield StoreFence()


BUGS: tuple[Bug, ...] = (
    deviating(
        "count_of_16_bits",
        breaks="visible",
        origin="tempting in a header of 64 bytes: nobody sends as many messages in one batch",
        sound=FIELDS5,
        scenario=in_rings((batch(0, 0, 2**16 + 1),)),
        receiver=CountOf16Bits,
    ),
    deviating(
        "guard_among_fields",
        breaks="visible",
        origin="the header of 09ae22d is copied into its slot whole: which of its words is last, nobody says",
        sound=FIELDS5,
        scenario=Scenario(rings=((batch(1, 0),),)),
        receiver=GuardAmongTheFields,
    ),
)
