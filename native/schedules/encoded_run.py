"""What the model does, as the rows of numbers in which the native build writes down what it does."""

from __future__ import annotations

from typing import Any

from fencepost.model.explorer.states.state import Act, State
from fencepost.model.explorer.states.system import System
from fencepost.model.memory.lazy import CERTAIN, NOTHING_SEEN, Content, Entry, Version
from fencepost.model.memory.lines import Line
from fencepost.model.programs.operations import (
    DUPLICATE,
    LATER,
    ORDERED,
    Attempted,
    CompareExchange,
    FetchAdd,
    Flush,
    FullFence,
    Load,
    Lock,
    Operation,
    Poll,
    Receive,
    Send,
    Sleep,
    Store,
    StoreFence,
    Unlock,
    Witness,
)
from fencepost.model.trace import Step
from fencepost.native.schedules.pipeline import ACTIONS, packed
from fencepost.native.schedules.stepped import Names, bits_of

KINDS: dict[type[Any], int] = {
    Load: 0, Store: 1, FetchAdd: 2, CompareExchange: 3, Lock: 6, Unlock: 7, Flush: 8, StoreFence: 9, FullFence: 10,
    Poll: 13, Send: 14, Receive: 15, Witness: 16, Sleep: 17, Attempted: 18,
}  # fmt: skip
"""As stepped/values.hpp numbers the operations that the pipeline has."""
DRAIN = 100
OUTCOMES = (ORDERED, LATER, DUPLICATE)
_ACTION_NUMBERS = {name: number for number, (name, _) in enumerate(ACTIONS)}
_ARGUMENT_MOST = 6
WIDTH = 12 + _ARGUMENT_MOST
EVENT, THREAD_OF, KIND, LINE, WORD, VALUE, SECOND, INDEX, RESULT, CHOICE, ACTION, COUNT = range(12)
"""Columns of a row."""


class Rows:
    """Acts of the model as rows: event, thread, kind, line, word, value, second value, index, result, choice, step."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self._lines = {line: number for number, line in enumerate(names.lines)}
        self._places = {
            (*line, word): (number, place)
            for line, number in self._lines.items()
            for place, word in enumerate(names.words[str(line[0])])
        }
        self._channels = {channel: number for number, channel in enumerate(names.channels)}
        self._said: dict[int, tuple[Operation, list[int]]] = {}  # of operations, which threads keep

    def row(self, event: int, act: Act) -> list[int]:
        """Return an act as a row."""
        what = act.what
        result = act.result
        if isinstance(what, Entry):
            said, result = self.entry(what), 0
        elif isinstance(what, Poll):
            index, value = act.result
            watched = what.watched[index]
            word = str(watched.address[-1])
            said = [KINDS[Poll], *self._places[watched.address], packed(watched.seen, word), len(what.watched), index]
            result = packed(value, word)
        else:
            said = self._operation(what)
            if result.__class__ is tuple:
                name = what.channel[0] if isinstance(what, Receive) else what.address[-1]  # type: ignore[union-attr]  # only loads and receipts have tuples for results
                result = packed(result, str(name))
        return [event, act.thread, *said, result, _signed_bits(act.choice, self.names), *_step(act.step)]

    def entry(self, entry: Entry) -> list[int]:
        """Return kind, line, word, value, number and 0 of what drains from a buffer."""
        if entry.word is not None:
            return [DRAIN + entry.kind, *self._places[*entry.line, entry.word],
                    packed(entry.value, str(entry.word)), entry.number, 0]  # fmt: skip
        return [DRAIN + entry.kind, self._lines.get(entry.line, 0), 0, 0, entry.number, 0]

    def pending(self, what: Operation | None) -> list[int]:
        """Return what a thread is about to do as a row: -1 if it has ended, -2 for what the pipeline does not have."""
        if what is None:
            return [-1]
        try:
            if isinstance(what, Poll):
                row = [KINDS[Poll], 0, 0, 0, 0, 0, 0, len(what.watched)]
                for each in what.watched:
                    seen = packed(each.seen, str(each.address[-1]))
                    row += [*self._places[each.address], seen, int(each.invalidate)]
                return row
            return [*self._operation(what), int(what.kind) if isinstance(what, Flush) else 0, 0]
        except (LookupError, TypeError, ValueError):
            return [-2]

    def _operation(self, what: Operation) -> list[int]:
        found = self._said.get(id(what))
        if found is None:
            found = self._said[id(what)] = what, self._numbers(what)
        return found[1]

    def _numbers(self, what: Operation) -> list[int]:
        """Return kind, line, word, value, second value and index of an operation."""
        kind = KINDS[type(what)]
        match what:
            case Store(address, value):
                return [kind, *self._places[address], packed(value, str(address[-1])), 0, 0]
            case FetchAdd(address, amount):
                return [kind, *self._places[address], amount, 0, 0]
            case CompareExchange(address, expected, desired):
                return [kind, *self._places[address], int(str(expected)), int(str(desired)), 0]
            case Load(address) | Lock(address) | Unlock(address):
                return [kind, *self._places[address], 0, 0, 0]
            case Flush(line):
                return [kind, self._lines[line], 0, 0, 0, 0]
            case Send(channel, message):
                return [kind, 0, 0, packed(message, str(channel[0])), 0, self._channels[channel]]
            case Receive(channel):
                return [kind, 0, 0, 0, 0, self._channels[channel]]
            case Sleep(until_ns):
                return [kind, 0, 0, until_ns, 0, 0]
            case Attempted(ring, index, outcome, start):
                return [kind, index, 0, OUTCOMES.index(outcome), start, ring]
        return [kind, 0, 0, 0, 0, 0]


def _signed_bits(choice: tuple[Any, ...], names: Names) -> int:
    if not choice:
        return 0
    bits = bits_of(choice, names.hosts)
    return bits - (1 << 64) if bits >> 63 else bits


_NO_STEP = [0] * (2 + _ARGUMENT_MOST)


def _step(step: Step | None) -> list[int]:
    if step is None:
        return _NO_STEP
    arguments = list(step.arguments.values())
    return [_ACTION_NUMBERS[step.action], len(arguments), *arguments, *[0] * (_ARGUMENT_MOST - len(arguments))]


# --- states ---


def snapshot(system: System, state: State, rows: Rows) -> list[int]:
    """Return a state as a row, as stepped/snapshot.hpp does: lines, buffers, channels, what threads may do next."""
    names, row = rows.names, []
    for line in names.lines:
        row += _line(system, state, line, names)
    for buffer in state.buffers:
        row.append(len(buffer))
        for entry in buffer:
            kind, line_number, word, value, number, _ = rows.entry(entry)
            row += [kind - DRAIN, line_number, word, value, number, entry.moment]
    for channel in names.channels:
        waiting, taken = state.channels.get(channel, ((), 0))
        row += [taken + len(waiting), taken, *(packed(message, str(channel[0])) for message in waiting)]
    for node in state.nodes:
        row += rows.pending(node.operation)
    transitions = [
        [thread, number, _signed_bits(choice, names), int(lucky)]
        for (thread, number), choices in system.transitions(state).items()
        for choice, lucky in choices
    ]
    return [*row, len(transitions), *(number for each in transitions for number in each)]


def _line(system: System, state: State, line: Line, names: Names) -> list[int]:
    cells, words = state.cells, names.words[str(line[0])]

    def held(content: Content) -> list[int]:
        return [packed(content.get(word, 0), word) for word in words]

    if system.lines.own(line):
        return [1, *(packed(cells.words.get((*line, word), 0), word) for word in words)]
    versions = cells.versions.get(line) or (Version(system.memory.initial.get(line, {}), CERTAIN),)
    row = [0, len(versions)]
    for version in versions:
        row += [version.standing, *held(version.content)]
    for host in names.hosts:
        since, kept = cells.seen.get((host, line), NOTHING_SEEN)
        dirty = cells.dirty.get((host, line))
        row += [since, kept, *([0] if dirty is None else [1, *held(dirty)])]
        row += state.stored.get((host, line), (-1, 0))
    return row
