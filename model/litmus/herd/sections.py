"""The parts of a test in herd's format: first line, information, initial state, columns of code, and the question.

    X86_64 SB                       architecture and name, then (alias) and "text"
    Com=Fr Fr                       information: Key=value
    { uint64_t x; 0:rax=y; }        initial state
     P0          | P1          ;    threads, a column each
     movq $1,(x) | movq $1,(y) ;
    exists (0:rax=0 /\\ 1:rax=0)     the question, after `locations` and `filter`
    << ... >>                       what older tools were told: ignored

Comments are (* ... *) and nest. Every token knows its place, so that every error has one.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from fencepost.model.litmus.source import Text

OTHERS = (
    "aarch64", "arm", "armv8", "asl", "bell", "bpf", "c", "cpp", "java", "lisa", "mips", "power", "ppc", "ptx", "riscv",
    "vulkan",
)  # fmt: skip
ARCHITECTURES = ("X86", "X86_64")
NUMBER = re.compile(r"\$?-?(?:0[xX][0-9A-Fa-f]+|[0-9]+)")
NAME = re.compile(r"%?[A-Za-z_.$](?:[A-Za-z0-9_.\-]|/(?!\\))*")
_TOKEN = re.compile(rf"/\\|\\/|=>|==|!=|<>|{NUMBER.pattern}(?![A-Za-z_])|{NAME.pattern}|\S")
_HEAD = re.compile(r'\s*(\w+)[ \t]+([^\s("{;]+)[ \t]*(?:\([^)\n]*\))?[ \t]*(?:\n?[ \t]*"[^"]*")?[ \t]*;?')
_INFORMATION = re.compile(r"[ \t]*([A-Za-z][\w./-]*)[ \t]*=[ \t]*([^\r\n]*)")
_QUESTION = re.compile(
    r"(?<![\w./%:-])(?:final|forall|(?:~|not\b)\s*exists|exists|cases|[oO]bserved|locations|filter)(?![\w./-])"
)
_FIRST_WORD = re.compile(r"\s*(\w+)[ \t]+[^\s]")

Cell = tuple[Text, ...]


@dataclass(frozen=True)
class Source:
    """The text of a file without its comments; offsets are those of the file."""

    text: str
    path: str

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *(found.end() for found in re.finditer(r"\r\n?|\n", self.text))]

    def at(self, offset: int, end: int) -> Text:
        """Return the characters from an offset on, with their place."""
        row = bisect_right(self._starts, offset)
        return Text(self.text[offset:end], self.path, row, offset - self._starts[row - 1] + 1)

    def tokens(self, start: int, end: int) -> list[Text]:
        """Return the tokens of a part of the file."""
        starts, path, made = self._starts, self.path, []
        row = bisect_right(starts, start)
        for found in _TOKEN.finditer(self.text, start, end):
            offset = found.start()
            while row < len(starts) and starts[row] <= offset:
                row += 1
            made.append(Text(found[0], path, row, offset - starts[row - 1] + 1))
        return made


@dataclass(frozen=True)
class Sections:
    """One test, in tokens. `rows` has one cell for each thread in each row; `end` is a place behind everything."""

    architecture: str
    name: str
    information: dict[str, Text]
    initial: list[Text]
    threads: list[Text]
    rows: list[list[Cell]]
    question: list[Text]
    end: Text


def is_herd(text: str) -> bool:
    """Say whether a text is in herd's format, by its first word: an architecture that herd knows."""
    if "(*" in text[:4096]:
        text = re.sub(r"\A(?:\s*\(\*.*?\*\))+", "", text, flags=re.DOTALL)
    found = _FIRST_WORD.match(text)
    return found is not None and found[1].lower() in (*OTHERS, *(each.lower() for each in ARCHITECTURES))


def sections(text: str, path: str) -> Sections:
    """Return the parts of a test. Raises InputError with the place of whatever is malformed."""
    source = Source(_without_comments(text, path), path)
    whole = source.at(0, 0)
    head = _HEAD.match(source.text)
    if not head:
        raise whole.error("no first line such as `X86_64 SB`: expected an architecture and the name of the test")
    architecture = source.at(head.start(1), head.end(1))
    if architecture.text.upper() not in ARCHITECTURES:
        raise architecture.error(
            f"a test for {architecture.text}: not supported; expected herd's {' or '.join(ARCHITECTURES)}"
        )
    information, opened = _information(source, head.end())
    if opened < 0:
        raise architecture.error("no initial state: expected `{ ... }` after the first lines, `{ }` if there is none")
    closed = _closing(source, opened)
    asked = _QUESTION.search(source.text, closed)
    middle = asked.start() if asked else len(source.text)
    threads, rows = _columns(source.tokens(closed + 1, middle), source.at(opened, closed))
    return Sections(
        architecture=architecture.text.upper(),
        name=Path(path).stem if head[2] == "--" else head[2],
        information=information,
        initial=source.tokens(opened + 1, closed),
        threads=threads,
        rows=rows,
        question=source.tokens(middle, len(source.text)),
        end=source.at(len(source.text.rstrip()), len(source.text.rstrip())),
    )


def with_information(text: str, key: str, value: str) -> str:
    """Return a test with one piece of information set."""
    head = _HEAD.match(_without_comments(text, ""))
    assert head
    first, rest = text[: head.end()], text[head.end() :]
    rest = re.sub(rf"^{re.escape(key)}=[^\r\n]*\r?\n", "", rest, count=1, flags=re.MULTILINE)
    return f"{first}\n{key}={value}\n{rest.lstrip()}"


def _without_comments(text: str, path: str) -> str:
    """Return a text with blanks for its comments, up to the `<<` of older tools."""
    kept: list[str] = []
    opened: list[int] = []
    start = 0
    for found in re.finditer(r'"[^"\n]*"|\(\*|\*\)|^[ \t]*<<', text, re.MULTILINE):
        sign = found[0]
        if sign == "(*":
            if not opened:
                kept.append(text[start : found.start()])
            opened.append(found.start())
        elif sign == "*)":
            if not opened:
                raise Source(text, path).at(found.start(), found.end()).error("`*)` ends no comment")
            began = opened.pop()
            if not opened:
                kept.append(re.sub(r"[^\r\n]", " ", text[began : found.end()]))
                start = found.end()
        elif not opened and sign.endswith("<<"):
            return "".join([*kept, text[start : found.start()]])
    if opened:
        where = Source(text, path).at(opened[0], opened[0] + 2)
        raise where.error("a comment without its end: expected `*)`")
    return "".join([*kept, text[start:]])


def _information(source: Source, at: int) -> tuple[dict[str, Text], int]:
    """Return the information before the initial state, and where that is opened, -1 if nowhere."""
    information: dict[str, Text] = {}
    while at < len(source.text):
        found = _INFORMATION.match(source.text, at)
        if found:
            information[found[1]] = source.at(found.start(2), found.end(2))
            at = found.end()
            continue
        ends = re.compile(r"[{\n]").search(source.text, at)
        if not ends:
            return information, -1
        if ends[0] == "{":
            return information, ends.start()
        at = ends.end()
    return information, -1


def _closing(source: Source, opened: int) -> int:
    depth = 0
    for found in re.compile(r"[{}]").finditer(source.text, opened):
        depth += 1 if found[0] == "{" else -1
        if depth == 0:
            return found.start()
    raise source.at(opened, opened + 1).error("an initial state without its end: expected `}`")


def _columns(tokens: list[Text], before: Text) -> tuple[list[Text], list[list[Cell]]]:
    """Return the names of the threads and the rows below them."""
    rows: list[list[list[Text]]] = []
    row: list[list[Text]] = [[]]
    for number, token in enumerate(tokens):
        if token.text == "|":
            row.append([])
        elif token.text != ";":
            row[-1].append(token)
        elif number == 0:
            continue
        elif not (row[-1] and row[-1][-1].text.lower() == "lock"):  # `LOCK; INC [x]` is one instruction
            rows.append(row)
            row = [[]]
    if any(row):
        raise next(cell for cell in row if cell)[0].error("a row of instructions without its end: expected `;`")
    if not rows:
        raise before.error("no threads: expected a row such as `P0 | P1 ;` after the initial state")
    threads = []
    for number, cell in enumerate(rows[0]):
        if len(cell) != 1 or cell[0].text != f"P{number}":
            where = cell[0] if cell else before
            raise where.error(f"expected the name of a thread, P{number}, in the first row of the program")
        threads.append(cell[0])
    for each in rows[1:]:
        if len(each) > len(threads):
            where = next((cell[0] for cell in each[len(threads) :] if cell), each[0][0] if each[0] else before)
            raise where.error(f"{len(each)} columns in this row: the program has {len(threads)} threads")
    return threads, [[*map(tuple, each), *[()] * (len(threads) - len(each))] for each in rows[1:]]
