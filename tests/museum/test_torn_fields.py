"""Fields as words of their own: a header is whole on lines that reach memory whole, and torn where they do not."""

from collections.abc import Iterator

import pytest

from fencepost.model.litmus import parse_test
from fencepost.model.memory import MATRIX, PROFILES, matrix
from fencepost.model.programs.designs import design
from fencepost.model.programs.operations import Flush, Load, Operation, Store, StoreFence
from fencepost.model.programs.roles.header_fields import WIDTHS
from fencepost.model.programs.roles.receiver import Arriving
from fencepost.native.schedules import litmus as native_litmus

BATCH = Arriving(client=1, seq=2, count=3)
FIELDS = design("order5.fetch_add.fields")


def written(*, guard_apart: bool) -> Iterator[str]:
    """What a receiver does to write a header, as instructions; with `guard_apart`, the fields are flushed before it."""
    receiver = FIELDS.receiver(0, 1, ())
    operations: list[Operation] = list(receiver.write_header(0, BATCH))
    for operation in operations:
        match operation:
            case Store(address, value):
                if guard_apart and address[-1] == "guard":
                    yield from ("FO client", "SF")
                yield f"W {address[-1]} {value}"
            case Flush():
                yield "FO client"
            case StoreFence():
                yield "SF"


def read() -> Iterator[str]:
    """What a scanner does to read one: it looks past its cache at the guard, then loads one field after the other."""
    scanner = FIELDS.scanner_of(0, 1, 1)
    gate = scanner.gate(0)
    assert gate is not None
    assert gate.invalidate
    yield from ("FO guard", "MF", "R guard guard")
    reading = scanner.read_header(0)
    operation = next(reading)
    while isinstance(operation, Load):
        field = operation.address[-1]
        yield f"R {field} {field}"
        try:
            operation = reading.send(getattr(BATCH, str(field)))
        except StopIteration:
            return


def outcomes(under: str, *, guard_apart: bool) -> set[tuple[int, ...]]:
    """Return what a reader may find behind a guard that says that the header is there: client, seq and count."""
    registers = {name: f"r{at}" for at, name in enumerate(("guard", *WIDTHS))}
    reads = [f"R {registers[each.split()[1]]} {each.split()[2]}" if each[0] == "R" else each for each in read()]
    source = "\n".join(
        [
            f"line A = {' '.join(WIDTHS)} guard",
            f"H0: {'; '.join(written(guard_apart=guard_apart))}",
            f"H1: {'; '.join(reads)}",
            "bad 1:r0=9",
        ]
    )
    program = parse_test(source).program
    ends = native_litmus.outcomes(program, PROFILES[under], matrix(MATRIX), as_defined=True)
    guard = FIELDS.receiver(0, 1, ()).guard(0)
    return {tuple(values[1:]) for _, values, *_ in ends if values[0] == guard}


WHOLE = (BATCH.client, BATCH.seq, BATCH.count)


def test_a_header_is_whole_behind_its_guard_where_lines_are() -> None:
    assert outcomes("ncx", guard_apart=False) == {WHOLE}


def test_a_header_in_one_flush_is_torn_where_words_reach_memory_apart() -> None:
    """No run on whole lines shows it: client and seq of no batch, behind a count that is there."""
    found = outcomes("ncx-tear", guard_apart=False)
    assert found > {WHOLE}
    assert any(fields[-1] == BATCH.count and fields != WHOLE for fields in found)


@pytest.mark.parametrize("under", ["ncx", "ncx-tear"])
def test_a_guard_that_is_stored_when_the_fields_are_in_memory_vouches_for_them_in_any_case(under: str) -> None:
    assert outcomes(under, guard_apart=True) == {WHOLE}
