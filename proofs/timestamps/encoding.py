"""Litmus programs as timestamps: who acts when, as integers compared with each other; no states, no steps.

For each instruction i, guarded by whether the run comes to it:

    issued      when it is issued; in program order
    drained     when it leaves the buffer (W, NT, FL, FO, WB, SF); the matrix orders these
    landed      of a store: when its line reaches memory
    fetched     of a load of another host's line: when its copy was taken

Lines that one host stores to (or that only device-side atomics store to) need nothing else: what a load returns is the
latest store that had landed when its copy was fetched. Lines with two writing hosts are `unsupported`: there a host may
write stale words back, and that is not expressed here. Two rules are stricter than the obvious monotone ones, which let
a copy be replaced by one that was never in the cache: of two loads of a line by one host, the later one has the same
copy or one fetched after the earlier load; and of two stores to a line, the earlier one landed before the later one
drained, or both land together.

Shared with the explorers: the parsed program, the profile and the matrix. Source: derived from the machine in
`model/memory/machine.py`, whose sources it names.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import z3

from fencepost.model.litmus import Atom, Condition
from fencepost.model.memory import Crash, Instruction, Matrix, Op, Operand, Profile, Program
from fencepost.model.memory.ordering import ALWAYS, SAME_LINE, SAME_WORD
from fencepost.model.memory.program import ASSIGNS, BUFFERED, LOCKED, NO_VALUE, PAST_CACHES, WAITS_FOR_BUFFER

Slot = tuple[int, int]
"""An instruction by (thread, index)."""

Time = Any  # z3 ships no types: a time or value is an ArithRef, a truth a BoolRef
Truth = Any
PAIRS_BUDGET = 40_000  # pairs of buffered instructions in one thread; beyond it, encoding alone takes many seconds
_STORING = (Op.W, Op.NT, Op.MRMW, *LOCKED)


def unsupported(program: Program, profile: Profile) -> str:
    """Return why timestamps cannot express a program under a profile; nothing when they can."""
    program = program.on_one_host() if profile.one_host else program
    instructions = [(thread.host, each) for thread in program.threads for each in thread.instructions]
    crashes = sum(each.op is Op.CRASH for _, each in instructions)
    if crashes > 1:
        return "more than one CRASH"
    if (crashes or profile.crashes) and profile.crash is Crash.DEVICE:
        return "a crash of the device"
    for line, shape in enumerate(program.lines):
        plain = {host for host, each in instructions if each.line == line and each.op in (Op.W, Op.NT, *LOCKED)}
        device = {host for host, each in instructions if each.line == line and adds(each)}
        if plain and len(plain | device) > 1:
            return f"line {shape.name} is stored to by {len(plain | device)} hosts"
    return ""


def too_large(program: Program) -> str:
    """Return why a program is beyond the budget of an encoding; nothing when it is not."""
    instructions = [each for thread in program.threads for each in thread.instructions]
    most = max(sum(each.op in BUFFERED for each in thread.instructions) ** 2 // 2 for thread in program.threads)
    most = max(most, sum(each.skip for each in instructions))
    for line in range(len(program.lines)):
        ops = [each.op for each in instructions if each.line == line]
        stores = sum(op in _STORING for op in ops)
        loads = sum(op in (Op.R, *PAST_CACHES, *LOCKED) for op in ops)
        drops = sum(op not in (Op.R, Op.W) for op in ops)
        most = max(most, stores**2 // 2 * max(loads, 1) // 8, loads * (loads + drops) // 2)
    return f"{most} pairs of instructions, more than {PAIRS_BUDGET}" if most > PAIRS_BUDGET else ""


def asked_of(profile: Profile, condition: Condition | None) -> Profile:
    """Return the profile without its snapshot when only registers are asked about: they are final only at the end."""
    names_memory = condition is not None and condition.names_memory
    return profile if names_memory or not profile.snapshot else replace(profile, snapshot=False)


def adds(instruction: Instruction) -> bool:
    """Say whether an instruction is a device-side atomic that may change memory."""
    return instruction.op is Op.MRMW and (instruction.value.register >= 0 or instruction.value.constant != 0)


@dataclass(frozen=True)
class Event:
    """One instruction of a run, as Z3 constants; those it has no use for are there and unconstrained."""

    thread: int
    index: int
    host: int
    instruction: Instruction
    happens: Truth  # the run comes to it, and its host is still up
    drains: Truth  # it takes effect: it leaves the buffer before a crash
    issued: Time
    drained: Time  # of what enters no buffer, the time of issue
    landed: Time
    fetched: Time
    value: Time  # what a store stores
    result: Time  # what a load returns


class Encoding:
    """Constraints whose models are the runs of a program. `slots` are instructions that may be absent, by a Boolean."""

    def __init__(self, program: Program, profile: Profile, matrix: Matrix, slots: dict[Slot, Truth]) -> None:
        self.program = program.on_one_host() if profile.one_host else program
        self.profile, self.matrix, self.slots = profile, matrix, slots
        self.constraints: list[Truth] = []
        self.never = z3.Int("never")  # later than everything
        self.moment = z3.Int("moment")  # of a snapshot
        self.threads = [self._events(number) for number in range(len(self.program.threads))]
        self.events = [event for thread in self.threads for event in thread]
        self.crash = next((event for event in self.events if event.instruction.op is Op.CRASH), None)
        self.crashed = self._crashes()
        lines = range(len(self.program.lines))
        self.stores = {
            line: [e for e in self._on(line, *_STORING) if e.instruction.op is not Op.MRMW or adds(e.instruction)]
            for line in lines
        }
        self.missing: dict[Slot, Truth] = {}  # (thread, register): its host crashed before the load
        self.registers = [self._control(number) for number in range(len(self.threads))]
        for events in self.threads:
            self._order(events)
        for line in lines:
            self._land(line)
            self._load(line)
            self._copies(line)

    # --- what happens ---

    def _events(self, number: int) -> list[Event]:
        events: list[Event] = []
        code = self.program.threads[number]
        for index, instruction in enumerate(code.instructions):
            name = f"{number}.{index}"
            buffered = instruction.op in BUFFERED and self.profile.buffers
            issued = z3.Int(f"issued {name}")
            drained = z3.Int(f"drained {name}") if buffered else issued
            landed = drained if instruction.op in (Op.NT, Op.MRMW) else z3.Int(f"landed {name}")
            self._say(issued > (events[-1].issued if events else 0), issued < self.never, drained < self.never)
            if buffered:
                self._say(drained > issued)
            happens, drains = z3.Bool(f"happens {name}"), z3.Bool(f"drains {name}")
            rest = (z3.Int(f"{what} {name}") for what in ("fetched", "value", "result"))
            events.append(Event(number, index, code.host, instruction, happens, drains, issued, drained, landed, *rest))
        return events

    def _crashes(self) -> dict[int, Time]:
        """Return when each host crashes that may; those that do not, never do."""
        if self.crash is not None:
            return {self.crash.host: z3.Int("crashed")}
        if not self.profile.crashes:
            return {}
        crashed = {host: z3.Int(f"crashed {host}") for host in range(len(self.program.hosts))}
        for each in crashed.values():
            self._say(each > 0, each <= self.never)
        return crashed

    def _say(self, *truths: Truth) -> None:
        self.constraints.extend(truths)

    def _on(self, line: int, *ops: Op) -> list[Event]:
        return [event for event in self.events if event.instruction.line == line and event.instruction.op in ops]

    def _control(self, number: int) -> list[Time]:
        """Say which instructions a thread comes to and what they store; return its registers at the end."""
        events, count = self.threads[number], len(self.program.threads[number].registers)
        registers = [z3.IntVal(0) for _ in range(count)]
        skipped: list[list[Truth]] = [[] for _ in events]
        cut_off = z3.BoolVal(False)  # the host crashed before some load so far that the thread was to come to
        for event in events:
            each = event.instruction
            present = self.slots.get((event.thread, event.index), z3.BoolVal(True))
            comes = z3.And(present, z3.Not(z3.Or(*skipped[event.index])))
            up = z3.BoolVal(True)
            if event.host in self.crashed and event is not self.crash:
                up = event.issued < self.crashed[event.host]
            self._say(event.happens == z3.And(comes, up))
            value = _value(each.value, registers)
            if each.op is Op.IFEQ:
                jumps = z3.And(comes, registers[each.register] != value)
                for index in range(event.index + 1, event.index + 1 + each.skip):
                    skipped[index].append(jumps)
            if each.op is Op.CRASH:
                self._say(self.crashed[event.host] == z3.If(event.happens, event.issued, self.never))
            self._effect(event, value, _value(each.second, registers))
            if each.op in ASSIGNS:
                counts = event.happens
                if self.profile.snapshot:
                    counts = z3.And(counts, event.issued <= self.moment)
                registers[each.register] = z3.If(counts, event.result, registers[each.register])
                cut_off = z3.Or(cut_off, z3.And(comes, z3.Not(up)))
                self.missing[number, each.register] = cut_off  # of the last one that assigns it
        return registers

    def _effect(self, event: Event, value: Time, second: Time) -> None:
        """Say what an instruction stores and whether it takes effect."""
        op, effective = event.instruction.op, [event.happens]
        if op in (Op.FAA, Op.MRMW):
            self._say(event.value == event.result + value)
        elif op is Op.CAS:
            self._say(event.value == z3.If(event.result == value, second, event.result))
        else:
            self._say(event.value == value)
        if event.host in self.crashed:
            effective.append(event.drained < self.crashed[event.host])
        self._say(event.drains == z3.And(*effective))

    # --- order within a thread ---

    def _order(self, events: list[Event]) -> None:
        buffered = [event for event in events if event.drained is not event.issued]
        for number, younger in enumerate(buffered):
            for older in buffered[:number]:
                order = self.matrix.rows[BUFFERED[older.instruction.op]][BUFFERED[younger.instruction.op]]
                one, other = older.instruction, younger.instruction
                same_line = one.line == other.line
                same_word = same_line and one.word == other.word
                if order == ALWAYS or (order == SAME_LINE and same_line) or (order == SAME_WORD and same_word):
                    self._say(z3.Implies(z3.And(older.happens, younger.happens), older.drained < younger.drained))
        for event in events:
            for older in buffered:
                if older.index < event.index and self._waits(event.instruction.op, older.instruction.op):
                    self._say(z3.Implies(z3.And(older.happens, event.happens), older.drained < event.issued))

    def _waits(self, op: Op, older: Op) -> bool:
        if op is Op.LF:
            return self.profile.lfence_waits and older in (Op.FL, Op.FO)
        if op is Op.UR:
            return older is Op.NT
        return op in WAITS_FOR_BUFFER

    # --- memory ---

    def _land(self, line: int) -> None:
        """Say when the stores to a line reach memory."""
        stores = self.stores[line]
        flushes = self._on(line, Op.FL, Op.FO, Op.WB, Op.NT, *PAST_CACHES)
        for number, store in enumerate(stores):
            own = [flush for flush in flushes if flush.host == store.host and flush is not store]
            self._say(store.landed >= store.drained)
            for flush in own:
                self._say(z3.Implies(_then(store, flush), store.landed <= flush.drained))
                self._say(store.drained != flush.drained)
            if not self.profile.evict and store.landed is not store.drained:
                flushed = [z3.And(_then(store, flush), store.landed == flush.drained) for flush in own]
                self._say(z3.Or(store.landed >= self.never, *flushed))
            if store.host in self.crashed and self.profile.crash is Crash.GPF:
                self._say(z3.Implies(store.drains, store.landed <= self.crashed[store.host]))
            for other in stores[:number]:
                self._say(store.drained != other.drained)
                if self.profile.line_atomic or store.instruction.word == other.instruction.word:
                    for first, second in ((store, other), (other, store)):
                        apart = z3.Or(first.landed < second.drained, first.landed == second.landed)
                        self._say(z3.Implies(_then(first, second), apart))

    def _has_landed(self, store: Event, time: Time) -> Truth:
        landed = z3.And(store.drains, store.landed <= time)
        if store.host not in self.crashed:
            return landed
        crashed, written_back = self.crashed[store.host], self.profile.crash is Crash.GPF
        return z3.And(landed, store.landed <= crashed if written_back else store.landed < crashed)

    def _latest(self, result: Time, line: int, word: int, seen: dict[int, Truth]) -> list[Truth]:
        """Return what makes `result` the latest drained of the seen stores to a word, else its initial value."""
        stores = self._word(line, word)
        made = [z3.Implies(z3.Not(z3.Or(*seen.values())), result == self.program.lines[line].initial[word])]
        for number, store in enumerate(stores):
            later = [z3.And(seen[k], other.drained > store.drained) for k, other in enumerate(stores) if k != number]
            made.append(z3.Implies(z3.And(seen[number], z3.Not(z3.Or(*later))), result == store.value))
        return made

    def _word(self, line: int, word: int) -> list[Event]:
        return [store for store in self.stores[line] if store.instruction.word == word]

    # --- loads ---

    def _load(self, line: int) -> None:
        """Say what the loads of a line return."""
        owner = next((store.host for store in self.stores[line] if store.instruction.op is not Op.MRMW), -1)
        for load in self._on(line, Op.R, *PAST_CACHES, *LOCKED):
            stores = self._word(line, load.instruction.word)
            if load.host == owner or (owner < 0 and load.instruction.op in PAST_CACHES):
                seen = {number: z3.And(s.drains, s.drained < load.issued) for number, s in enumerate(stores)}
            elif load.instruction.op in PAST_CACHES:
                seen = {number: self._has_landed(s, load.issued) for number, s in enumerate(stores)}
            else:
                self._say(load.fetched <= load.issued)
                seen = {number: self._has_landed(s, load.fetched) for number, s in enumerate(stores)}
            made = self._latest(load.result, line, load.instruction.word, seen)
            own = [s for s in stores if s.thread == load.thread and s.index < load.index and s.drained is not s.issued]
            pending = z3.BoolVal(False)
            for store in reversed(
                own if load.instruction.op is not Op.UR else []
            ):  # the newest that is still in the buffer decides
                waits = z3.And(store.happens, store.drained >= load.issued)
                self._say(z3.Implies(z3.And(waits, z3.Not(pending)), load.result == store.value))
                pending = z3.Or(pending, waits)
            self._say(*(z3.Implies(z3.Not(pending), each) for each in made))
            if load.host != owner and load.instruction.op in PAST_CACHES:
                self._say(*(load.issued != store.landed for store in stores if store is not load))

    def _copies(self, line: int) -> None:
        """Relate the copies that one host's loads of another host's line come from."""
        owner = next((store.host for store in self.stores[line] if store.instruction.op is not Op.MRMW), -1)
        loads = [load for load in self._on(line, Op.R) if load.host != owner]
        drops = self._on(line, Op.FL, Op.FO, *PAST_CACHES)
        for load in loads:
            own = [drop for drop in drops if drop.host == load.host]
            for drop in own:
                apart = z3.Or(drop.drained <= load.fetched, drop.drained >= load.issued)
                self._say(z3.Implies(z3.And(load.happens, drop.drains), apart))
            siblings = [other for other in loads if other.host == load.host and other is not load]
            if not self.profile.speculate:
                fetching = [z3.And(s.happens, s.fetched == s.issued, load.fetched == s.issued) for s in siblings]
                prefetches = [event for event in self._on(line, Op.PF) if event.host == load.host]
                fetching += [z3.And(p.happens, load.fetched == p.issued) for p in prefetches]
                self._say(z3.Or(load.fetched == load.issued, *fetching))
            for other in siblings:
                if other.thread != load.thread:
                    self._say(other.issued != load.issued)
                if other.thread != load.thread or other.index < load.index:
                    self._replace(other, load, own)

    def _replace(self, earlier: Event, later: Event, drops: list[Event]) -> None:
        """Of two loads of a line by one host: the later has the same copy, or one fetched after the earlier load."""
        anew = later.fetched >= earlier.issued
        if not self.profile.evict:
            anew = z3.Or(*(z3.And(d.drains, d.drained >= earlier.issued, d.drained <= later.fetched) for d in drops))
        both = z3.And(earlier.happens, later.happens, earlier.issued < later.issued)
        self._say(z3.Implies(both, z3.Or(later.fetched == earlier.fetched, anew)))

    # --- the end ---

    def holds(self, condition: Condition) -> Truth:
        """Return when a condition is true of a run's end, or of the moment of its snapshot.

        What a crash has left without a value makes an atom neither true nor false, so each truth comes with its
        opposite.
        """
        return condition.fold(
            self._atom,
            lambda each: (each[1], each[0]),
            lambda left, right: (z3.And(left[0], right[0]), z3.Or(left[1], right[1])),
            lambda left, right: (z3.Or(left[0], right[0]), z3.And(left[1], right[1])),
        )[0]

    def _atom(self, atom: Atom) -> tuple[Truth, Truth]:
        of_memory = atom.thread < 0
        held = self.word(atom.line, atom.register) if of_memory else self.registers[atom.thread][atom.register]
        known = z3.BoolVal(True) if of_memory else z3.Not(self.missing[atom.thread, atom.register])
        equal, differs = z3.And(known, held == atom.value), z3.And(known, held != atom.value)
        return (equal, differs) if atom.equal else (differs, equal)

    def ends(self, thread: int) -> list[Time]:
        """Return a thread's registers at the end, with those that a crash has left without a value."""
        return [
            z3.If(self.missing[thread, number], NO_VALUE, held) for number, held in enumerate(self.registers[thread])
        ]

    def word(self, line: int, word: int) -> Time:
        """Return a word of memory at the end, or at the moment of a snapshot; adds what defines it."""
        result = z3.Int(f"memory {line}.{word}")
        seen = {number: self._survives(store) for number, store in enumerate(self._word(line, word))}
        self._say(*self._latest(result, line, word, seen))
        return result

    def _survives(self, store: Event) -> Truth:
        if self.profile.snapshot:
            return self._has_landed(store, self.moment)
        if store.host not in self.crashed:
            return store.drains
        crashed = self.crashed[store.host]
        return z3.Or(self._has_landed(store, crashed), z3.And(store.drains, crashed == self.never))


def _then(first: Event, second: Event) -> Truth:
    return z3.And(first.drains, second.drains, first.drained < second.drained)


def _value(operand: Operand, registers: list[Time]) -> Time:
    return operand.constant if operand.register < 0 else registers[operand.register] + operand.constant
