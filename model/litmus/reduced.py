"""The same machine in larger steps: every end that the definition can reach, through far fewer states.

Why each larger step loses no end of a run and adds none (`tests/memory/test_litmus_laws.py` compares both machines):

1. Copies are chosen late. With fetches and evictions at any time, a host's copy may be any content that memory had
   since the last load or invalidation. So a cell collects what memory had, and the load chooses: no FETCH, EVICT of a
   clean copy, or choice between CLEAN and EVICT is a step of its own. Choosing late commutes with what came before.
2. Entering the buffer, IFEQ, MF and LF when they may, and the drain of SF touch nothing that another thread sees and
   disable nothing: they are done at once.
3. A drop of a clean copy is done at once when no load or store of that host can come before it: a cell emptied earlier
   holds, at any later moment, at least what it would hold if emptied later.
4. A flush, a store or a write-back on a line that nobody else will touch is done at once (or, for a write-back, never).
   Not so when a crash may still look at memory.
5. A load of a line that nobody will store to any more goes first: waiting cannot offer it more. Not so before a crash,
   which may come instead of the load.
6. A cell whose content cannot matter to a later load or partial store is emptied.
7. A run that can no longer end in the condition that is asked about is given up.
"""

from __future__ import annotations

from collections.abc import Iterator

from fencepost.model.litmus.condition import Atom, Condition
from fencepost.model.litmus.effects import ABSENT, Effects, Frozen, Scratch, assign
from fencepost.model.litmus.lookahead import lookahead
from fencepost.model.memory import Buffered, Entry, Matrix, Op, Profile, Program, Step
from fencepost.model.memory.machine import Words
from fencepost.model.memory.program import BUFFERED, LOCKED, PAST_CACHES, WAITS_FOR_BUFFER, Instruction

Trail = list[Step]


class Reduced(Effects):
    """The larger steps of a program under a profile and an ordering matrix.

    `condition` prunes runs that cannot end in it; without one, every end is reached. `memory_matters` says whether runs
    go on until memory is final; by default they do when the condition names memory.
    """

    def __init__(
        self,
        program: Program,
        profile: Profile,
        matrix: Matrix,
        condition: Condition | None = None,
        *,
        memory_matters: bool | None = None,
    ) -> None:
        super().__init__(program, profile, matrix)
        self.condition = condition
        names_memory = condition is not None and condition.names_memory
        self.memory_matters = names_memory if memory_matters is None else memory_matters
        self.snapshot = profile.snapshot and names_memory
        self.ahead = [lookahead(thread, self.program.lines) for thread in self.threads]
        self.fragile = self.snapshot or self.crashes or self.program.has_crash
        # an uncached load is no load of the buffer: its own thread notices when a store before it drains
        loaded = {each.line for thread in self.threads for each in thread.instructions if each.op is Op.UR}
        self.uncached = sum(1 << line for line in loaded)

    def start(self, trail: Trail) -> Frozen:
        """Return the initial state after what is done at once, which is added to `trail`."""
        scratch = Scratch(
            (
                tuple(0 for _ in self.threads),
                tuple(tuple(0 for _ in thread.registers) for thread in self.threads),
                tuple(() for _ in self.threads),
                tuple(line.initial for line in self.program.lines),
                (ABSENT,) * (self.host_count * self.line_count),
            )
        )
        self._hasten(scratch, trail)
        return scratch.freeze()

    # --- what is asked ---

    def final(self, state: Frozen) -> bool:
        """Say whether nothing that is asked about can change any more."""
        return self._settled(state) if self.memory_matters else self._ended(state[0])

    def _ended(self, pcs: tuple[int, ...] | list[int]) -> bool:
        return all(pc == len(thread.instructions) for pc, thread in zip(pcs, self.threads, strict=True))

    def _settled(self, state: Frozen) -> bool:
        return self._ended(state[0]) and not any(state[2]) and not any(mask > 0 for mask, _ in state[4])

    def decided(self, state: Frozen, *, ends: bool = False) -> bool | None:
        """Return whether every run from here ends in the condition (true), none does (false), or some may (None).

        Where a crash may still come, memory is final only of a run that `ends` here.
        """
        assert self.condition is not None
        pcs, registers, _, memory, _ = state
        known = not self.snapshot and (ends or not self.crashes) and self._settled(state)

        def atom(each: Atom) -> bool | None:
            if each.thread >= 0:
                if self.ahead[each.thread].assigns[pcs[each.thread]] >> each.register & 1:
                    return None
                return each.holds(registers[each.thread][each.register])
            return each.holds(memory[each.line][each.register]) if known else None

        return self.condition.decide(atom)

    def reached(self, state: Frozen) -> bool:
        """Say whether the condition is met: now, under a snapshot; at the end of every run from here, otherwise."""
        assert self.condition is not None
        if not self.snapshot:
            return self.decided(state, ends=True) is True

        def now(each: Atom) -> bool | None:
            held = state[1][each.thread] if each.thread >= 0 else state[3][each.line]
            return each.holds(held[each.register])

        return self.condition.decide(now) is True

    # --- steps ---

    def steps(self, state: Frozen, trail: Trail) -> Iterator[tuple[Step, Frozen]]:
        """Yield each larger step with the state after it; meanwhile `trail` holds what was done at once after it."""
        for step, scratch in self._single(state):
            trail.clear()
            self._hasten(scratch, trail)
            frozen = scratch.freeze()
            if self.condition is None or self.reached(frozen) or self.decided(frozen) is not False:
                yield step, frozen

    def _single(self, state: Frozen) -> Iterator[tuple[Step, Scratch]]:
        scratch = Scratch(state)
        first = next((t for t in range(len(self.threads)) if self._goes_first(scratch, t)), None)
        if first is not None:
            yield from self._issue(state, first)
            return
        for thread in range(len(self.threads)):
            yield from self._issue(state, thread)
            for index, entry in enumerate(state[2][thread]):
                if not self.blocked(state[2][thread], index):
                    for words in self.bases(scratch, thread, entry):
                        after = Scratch(state)
                        self.drain(after, thread, index, words)
                        yield Step("drain", thread, entry.line, index), after
        if self.profile.evict or (self._ended(state[0]) and not any(state[2])):
            yield from self._write_backs(state)
        for host in range(self.host_count) if self.crashes else ():
            after = Scratch(state)
            self.crash(after, host)
            yield Step("crash", host), after

    def _goes_first(self, s: Scratch, thread: int) -> bool:
        """Say whether a load may be taken before everything else (reduction 5)."""
        instructions, pc = self.threads[thread].instructions, s.pcs[thread]
        if self.fragile or not self.profile.evict or pc == len(instructions) or instructions[pc].op is not Op.R:
            return False
        line = instructions[pc].line
        return not self._dirty_elsewhere(s, self.hosts[thread], line) and not any(
            other != thread and (self.ahead[other].stores[s.pcs[other]] >> line & 1 or _holds(s.buffers[other], line))
            for other in range(len(self.threads))
        )

    def _write_backs(self, state: Frozen) -> Iterator[tuple[Step, Scratch]]:
        scratch = Scratch(state)
        for host in range(self.host_count):
            for line in range(self.line_count):
                mask, _ = state[4][host * self.line_count + line]
                if mask <= 0 or not self._noticed(scratch, host, line):
                    continue
                after = Scratch(state)
                self.write_back(after, host, line)
                yield Step("clean", host, line), after
                words = () if self.profile.line_atomic else range(mask.bit_length())
                for word in words:
                    if mask >> word & 1:
                        after = Scratch(state)
                        self.tear(after, host, line, word)
                        yield Step("tear", host, line, word), after

    def _issue(self, state: Frozen, thread: int) -> Iterator[tuple[Step, Scratch]]:
        """Yield the issue of the thread's next instruction, which is one that others may notice."""
        pc, instructions = state[0][thread], self.threads[thread].instructions
        if pc == len(instructions):
            return
        instruction = instructions[pc]
        op, step = instruction.op, Step("issue", thread, instruction.line)
        if op in WAITS_FOR_BUFFER and state[2][thread]:
            return
        if op is Op.UR and any(entry.kind is Buffered.NT for entry in state[2][thread]):
            return
        if op is Op.R or op in LOCKED:
            yield from ((step, after) for after in self._loads(state, thread, instruction))
        elif op in BUFFERED and not self.profile.buffers:
            yield from ((step, after) for after in self._stores(state, thread, instruction))
        elif op in (Op.CRASH, Op.PF) or op in PAST_CACHES:
            after = Scratch(state)
            if op is Op.CRASH:
                self.crash(after, self.hosts[thread])
            elif op in PAST_CACHES:
                self.device_add(after, thread, instruction)
            else:
                self.prefetch(after, thread, instruction.line)
            yield step, after

    def _loads(self, state: Frozen, thread: int, instruction: Instruction) -> Iterator[Scratch]:
        after = Scratch(state)
        for entry in reversed(state[2][thread]):
            if entry.kind in (Buffered.W, Buffered.NT) and entry[1:3] == (instruction.line, instruction.word):
                assign(after, thread, instruction, entry.value)
                yield after
                return
        for words in self.options(after, self.hosts[thread], instruction.line):
            after = Scratch(state)
            self.load(after, thread, instruction, words)
            yield after

    def _stores(self, state: Frozen, thread: int, instruction: Instruction) -> Iterator[Scratch]:
        """Yield what a store or flush does when there are no buffers: it acts at once."""
        before = Scratch(state)
        entry = self.enter(before, thread, instruction)
        for words in self.bases(before, thread, entry):
            after = Scratch(before.freeze())
            self.drain(after, thread, 0, words)
            yield after

    # --- what is done at once ---

    def _hasten(self, s: Scratch, trail: Trail) -> None:
        """Do all that reductions 2, 3, 4 and 6 allow to be done at once."""
        progress = True
        while progress:
            progress = False
            for thread in range(len(self.threads)):
                while self._issue_at_once(s, thread, trail) or self._drain_at_once(s, thread, trail):
                    progress = True
        if self.memory_matters and self._ended(s.pcs) and not any(s.buffers):
            self._finish(s, trail)
        self._forget(s)

    def _issue_at_once(self, s: Scratch, thread: int, trail: Trail) -> bool:
        pc, instructions = s.pcs[thread], self.threads[thread].instructions
        if pc == len(instructions):
            return False
        instruction = instructions[pc]
        op, buffer = instruction.op, s.buffers[thread]
        if op in BUFFERED:
            if not self.profile.buffers:
                return False
            self.enter(s, thread, instruction)
        elif op is Op.IFEQ:
            registers = s.registers[thread]
            equal = registers[instruction.register] == instruction.value.value(registers)
            s.pcs[thread] += 1 if equal else 1 + instruction.skip
        elif (
            (op is Op.MF and not buffer)
            or (op is Op.LF and not (self.profile.lfence_waits and _flushes(buffer)))
            or (op is Op.PF and self.profile.speculate)
        ):
            s.pcs[thread] += 1
        else:
            return False
        trail.append(Step("issue", thread, instruction.line))
        return True

    def _drain_at_once(self, s: Scratch, thread: int, trail: Trail) -> bool:
        buffer = s.buffers[thread]
        for index, entry in enumerate(buffer):
            if not self.blocked(buffer, index) and self._unnoticed(s, thread, entry):
                words: Words = () if entry.kind is Buffered.SF else self.bases(s, thread, entry)[0]
                self.drain(s, thread, index, words)
                trail.append(Step("drain", thread, entry.line, index))
                return True
        return False

    def _unnoticed(self, s: Scratch, thread: int, entry: Entry) -> bool:
        """Say whether an entry that may drain can drain now without closing off any end (reductions 2, 3, 4)."""
        if entry.kind is Buffered.SF:
            return True
        line, host = entry.line, self.hosts[thread]
        mask, contents = s.cells[host * self.line_count + line]
        private = not self._noticed(s, host, line)
        if entry.kind in (Buffered.W, Buffered.NT):
            alone = private and not self._siblings_touch(s, thread, line)
            return alone and (mask != 0 or not contents or not self.partial[line])
        if private and (mask > 0 or (mask == 0 and not contents)):
            return True
        if mask > 0 or any(_holds(s.buffers[t], line) for t in range(len(self.threads)) if self.hosts[t] == host):
            return False
        return not (self.ahead[thread].before[s.pcs[thread]] >> line & 1 or self._siblings_touch(s, thread, line))

    def _noticed(self, s: Scratch, host: int, line: int) -> bool:
        """Say whether a write-back of this host's copy could make a difference to anybody."""
        if self.fragile or self.uncached >> line & 1 or self._dirty_elsewhere(s, host, line):
            return True
        return any(self.hosts[t] != host and self._may_touch(s, t, line) for t in range(len(self.threads)))

    def _siblings_touch(self, s: Scratch, thread: int, line: int) -> bool:
        """Say whether another thread of the same host may still load or store the line."""
        host = self.hosts[thread]
        return any(
            t != thread and self.hosts[t] == host and self._may_touch(s, t, line) for t in range(len(self.threads))
        )

    def _may_touch(self, s: Scratch, thread: int, line: int) -> bool:
        return bool(self.ahead[thread].touches[s.pcs[thread]] >> line & 1) or _holds(s.buffers[thread], line)

    def _dirty_elsewhere(self, s: Scratch, host: int, line: int) -> bool:
        return any(other != host and s.cells[other * self.line_count + line][0] > 0 for other in range(self.host_count))

    def _finish(self, s: Scratch, trail: Trail) -> None:
        """Write back what is dirty on one host only: the order of these write-backs cannot matter."""
        for host in range(self.host_count):
            for line in range(self.line_count):
                if s.cells[host * self.line_count + line][0] > 0 and not self._noticed(s, host, line):
                    self.write_back(s, host, line)
                    trail.append(Step("clean", host, line))

    def _forget(self, s: Scratch) -> None:
        """Empty every cell whose content cannot matter any more."""
        for host in range(self.host_count):
            reads = 0
            for thread in range(len(self.threads)):
                if self.hosts[thread] == host:
                    reads |= self.ahead[thread].reads[s.pcs[thread]]
                    for entry in s.buffers[thread]:
                        if entry.kind is Buffered.W and self.partial[entry.line]:
                            reads |= 1 << entry.line
            for line in range(self.line_count):
                at = host * self.line_count + line
                if s.cells[at][0] <= 0 and not reads >> line & 1:
                    s.cells[at] = ABSENT


def _holds(buffer: tuple[Entry, ...], line: int) -> bool:
    return any(entry.line == line and entry.kind in (Buffered.W, Buffered.NT) for entry in buffer)


def _flushes(buffer: tuple[Entry, ...]) -> bool:
    return any(entry.kind in (Buffered.FL, Buffered.FO) for entry in buffer)
