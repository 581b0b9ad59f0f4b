"""What happens to memory and caches in a larger step: the effects, without the question when they may happen.

A cell is what is known of one host's copy of one line, a mask and contents:

    mask > 0    dirty, the one content; bit k says that word k is newer than memory
    mask = 0    clean or absent: a load finds one of the contents, or what memory has now
    mask = -1   clean and, for want of evictions, there to stay
"""

from __future__ import annotations

from fencepost.model.memory import Buffered, Crash, Entry, Matrix, Profile, Program
from fencepost.model.memory.machine import Words, after_crash, written
from fencepost.model.memory.ordering import ALWAYS, FREE, SAME_LINE
from fencepost.model.memory.program import BUFFERED, Instruction, Op

Contents = tuple[Words, ...]
Cell = tuple[int, Contents]
Frozen = tuple[tuple[int, ...], tuple[Words, ...], tuple[tuple[Entry, ...], ...], tuple[Words, ...], tuple[Cell, ...]]
ABSENT: Cell = (0, ())
PINNED = -1


class Scratch:
    """A state that is being changed: program counters, registers, buffers, memory, cells (host-major)."""

    __slots__ = ("buffers", "cells", "memory", "pcs", "registers")

    def __init__(self, frozen: Frozen) -> None:
        self.pcs, self.registers = list(frozen[0]), list(frozen[1])
        self.buffers, self.memory, self.cells = list(frozen[2]), list(frozen[3]), list(frozen[4])

    def freeze(self) -> Frozen:
        return tuple(self.pcs), tuple(self.registers), tuple(self.buffers), tuple(self.memory), tuple(self.cells)


class Effects:
    """Loads, drains, write-backs and crashes of a program under a profile and an ordering matrix."""

    def __init__(self, program: Program, profile: Profile, matrix: Matrix) -> None:
        self.program = program.on_one_host() if profile.one_host else program
        self.profile, self.matrix = profile, matrix
        self.threads = self.program.threads
        self.hosts = [thread.host for thread in self.threads]
        self.host_count, self.line_count = len(self.program.hosts), len(self.program.lines)
        self.partial = [len(line.words) > 1 for line in self.program.lines]
        self.crashes = profile.crashes and not program.has_crash

    def blocked(self, buffer: tuple[Entry, ...], index: int) -> bool:
        """Say whether an older entry keeps this one in the buffer."""
        younger, rows = buffer[index], self.matrix.rows
        for older in buffer[:index]:
            order = rows[older.kind][younger.kind]
            if order == ALWAYS:
                return True
            if order == FREE or older.line != younger.line:
                continue
            if order == SAME_LINE or older.word == younger.word:
                return True
        return False

    def enter(self, s: Scratch, thread: int, instruction: Instruction) -> Entry:
        """Put an instruction into its thread's buffer."""
        value = instruction.value.value(s.registers[thread])
        entry = Entry(BUFFERED[instruction.op], instruction.line, max(instruction.word, 0), value)
        s.buffers[thread] = (*s.buffers[thread], entry)
        s.pcs[thread] += 1
        return entry

    def options(self, s: Scratch, host: int, line: int) -> Contents:
        """Return every content that this host's copy of the line may have when it is next used."""
        mask, contents = s.cells[host * self.line_count + line]
        now = s.memory[line]
        return contents if mask != 0 or now in contents else (*contents, now)

    def bases(self, s: Scratch, thread: int, entry: Entry) -> Contents:
        """Return the contents that a draining entry may find; more than one only where the rest of a line matters."""
        options = self.options(s, self.hosts[thread], entry.line)
        return options if entry.kind is Buffered.W and self.partial[entry.line] else options[:1]

    def load(self, s: Scratch, thread: int, instruction: Instruction, words: Words) -> None:
        """Load from a copy with these words; a locked instruction also stores."""
        host, line, word = self.hosts[thread], instruction.line, instruction.word
        self.took(s, host, line, words)
        if instruction.op is not Op.R:
            new = written(instruction, words[word], s.registers[thread])
            at = host * self.line_count + line
            s.cells[at] = (max(s.cells[at][0], 0) | 1 << word, (changed(words, word, new),))
        assign(s, thread, instruction, words[word])

    def device_add(self, s: Scratch, thread: int, instruction: Instruction) -> None:
        """Exchange-and-add at the device, of 0 by an uncached load; the host's own copy is written back and dropped."""
        host, line = self.hosts[thread], instruction.line
        words = self.reaching(s, host, line)
        old = words[instruction.word]
        added = old + instruction.value.value(s.registers[thread])
        s.cells[host * self.line_count + line] = ABSENT
        self.store(s, host, line, changed(words, instruction.word, added))
        assign(s, thread, instruction, old)

    def prefetch(self, s: Scratch, thread: int, line: int) -> None:
        """Let the copy be what memory has now, if there is none; whether it is, is chosen when it is used."""
        at = self.hosts[thread] * self.line_count + line
        mask, contents = s.cells[at]
        if mask == 0:
            s.cells[at] = (0, joined(contents, s.memory[line]))
        s.pcs[thread] += 1

    def took(self, s: Scratch, host: int, line: int, words: Words) -> None:
        """Note that a clean copy with these words is in the cache."""
        at = host * self.line_count + line
        if s.cells[at][0] != 0:
            return
        if not self.profile.evict:
            s.cells[at] = (PINNED, (words,))
        else:
            s.cells[at] = ABSENT if self.profile.speculate and words == s.memory[line] else (0, (words,))

    def drain(self, s: Scratch, thread: int, index: int, words: Words) -> None:
        """Drain an entry; `words` is the copy that a store finds or fetches."""
        buffer, host = s.buffers[thread], self.hosts[thread]
        kind, line, word, value = buffer[index]
        s.buffers[thread] = (*buffer[:index], *buffer[index + 1 :])
        at = host * self.line_count + line
        if kind is Buffered.SF:
            return
        if kind is Buffered.W:
            s.cells[at] = (max(s.cells[at][0], 0) | 1 << word, (changed(words, word, value),))
            return
        if kind is Buffered.NT:  # one step: nobody sees the line between its write-back and the word
            reaching = self.reaching(s, host, line)
            s.cells[at] = ABSENT
            self.store(s, host, line, changed(reaching, word, value))
            return
        self.write_back(s, host, line)
        if kind is not Buffered.WB:
            s.cells[at] = ABSENT

    def reaching(self, s: Scratch, host: int, line: int) -> Words:
        """Return what memory has of a line when this host's copy has been written back."""
        mask, contents = s.cells[host * self.line_count + line]
        if mask <= 0:
            return s.memory[line]
        if not self.profile.dirty_words_only:
            return contents[0]
        return tuple(new if mask >> k & 1 else s.memory[line][k] for k, new in enumerate(contents[0]))

    def write_back(self, s: Scratch, host: int, line: int) -> None:
        """Write a dirty copy back and keep it clean."""
        at = host * self.line_count + line
        mask, contents = s.cells[at]
        if mask <= 0:
            return
        self.store(s, host, line, self.reaching(s, host, line))
        s.cells[at] = ABSENT
        self.took(s, host, line, contents[0])

    def tear(self, s: Scratch, host: int, line: int, word: int) -> None:
        """Write one dirty word back."""
        at = host * self.line_count + line
        mask, contents = s.cells[at]
        (words,) = contents
        self.store(s, host, line, changed(s.memory[line], word, words[word]))
        s.cells[at] = (mask & ~(1 << word), contents)
        if not s.cells[at][0]:
            s.cells[at] = ABSENT
            self.took(s, host, line, words)

    def store(self, s: Scratch, host: int, line: int, words: Words) -> None:
        """Change memory; the caches of other hosts may have fetched what was there a moment ago."""
        old = s.memory[line]
        if old == words:
            return
        s.memory[line] = words
        if not self.profile.speculate:
            return
        for other in range(self.host_count):
            at = other * self.line_count + line
            mask, contents = s.cells[at]
            if other != host and mask == 0:
                s.cells[at] = (0, tuple(each for each in joined(contents, old) if each != words))

    def crash(self, s: Scratch, host: int) -> None:
        """Lose the caches and buffers of a host and stop its threads."""
        if self.profile.crash is Crash.GPF:
            for line in range(self.line_count):
                self.write_back(s, host, line)
        for line in range(self.line_count):
            s.cells[host * self.line_count + line] = ABSENT
            if self.profile.crash is Crash.DEVICE:
                self.store(s, host, line, tuple(0 for _ in s.memory[line]))
        for thread, its_host in enumerate(self.hosts):
            if its_host == host:
                instructions = self.threads[thread].instructions
                s.registers[thread] = after_crash(instructions, s.pcs[thread], s.registers[thread])
                s.pcs[thread] = len(instructions)
                s.buffers[thread] = ()


def joined(contents: Contents, words: Words) -> Contents:
    """Return a sorted set of contents with one more."""
    return tuple(sorted({*contents, words}))


def changed(words: Words, word: int, value: int) -> Words:
    """Return words with one of them replaced."""
    return (*words[:word], value, *words[word + 1 :])


def assign(s: Scratch, thread: int, instruction: Instruction, value: int) -> None:
    """Put the result of an instruction into its register and go on to the next."""
    s.registers[thread] = changed(s.registers[thread], instruction.register, value)
    s.pcs[thread] += 1
