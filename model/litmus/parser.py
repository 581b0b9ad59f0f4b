"""Reads litmus files. Every error names file, line and column.

    name      MP-W1-R1
    profile   ncx                        # one or more, separated by commas
    line      A = k v                    # words that share a line; any other word has a line of its own
    init      x=1 y=2                    # default 0
    uncached  c                          # words that no cache holds: R is UR, and every store is NT
    H0: W d 1; FO d?; SF; W f 1          # a thread on host 0; `?` marks an optional instruction (fencepost ablate)
    H1: R a f; IFEQ a 1 1; R b d
    bad       1:a=1 & 1:b=0              # thread:register, or a word of final memory; & | != ! ( )
    stale     1:a=0                      # optional: the end that breaks freshness
    why       one sentence               # optional
    expect    forbidden

Instructions: W x v, NT x v, R r x, XCHG r x v, CAS r x old new, FAA r x v, MRMW r x v, FL x, FO x, WB x, SF, MF, LF,
PF x, UR r x (a load past the caches, behind the thread's NT), IFEQ r v n (skip n instructions unless r = v), CRASH (the
host of the thread crashes here, where a crash profile would let it crash at any moment). A value is an integer, a
register or register+integer.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path

from fencepost.model.errors import InputError
from fencepost.model.litmus.condition import AND, NOT, OR, Atom, Condition
from fencepost.model.litmus.herd import is_herd, parse_herd
from fencepost.model.litmus.source import INTEGER, Text
from fencepost.model.litmus.test import Answer, LitmusTest
from fencepost.model.litmus.writing import SHAPES
from fencepost.model.memory import PROFILE, PROFILES, Instruction, Line, Op, Operand, Program, Thread
from fencepost.model.memory.program import LOCKED

STANDARD_INPUT = "-"
WORDS_OF_A_LINE = 8
DEEPEST = 50  # parentheses
WORD_LIMIT = 2**63
MOST = 25_000  # instructions, and named lines, of a program
_DIRECTIVES = ("name", "profile", "line", "init", "uncached", "bad", "stale", "why", "expect")
_HEAD = re.compile(r"H([0-9]+)\s*:")
_HEADS = re.compile(r"H[0-9]+\s*(?:[,\s]\s*H[0-9]+\s*)+:")
_ROW_END = re.compile(r"\r\n?|\n")  # what editors count as lines
_TOKEN = re.compile(r"!=|[&|!()=]|[^\s&|!()=]+")

_SPOKEN = {"r": "register", "c": "register", "x": "word", "v": "value", "w": "value", "n": "count"}
_OPTIONAL = (Op.FL, Op.FO, Op.WB, Op.SF, Op.MF, Op.LF, Op.XCHG, Op.FAA)


@dataclass
class _Draft:
    """What has been read so far."""

    first: dict[str, Text] = field(default_factory=dict)  # directive -> its rest
    heads: list[tuple[int, Text]] = field(default_factory=list)  # host, body
    shared: dict[str, tuple[str, ...]] = field(default_factory=dict)  # line name -> words
    words: dict[str, tuple[int, int]] = field(default_factory=dict)  # word -> line, index in it
    initial: dict[str, tuple[int, Text]] = field(default_factory=dict)
    instructions: int = 0


def read_test(path: Path | str, hosts: str = "") -> LitmusTest:
    """Read a litmus file, or `-` for standard input; `hosts` places the threads of a test in herd's format."""
    try:
        data = _bytes_of(path)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from None
    try:
        return parse_test(data.decode("utf-8-sig"), str(path), hosts)
    except UnicodeDecodeError as error:
        before = error.object[: error.start].decode(errors="replace")
        rows = _ROW_END.split(before)
        raise Text("", str(path), len(rows), len(rows[-1]) + 1).error("not UTF-8 text") from None


def _bytes_of(path: Path | str) -> bytes:
    if str(path) == STANDARD_INPUT:
        return sys.stdin.buffer.read()
    if Path(path).is_fifo():
        raise InputError(f"{path}: a pipe, which may never end; expected a file, or `-` for standard input")
    return Path(path).read_bytes()


def parse_test(text: str, path: str = "<text>", hosts: str = "") -> LitmusTest:
    """Return the test that a text describes, in this format or herd's.

    `path` is used in errors and, without `name`, as the name; `hosts` places threads, in herd's format only.
    """
    if is_herd(text):
        return parse_herd(text, path, hosts)
    if hosts:
        raise InputError(f"{path}: the file says on which host each thread is; leave out --hosts {hosts}")
    draft = _Draft()
    rows = _ROW_END.split(text)
    for row, source in enumerate(rows, 1):
        line = Text(source.split("#")[0].rstrip(), path, row, 1).part(0)
        if line.text:
            _read_line(draft, line)
    whole = Text("", path, max(1, len(rows) - (not rows[-1])), 1)
    if not draft.heads:
        raise whole.error("an empty program: expected at least one thread, such as `H0: W x 1`")
    threads = tuple(_thread(draft, host, body) for host, body in draft.heads)
    for word in draft.first["uncached"].words() if "uncached" in draft.first else ():
        if word.text not in draft.words:
            raise word.error(f"uncached {word.text!r}, a word that no instruction and no line names")
    if "bad" not in draft.first:
        raise whole.error("no `bad` line: expected the end that is asked about, such as `bad 1:a=1 & 1:b=0`")
    for name, (_, where) in draft.initial.items():
        if name not in draft.words:
            raise where.error(f"init of {name!r}, a word that no instruction and no line names")
    _check_growth(draft, threads, whole)
    numbers = tuple(sorted({host for host, _ in draft.heads}))
    placed = tuple(replace(thread, host=numbers.index(thread.host)) for thread in threads)
    program = Program(placed, _lines(draft), numbers)
    first = draft.first
    return LitmusTest(
        name=first["name"].text if "name" in first else Path(path).stem,
        path=path,
        profiles=_profiles(first["profile"]) if "profile" in first else (PROFILE,),
        program=program,
        bad=_Expression(draft, threads, first["bad"]).condition(),
        expect=_expect(first["expect"]) if "expect" in first else None,
        stale=_Expression(draft, threads, first["stale"]).condition() if "stale" in first else None,
        why=first["why"].text if "why" in first else "",
        text=text,
        initialised=frozenset(draft.words[name] for name in draft.initial),
    )


def _read_line(draft: _Draft, line: Text) -> None:
    several = _HEADS.match(line.text)
    if several:
        raise line.error(f"two hosts for one thread: {several[0]!r}; expected one, such as `H0:`")
    head = _HEAD.match(line.text)
    if head:
        draft.heads.append((line.part(head.start(1), head.end(1)).integer(), line.part(head.end())))
        return
    word = line.words()[0]
    rest = line.part(len(word.text))
    if word.text in _DIRECTIVES and not rest.text:
        raise word.error(f"`{word.text}` without anything after it")
    if word.text == "line":
        _share(draft, rest)
    elif word.text == "init":
        _initialise(draft, rest)
    elif word.text in _DIRECTIVES:
        if word.text in draft.first:
            raise word.error(f"a second `{word.text}`; the first is in line {draft.first[word.text].row}")
        draft.first[word.text] = rest
    else:
        raise word.error(f"unknown line {word.text!r}: expected {', '.join(_DIRECTIVES)} or a thread `H0:`")


def _share(draft: _Draft, rest: Text) -> None:
    sides = rest.split("=")
    if len(sides) != 2 or not sides[1].text:
        raise rest.error("expected a line's name and its words, such as `line A = k v`")
    name, words = sides[0].name("line"), sides[1].words()
    if len(draft.shared) == MOST:
        raise rest.error(f"more than {MOST} lines in one program")
    if name in draft.shared:
        raise sides[0].error(f"a second line {name!r}")
    if len(words) > WORDS_OF_A_LINE:
        raise words[WORDS_OF_A_LINE].error(f"{len(words)} words in one line: 64 bytes hold {WORDS_OF_A_LINE}")
    for index, word in enumerate(words):
        if word.name("word") in draft.words:
            raise word.error(f"word {word.text!r} is already in a line")
        draft.words[word.text] = (len(draft.shared), index)
    draft.shared[name] = tuple(word.text for word in words)


def _initialise(draft: _Draft, rest: Text) -> None:
    for pair in rest.words():
        sides = pair.split("=")
        if len(sides) != 2:
            raise pair.error(f"expected word=integer, such as x=1, not {pair.text!r}")
        name = sides[0].name("word")
        if name in draft.initial:
            raise pair.error(f"a second initial value of {name!r}")
        draft.initial[name] = (sides[1].integer(), pair)


def _check_growth(draft: _Draft, threads: tuple[Thread, ...], whole: Text) -> None:
    """Refuse programs whose values could leave 64 bits: atomics that add registers double them each time."""
    largest = max((abs(value) for value, _ in draft.initial.values()), default=0)
    doublings = 0
    for thread in threads:
        for each in thread.instructions:
            largest += abs(each.value.constant) + abs(each.second.constant)
            doublings += each.op in (Op.FAA, Op.MRMW) and each.value.register >= 0
            if largest << doublings >= WORD_LIMIT:
                where = whole._replace(row=each.row, column=each.column)
                raise where.error(f"{each.text}: values could exceed 64 bits after {doublings} additions of registers")


def _lines(draft: _Draft) -> tuple[Line, ...]:
    return tuple(
        Line(name, words, tuple(draft.initial[word][0] if word in draft.initial else 0 for word in words))
        for name, words in draft.shared.items()
    )


def _profiles(rest: Text) -> tuple[str, ...]:
    for each in rest.split(","):
        if each.text not in PROFILES:
            raise each.error(f"unknown profile {each.text!r}: expected one of {', '.join(PROFILES)}")
    return tuple(dict.fromkeys(each.text for each in rest.split(",")))


def _expect(rest: Text) -> Answer:
    if rest.text not in (Answer.ALLOWED, Answer.FORBIDDEN):
        raise rest.error(f"unknown expectation {rest.text!r}: expected allowed or forbidden")
    return Answer(rest.text)


def _thread(draft: _Draft, host: int, body: Text) -> Thread:
    pieces = body.split(";")
    if len(pieces) > 1 and not pieces[-1].text:
        pieces.pop()
    registers: dict[str, int] = {}
    instructions = [_instruction(draft, registers, piece) for piece in pieces]
    for index, (instruction, piece) in enumerate(zip(instructions, pieces, strict=True)):
        left = len(instructions) - index - 1
        if instruction.skip > left:
            raise piece.error(
                f"a jump past the end: {piece.text!r} skips {instruction.skip} of the {left} instructions left"
            )
    return Thread(host, tuple(instructions), tuple(registers))


def _instruction(draft: _Draft, registers: dict[str, int], piece: Text) -> Instruction:
    draft.instructions += 1
    if draft.instructions > MOST:
        raise piece.error(f"more than {MOST} instructions in one program")
    optional = piece.text.endswith("?")
    words = piece.part(0, len(piece.text) - optional).words()
    if not words:
        raise piece.error("an empty instruction")
    name, operands = words[0], words[1:]
    if _HEAD.match(piece.text):
        raise name.error(f"two hosts for one thread: {piece.text.split(':')[0]!r} inside a thread; start a new line")
    if name.text not in Op.__members__:
        raise name.error(f"unknown instruction {name.text!r}: expected one of {', '.join(op.name for op in SHAPES)}")
    op = _uncached(draft, name, operands)
    shape = SHAPES[op]
    if len(operands) != len(shape):
        wanted = " ".join([op.name, *(_SPOKEN[kind] for kind in shape)])
        raise name.error(f"{op.name} with {len(operands)} operands: expected `{wanted}`")
    if optional and op not in _OPTIONAL:
        raise name.error(f"{op.name} cannot be optional: expected one of {', '.join(each.name for each in _OPTIONAL)}")
    made = Instruction(op, optional=optional, text=piece.text.rstrip("?").rstrip(), row=piece.row, column=piece.column)
    assigned = None
    for kind, operand in zip(shape, operands, strict=True):
        if kind == "r":  # assigned after the operands are read: `FAA a x a` is an error unless a was there before
            assigned = operand.name("register")
        elif kind == "c":
            made = replace(made, register=_known(registers, operand, operand.name("register")))
        elif kind == "x":
            line, word = _place(draft, operand)
            made = replace(made, line=line, word=word)
        elif kind == "n":
            made = replace(made, skip=_count(operand))
        elif kind == "v":
            made = replace(made, value=_value(registers, operand))
        else:
            made = replace(made, second=_value(registers, operand))
    return made if assigned is None else replace(made, register=registers.setdefault(assigned, len(registers)))


def _uncached(draft: _Draft, name: Text, operands: list[Text]) -> Op:
    """Return the instruction of that name; of a word that no cache holds, a load is one past the caches."""
    op = Op[name.text]
    uncached = {each.text for each in draft.first["uncached"].words()} if "uncached" in draft.first else set()
    if op in LOCKED | {Op.W, Op.PF} and any(each.text in uncached for each in operands):
        raise name.error(f"{op.name} of an uncached word: expected NT, MRMW or R")
    return Op.UR if op is Op.R and operands and operands[-1].text in uncached else op


def _place(draft: _Draft, operand: Text) -> tuple[int, int]:
    """Return line and index of a word; a word named for the first time gets a line of its own."""
    name = operand.name("word")
    if name not in draft.words:
        draft.words[name] = (len(draft.shared), 0)
        unused = next(each for each in (name, *(f"{name}.{n}" for n in range(9))) if each not in draft.shared)
        draft.shared[unused] = (name,)
    return draft.words[name]


def _known(registers: dict[str, int], where: Text, name: str) -> int:
    if name not in registers:
        raise where.error(f"register {name!r} is read, and no earlier instruction of the thread assigns it")
    return registers[name]


def _count(operand: Text) -> int:
    count = operand.integer()
    if count < 0:
        raise operand.error(f"a jump backwards: {count}; jumps skip 0 or more instructions")
    return count


def _value(registers: dict[str, int], operand: Text) -> Operand:
    if INTEGER.fullmatch(operand.text):
        return Operand(operand.integer())
    parts = operand.split("+")
    if len(parts) > 2:
        raise operand.error(f"{operand.text!r}: a value is an integer, a register or register+integer")
    register = _known(registers, parts[0], parts[0].name("register"))
    return Operand(parts[1].integer() if len(parts) == 2 else 0, register)


class _Expression:
    """Reads `bad` and `stale`: | binds weakest, then &, then !."""

    def __init__(self, draft: _Draft, threads: tuple[Thread, ...], rest: Text) -> None:
        self._draft, self._threads, self._rest = draft, threads, rest
        self._tokens = [rest.part(found.start(), found.end()) for found in _TOKEN.finditer(rest.text)]
        self._end = Text("", rest.path, rest.row, rest.column + len(rest.text))
        self._items: list[Atom | str] = []
        self._depth = 0

    def condition(self) -> Condition:
        self._chain(OR)
        if self._tokens:
            raise self._tokens[0].error(f"{self._tokens[0].text!r}: expected & or | or the end of the line")
        return Condition(tuple(self._items), self._rest.text)

    def _take(self, *expected: str) -> Text:
        token = self._tokens.pop(0) if self._tokens else self._end
        if expected and token.text not in expected:
            found = repr(token.text) if token.text else "the end of the line"
            raise token.error(f"{found}: expected {' or '.join(expected)}")
        return token

    def _chain(self, operator: str) -> None:
        self._operand(operator)
        while self._tokens and self._tokens[0].text == operator:
            self._take()
            self._operand(operator)
            self._items.append(operator)

    def _operand(self, operator: str) -> None:
        if operator == OR:
            self._chain(AND)
        else:
            self._unary()

    def _unary(self) -> None:
        negations = 0
        while self._tokens and self._tokens[0].text == NOT:
            self._take()
            negations += 1
        if self._tokens and self._tokens[0].text == "(":
            opened = self._take()
            self._depth += 1
            if self._depth > DEEPEST:
                raise opened.error(f"more than {DEEPEST} parentheses inside each other")
            self._chain(OR)
            self._take(")")
            self._depth -= 1
        else:
            self._atom()
        self._items.extend([NOT] * (negations % 2))

    def _atom(self) -> None:
        subject = self._take()
        if not subject.text or subject.text in "&|)=":
            raise subject.error("expected thread:register or a word")
        equal = self._take("=", "!=").text == "="
        value = self._take()
        if not INTEGER.fullmatch(value.text):
            raise value.error(f"{value.text!r}: expected an integer to compare with")
        thread, register, line = self._subject(subject)
        self._items.append(Atom(thread, register, line, value.integer(), equal))

    def _subject(self, subject: Text) -> tuple[int, int, int]:
        if ":" not in subject.text:
            if subject.name("word") not in self._draft.words:
                raise subject.error(f"unknown word {subject.text!r}: expected one of {', '.join(self._draft.words)}")
            line, word = self._draft.words[subject.text]
            return -1, word, line
        parts = subject.split(":")
        if len(parts) != 2:
            raise subject.error(f"{subject.text!r}: expected thread:register or a word")
        number, name = parts
        thread = number.integer()
        if not 0 <= thread < len(self._threads):
            raise subject.error(f"undeclared thread {thread}: threads are 0 to {len(self._threads) - 1} in file order")
        registers = self._threads[thread].registers
        if name.name("register") not in registers:
            known = ", ".join(registers) or "none"
            raise name.error(f"thread {thread} assigns no register {name.text!r}: it has {known}")
        return thread, registers.index(name.text), -1
