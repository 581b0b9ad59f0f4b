"""What cache lines, hosts and the width of counters make of a layout.

Between hosts a line is the unit of write-back: two lines reach another host in any order, and a line that two hosts
write loses what one of them stored. Within a host it is the unit of contention. So a guard must lie on the line of what
it vouches for, or a fence must stand between; a line has one writing host, unless it is handed over; a flush of one
line leaves the others of an array behind; and a counter must not come to its end while the log is in use.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fencepost.bench.layouts.debug_info import Compiled
from fencepost.bench.layouts.description import Description, Field, Structure, check_overlaps
from fencepost.model.errors import InputError, unknown_choice

SECONDS_A_YEAR = 365.25 * 24 * 3600
HORIZON_YEARS = 10.0
"""For so long a counter should last at the measured rate."""


@dataclass(frozen=True)
class Placed:
    """A field where it lies: [offset, end) in its structure."""

    field: Field
    offset: int
    size: int  # of the whole array
    is_signed: bool

    @property
    def end(self) -> int:
        return self.offset + self.size

    @property
    def bits(self) -> int:
        """Value bits of one element."""
        return 8 * self.size // self.field.count - self.is_signed

    def lines(self, line_bytes: int) -> range:
        """The lines, counted from the structure's begin, that hold a byte of it."""
        return range(self.offset // line_bytes, (self.end - 1) // line_bytes + 1)


@dataclass(frozen=True)
class Line:
    """One line of a structure: the fields on it, with their writers and readers."""

    number: int
    fields: tuple[str, ...]
    writers: tuple[str, ...]  # roles
    readers: tuple[str, ...]
    writing_hosts: tuple[str, ...]


@dataclass(frozen=True)
class Horizon:
    """How long a counter lasts at a rate."""

    field: str
    bits: int
    per_second: float
    seconds: float


@dataclass(frozen=True)
class Fault:
    """A fault of a structure."""

    structure: str
    kind: str
    sentence: str


@dataclass(frozen=True)
class Laid:
    """A structure, laid out: its lines, how much of it is padding, how long its counters last, and its faults."""

    structure: Structure
    fields: tuple[Placed, ...]
    used_bytes: int  # up to the end of the last field
    padding_bytes: int  # between fields
    lines: tuple[Line, ...]
    horizons: tuple[Horizon, ...]
    faults: tuple[Fault, ...]
    compiled: Compiled | None  # None: by the description alone


def lay_out(of: Description, compiled: dict[str, Compiled], messages_per_second: float) -> tuple[Laid, ...]:
    """Return every structure of a description, laid out as the debug info says where it knows the type.

    Raises InputError for a type or field that the debug info has not, and for fields that overlap.
    """
    return tuple(_laid(structure, of, compiled, messages_per_second) for structure in of.structures)


def _laid(structure: Structure, of: Description, compiled: dict[str, Compiled], messages_per_second: float) -> Laid:
    made = _compiled_as(structure, compiled)
    fields = tuple(
        sorted((_placed(field, structure, made) for field in structure.fields), key=lambda each: each.offset)
    )
    check_overlaps([(each.field.name, each.offset, each.size) for each in fields], structure.stride, structure.name)
    used_bytes = max((each.end for each in fields), default=0)
    horizons = tuple(
        Horizon(each.field.name, each.bits, rate, 2**each.bits / rate)
        for each in fields
        if each.field.counts
        for rate in [of.per_message[each.field.counts] * messages_per_second]
    )
    lines = tuple(_lines(fields, of))
    checks = (
        _debug_info(structure, made), _sizes(structure), _guards(structure, fields, of),
        _straddling(structure, fields, of), _flushes(structure, fields, of), _writers(structure, lines),
        _overflows(structure, fields, horizons),
    )  # fmt: skip
    return Laid(
        structure, fields, used_bytes, used_bytes - sum(each.size for each in fields), lines, horizons,
        tuple(finding for check in checks for finding in check), made,
    )  # fmt: skip


def _compiled_as(structure: Structure, compiled: dict[str, Compiled]) -> Compiled | None:
    if not compiled or not structure.type:
        return None
    if structure.type not in compiled:
        near = [name for name in compiled if structure.type.rpartition("::")[2] in name] or list(compiled)
        raise unknown_choice(f"type of {structure.name}:", structure.type, near[:20])
    return compiled[structure.type]


def _placed(field: Field, structure: Structure, made: Compiled | None) -> Placed:
    """Return where a field lies: by the debug info, else by the description."""
    if made is None:
        if field.offset is None or field.size is None:
            raise InputError(f"{structure.name}.{field.name}: has no offset or no type, expected both, or debug info")
        return Placed(field, field.offset, field.size, field.is_signed)
    member = next((each for each in made.members if each.name == field.name), None)
    if member is None:
        raise unknown_choice(f"field of {made.name}", field.name, [each.name for each in made.members])
    return Placed(field, member.offset, member.size, field.is_signed if member.is_signed is None else member.is_signed)


def _lines(fields: tuple[Placed, ...], of: Description) -> Iterator[Line]:
    end = max((each.end for each in fields), default=0)
    for number in range(-(-end // of.line_bytes)):
        there = [each.field for each in fields if number in each.lines(of.line_bytes)]
        writers = tuple(dict.fromkeys(role for field in there for role in field.writers))
        readers = tuple(dict.fromkeys(role for field in there for role in field.readers))
        hosts = tuple(dict.fromkeys(of.hosts[role] for role in writers))
        if there:
            yield Line(number, tuple(field.name for field in there), writers, readers, hosts)


# --- faults ---


def _debug_info(structure: Structure, made: Compiled | None) -> Iterator[Fault]:
    """Where the description and the compiler disagree."""
    if made is None:
        return
    says: list[tuple[str, object, object]] = [("size", structure.stride, made.size)]
    if made.align:
        says.append(("alignment", structure.align, made.align))
    for field in structure.fields:
        member = next(each for each in made.members if each.name == field.name)
        if field.offset is not None:
            says.append((f"offset of {field.name}", field.offset, member.offset))
        if field.size is not None:
            says.append((f"size of {field.name}", field.size, member.size))
        if field.type and member.is_signed is not None:
            says.append((f"sign of {field.name}", field.is_signed, member.is_signed))
    for what, described, found in says:
        if described != found:
            yield Fault(structure.name, "debug-info", f"{what}: described as {described}, compiled as {found}")


def _sizes(structure: Structure) -> Iterator[Fault]:
    """What is said of the size elsewhere."""
    stated = structure.stated_bytes
    if stated is not None and stated != structure.stride:
        sentence = f"takes {structure.stride:,} bytes, where {structure.stated_in} says {stated:,}"
        yield Fault(structure.name, "stated-size", sentence.replace("documents says", "documents say"))


def _guards(structure: Structure, fields: tuple[Placed, ...], of: Description) -> Iterator[Fault]:
    """A guard on another line than what it vouches for."""
    for guard in fields:
        asked = guard.field.guards
        guarded = [each for each in fields if each is not guard and ("*" in asked or each.field.name in asked)]
        own, others = set(guard.lines(of.line_bytes)), {n for each in guarded for n in each.lines(of.line_bytes)}
        if others <= own:
            continue
        alone = all(set(each.lines(of.line_bytes)).isdisjoint(own) for each in fields if each is not guard)
        end = max(each.end for each in (guard, *guarded))
        yield Fault(
            structure.name, "guard-apart",
            f"its {end} bytes lie on {len(own | others)} lines: {guard.field.name}, at {guard.offset}, is "
            f"{'alone ' if alone else ''}on line {min(own)}, and vouches for line {_ranges(others - own)}",
        )  # fmt: skip


def _straddling(structure: Structure, fields: tuple[Placed, ...], of: Description) -> Iterator[Fault]:
    """A single word on two lines: no store of it is atomic."""
    for each in fields:
        if each.field.count == 1 and each.size <= 8 and len(each.lines(of.line_bytes)) > 1:
            sentence = f"{each.field.name}, at {each.offset}, lies on two lines: a store to it may be seen by halves"
            yield Fault(structure.name, "straddles", sentence)


def _flushes(structure: Structure, fields: tuple[Placed, ...], of: Description) -> Iterator[Fault]:
    """An array of which a flush names one line and its writers store to others."""
    by_name = {each.field.name: each for each in fields}
    for role in dict.fromkeys(flush.by for flush in structure.flushes):
        at = [by_name[flush.at] for flush in structure.flushes if flush.by == role]
        flushed = {each.lines(of.line_bytes)[0] for each in at}
        for each in at:
            lines = set(each.lines(of.line_bytes))
            if role in each.field.writers and lines - flushed:
                yield Fault(
                    structure.name, "partly-flushed",
                    f"the {each.field.count} of {each.field.name}, at {each.offset}..{each.end - 1}, lie on "
                    f"{len(lines)} lines, of which {role} flushes {len(lines & flushed)}",
                )  # fmt: skip


def _writers(structure: Structure, lines: tuple[Line, ...]) -> Iterator[Fault]:
    """A line that several hosts write, and that is not handed over."""
    for line in lines:
        if len(line.writing_hosts) > 1 and not structure.handed_over:
            hosts = " and ".join(line.writing_hosts)
            sentence = (
                f"line {line.number} ({', '.join(line.fields)}) is written by {len(line.writing_hosts)} hosts: {hosts}"
            )
            yield Fault(structure.name, "several-writers", sentence)


def _overflows(structure: Structure, fields: tuple[Placed, ...], horizons: tuple[Horizon, ...]) -> Iterator[Fault]:
    """A counter that comes to its end too soon."""
    by_name = {each.field.name: each for each in fields}
    for horizon in horizons:
        if horizon.seconds < HORIZON_YEARS * SECONDS_A_YEAR:
            field = by_name[horizon.field]
            kind = f"{'signed' if field.is_signed else 'unsigned'} {horizon.bits + field.is_signed}-bit count"
            yield Fault(
                structure.name, "overflow",
                f"{horizon.field}, a {kind} of {field.field.counts}, overflows after {duration(horizon.seconds)} at "
                f"{horizon.per_second:.3g} a second",
            )  # fmt: skip


def duration(seconds: float) -> str:
    """Return a time in the unit that a person takes for it."""
    for unit, length in (("years", SECONDS_A_YEAR), ("days", 86_400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= 2 * length:
            return f"{seconds / length:,.3g} {unit}" if seconds < 1e6 * length else f"{seconds / length:.1e} {unit}"
    return f"{seconds:.3g} s"


def _ranges(numbers: set[int]) -> str:
    low, high = min(numbers), max(numbers)
    return str(low) if low == high else f"{low}..{high}"
