"""Rows of numbers that the stepped build writes down, in the model's words: acts, states, what may happen next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from fencepost.model.explorer.states.formatting import (
    act_words,
    address_words,
    choice_words,
    entry_words,
    line_words,
    operation_words,
    value_words,
)
from fencepost.model.explorer.states.state import THREAD, Act, State
from fencepost.model.memory.lazy import CERTAIN, RULED_OUT, Entry
from fencepost.model.memory.lines import Line
from fencepost.model.memory.ordering import Buffered
from fencepost.model.programs.operations import (
    Address,
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
    Watched,
    Witness,
)
from fencepost.native.schedules.encoded_run import (
    ACTION,
    CHOICE,
    COUNT,
    DRAIN,
    INDEX,
    KIND,
    KINDS,
    LINE,
    OUTCOMES,
    RESULT,
    SECOND,
    THREAD_OF,
    VALUE,
    WIDTH,
    WORD,
)  # fmt: skip
from fencepost.native.schedules.pipeline import step_of, unpacked
from fencepost.native.schedules.stepped import Names, choice_of

Facts = dict[str, str]
Transitions = dict[tuple[int, int], dict[int, bool]]
"""Thread and entry of its buffer -> the choices that there are, as numbers, and whether each is lucky."""

_TYPES = {number: kind for kind, number in KINDS.items()}
_LUCK = "only if a cache writes back or drops a line of itself"
_STANDINGS = {CERTAIN: "in memory", RULED_OUT: "never in memory"}
_BITS = (1 << 64) - 1


class Decoder:
    """Reads rows with the names of a native build's lines, words, hosts and channels, and of the threads."""

    def __init__(self, names: Names, threads: Sequence[str]) -> None:
        self.names, self.threads = names, tuple(threads)

    # --- acts ---

    def act(self, row: Sequence[int]) -> str:
        """Return what a row says that was done, in words."""
        step = step_of(row[ACTION], list(row[COUNT + 1 : COUNT + 1 + row[COUNT]])) if row[ACTION] else None
        try:
            if row[KIND] == KINDS[Flush]:
                return f"flush {line_words(self.names.lines[row[LINE]])}"  # which one is said when it drains
            if row[KIND] >= DRAIN:
                what: Operation | Entry = self._entry(row[KIND] - DRAIN, row[LINE], row[WORD], row[VALUE], row[SECOND])
                return act_words(Act(row[THREAD_OF], what, 0, step))
            what, result = self._operation(row)
        except (LookupError, KeyError):
            return f"operation {row[KIND]} on line {row[LINE]}, which has no name here"
        if isinstance(what, Poll):
            result = (0, result)
        return act_words(Act(row[THREAD_OF], what, result, step))

    def difference(self, mine: Sequence[int], theirs: Sequence[int]) -> tuple[str, str]:
        """Return what two rows say, with what else is not the same where the words are."""
        one, other = self.act(mine), self.act(theirs)
        if one != other:
            return one, other
        if mine[KIND] == KINDS[Poll] and mine[SECOND] != theirs[SECOND]:
            return f"{one}, watching {mine[SECOND]} words", f"{other}, watching {theirs[SECOND]}"
        for name, at in (("choice", CHOICE), ("number", SECOND), ("watched word", INDEX), ("result", RESULT)):
            if mine[at] != theirs[at]:
                said = [choice_words(self._choice(each[at])) or "no choice" if at == CHOICE else each[at]
                        for each in (mine, theirs)]  # fmt: skip
                return f"{one} ({name} {said[0]})", f"{other} ({name} {said[1]})"
        return f"{one} as {list(mine[KIND:])}", f"{other} as {list(theirs[KIND:])}"

    def _operation(self, row: Sequence[int]) -> tuple[Operation, object]:
        """Return the operation of a row, and its result."""
        kind, index = _TYPES[row[KIND]], row[INDEX]
        if kind in (StoreFence, FullFence):
            return kind(), 0
        if kind is Sleep:
            return Sleep(row[VALUE]), 0
        if kind is Attempted:
            return Attempted(index, row[LINE], OUTCOMES[row[VALUE]], row[SECOND]), 0
        if kind is Witness:
            return Witness(step_of(row[ACTION], list(row[COUNT + 1 : COUNT + 1 + row[COUNT]]))), 0
        if kind in (Send, Receive):
            channel = self.names.channels[index]
            message = unpacked(row[VALUE] if kind is Send else row[RESULT], str(channel[0]))
            return (Send(channel, message), 0) if kind is Send else (Receive(channel), message)
        address = self._address(row[LINE], row[WORD])
        value, result = (unpacked(row[at], str(address[-1])) for at in (VALUE, RESULT))
        if kind is Store:
            return Store(address, value), 0
        if kind is FetchAdd:
            return FetchAdd(address, row[VALUE]), result
        if kind is CompareExchange:
            return CompareExchange(address, value, unpacked(row[SECOND], str(address[-1]))), result
        if kind is Poll:
            return Poll((Watched(address, value),)), result
        return (Load, Lock, Unlock)[(Load, Lock, Unlock).index(kind)](address), result

    def _pending(self, numbers: Iterator[int]) -> str:
        """Return what a thread is about to do; "" where it has ended."""
        kind = next(numbers)
        if kind == -1:
            return ""
        if kind == -2:
            return "what the pipeline does not have"
        line, word, value, second, index, flush, watched_count = islice(numbers, 7)
        watched = [list(islice(numbers, 4)) for _ in range(watched_count)]
        try:
            if kind == KINDS[Flush]:
                return operation_words(Flush(self.names.lines[line], Buffered(flush)))
            if kind == KINDS[Poll]:
                return operation_words(Poll(tuple(self._watched(*each) for each in watched)))
            row = [0, 0, kind, line, word, value, second, index, *[0] * (WIDTH - RESULT)]
            return operation_words(self._operation(row)[0])
        except LookupError:
            return f"operation {kind} on line {line}, which has no name here"

    def _watched(self, line: int, word: int, seen: int, invalidate: int) -> Watched:
        address = self._address(line, word)
        return Watched(address, unpacked(seen, str(address[-1])), bool(invalidate))

    def _entry(self, kind: int, line: int, word: int, value: int, number: int) -> Entry:
        buffered = Buffered(kind)
        if buffered is Buffered.SF:
            return Entry(buffered, (), None, 0, number, origin=StoreFence())
        if buffered not in (Buffered.W, Buffered.NT):
            return Entry(
                buffered, self.names.lines[line], None, 0, number, origin=Flush(self.names.lines[line], buffered)
            )
        address = self._address(line, word)
        store = Store(address, unpacked(value, str(address[-1])), streaming=buffered is Buffered.NT)
        return Entry(buffered, self.names.lines[line], address[-1], store.value, number, origin=store)

    def _address(self, line: int, word: int) -> Address:
        name = self.names.lines[line]
        return (*name, self.names.words[str(name[0])][word])

    def _choice(self, bits: int) -> tuple[object, ...]:
        return choice_of(bits & _BITS, self.names.hosts)

    # --- states ---

    def state(self, row: Sequence[int]) -> tuple[Facts, list[str], Transitions]:
        """Return what a snapshot says: facts by name, what each thread is about to do, and what may happen next."""
        numbers = iter(row)
        facts: Facts = {}
        for line in self.names.lines:
            facts.update(self._line(line, numbers))
        for thread in self.threads:
            for place in range(next(numbers)):
                kind, at, word, value, number, moment = islice(numbers, 6)
                entry = entry_words(self._entry(kind, at, word, value, number))
                facts[f"entry {place} of the store buffer of {thread}"] = f"{entry} (number {number}, moment {moment})"
        for channel in self.names.channels:
            name = line_words(channel)
            sent_count, taken_count = islice(numbers, 2)
            facts[f"messages taken of channel {name}"] = str(taken_count)
            for place in range(taken_count, sent_count):
                facts[f"message {place} of channel {name}"] = value_words(unpacked(next(numbers), str(channel[0])))
        pending = [self._pending(numbers) for _ in self.threads]
        transitions: Transitions = {}
        for _ in range(next(numbers)):
            thread_at, number, bits, lucky = islice(numbers, 4)
            transitions.setdefault((thread_at, number), {})[bits] = bool(lucky)
        return facts, pending, transitions

    def _line(self, line: Line, numbers: Iterator[int]) -> Iterator[tuple[str, str]]:
        name, words = line_words(line), self.names.words[str(line[0])]

        def content(of: str) -> Iterator[tuple[str, str]]:
            for word in words:
                yield f"{address_words((*line, word))}{of}", value_words(unpacked(next(numbers), word))

        is_own = next(numbers)
        yield f"line {name} kept", "as one host's own" if is_own else "as shared by hosts"
        if is_own:
            yield from content("")
            return
        for place in range(next(numbers)):
            standing = next(numbers)
            yield f"version {place} of line {name}", _STANDINGS.get(standing, "perhaps in memory")
            yield from content(f" in version {place}")
        for host in self.names.hosts:
            since, kept, is_dirty = islice(numbers, 3)
            last = f", last seen version {kept}" if kept >= 0 else ""
            yield f"the copy of line {name} at host {host}", f"of version {since} or later{last}"
            if is_dirty:
                yield from content(f" dirty in the cache of host {host}")
            thread, moment = islice(numbers, 2)
            by = f"by {self.threads[thread]} at moment {moment}" if thread >= 0 else "none"
            yield f"the last store of host {host} to line {name}", by

    # --- what may happen next ---

    def may(self, state: State, actor: tuple[int, int], choices: dict[int, bool]) -> str:
        """Return what an actor may do in a state, of the choices that there are; it waits if there are none."""
        thread, number = actor
        if number != THREAD:
            entry = next((each for each in state.buffers[thread] if each.number == number), None)
            what = f"drain {entry_words(entry)}" if entry is not None else "drain nothing"
        else:
            operation = state.nodes[thread].operation
            if operation is None:
                return "has ended"
            what = operation_words(operation)
        return f"may {what}{self._choices(choices)}" if choices else f"waits with {what}"

    def _choices(self, choices: dict[int, bool]) -> str:
        """Return choices in words, in brackets; nothing where there is nothing to choose."""
        said = [
            " ".join(filter(None, (choice_words(self._choice(bits)), _LUCK if lucky else "")))
            for bits, lucky in sorted(choices.items())
        ]
        said = [each for each in dict.fromkeys(said) if each]
        return f" ({' or '.join(said)})" if said else ""


def first_difference(mine: Facts, theirs: Facts) -> tuple[str, str, str] | None:
    """Return the name of the first fact that differs, and what it is to each."""
    for name in dict.fromkeys((*mine, *theirs)):
        if mine.get(name) != theirs.get(name):
            return name, mine.get(name, "nothing"), theirs.get(name, "nothing")
    return None
