"""Headers whose fields are words of their own, each with a width: not one word that is read and written at once.

Between the stores of two fields, and between the loads of two, the line may be written back or fetched. What makes a
header whole is its guard alone: it is stored when all fields are, and looked at before any of them.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import replace
from typing import Any, ClassVar

from fencepost.model.programs.layout import header
from fencepost.model.programs.operations import Load, Operation, Poll, Watched
from fencepost.model.programs.pipeline import Design
from fencepost.model.programs.roles.connection import Connection
from fencepost.model.programs.roles.receiver import Arriving, Receiver
from fencepost.model.programs.roles.scanner import Scanner
from fencepost.model.programs.sequencers.worker import Worker

WIDTHS = {"client": 32, "seq": 64, "count": 32}
"""Bits of each field, in the order in which they are stored and loaded; all are without sign."""


class FieldReceiver(Receiver):
    """Stores the fields of a header one after the other, the guard last."""

    widths: ClassVar[Mapping[str, int]] = WIDTHS

    def header_words(self, batch: Arriving) -> dict[str, Any]:
        return {field: getattr(batch, field) % 2**bits for field, bits in self.widths.items()}


class FieldConnection(FieldReceiver, Connection):
    """A receiver that is one of several of its ring, and stores the fields of a header one after the other."""


class ReadsFields(Scanner):
    """Loads the fields of a header one after the other, the guard before them."""

    def read_header(self, index: int) -> Generator[Operation, Any, tuple[int, ...]]:
        line = header(self.ring, index % self.slots)
        fields = []
        for field in WIDTHS:
            fields.append((yield Load((*line, field))))
        while not fields[-1]:  # no messages: not written yet, whatever the guard says
            _, fields[-1] = yield Poll((Watched((*line, "count"), 0, invalidate=True),))
        return tuple(fields)


def with_fields(design: Design) -> Design:
    """Return a design with the fields of headers as words of their own, and all else as it is."""
    inherited: dict[str, Any] = {"__doc__": ReadsFields.__doc__, "__module__": __name__}
    parts = dict(inherited)
    if issubclass(design.scanner, Worker):
        view = design.scanner.view
        parts["view"] = type(f"{view.__name__}OfFields", (ReadsFields, view), inherited)
    scanner = type(f"{design.scanner.__name__}OfFields", (ReadsFields, design.scanner), parts)
    return replace(
        design,
        name=f"{design.name}.fields",
        scanner=scanner,
        receiver=FieldReceiver,
        sharing=FieldConnection,
        lacks=("readers",),
    )
