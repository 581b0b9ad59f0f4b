"""The sequencers' pipeline in the stepped build: scenarios on the way in, names and packed words on the way out."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from enum import IntEnum
from typing import Any

from fencepost.model.errors import InputError
from fencepost.model.explorer.monitor.run import RunMonitor
from fencepost.model.memory import Matrix, Profile
from fencepost.model.memory.lazy import Key
from fencepost.model.memory.lines import Line
from fencepost.model.programs.corpus import COUNT_MOST
from fencepost.model.programs.designs import DESIGNS
from fencepost.model.programs.layout import ISSUED
from fencepost.model.programs.operations import Address
from fencepost.model.programs.pipeline import GONE_CLIENT, Design, Rings, Scenario
from fencepost.model.programs.roles.header_fields import WIDTHS
from fencepost.model.programs.roles.restarting import STOP
from fencepost.model.trace import Step
from fencepost.native import _core
from fencepost.native.schedules.stepped import Names, orders_of, switches_of

DESIGN_NAMES = (
    "order5.fetch_add", "order4.claim", "order4.mutex", "order4.sharded_mutex", "order4.owner", "order5.epoch",
    "order4.epoch",
)  # fmt: skip
"""The designs that have a native pipeline."""

STEPPED_NAMES = (*DESIGN_NAMES, "order4.cas_then_reserve")
"""Those of the stepped build: one more, which is wrong on purpose."""

FIELDS_NAMES = tuple(f"{name}.fields" for name in DESIGN_NAMES)
"""Those of the stepped build with the fields of headers as words of their own."""


class Mutant(IntEnum):
    """Faults that can be built into the stepped pipeline; the production build knows none of them."""

    NONE = 0
    PAYLOAD_UNFLUSHED = 1  # the receiver leaves out the flush of the payload
    GUARD_BEFORE_ENTRY = 2  # the scanner stores the guard of a chain entry first
    RESERVE_BEFORE_CLAIM = 3  # the level-4 scanner takes its range before it knows that it won (order4.claim)
    TIME_OUT_ACKNOWLEDGES = 4  # a wait for a client's earlier batch that times out ends as if that had been exported
    TIME_OUT_TAKES_THE_SLOT = 5  # a wait for a slot that times out ends as if the slot had been full
    ANNOUNCED_BEFORE_WIPED = 6  # a broker that joins says so before the guards that another left are wiped
    WIPED_WITH_THE_ANNOUNCEMENT = 7  # one fence for the wiped guards and for the word that says that the ring is there
    FRONTIER_JUMPS = 8  # the frontier of the log moves to the end of whatever was copied last
    COPIED_BACKWARDS = 9  # a batch's messages come to the log in the wrong order
    LOG_AND_FRONTIER_IN_ONE_GO = 10  # no fence between the log's lines and the frontier
    LOG_READ_IN_CACHE = 11  # a reader of the log does not drop its copies
    SET_ASIDE_FORGOTTEN = 12  # the scanner after a stop goes on behind what the one before it had set aside
    STOPPED_IN_HAND = 13  # a stop is heard at any wait, also between an export and its acknowledgement
    COUNT_OF_16_BITS = 14  # the count of messages is kept in 16 bits, where the fields of headers are words
    GUARD_AMONG_FIELDS = 15  # there, the guard is stored before one of the fields that it vouches for
    ORDER_BEFORE_PAYLOAD = 16  # the receiver writes the header, with its guard, before the payload
    ZERO_MESSAGE_BLOCKS = 17  # the receiver lets in a batch without messages
    ONLY_SLOT_ZERO_PROTECTED = 18  # the receiver waits for space at the first slot of a lap only
    PUBLISHED_WHILE_FILLED = 19  # a connection stores the guard while the payload is on its way
    PHANTOM_FIRST_ACK = 20  # the acknowledger greets with a count that nothing was ordered for
    INVALIDATE_EVERY_64 = 21  # the subscriber drops its copy of a payload before every 64th batch only
    COUNTER_SPANS_HOSTS = 22  # each scanner is on a host of its own, and all add to one counter


POSITION_MOST = 256
"""The most messages that readers by position can read: each position of the log is a line."""

_LINES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("counter", ("issued",)),
    ("lock", ("held",)),
    ("shard", ("held",)),
    ("next", ("seq", "exported")),
    ("written", ("count",)),
    ("consumed", ("count",)),
    ("claimed", ("count",)),
    ("payload", ("content",)),
    ("header", ("batch", "guard")),
    ("chain", ("entry", "guard")),
    ("acked", ("below",)),
    ("clock", ("ticks",)),
    ("joined", ("word",)),
    ("stop", ("word",)),
    ("committed", ("below",)),
    ("log", ("message",)),
)  # as pipeline/layout.hpp numbers them
WORDS = dict(_LINES)
"""Name of a line -> the names of its words, in the native order."""
WORDS_OF_FIELDS = {**WORDS, "header": (*WIDTHS, "guard")}
"""The same where the fields of headers are words of their own."""

ACTIONS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("", ()),
    ("arrive", ("ring", "client", "seq", "count")),
    ("overwrite", ("ring", "slot", "by_ring", "index")),
    ("assign", ("ring", "index", "client", "seq", "count", "start")),
    ("reserve", ("ring", "batches")),
    ("publish", ("ring", "index")),
    ("export", ("ring", "index", "kind", "chain")),
    ("frontier", ("ring", "client", "below")),
    ("acknowledge", ("ring", "client", "below")),
    ("discard", ("ring", "index")),
    ("deliver", ("ring", "index", "start", "client", "seq")),
    ("drop", ("ring", "index")),
    ("park", ("ring", "index")),
    ("claim", ("ring", "index")),
    ("release", ("ring",)),
    ("lock", ("ring", "index")),
    ("advance", ("ring",)),
    ("unlock", ("ring",)),
    ("consumed", ("ring", "below")),
    ("written", ("ring", "below")),
    ("emit", ("ring", "index")),
    ("commit", ("below",)),
    ("read", ("reader", "position", "client", "seq", "message")),
)
"""Steps of the spec and of the contract, as pipeline/words.hpp numbers them; a step may leave later arguments out."""


def native_pipeline(
    design: Design,
    scenario: Scenario,
    profile: Profile,
    matrix: Matrix,
    *,
    mutant: Mutant = Mutant.NONE,
    judge: _core.PipelineJudge | None = None,
    native: Any = _core,
) -> tuple[_core.Pipeline, Names]:
    """Return a design on a scenario in the stepped build, and what its numbers stand for.

    `native` is a compiled module with the stepped part of `_core`. Raises InputError for a design, profile or scenario
    that the build does not have.
    """
    check_design(design, (*STEPPED_NAMES, *FIELDS_NAMES))
    switches = switches_of(profile)
    try:
        pipeline = native.Pipeline(
            design=design.name,
            scenario=native_scenario(scenario, native),
            profile=switches,
            matrix=orders_of(matrix),
            mutant=mutant,
            judge=judge,
        )
    except native.Refused as refused:
        raise InputError(str(refused)) from None
    clients, ring_count, rings = len(scenario.plans), scenario.rings_count, (*scenario.rings, *scenario.later)
    behind = 1 + scenario.readers if scenario.readers else 0  # the hosts of committer and readers
    hosts = (0,) if profile.one_host else tuple(range(-clients, 1 + 2 * ring_count + behind))
    gone = [GONE_CLIENT + 1] if scenario.late_rings else []
    client_count = max([clients, *gone, *(each.client + 1 for ring in rings for each in ring)])
    channels = [("to", ring) for ring in range(ring_count)] + [("from", client) for client in range(client_count)]
    channels += [(STOP, ring) for ring in range(ring_count)] if scenario.stops else []
    words = WORDS_OF_FIELDS if design.name in FIELDS_NAMES else WORDS
    return pipeline, Names(tuple(_line(*row[:3]) for row in pipeline.lines()), hosts, tuple(channels), words)


def check_design(design: Design, names: Sequence[str] = DESIGN_NAMES) -> None:
    """Raise InputError for a design that has no native pipeline."""
    if design.name not in names or DESIGNS.get(design.name) != design:
        expected = ", ".join(names)
        raise InputError(f"the native build has no pipeline {design.name!r} as it is given: expected one of {expected}")


def has_stepped_form(scenario: Scenario, design: Design | None = None) -> bool:
    """Say whether the native build has words for the counts of a scenario, with the headers of a design."""
    counts = [batch.count for ring in (*scenario.rings, *scenario.later) for batch in ring]
    sent = [each.count for plan in scenario.plans for each in plan]
    read_count = sum(counts + sent) * (2 if scenario.restarts else 1) if scenario.readers else 0
    most = 2 ** WIDTHS["count"] - 1 if design is not None and design.name in FIELDS_NAMES else COUNT_MOST
    return read_count <= POSITION_MOST and all(each <= most for each in counts) and max(sent, default=0) <= COUNT_MOST


def native_scenario(scenario: Scenario, native: Any = _core) -> _core.PipelineScenario:
    """Return a scenario as the native build takes it; raises its Refused for what does not fit."""
    made: _core.PipelineScenario = native.PipelineScenario(
        rings=_batches(scenario.rings or ((),) * scenario.rings_count),
        slots=scenario.slots,
        flags=[
            scenario.written,
            scenario.delegated,
            scenario.subscribers,
            scenario.acknowledgers,
            scenario.restarts,
            scenario.stops,
        ],
        plans=[[(each.ring, each.seq, each.count) for each in plan] for plan in scenario.plans],
        later=_batches(scenario.later),
        connections=scenario.connections,
        timeouts=scenario.timeouts,
        readers=scenario.readers,
        late_rings=scenario.late_rings,
    )
    return made


def _batches(rings: Rings) -> list[list[tuple[int, int, int, int]]]:
    return [[(each.client, each.seq, each.count, each.arrival_ns) for each in ring] for ring in rings]


def _line(name: int, first: int, second: int) -> Line:
    return (_LINES[name][0], *(number for number in (first, second) if number >= 0))


# --- packed words ---

_WRITTEN, _CLIENT_BITS, _SEQ_BITS = 1 << 63, (1 << 16) - 1, (1 << 32) - 1


def _signed(bits: int) -> int:
    return bits - (1 << 64) if bits & _WRITTEN else bits


def packed(value: Any, word: str) -> int:
    """Return a value of the model as the native build keeps it in that word (`to` and `from`: in a message)."""
    if isinstance(value, int):
        return value
    if word in ("content", "batch", "to", "message"):
        client, seq, count = (*value, 0)[:3]
        return _signed(_WRITTEN | (client & _CLIENT_BITS) << 47 | (seq & _SEQ_BITS) << 15 | count)
    if word == "entry":
        index, start, kind = value
        return _signed(_WRITTEN | kind << 62 | index << 42 | start + 1)
    ring, below = value  # what an acknowledger tells a client
    return _signed(_WRITTEN | ring << 48 | below)


def unpacked(value: int, word: str) -> Any:
    """Return a value of the native build as the model has it in that word, the inverse of `packed`."""
    if value >= 0:
        return value
    bits = value & (1 << 64) - 1
    if word in ("content", "batch", "to"):
        client, seq, count = bits >> 47 & _CLIENT_BITS, bits >> 15 & _SEQ_BITS, bits & 0x7FFF
        return (client, seq, count) if count else (client, seq)
    if word == "message":
        client, seq = (
            (-1, -1)
            if bits >> 47 & _CLIENT_BITS == _CLIENT_BITS
            else (bits >> 47 & _CLIENT_BITS, bits >> 15 & _SEQ_BITS)
        )
        return client, seq, bits & 0x7FFF
    if word == "entry":
        return bits >> 42 & 0xFFFFF, (bits & (1 << 42) - 1) - 1, bits >> 62 & 1
    return (bits >> 48 & 0x7FFF, bits & (1 << 48) - 1) if word == "from" else value


# --- the contract, for the native explorer ---


class Watching:
    """The watch of a run, its states as numbers, each known once however it was come to.

    What the native build tells is a step in numbers; a state that was there before gets its number again, so that
    the number of questions is that of states and steps, not of runs. `key` says which states are the same: by default
    those that judge alike all that may follow; `id` for a single run, in which none comes again.
    """

    def __init__(self, watch: RunMonitor, key: Callable[[RunMonitor], Hashable] = RunMonitor.key) -> None:
        self._key = key
        self.addresses: dict[Address, tuple[int, int]] = {}
        self._watches: list[RunMonitor] = []
        self._numbers: dict[Any, int] = {}
        self._facts: dict[Key, int] = {}
        self._number(watch)

    def judge(self, native: Any = _core) -> _core.PipelineJudge:
        """Return what the native build asks."""
        asked: _core.PipelineJudge = native.PipelineJudge(
            concern=self.concern, after=self.after, wrong_at_end=self.wrong_at_end
        )
        return asked

    def watch(self, number: int) -> RunMonitor:
        """Return the watch with that number."""
        return self._watches[number]

    def concern(
        self, watch: int, action: int, arguments: list[int]
    ) -> tuple[list[tuple[int, int]], list[int], list[int]]:
        """Return the words that must be known to judge a step, the facts that it is judged by, and those it changes."""
        known, step = self._watches[watch], step_of(action, arguments)
        reads, writes = ([self._fact(key) for key in keys] for keys in known.concerns(step))
        return [self.addresses[address] for address in known.asks(step)], reads, writes

    def after(self, watch: int, action: int, arguments: list[int], answers: list[int]) -> tuple[int, bool]:
        """Return the state after a step, and whether it broke a promise."""
        following = self._watches[watch].after(step_of(action, arguments), tuple(answers))
        return self._number(following), following.violation is not None

    def wrong_at_end(self, watch: int, issued: int) -> bool:
        """Say whether a run that ends in this state breaks a promise."""
        return self._watches[watch].at_end(lambda address: issued if address == ISSUED else 0) is not None

    def _fact(self, key: Key) -> int:
        return self._facts.setdefault(key, len(self._facts))

    def _number(self, watch: RunMonitor) -> int:
        key = self._key(watch)
        found = self._numbers.get(key)
        if found is None:
            found = self._numbers[key] = len(self._watches)
            self._watches.append(watch)
        return found


def step_of(action: int, arguments: list[int]) -> Step:
    """Return a step of the spec or of the contract from its numbers."""
    name, names = ACTIONS[action]
    return Step(name, dict(zip(names, arguments, strict=False)))


def addresses_of(names: Names) -> dict[Address, tuple[int, int]]:
    """Return the line and the word, as numbers, of every address."""
    return {
        (*line, word): (number, place)
        for number, line in enumerate(names.lines)
        for place, word in enumerate(names.words[str(line[0])])
    }
