"""Tests in herd's format, as the litmus tests of every engine."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace

from fencepost.model.litmus.condition import AND, NOT, OR, Atom, Condition
from fencepost.model.litmus.herd.compiling import Compiled, Compiler, End
from fencepost.model.litmus.herd.contents import LARGEST_SUM, Possible, ValuesNeeded
from fencepost.model.litmus.herd.final_states import HerdTest
from fencepost.model.litmus.herd.instructions import code_of
from fencepost.model.litmus.herd.question import (
    TRUE,
    All,
    Equal,
    Not,
    Proposition,
    Quantifier,
    Question,
    QuestionReader,
    fitted,
    spelled,
)
from fencepost.model.litmus.herd.registers import Register
from fencepost.model.litmus.herd.sections import Sections, sections, with_information
from fencepost.model.litmus.herd.words import Address, Words, read_initial
from fencepost.model.litmus.linting import values_of_words
from fencepost.model.litmus.source import Text
from fencepost.model.litmus.test import Answer, LitmusTest
from fencepost.model.memory import PROFILE as NCX
from fencepost.model.memory import Op, Operand, Program
from fencepost.model.memory import profile as profile_named

WORD_LIMIT = 2**63
PROFILE = "tso"  # what herd's x86 model is
_HOST = re.compile(r"P([0-9]+)=([0-9]+)")
_LINE = re.compile(r"([A-Za-z_]\w*)\(([^()]*)\)|([A-Za-z_]\w*)")
Expression = bool | tuple[Atom | str, ...]


def parse_herd(text: str, path: str, hosts: str = "") -> LitmusTest:
    """Return the test that a text in herd's format describes; `hosts` places threads, such as P0=0,P1=1.

    Raises InputError, with the place, for what is malformed or not supported.
    """
    parts = sections(text, path)
    if hosts:
        hosts_of(Text(hosts, "--hosts", 1, 1), len(parts.threads))
        parts.information["Fencepost.hosts"] = Text(hosts, "--hosts", 1, 1)
        text = with_information(text, "Fencepost.hosts", hosts)
    words = Words(4 if parts.architecture == "X86" else 8)
    _share(parts, words)
    read_initial(parts.initial, words, len(parts.threads))
    columns = zip(*parts.rows, strict=True) if parts.rows else [() for _ in parts.threads]
    codes = [code_of(cells, words.native_size) for cells in columns]
    question = QuestionReader(parts.question, parts.end, words, len(parts.threads)).question()
    placed = _hosts(parts)
    observed = [_registers(question, number) for number in range(len(codes))]

    def compiled(possible: Possible | None) -> tuple[tuple[Compiled, ...], Program]:
        threads = tuple(
            Compiler(number, code, words, observed[number], possible).compiled(placed[number])
            for number, code in enumerate(codes)
        )
        return threads, _program(threads, words)

    threads, program = _fixed(compiled, parts)
    _check_values(threads, program, words, parts.threads[0])
    question.proposition, question.filter = fitted(question.proposition, words), fitted(question.filter, words)
    herd = HerdTest(question, threads, {name: words.place(name) for name in [*words.initial, *_named(question, words)]})
    profiles = _profiles(parts, program)
    return LitmusTest(
        name=parts.name,
        path=path,
        profiles=profiles,
        program=program,
        bad=_bad(question, threads, words, program),
        expect=_expected(question, parts),
        why=parts.information["Fencepost.why"].text if "Fencepost.why" in parts.information else "",
        text=text,
        initialised=frozenset(words.place(name) for name in words.said),
        herd=herd,
    )


def _named(question: Question, words: Words) -> list[str]:
    return [place.name for place in question.places() if place.register is None]


def _registers(question: Question, thread: int) -> list[Register]:
    return [each.register for each in question.places() if each.register is not None and each.thread == thread]


def _fixed(
    compiled: Callable[[Possible | None], tuple[tuple[Compiled, ...], Program]], parts: Sections
) -> tuple[tuple[Compiled, ...], Program]:
    """Return the threads; where they depend on what words can hold, once nothing more can be added to that."""
    try:
        return compiled(None)
    except ValuesNeeded:
        possible: Possible = {}
    while True:
        threads, program = compiled(possible)
        found = values_of_words(program)
        if any(values is None for values in found.values()):
            raise parts.threads[0].error("branches depend on more values than are followed: not supported")
        if all(values is not None and values <= possible.get(word, set()) for word, values in found.items()):
            return threads, program
        for word, values in found.items():
            possible[word] = possible.get(word, set()) | (values or set())


# --- what fencepost adds to the information: hosts, shared lines, profiles ---


def _share(parts: Sections, words: Words) -> None:
    """Read `Fencepost.lines=A(k v) x`: lines of several words, and the order of all."""
    given = parts.information.get("Fencepost.lines")
    for found in _LINE.finditer(given.text) if given else ():
        words.share(found[1] or found[3], tuple(found[2].split()) if found[1] else (found[3],))


def _hosts(parts: Sections) -> list[int]:
    given = parts.information.get("Fencepost.hosts")
    if given is None:
        return [0] * len(parts.threads)
    hosts = hosts_of(given, len(parts.threads))
    return [hosts.get(number, 0) for number in range(len(parts.threads))]


def hosts_of(given: Text, thread_count: int) -> dict[int, int]:
    """Return the hosts of threads from `P0=0,P1=1`; a thread that is not named is on host 0."""
    hosts: dict[int, int] = {}
    for each in given.split(","):
        found = _HOST.fullmatch(each.text)
        if not found or int(found[1]) >= thread_count:
            raise each.error(f"{each.text!r}: expected a thread and its host, such as P0=0; threads are P0 to"
                             f" P{thread_count - 1}")  # fmt: skip
        if int(found[1]) in hosts:
            raise each.error(f"a second host for P{found[1]}")
        hosts[int(found[1])] = int(found[2])
    return hosts


def _profiles(parts: Sections, program: Program) -> tuple[str, ...]:
    given = parts.information.get("Fencepost.profiles")
    if given is None:
        return (PROFILE if len(program.hosts) == 1 else NCX,)
    for each in given.split(","):
        profile_named(each.text)
    return tuple(dict.fromkeys(each.text for each in given.split(",")))


def _expected(question: Question, parts: Sections) -> Answer | None:
    given = parts.information.get("Fencepost.expect")
    if given is not None and given.text == Answer.ALLOWED:
        return Answer.ALLOWED
    return None if question.quantifier is Quantifier.EXISTS else Answer.FORBIDDEN


# --- the program ---


def _program(threads: tuple[Compiled, ...], words: Words) -> Program:
    hosts = tuple(sorted({each.thread.host for each in threads}))
    placed = tuple(replace(each.thread, host=hosts.index(each.thread.host)) for each in threads)
    if not words.lines:
        words.place("nothing")  # a program has a line
    return Program(placed, words.as_lines(), hosts)


def _check_values(threads: tuple[Compiled, ...], program: Program, words: Words, where: Text) -> None:
    """Refuse values that do not fit their word, and accesses of different sizes where that could make a difference."""
    constants = [abs(value) for line in program.lines for value in line.initial]
    doublings = 0
    for compiled in threads:
        for each in compiled.thread.instructions:
            constants += [abs(each.value.constant), abs(each.second.constant)]
            doublings += each.op is Op.FAA and each.value.register >= 0
        contents = [held.content for end in compiled.ends for held in end.held.values()]
        constants += [max((abs(each.constant) for each in contents if isinstance(each, Operand)), default=0)]
    largest = sum(constants) << doublings
    adds = doublings or any(each.adds for each in threads)
    adds = adds or any(each.op is Op.FAA for compiled in threads for each in compiled.thread.instructions)
    if largest >= (LARGEST_SUM if adds else WORD_LIMIT):
        raise where.error("sums of 2^30 and more could come about: not supported")
    found: dict[tuple[int, int], set[int] | None] | None = None
    for name, sizes in words.sizes.items():
        bits, several = 8 * min(sizes) - 1, len(sizes) > 1
        if largest < 2**bits and not several:
            continue
        found = values_of_words(program) if found is None else found
        values = found.get(words.place(name))
        if values is None or not all((0 if several else -(2**bits)) <= value < 2**bits for value in values):
            said = " and ".join(map(str, sorted(sizes)))
            raise where.error(
                f"{name} is accessed with {said} bytes, and its values may not fit {min(sizes)}: not supported"
            )


# --- the condition ---


def _bad(question: Question, threads: tuple[Compiled, ...], words: Words, program: Program) -> Condition:
    """Return the end that is asked about: the proposition, or for `forall` its contrary."""
    asked = question.proposition
    if question.quantifier is Quantifier.FORALL:
        asked = Not(asked)
    found = _joined([_expression(each, threads, words) for each in (question.filter, asked)], AND)
    if isinstance(found, bool):
        always = _joined([(_anything(threads, program, equal),) for equal in (True, False)], OR if found else AND)
        assert not isinstance(always, bool)
        found = always
    return Condition(found, spelled(asked if question.filter == TRUE else All((question.filter, asked))))


def _anything(threads: tuple[Compiled, ...], program: Program, equal: bool) -> Atom:
    """Return something that can be asked: conditions have no constants."""
    for number, each in enumerate(threads):
        if each.thread.registers and not any(made.op is Op.IFEQ for made in each.thread.instructions):
            return Atom(number, 0, -1, 0, equal)
    return Atom(-1, 0, 0, 0, equal)


def _expression(proposition: Proposition, threads: tuple[Compiled, ...], words: Words) -> Expression:
    if isinstance(proposition, Equal):
        return _equal(proposition, threads, words)
    if isinstance(proposition, Not):
        inner = _expression(proposition.inner, threads, words)
        return not inner if isinstance(inner, bool) else (*inner, NOT)
    sign = AND if isinstance(proposition, All) else OR
    return _joined([_expression(part, threads, words) for part in proposition.parts], sign)


def _joined(parts: Iterable[Expression], sign: str) -> Expression:
    """Return the conjunction or disjunction of parts in postfix, constants left out."""
    whole: Expression = sign == AND
    for part in parts:
        if isinstance(part, bool):
            if part is not (sign == AND):
                return part
        elif isinstance(whole, bool):
            whole = part
        else:
            whole = (*whole, *part, sign)
    return whole


def _equal(proposition: Equal, threads: tuple[Compiled, ...], words: Words) -> Expression:
    place, value = proposition.place, proposition.value
    if place.register is None:
        if isinstance(value, Address):
            return not proposition.equal
        line, word = words.place(place.name)
        return (Atom(-1, word, line, value, proposition.equal),)
    ways = []
    for end in threads[place.thread].ends:
        guards = [(Atom(place.thread, register, -1, held, equal),) for register, held, equal in end.guards]
        ways.append(_joined([*guards, _at_end(end, proposition)], AND))
    return _joined(ways, OR)


def _at_end(end: End, proposition: Equal) -> Expression:
    content, value = end.held[proposition.place.name].content, proposition.value
    if isinstance(content, Address) or isinstance(value, Address):
        return (content == value) is proposition.equal
    if content.register < 0:
        return (content.constant == value) is proposition.equal
    return (Atom(proposition.place.thread, content.register, -1, value - content.constant, proposition.equal),)
