"""Programs of one's own: threads as generators, what they ensure, what must hold of what they return.

A thread yields operations and is sent their results. An address is a tuple whose last part is the word and whose other
parts are the line of 64 bytes that the word lies in. What is here makes a `Structure` of that, which the explorer runs.
"""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Generator, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fencepost.model.errors import InputError
from fencepost.model.programs.operations import (
    Address,
    Flush,
    FullFence,
    Line,
    LoadFence,
    Lock,
    Operation,
    StoreFence,
    ThreadOf,
    Unlock,
    line_of,
)
from fencepost.model.programs.structures.structure import (
    ENSURED,
    PAUSE,
    Laid,
    Malformed,
    Pause,
    Returned,
    Steps,
    Structure,
    Unmet,
    never_ended,
)
from fencepost.model.programs.structures.structure import (
    thread as pausing,
)
from fencepost.model.programs.users.insertions import Insertions
from fencepost.model.programs.users.unyielded import (
    Noted,
    made,
    noting,
    refuse_dropped,
    refuse_idle_calls,
    refuse_left,
    unnote,
    used,
)
from fencepost.model.programs.users.users_code import (
    Yielded,
    malformed,
    named,
    place_of,
    short,
    standing,
    stands,
    users_frame,
)

ABLATED = (Flush, StoreFence, FullFence, LoadFence)
"""What may be optional: the operations that change no word and find none."""


@dataclass(frozen=True, order=True)
class Mark:
    """An optional operation: where it stands, and in words."""

    file: str
    line: int
    instruction: int
    text: str


@dataclass(frozen=True)
class Optional:
    """An operation, or steps, that an ablation leaves out; see `optional`."""

    operation: Operation | Steps
    mark: Mark


@dataclass(frozen=True)
class Thread:
    """A thread of a program: see `thread`."""

    begin: Callable[..., Iterator[Any]]
    arguments: tuple[Any, ...]
    host: int
    name: str
    daemon: bool


@dataclass(frozen=True)
class Program:
    """Threads on hosts, the words that they find, and what must hold when they have ended.

    `initial` says what words hold at first (0 where nothing is said). `judge` is called with what each thread returned,
    in their order, and ensures what must hold of that; it returns None, and anything else is refused when a run ends. A
    daemon that has not ended gives None. A thread that waits for
    ever and is no daemon is a violation (`drained`). With `single_writer`, two hosts that store to one line are one.

        mailbox = Program("mailbox", [thread(writer), thread(reader, host=1)])

    Raises InputError for threads that are none, an initial word whose address is none, and a judge that does not take
    one value a thread.
    """

    name: str
    threads: Sequence[Thread]
    judge: Callable[..., None] | None = None
    initial: Mapping[Address, Hashable] = field(default_factory=dict)
    single_writer: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise InputError(f"the name of a program is {self.name!r}: expected a string, and the threads after it")
        if not isinstance(self.threads, Sequence) or not self.threads:
            raise InputError(f"{self.name}: threads is {self.threads!r}: expected a list of thread(...)")
        for each in self.threads:
            if not isinstance(each, Thread):
                raise InputError(f"{self.name}: {each!r} is no thread: expected thread(function, host=0)")
        if not isinstance(self.initial, Mapping):
            raise InputError(f"{self.name}: initial is {short(self.initial)}: expected a dict of addresses and values")
        for name, given in (
            ("single_writer", self.single_writer),
            *((each.name, each.daemon) for each in self.threads),
        ):
            if not isinstance(given, bool):
                what = name if name == "single_writer" else f"daemon of {name}"
                raise InputError(f"{self.name}: {what} is {short(given)}: expected True or False")
        if self.judge is not None and not callable(self.judge):
            raise InputError(
                f"{self.name}: its judge is {short(self.judge)}: expected a function of what threads return"
            )
        for address, value in self.initial.items():
            address_of(address)
            value_of(value)
        if self.judge is not None:
            try:
                inspect.signature(self.judge).bind(*self.threads)
            except TypeError as error:
                raise InputError(
                    f"{self.name}: its judge cannot be called with {len(self.threads)} values, one a thread: {error}"
                ) from None

    @property
    def is_one_host(self) -> bool:
        """Whether all its threads are on one host."""
        return len(self.hosts) == 1

    @property
    def hosts(self) -> list[int]:
        """The numbers of the hosts that its threads are on."""
        return sorted({each.host for each in self.threads})

    def structure(
        self,
        without: frozenset[Mark] = frozenset(),
        met: set[Mark] | None = None,
        insertions: Insertions | None = None,
    ) -> Structure:
        """Return what the explorer runs: all but the optional operations `without`; those met are added to `met`.

        Where there are `insertions`, with these.
        """
        for each in self.threads:
            refuse_idle_calls(each.begin)
        counts = Counter(each.name for each in self.threads)
        threads = []
        for number, each in enumerate(self.threads):
            name = each.name if counts[each.name] == 1 else f"{each.name} #{number}"
            threads.append(pausing(name, each.host, _begun(each, without, met, insertions)))
        return Structure(
            self.name, "", (), self._lines(), tuple(threads), self._wrong(tuple(threads)), self._size(),
            single_writer=self.single_writer,
        )  # fmt: skip

    def _lines(self) -> tuple[Laid, ...]:
        lines: dict[Line, dict[str | int, Hashable]] = {}
        for address, value in self.initial.items():
            lines.setdefault(line_of(address), {})[address[-1]] = value
        return tuple(Laid(line, tuple(map(str, words)), words) for line, words in lines.items())

    def _size(self) -> str:
        hosts = len({each.host for each in self.threads})
        threads = len(self.threads)
        return f"{threads} thread{'s' * (threads > 1)} on {hosts} host{'s' * (hosts > 1)}"

    def _wrong(self, threads: tuple[ThreadOf, ...]) -> Callable[[Returned], tuple[str, str] | None]:
        def wrong(returned: Returned) -> tuple[str, str] | None:
            asked = [number for number, each in enumerate(self.threads) if not each.daemon]
            waiting = never_ended(tuple(threads[n] for n in asked), tuple(returned[n] for n in asked))
            if waiting is not None or self.judge is None:
                return waiting
            noted: list[Noted] = []
            try:
                with noting(noted):
                    found = self.judge(*(values and values[0] for values in returned))
            except Unmet as unmet:
                return ENSURED, f"at the end of the run: {unmet}"
            if found is not None:
                raise Malformed(
                    f"{self.name}: its judge, {named(self.judge)}, returns {short(found)}, which says nothing:"
                    ' expected that it returns None and says what must hold by ensure(condition, "sentence")'
                )
            refuse_left(noted)
            return None

        return wrong


def thread(
    begin: Callable[..., Iterator[Any]], *arguments: Any, host: int = 0, name: str = "", daemon: bool = False
) -> Thread:
    """Return a thread of a program: a generator function, what it is called with, and the number of its host.

    A daemon may wait for ever. A name is made of the function's and its arguments. Raises InputError for a host that is
    no number from 0, and for what is no generator function.
    """
    if type(host) is not int or host < 0:
        raise InputError(f"host is {host!r}: expected a number from 0")
    if not callable(begin):
        raise InputError(f"{begin!r} is no function: expected a generator function, and not what it returns")
    said = ", ".join(map(str, arguments))
    called = getattr(begin, "__name__", type(begin).__name__)
    return Thread(begin, arguments, host, name or (f"{called}({said})" if arguments else called), daemon)


def _begun(
    given: Thread, without: frozenset[Mark], met: set[Mark] | None, insertions: Insertions | None
) -> Callable[[], Steps]:
    """Return how a thread is begun. What it returns is wrapped, as nothing stands for a thread that has not ended."""

    def begin() -> Steps:
        program = given.begin(*given.arguments)
        if not isinstance(program, Generator):
            raise Malformed(f"{given.name} returns {short(program)}: expected a generator, a function with a `yield`")
        return (yield from _returning(program, Taken(), without, met, insertions))

    return begin


def _returning(program: Yielded, taken: Taken, *how: Any) -> Steps:
    returned = yield from _driven(program, taken, *how)
    refuse_left(taken.made)
    return (returned,)


class Taken:
    """What is known of a thread: the operations that it made and has not yielded, and the locks that it holds."""

    def __init__(self) -> None:
        self.made: list[Noted] = []
        self.locks: set[Address] = set()

    def after(self, program: Yielded, result: Any) -> Any:
        """Return what a generator of the thread yields next. Raises Malformed for what it made and dropped."""
        try:
            with noting(self.made):
                yielded = program.send(result)
        except StopIteration:
            refuse_dropped(self.made)
            raise
        used(self.made, yielded)
        refuse_dropped(self.made)
        return yielded

    def refuse_unlock(self, program: Yielded, operation: Operation) -> None:
        """Keep the locks that the thread holds. Raises Malformed where it gives one back that it does not hold."""
        if isinstance(operation, Lock):
            self.locks.add(operation.address)
        elif isinstance(operation, Unlock):
            if operation.address not in self.locks:
                raise Malformed(
                    f"{stands(program)} unlocks {operation.address}, which this thread has not locked:"
                    " expected `yield lock(address)` before it"
                )
            self.locks.remove(operation.address)


def _driven(
    program: Yielded,
    taken: Taken,
    without: frozenset[Mark],
    met: set[Mark] | None,
    insertions: Insertions | None,
    outer: Yielded | None = None,
) -> Steps:
    """Yield the operations of a thread and of the steps that it yields, without those that are left out.

    Insertions stand in the user's code: beside steps of fencepost, such as `wait_until`, where the `outer` one is.
    """
    result: Any = None
    last: Operation | Pause = PAUSE
    while True:
        try:
            yielded = taken.after(program, result)
        except StopIteration as stopped:
            return stopped.value
        if isinstance(yielded, Optional):
            if met is not None:
                met.add(yielded.mark)
            if yielded.mark in without:
                result = 0
                continue
            yielded = yielded.operation
        if isinstance(yielded, Generator):
            result = yield from _driven(yielded, taken, without, met, insertions, program)
        elif isinstance(yielded, Operation | Pause):
            if not isinstance(yielded, Pause):
                taken.refuse_unlock(program, yielded)
            frame = standing(program, outer) if insertions is not None else None
            if insertions is not None and frame is not None:
                for each in insertions.before(frame, yielded, last):
                    result = yield each
            result = yield yielded
            last = yielded
            if insertions is not None and frame is not None:
                for each in insertions.behind(frame, yielded):
                    _ = yield each
        else:
            raise Malformed(f"{stands(program)} yields {short(yielded)}: expected an operation of fencepost.program")


def address_of(given: Any) -> Address:
    """Return an address. Raises InputError, with the user's line, where it is none."""
    if not isinstance(given, tuple) or len(given) < 2 or not all(type(part) in (str, int) for part in given):
        raise malformed(
            f"{short(given)} is no address: expected a tuple of names and numbers, of its line and its word,"
            ' such as ("mailbox", "flag") or ("slot", 3, "sequence")'
        )
    return given


LEAST, MOST = -(2**63), 2**64 - 1
"""What 64 bits hold, with a sign or without."""


def value_of(given: Any) -> Hashable:
    """Return a value that a word can hold. Raises InputError, with the user's line, for another."""
    if isinstance(given, tuple):
        return tuple(value_of(each) for each in given)
    if type(given) not in (int, bool) or not LEAST <= given <= MOST:
        raise malformed(f"{short(given)} cannot be in a word: expected a number of 64 bits, or a tuple of such numbers")
    return given  # type: ignore[no-any-return]  # it is a number


def amount_of(given: Any) -> int:
    """Return what can be added to a word. Raises InputError, with the user's line, for what is no number of 64 bits."""
    if type(given) is not int or not LEAST <= given <= MOST:
        raise malformed(f"{short(given)} cannot be added: expected a whole number of 64 bits")
    return given


def optional(operation: Operation | Steps) -> Optional:
    """Mark a flush, a fence or an invalidation, so that `fencepost ablate` asks whether it is needed.

    Raises InputError for another operation.
    """
    frame = users_frame()
    assert frame is not None
    unnote(operation)
    if isinstance(operation, Generator):
        words = getattr(operation, "__name__", "steps")
        operation = _fencing(operation, place_of(frame))
    elif isinstance(operation, ABLATED):
        words = {Flush: "flush", StoreFence: "store_fence", FullFence: "full_fence", LoadFence: "load_fence"}[
            type(operation)
        ]
        if isinstance(operation, Flush) and operation.kind.name == "WB":
            words = "write_back"
    else:
        raise malformed(f"{short(operation)} cannot be optional: expected a flush, a fence or invalidate(...)")
    code = frame.f_code
    return made(
        Optional(operation, Mark(code.co_filename, frame.f_lineno, frame.f_lasti, f"{place_of(frame)}: {words}"))
    )


def _fencing(steps: Steps, place: str) -> Steps:
    """Yield steps that may be left out: flushes and fences."""
    for operation in steps:
        if not isinstance(operation, ABLATED):
            raise Malformed(f"{place}: {short(operation)} cannot be optional: expected flushes and fences alone")
        yield operation
    return 0
