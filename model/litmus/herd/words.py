"""Words of memory as a test declares and uses them: their sizes, first values, and lines."""

from __future__ import annotations

from dataclasses import dataclass, field

from fencepost.model.errors import InputError
from fencepost.model.litmus.herd.registers import Register, integer, register
from fencepost.model.litmus.herd.sections import NAME, NUMBER
from fencepost.model.litmus.source import Text
from fencepost.model.memory import Line

_TYPES = {
    1: ("char", "int8_t", "uint8_t"), 2: ("short", "int16_t", "uint16_t"),
    4: ("int", "int32_t", "uint32_t", "unsigned"),
    8: ("long", "int64_t", "uint64_t", "intptr_t", "uintptr_t"),
}  # fmt: skip
TYPE_SIZES = {name: size for size, names in _TYPES.items() for name in names}


@dataclass(frozen=True)
class Address:
    """A register's content that is the address of a word."""

    word: str


@dataclass
class Words:
    """What is known of memory. `lines` are groups of words that share one; any other word has a line of its own."""

    native_size: int
    lines: dict[str, tuple[str, ...]] = field(default_factory=dict)
    initial: dict[str, int] = field(default_factory=dict)
    said: set[str] = field(default_factory=set)  # whose first value the file says
    sizes: dict[str, set[int]] = field(default_factory=dict)
    registers: dict[tuple[int, str], int | Address] = field(default_factory=dict)
    _places: dict[str, tuple[int, int]] = field(default_factory=dict)

    def share(self, line: str, words: tuple[str, ...]) -> None:
        """Put words into one line."""
        for index, word in enumerate(words):
            self._places[word] = (len(self.lines), index)
        self.lines[line] = words

    def place(self, word: str, size: int = 0) -> tuple[int, int]:
        """Return line and index of a word, and note that it is used with so many bytes."""
        if word not in self._places:
            unused = next(each for each in (word, *(f"{word}.{n}" for n in range(9))) if each not in self.lines)
            self.share(unused, (word,))
        if size:
            self.sizes.setdefault(word, set()).add(size)
        return self._places[word]

    def size(self, word: str) -> int:
        """Return the bytes that count in a word."""
        return min(self.sizes.get(word, {self.native_size}))

    def as_lines(self) -> tuple[Line, ...]:
        """Return the lines of the program."""
        return tuple(
            Line(name, words, tuple(self.initial.get(word, 0) for word in words)) for name, words in self.lines.items()
        )


def read_initial(tokens: list[Text], words: Words, thread_count: int) -> None:
    """Read an initial state such as `uint64_t x=1; 0:rax=y; int 1:EAX; z;`."""
    item: list[Text] = []
    for token in [*tokens, None]:
        if token is not None and token.text != ";":
            item.append(token)
        elif item:
            _read_item(item, words, thread_count)
            item = []


def _read_item(item: list[Text], words: Words, thread_count: int) -> None:
    texts = [each.text for each in item]
    equals = texts.index("=") if "=" in texts else len(texts)
    subject, value = [each for each in item[:equals] if each.text != "*"], item[equals + 1 :]
    if equals < len(texts) and not value:
        raise item[equals].error("expected a value after `=`")
    types: list[Text] = []
    while len(subject) > 1 and NAME.fullmatch(subject[0].text) and subject[1].text != ":":
        types.append(subject.pop(0))
        if subject[0].text == "[" and NUMBER.fullmatch(subject[1].text):
            raise types[-1].error("an array: not supported")
    if not subject:
        raise item[0].error(f"{' '.join(texts)}: expected a word or a register, such as x=1 or 0:EAX=1")
    size = max((TYPE_SIZES.get(each.text, 0) for each in types), default=0)
    thread, found, name = location(subject, words.native_size, thread_count)
    if found is not None:
        given = _value(value, words, found.size) if value else 0
        if words.registers.setdefault((thread, found.whole), given) != given:
            raise subject[0].error(f"a second initial value of {thread}:{found.text}")
        return
    if name in words.said and value:
        raise subject[0].error(f"a second initial value of {name!r}")
    words.place(name, size)
    given = _value(value, words, size or words.native_size) if value else words.initial.get(name, 0)
    if isinstance(given, Address):
        raise value[0].error(f"{name} holds an address: pointers in memory are not supported")
    words.initial[name] = given
    if value:
        words.said.add(name)


def location(tokens: list[Text], native_size: int, thread_count: int) -> tuple[int, Register | None, str]:
    """Return the thread and register, or -1 and the word, that `0:EAX`, `P0:EAX`, `x` or `[x]` names."""
    texts = [each.text for each in tokens]
    if len(texts) == 3 and texts[1] == ":":
        number = texts[0].removeprefix("P")
        if not number.isdecimal() or int(number) >= thread_count:
            raise tokens[0].error(f"undeclared thread {texts[0]}: the program has {thread_count}")
        found = register(texts[2], native_size)
        if found is None:
            raise tokens[2].error(f"{texts[2]} is no register")
        return int(number), found, ""
    if len(texts) == 3 and (texts[0], texts[2]) == ("[", "]"):
        tokens, texts = tokens[1:2], texts[1:2]
    if len(texts) == 1 and NAME.fullmatch(texts[0]) and not texts[0].startswith("%"):
        return -1, None, texts[0]
    raise tokens[0].error(f"{''.join(texts)}: expected a register such as 0:EAX or a word; nothing else is supported")


def _value(tokens: list[Text], words: Words, size: int) -> int | Address:
    texts = [each.text for each in tokens]
    if len(tokens) == 1 and NUMBER.fullmatch(texts[0]):
        return integer(tokens[0], size)
    if texts[0] == "&":
        texts = texts[1:]
    if len(texts) == 1 and NAME.fullmatch(texts[0]):
        words.place(texts[0])
        return Address(texts[0])
    raise unsupported(tokens, "this value is not supported")


def unsupported(tokens: list[Text], what: str) -> InputError:
    """Return the error about some tokens."""
    return tokens[0].error(f"{''.join(each.text for each in tokens)}: {what}")
