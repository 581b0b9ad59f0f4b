"""Lints: what a litmus file says that is seldom meant. A slip of one letter gives another program, and another verdict.

Each finding is one sentence that names the file and, where an instruction is meant, its line and column.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from fencepost.model.errors import InputError
from fencepost.model.litmus.condition import Atom
from fencepost.model.litmus.test import LitmusTest
from fencepost.model.memory import Instruction, Op, Operand, Program
from fencepost.model.memory import profile as profile_named
from fencepost.model.memory.program import ASSIGNS, FLUSHES, STORES, WAITS_FOR_BUFFER

Word = tuple[int, int]
"""A word by (line, index in it)."""

Values = set[int] | None  # None: too many to say
MOST_VALUES, MOST_MOVES = 200, 50  # of a word, and stores of registers, that are followed


def lints(test: LitmusTest, profiles: Iterable[str]) -> tuple[str, ...]:
    """Return the findings about one test, decided under these profiles.

    A test in herd's format asks about every end of a register, and words are 0 at first without a word about it.
    """
    if test.herd is not None:
        return tuple(dict.fromkeys((*_idle_flushes(test), *_own_answers(test), *_one_host(test, profiles))))
    found = (*_idle_flushes(test), *_never_stored(test), *_never_named(test), *_never_equal(test), *_own_answers(test))
    return tuple(dict.fromkeys((*found, *_one_host(test, profiles))))


def same_names(tests: Sequence[LitmusTest]) -> dict[str, str]:
    """Return, by path, a finding about each test that has the name of an earlier one.

    Collections in herd's format have the same test in several folders; that is not found.
    """
    first: dict[str, LitmusTest] = {}
    found = {}
    for test in tests:
        earlier = first.setdefault(test.name, test)
        same = test.herd is not None and test.program == earlier.program and test.bad.items == earlier.bad.items
        if test.path != earlier.path and not same:
            found[test.path] = f"{test.path}: the name {test.name} is also that of {earlier.path}"
    return found


def refuse(findings: Sequence[str]) -> None:
    """Raise InputError when there are findings."""
    if findings:
        said = "\n    ".join(findings)
        raise InputError(
            f"--strict: what is seldom meant, in {len(findings)} places; mend them, or leave --strict out\n    {said}"
        )


def _instructions(program: Program) -> Iterator[Instruction]:
    return (each for thread in program.threads for each in thread.instructions)


def _name(program: Program, word: Word) -> str:
    return program.lines[word[0]].words[word[1]]


def _stores(each: Instruction) -> bool:
    """Say whether an instruction may change a word; a device-side addition of 0 is a load."""
    return each.op in STORES and (each.op is not Op.MRMW or each.value != Operand())


def _where(test: LitmusTest, each: Instruction) -> str:
    return f"{test.path}:{each.row}:{each.column}: {each.text}"


def _idle_flushes(test: LitmusTest) -> Iterator[str]:
    used = {each.line for each in _instructions(test.program) if each.op in STORES or each.op in ASSIGNS}
    for each in _instructions(test.program):
        if each.op in FLUSHES | {Op.PF} and each.line not in used:
            yield f"{_where(test, each)} names a line that no instruction loads or stores"


def _never_stored(test: LitmusTest) -> Iterator[str]:
    """Yield words that are asked about and can only be what they were at first, where the file does not say what."""
    stored = {(each.line, each.word) for each in _instructions(test.program) if _stores(each)} | test.initialised
    for each in _instructions(test.program):
        if each.op in ASSIGNS and (each.line, each.word) not in stored:
            yield f"{_where(test, each)} loads a word that nobody stores and that has no initial value"
    for of, atom in _atoms(test):
        if atom.thread < 0 and (atom.line, atom.register) not in stored:
            name = _name(test.program, (atom.line, atom.register))
            yield f"{test.path}: `{of}` asks about {name}, which nobody stores and which has no initial value"


def _never_named(test: LitmusTest) -> Iterator[str]:
    """Yield words of a line that no instruction names while some word has a line of its own: perhaps the wrong one."""
    if not any(line.words == (line.name,) for line in test.program.lines):
        return
    named = {(each.line, each.word) for each in _instructions(test.program)}
    for number, line in enumerate(test.program.lines):
        for index, name in enumerate(line.words):
            if (number, index) not in named:
                yield f"{test.path}: no instruction names {name} of line {line.name}"


def _own_answers(test: LitmusTest) -> Iterator[str]:
    """Yield loads that are meant to read a store past the caches back, and are answered by the store buffer."""
    for thread in test.program.threads:
        pending: set[Word] = set()
        for each in thread.instructions:
            if each.op in WAITS_FOR_BUFFER:
                pending.clear()
            elif each.op is Op.NT:
                pending.add((each.line, each.word))
            elif each.op is Op.R and (each.line, each.word) in pending:
                name = _name(test.program, (each.line, each.word))
                text = f"MRMW {thread.registers[each.register]} {name} 0"
                yield f"{_where(test, each)} is answered by the thread's own store buffer; `{text}` reads at the device"


def _atoms(test: LitmusTest) -> Iterator[tuple[str, Atom]]:
    yield from (("bad", atom) for atom in test.bad.atoms)
    yield from (("stale", atom) for atom in test.stale.atoms) if test.stale is not None else ()


def merged_hosts(what: str, given: str, hosts: Sequence[int], name: str) -> tuple[str, ...]:
    """Return the finding that a profile has one host, where what is run under it has several."""
    if not profile_named(name).one_host or len(hosts) < 2:
        return ()
    said = ", ".join(f"H{host}" for host in hosts)
    return (f"{what}: under profile {name} all threads are on one host, and the {given} has {said}",)


def _one_host(test: LitmusTest, profiles: Iterable[str]) -> Iterator[str]:
    hosts = test.program.hosts
    for name in profiles:
        yield from merged_hosts(test.path, "file", hosts, name)
        if test.herd is not None and not profile_named(name).one_host and len(hosts) == 1:
            yield f"{test.path}: all threads are on one host under {name}; --hosts P0=0,P1=1 places them"


# --- values ---


def _never_equal(test: LitmusTest) -> Iterator[str]:
    """Yield comparisons with a value that what is compared never has."""
    program = test.program
    words = values_of_words(program)
    registers = _registers(program, words)
    for of, atom in _atoms(test):
        if atom.thread >= 0:
            held = registers[atom.thread, atom.register]
            subject = f"{atom.thread}:{program.threads[atom.thread].registers[atom.register]}"
        else:
            held, subject = words[atom.line, atom.register], _name(program, (atom.line, atom.register))
        if held is not None and atom.value not in held:
            yield f"{test.path}: `{of}` compares {subject} with {atom.value}, and it is never that: {_said(held)}"
    for number, thread in enumerate(program.threads):
        for each in thread.instructions:
            held = registers[number, each.register] if each.op is Op.IFEQ and each.value.register < 0 else None
            if held is not None and each.value.constant not in held:
                yield f"{_where(test, each)} compares with a value that it never has: {_said(held)}"


def _said(values: set[int]) -> str:
    shown = [str(value) for value in sorted(values)]
    return "only " + " or ".join(shown) if len(shown) < 9 else f"only {', '.join(shown[:8])}, ..."


def _registers(program: Program, words: dict[Word, Values]) -> dict[tuple[int, int], Values]:
    """Return what the registers of each thread may hold; 0 where a jump may pass a load by."""
    held: dict[tuple[int, int], Values] = {}
    for number, thread in enumerate(program.threads):
        jumps = any(each.op is Op.IFEQ for each in thread.instructions)
        held.update({(number, register): {0} if jumps else set() for register in range(len(thread.registers))})
        for each in thread.instructions:
            if each.op in ASSIGNS:
                at = number, each.register
                held[at] = _both(held[at], words[each.line, each.word])
    return held


def values_of_words(program: Program) -> dict[Word, Values]:
    """Return what each word may hold, or more; None for too many values to follow.

    An instruction runs once, so that a value comes of at most as many instructions as there are stores of registers.
    Sums, of what is added at most once each, come last, or count as stores too where registers are stored.
    """
    words: dict[Word, Values] = {
        (line, index): {value} for line, each in enumerate(program.lines) for index, value in enumerate(each.initial)
    }
    stores = [(at, each) for at, thread in enumerate(program.threads) for each in thread.instructions if _stores(each)]
    sums = [(at, each) for at, each in stores if each.op in (Op.FAA, Op.MRMW)]
    moving = sum(each.value.register >= 0 or each.second.register >= 0 for _, each in stores)
    rounds = len(stores) if moving and sums else moving
    if rounds > MOST_MOVES:
        return dict.fromkeys(words)
    for _ in range(1 + rounds):
        _store_all(program, stores if moving else [each for each in stores if each not in sums], words)
    if not moving:
        for each in sums:
            _store_all(program, [each], words)
    return words


def _store_all(program: Program, stores: Iterable[tuple[int, Instruction]], words: dict[Word, Values]) -> None:
    """Add what stores of threads may make of the words' values."""
    registers = _registers(program, words)
    for at, each in stores:
        operand = each.second if each.op is Op.CAS else each.value
        made = _operand(operand, registers.get((at, operand.register)))
        if each.op in (Op.FAA, Op.MRMW):
            made = _sums(words[each.line, each.word], made)
        words[each.line, each.word] = _both(words[each.line, each.word], made)


def _operand(operand: Operand, held: Values) -> Values:
    return {operand.constant} if operand.register < 0 else _sums(_both({0}, held), {operand.constant})


def _both(left: Values, right: Values) -> Values:
    return None if left is None or right is None or len(left | right) > MOST_VALUES else left | right


def _sums(left: Values, right: Values) -> Values:
    return None if left is None or right is None else {one + other for one in left for other in right}
