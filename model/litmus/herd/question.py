"""What a test asks: `exists`, `~exists` or `forall` with a proposition, after `locations` and `filter`.

Binds strongest first: not, =>, /\\, \\/. The older forms are `final (...)` with `with tso: ~exists; ...`, and
`Observed ... and ...`, a list of final states.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from typing import TypeAlias

from fencepost.model.litmus.herd.registers import ORDER, Register, integer, signed
from fencepost.model.litmus.herd.sections import NAME, NUMBER
from fencepost.model.litmus.herd.words import Address, Words, location, unsupported
from fencepost.model.litmus.source import Text

DEEPEST = 100  # propositions inside each other


class Quantifier(StrEnum):
    """What is claimed of the proposition."""

    EXISTS = "exists"
    NOT_EXISTS = "~exists"
    FORALL = "forall"


@dataclass(frozen=True)
class Place:
    """A register of a thread (`register` is set), or a word of memory."""

    thread: int
    name: str
    register: Register | None = None

    @cached_property
    def text(self) -> str:
        return f"{self.thread}:{self.name}" if self.register else f"[{self.name}]"


@dataclass(frozen=True)
class Equal:
    """A place has a value at the end."""

    place: Place
    value: int | Address
    equal: bool = True


@dataclass(frozen=True)
class Not:
    inner: Proposition


@dataclass(frozen=True)
class All:
    parts: tuple[Proposition, ...]


@dataclass(frozen=True)
class Any:
    parts: tuple[Proposition, ...]


Proposition: TypeAlias = Equal | Not | All | Any
TRUE, FALSE = All(()), Any(())


@dataclass
class Question:
    """What is asked, and which places are shown of each final state; `asks` is False where nothing is."""

    quantifier: Quantifier = Quantifier.FORALL
    proposition: Proposition = TRUE
    filter: Proposition = TRUE
    shown: list[Place] = field(default_factory=list)
    asks: bool = True

    def places(self) -> tuple[Place, ...]:
        """Return every place that matters, those of the filter included."""
        return tuple(dict.fromkeys([*self.shown, *_places(self.proposition), *_places(self.filter)]))

    def observed(self) -> tuple[Place, ...]:
        """Return what a final state shows: what the proposition names and what `locations` lists, registers first."""

        def order(place: Place) -> tuple[bool, int, int, str]:
            known = ORDER.get(place.register.whole, len(ORDER)) if place.register else 0
            return place.register is None, place.thread, known, place.name

        return tuple(sorted({*self.shown, *_places(self.proposition)}, key=order))


def _places(proposition: Proposition) -> list[Place]:
    if isinstance(proposition, Equal):
        return [proposition.place]
    parts = (proposition.inner,) if isinstance(proposition, Not) else proposition.parts
    return [place for part in parts for place in _places(part)]


class QuestionReader:
    """Reads the tokens behind the program."""

    def __init__(self, tokens: list[Text], end: Text, words: Words, thread_count: int) -> None:
        self._tokens, self._end, self._words, self._thread_count = list(tokens), end, words, thread_count
        self._depth = 0

    def question(self) -> Question:
        """Return the question. Raises InputError with the place of whatever is malformed."""
        asked = Question()
        if self._next() == "locations":
            asked.shown = self._locations()
        if self._next() == "filter":
            self._take()
            asked.filter = self._any()
        self._constraint(asked)
        while self._next() == ";":
            self._take()
        if self._next() == "with":
            self._take()
            self._kinds(asked)
        if self._tokens:
            raise self._tokens[0].error(f"{self._tokens[0].text!r}: expected the end of the condition")
        return asked

    def _next(self) -> str:
        return self._tokens[0].text if self._tokens else ""

    def _take(self, *expected: str) -> Text:
        token = self._tokens.pop(0) if self._tokens else self._end
        if expected and token.text not in expected:
            found = repr(token.text) if token.text else "the end of the file"
            raise token.error(f"{found}: expected {' or '.join(expected)}")
        return token

    def _constraint(self, asked: Question) -> None:
        word = self._next()
        if not word:
            asked.asks = False
            return
        if word in ("~", "not"):
            self._take()
            self._take("exists")
            asked.quantifier = Quantifier.NOT_EXISTS
        elif word in ("observed", "Observed"):
            self._take()
            asked.quantifier, asked.proposition = Quantifier.EXISTS, self._observed()
            return
        elif word != "(":
            self._take("exists", "forall", "final")
            asked.quantifier = Quantifier.FORALL if word == "forall" else Quantifier.EXISTS
        else:
            asked.quantifier = Quantifier.EXISTS
        asked.proposition = self._any()

    def _kinds(self, asked: Question) -> None:
        """Read `tso: ~exists; default: exists`; what is said of tso, or else by default, holds here."""
        kinds: dict[str, Quantifier] = {}
        while self._tokens:
            name = self._take().text
            self._take(":")
            denied = self._next() in ("~", "not")
            if denied:
                self._take()
            word = self._take("exists", "forall").text
            kinds[name] = Quantifier(f"~{word}") if denied and word == "exists" else Quantifier(word)
            while self._next() == ";":
                self._take()
        asked.quantifier = kinds.get("tso", kinds.get("default", asked.quantifier))

    def _locations(self) -> list[Place]:
        self._take("locations")
        self._take("[")
        places: list[Place] = []
        while self._next() != "]":
            item: list[Text] = []
            while self._next() not in (";", "]"):
                token = self._take_something("]")
                item += [token, self._take(), self._take("]")] if token.text == "[" else [token]
            if self._next() == ";":
                self._take()
            if item:
                places.append(self._place(_untyped(item)))
        self._take("]")
        return places

    def _take_something(self, ending: str) -> Text:
        if not self._tokens:
            self._take(ending)
        return self._take()

    def _observed(self) -> Proposition:
        states: list[Proposition] = []
        while True:
            state: list[Proposition] = []
            while self._tokens and self._next() != "and":
                state.append(self._equal())
                self._take(";")
            states.append(All(tuple(state)))
            if self._next() != "and":
                return Any(tuple(states))
            self._take()

    # --- propositions ---

    def _any(self) -> Proposition:
        return self._chain("\\/", self._all, Any)

    def _all(self) -> Proposition:
        return self._chain("/\\", self._implication, All)

    def _chain(
        self, sign: str, part: Callable[[], Proposition], joined: Callable[[tuple[Proposition, ...]], Proposition]
    ) -> Proposition:
        parts = [part()]
        while self._next() == sign:
            self._take()
            parts.append(part())
        return parts[0] if len(parts) == 1 else joined(tuple(parts))

    def _implication(self) -> Proposition:
        left = self._unary()
        if self._next() != "=>":
            return left
        self._take()
        return Any((Not(left), self._implication()))

    def _unary(self) -> Proposition:
        word = self._next()
        self._depth += 1
        if self._depth > DEEPEST:
            raise self._take().error(f"more than {DEEPEST} propositions inside each other")
        if word in ("~", "not"):
            self._take()
            found: Proposition = Not(self._unary())
        elif word == "(":
            self._take()
            found = self._any()
            self._take(")")
        elif word in ("true", "false"):
            self._take()
            found = TRUE if word == "true" else FALSE
        else:
            found = self._equal()
        self._depth -= 1
        return found

    def _equal(self) -> Proposition:
        left: list[Text] = []
        while self._tokens and self._next() not in ("=", "==", "!=", "<>", ")", ";", "/\\", "\\/"):
            left.append(self._take())
        if not left:
            raise self._take().error("expected a register such as 0:EAX, or a word")
        place = self._place(left)
        sign = self._take("=", "==", "!=", "<>")
        token = self._take()
        if token.text == "&":
            token = self._take()
        if NUMBER.fullmatch(token.text):
            size = abs(place.register.size) if place.register else 8
            return Equal(place, integer(token, size), sign.text in ("=", "=="))
        if not NAME.fullmatch(token.text) or token.text.startswith("%"):
            raise token.error(f"{token.text!r}: expected a constant or the name of a word")
        return Equal(place, Address(token.text), sign.text in ("=", "=="))

    def _place(self, tokens: list[Text]) -> Place:
        thread, register, word = location(tokens, self._words.native_size, self._thread_count)
        if register is not None:
            return Place(thread, register.text, register)
        if not word:
            raise unsupported(tokens, "expected a register or a word")
        self._words.place(word)
        return Place(-1, word)


def fitted(proposition: Proposition, words: Words) -> Proposition:
    """Return a proposition with its constants as the words hold them: 255 in one byte is -1."""
    if isinstance(proposition, Not):
        return Not(fitted(proposition.inner, words))
    if isinstance(proposition, Equal):
        if proposition.place.register or isinstance(proposition.value, Address):
            return proposition
        return replace(proposition, value=signed(proposition.value, words.size(proposition.place.name)))
    return replace(proposition, parts=tuple(fitted(part, words) for part in proposition.parts))


def _untyped(item: list[Text]) -> list[Text]:
    """Return a location without the type behind it, as in `0:rax int*`."""
    if item[-1].text == "*":
        item = item[:-1]
    return item[:-1] if len(item) in (2, 4) and NAME.fullmatch(item[-1].text) and item[-2].text != ":" else item


def spelled(proposition: Proposition, *, inside: str = "") -> str:
    """Return a proposition as herd prints it; `inside` is the sign around it."""
    if isinstance(proposition, Equal):
        value = proposition.value.word if isinstance(proposition.value, Address) else proposition.value
        text = f"{proposition.place.text}={value}"
        return text if proposition.equal else f"not ({text})"
    if isinstance(proposition, Not):
        return f"not ({spelled(proposition.inner)})"
    if not proposition.parts:
        return "true" if isinstance(proposition, All) else "false"
    sign = "/\\" if isinstance(proposition, All) else "\\/"
    text = f" {sign} ".join(spelled(part, inside=sign) for part in proposition.parts)
    return f"({text})" if inside == "/\\" and sign == "\\/" else text
