"""NCX: store buffers, one cache a host, and a memory that no cache hears about. The definition, step by step.

    memory      line -> words                           the device's ordering point
    caches      host -> line -> None | Copy             one coherent cache a host
    buffers     thread -> entries                       store buffer and pending flushes in one
    registers, pcs

A thread issues its next instruction; stores and flushes only enter its buffer. An entry drains when no older entry
blocks it (the matrix says which do); that is when a store reaches the cache and a flush writes back and drops the copy.
An uncached load (UR) waits until the thread's non-temporal stores have drained, and is answered by memory.
Between any two steps a cache may evict, clean or fetch a line. Loads wait for nothing, pending flushes included.

This is the definition, written to be read; the explorers take larger steps and are tested against it.
Sources: x86-TSO (Owens, Sarkar, Sewell, TPHOLs 2009); flushes that take effect when they leave the store buffer
(Khyzha, Lahav, POPL 2021; Px86 of Raad et al., POPL 2020, gives the same memories after a crash, and other registers
beside them); SDM vol. 2 and 3A.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from fencepost.model.memory.ordering import Buffered, Matrix
from fencepost.model.memory.profiles import Crash, Profile
from fencepost.model.memory.program import (
    ASSIGNS,
    BUFFERED,
    LOCKED,
    NO_VALUE,
    PAST_CACHES,
    WAITS_FOR_BUFFER,
    Instruction,
    Op,
    Program,
)

Words = tuple[int, ...]


class Entry(NamedTuple):
    """Something in a store buffer; `word` and `value` are 0 where they mean nothing."""

    kind: Buffered
    line: int
    word: int
    value: int


class Copy(NamedTuple):
    """A cached line; bit k of `dirty` is set when word k is newer than memory."""

    words: Words
    dirty: int


class State(NamedTuple):
    """All there is. Hashable; no step changes one in place."""

    pcs: tuple[int, ...]
    registers: tuple[Words, ...]
    buffers: tuple[tuple[Entry, ...], ...]
    memory: tuple[Words, ...]
    caches: tuple[tuple[Copy | None, ...], ...]


class Step(NamedTuple):
    """Who does what. `actor` is a thread for issue and drain, else a host.

    act     issue | drain (detail: index in the buffer) | evict | clean | fetch | tear (detail: word) | crash
            prefetch: the issue of a PF that fetches; an issue of one may also do nothing
            crash: of a host, at a moment that the program does not name
    """

    act: str
    actor: int
    line: int = -1
    detail: int = -1


def put(items: tuple[Words, ...], index: int, value: Words) -> tuple[Words, ...]:
    """Return `items` with one of them replaced."""
    return (*items[:index], value, *items[index + 1 :])


class Machine:
    """The steps of a program under a profile and an ordering matrix."""

    def __init__(self, program: Program, profile: Profile, matrix: Matrix) -> None:
        self.program = program.on_one_host() if profile.one_host else program
        self.profile = profile
        self.matrix = matrix
        self.crashes = profile.crashes and not program.has_crash
        self._mentioned = [sorted(self.program.mentioned(host)) for host in range(len(self.program.hosts))]

    def initial(self) -> State:
        """Return the state in which nothing is cached and nothing has happened."""
        threads = self.program.threads
        return State(
            pcs=tuple(0 for _ in threads),
            registers=tuple(tuple(0 for _ in thread.registers) for thread in threads),
            buffers=tuple(() for _ in threads),
            memory=tuple(line.initial for line in self.program.lines),
            caches=tuple(tuple(None for _ in self.program.lines) for _ in self.program.hosts),
        )

    def ended(self, state: State) -> bool:
        """Say whether every thread has come to its end."""
        ends = zip(state.pcs, self.program.threads, strict=True)
        return all(pc == len(thread.instructions) for pc, thread in ends)

    def settled(self, state: State) -> bool:
        """Say whether every thread has ended, every buffer is empty and no copy is dirty."""
        clean = all(copy is None or not copy.dirty for cache in state.caches for copy in cache)
        return clean and not any(state.buffers) and self.ended(state)

    def steps(self, state: State) -> Iterator[tuple[Step, State]]:
        """Yield every step that is possible, with the state after it."""
        for thread in range(len(self.program.threads)):
            yield from self._issue(state, thread)
            for index, entry in enumerate(state.buffers[thread]):
                if not self.blocked(state.buffers[thread], index):
                    yield Step("drain", thread, entry.line, index), self._drain(state, thread, index)
        yield from self._environment(state)
        for host in range(len(self.program.hosts)) if self.crashes else ():
            yield Step("crash", host), self._crash(state, host)

    def blocked(self, buffer: tuple[Entry, ...], index: int) -> bool:
        """Say whether an older entry keeps this one in the buffer."""
        younger = buffer[index]
        return any(
            self.matrix.blocks(
                older.kind,
                younger.kind,
                same_line=older.line == younger.line,
                same_word=(older.line, older.word) == (younger.line, younger.word),
            )
            for older in buffer[:index]
        )

    # --- threads ---

    def _issue(self, state: State, thread: int) -> Iterator[tuple[Step, State]]:
        instructions = self.program.threads[thread].instructions
        if state.pcs[thread] == len(instructions):
            return
        instruction = instructions[state.pcs[thread]]
        op, buffer = instruction.op, state.buffers[thread]
        if op in WAITS_FOR_BUFFER and buffer:
            return
        if op is Op.UR and any(entry.kind is Buffered.NT for entry in buffer):
            return
        if op is Op.LF and self.profile.lfence_waits and any(e.kind in (Buffered.FL, Buffered.FO) for e in buffer):
            return
        step = Step("issue", thread, instruction.line)
        if op is Op.CRASH:
            yield step, self._crash(state, self.program.threads[thread].host)
            return
        if op is Op.PF and state.caches[self.program.threads[thread].host][instruction.line] is None:
            host = self.program.threads[thread].host
            yield Step("prefetch", thread, instruction.line), self._fetch(_next(state, thread), host, instruction.line)
        yield step, self._execute(state, thread, instruction)

    def _execute(self, state: State, thread: int, instruction: Instruction) -> State:
        op, registers = instruction.op, state.registers[thread]
        host, line, word = self.program.threads[thread].host, instruction.line, instruction.word
        if op in BUFFERED:
            entry = Entry(BUFFERED[op], line, max(word, 0), instruction.value.value(registers))
            buffers = (*state.buffers[:thread], (*state.buffers[thread], entry), *state.buffers[thread + 1 :])
            after = _next(state._replace(buffers=buffers), thread)
            return after if self.profile.buffers else self._drain(after, thread, len(buffers[thread]) - 1)
        if op is Op.IFEQ:
            taken = registers[instruction.register] == instruction.value.value(registers)
            return _next(state, thread, 1 if taken else 1 + instruction.skip)
        if op is Op.R:
            for entry in reversed(state.buffers[thread]):
                if entry.kind in (Buffered.W, Buffered.NT) and (entry.line, entry.word) == (line, word):
                    return _result(state, thread, instruction, entry.value)
            after = self._fetch(state, host, line)
            copy = after.caches[host][line]
            assert copy is not None
            return _result(after, thread, instruction, copy.words[word])
        if op in LOCKED:
            after = self._fetch(state, host, line)
            copy = after.caches[host][line]
            assert copy is not None
            old = copy.words[word]
            new = written(instruction, old, registers)
            return _result(_cached(after, host, line, _set(copy, word, new)), thread, instruction, old)
        if op in PAST_CACHES:
            after = _cached(self._write_back(state, host, line), host, line, None)
            old = after.memory[line][word]
            new_words = _words(after.memory[line], word, old + instruction.value.value(registers))
            return _result(after._replace(memory=put(after.memory, line, new_words)), thread, instruction, old)
        return _next(state, thread)  # MF, LF, and a PF that does nothing

    def _crash(self, state: State, host: int) -> State:
        """Return the state after a host lost its caches and buffers and its threads stopped, for good."""
        if self.profile.crash is Crash.GPF:
            for line in range(len(self.program.lines)):
                state = self._write_back(state, host, line)
        dead = [thread.host == host for thread in self.program.threads]
        codes = [thread.instructions for thread in self.program.threads]
        memory = state.memory
        if self.profile.crash is Crash.DEVICE:
            memory = tuple(tuple(0 for _ in words) for words in memory)
        return state._replace(
            pcs=tuple(len(code) if gone else pc for pc, code, gone in zip(state.pcs, codes, dead, strict=True)),
            registers=tuple(
                after_crash(code, pc, held) if gone else held
                for code, pc, held, gone in zip(codes, state.pcs, state.registers, dead, strict=True)
            ),
            buffers=tuple(() if gone else buffer for buffer, gone in zip(state.buffers, dead, strict=True)),
            caches=tuple(
                tuple(None for _ in cache) if each == host else cache for each, cache in enumerate(state.caches)
            ),
            memory=memory,
        )

    def _drain(self, state: State, thread: int, index: int) -> State:
        buffer, host = state.buffers[thread], self.program.threads[thread].host
        kind, line, word, value = buffer[index]
        rest = (*buffer[:index], *buffer[index + 1 :])
        state = state._replace(buffers=(*state.buffers[:thread], rest, *state.buffers[thread + 1 :]))
        if kind is Buffered.SF:
            return state
        if kind is Buffered.W:
            state = self._fetch(state, host, line)  # write-allocate takes the whole line as memory has it now
            copy = state.caches[host][line]
            assert copy is not None
            return _cached(state, host, line, _set(copy, word, value))
        state = self._write_back(state, host, line)
        if kind is Buffered.WB:
            return state
        state = _cached(state, host, line, None)
        if kind is Buffered.NT:
            state = state._replace(memory=put(state.memory, line, _words(state.memory[line], word, value)))
        return state

    # --- caches ---

    def _fetch(self, state: State, host: int, line: int) -> State:
        if state.caches[host][line] is not None:
            return state
        return _cached(state, host, line, Copy(state.memory[line], 0))

    def _write_back(self, state: State, host: int, line: int) -> State:
        copy = state.caches[host][line]
        if copy is None or not copy.dirty:
            return state
        words = copy.words
        if self.profile.dirty_words_only:
            words = tuple(
                new if copy.dirty >> k & 1 else old
                for k, (new, old) in enumerate(zip(copy.words, state.memory[line], strict=True))
            )
        state = state._replace(memory=put(state.memory, line, words))
        return _cached(state, host, line, copy._replace(dirty=0))

    def _environment(self, state: State) -> Iterator[tuple[Step, State]]:
        """Yield what caches do of themselves; of a line that the host never names it could not be noticed.

        Without evictions, dirty lines still reach memory in the end: after the last instruction has drained.
        """
        evict = self.profile.evict or (self.ended(state) and not any(state.buffers))
        for host, lines in enumerate(self._mentioned):
            for line in lines:
                copy = state.caches[host][line]
                if copy is None:
                    if self.profile.speculate:
                        yield Step("fetch", host, line), self._fetch(state, host, line)
                    continue
                if evict:
                    yield Step("evict", host, line), _cached(self._write_back(state, host, line), host, line, None)
                if evict and copy.dirty:
                    yield Step("clean", host, line), self._write_back(state, host, line)
                if not self.profile.line_atomic:
                    yield from self._tear(state, host, line, copy)

    def _tear(self, state: State, host: int, line: int, copy: Copy) -> Iterator[tuple[Step, State]]:
        for word, value in enumerate(copy.words):
            if copy.dirty >> word & 1:
                after = state._replace(memory=put(state.memory, line, _words(state.memory[line], word, value)))
                yield (
                    Step("tear", host, line, word),
                    _cached(after, host, line, copy._replace(dirty=copy.dirty & ~(1 << word))),
                )


def written(instruction: Instruction, old: int, registers: Words) -> int:
    """Return what a locked instruction stores.

    A compare-exchange that fails stores what it found, and its line is dirty then: "the destination operand receives a
    write cycle without regard to the result of the comparison" (SDM vol. 2, CMPXCHG).
    """
    value = instruction.value.value(registers)
    if instruction.op is Op.CAS:
        return instruction.second.value(registers) if old == value else old
    return old + value if instruction.op is Op.FAA else value


def after_crash(instructions: tuple[Instruction, ...], pc: int, registers: Words) -> Words:
    """Return the registers of a thread that has lost its host: those that it would still have assigned have no value.

    Up to its next load or atomic, a thread's way depends on nothing but its registers, so it counts as gone.
    """
    while pc < len(instructions) and instructions[pc].op not in ASSIGNS:
        each = instructions[pc]
        jumps = each.op is Op.IFEQ and registers[each.register] != each.value.value(registers)
        pc += 1 + each.skip * jumps
    missing = {each.register for each in instructions[pc:] if each.op in ASSIGNS}
    return tuple(NO_VALUE if number in missing else held for number, held in enumerate(registers))


def _next(state: State, thread: int, distance: int = 1) -> State:
    pcs = state.pcs
    return state._replace(pcs=(*pcs[:thread], pcs[thread] + distance, *pcs[thread + 1 :]))


def _result(state: State, thread: int, instruction: Instruction, value: int) -> State:
    registers = _words(state.registers[thread], instruction.register, value)
    return _next(state._replace(registers=put(state.registers, thread, registers)), thread)


def _words(words: Words, word: int, value: int) -> Words:
    return (*words[:word], value, *words[word + 1 :])


def _set(copy: Copy, word: int, value: int) -> Copy:
    return Copy(_words(copy.words, word, value), copy.dirty | 1 << word)


def _cached(state: State, host: int, line: int, copy: Copy | None) -> State:
    cache = state.caches[host]
    changed = (*cache[:line], copy, *cache[line + 1 :])
    return state._replace(caches=(*state.caches[:host], changed, *state.caches[host + 1 :]))
