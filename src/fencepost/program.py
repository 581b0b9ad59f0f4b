"""Programs of one's own: a thread is a generator that yields memory operations and is sent their results.

    from fencepost.program import Program, ensure, flush, invalidate, load, store, store_fence, thread, wait_until

    DATA, FLAG = ("data", 0), ("flag", 0)          # (line, word): all but the last part name the line

    def writer():
        yield store(DATA, 7)
        yield flush(DATA)
        yield store_fence()
        yield store(FLAG, 1)
        yield flush(FLAG)

    def reader():
        yield wait_until(FLAG, lambda value: value == 1, fresh=True)
        yield invalidate(DATA)
        value = yield load(DATA)
        ensure(value == 7, f"{value} was read")

    mailbox = Program("mailbox", [thread(writer, host=0), thread(reader, host=1)])

`fencepost explore FILE.py` runs every schedule of it, and `fencepost.explore(mailbox)` the same from Python. Operations
take the address of a word; a flush takes the line that the word lies in.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

from fencepost.model.memory.ordering import Buffered
from fencepost.model.programs.operations import (
    Address,
    CompareExchange,
    DeviceAdd,
    Exchange,
    FetchAdd,
    Flush,
    FullFence,
    Load,
    LoadFence,
    Lock,
    Store,
    StoreFence,
    Unlock,
    line_of,
)
from fencepost.model.programs.structures.structure import PAUSE, Malformed, Pause, Steps, Unmet
from fencepost.model.programs.users.own import Program, Thread, address_of, amount_of, optional, thread, value_of
from fencepost.model.programs.users.unyielded import made
from fencepost.model.programs.users.users_code import is_truth_value, malformed, named, short

__all__ = [
    "Program", "Thread", "compare_exchange", "device_add", "ensure", "exchange", "fetch_add", "flush", "full_fence",
    "invalidate", "load", "load_fence", "lock", "optional", "pause", "store", "store_fence", "thread", "unlock",
    "wait_until", "write_back",
]  # fmt: skip


def load(address: Address) -> Load:
    """Read a word, of which the host may have a copy that is old. Result: its value."""
    return made(Load(address_of(address)))


def store(address: Address, value: Hashable, *, streaming: bool = False) -> Store:
    """Write a word into the host's cache; with `streaming` past it, to memory. Result: 0."""
    return made(Store(address_of(address), value_of(value), streaming=streaming))


def fetch_add(address: Address, amount: int) -> FetchAdd:
    """Add to a word in one step, atomic among the threads of one host alone. Result: the value before."""
    return made(FetchAdd(address_of(address), amount_of(amount)))


def exchange(address: Address, value: Hashable) -> Exchange:
    """Replace a word in one step, atomic among the threads of one host alone. Result: the value before."""
    return made(Exchange(address_of(address), value_of(value)))


def compare_exchange(address: Address, expected: Hashable, desired: Hashable) -> CompareExchange:
    """Replace `expected` by `desired`, atomic among the threads of one host alone. Result: the value before."""
    return made(CompareExchange(address_of(address), value_of(expected), value_of(desired)))


def device_add(address: Address, amount: int) -> DeviceAdd:
    """Add to a word at the memory device, past all caches, atomic among all hosts. Result: the value before."""
    return made(DeviceAdd(address_of(address), amount_of(amount)))


def lock(address: Address) -> Lock:
    """Take a lock of this host, waiting until it is free. Result: 0."""
    return made(Lock(address_of(address)))


def unlock(address: Address) -> Unlock:
    """Give a lock back. Result: 0."""
    return made(Unlock(address_of(address)))


def flush(address: Address) -> Flush:
    """Write the line of a word back and drop the host's copy (clflushopt); a fence says when. Result: 0."""
    return made(Flush(line_of(address_of(address))))


def write_back(address: Address) -> Flush:
    """Write the line of a word back and keep the copy (clwb); a fence says when. Result: 0."""
    return made(Flush(line_of(address_of(address)), Buffered.WB))


def store_fence() -> StoreFence:
    """Let stores and flushes before it take effect before those after it (sfence). Result: 0."""
    return made(StoreFence())


def full_fence() -> FullFence:
    """Go on when all stores and flushes before it have taken effect (mfence). Result: 0."""
    return made(FullFence())


def load_fence() -> LoadFence:
    """Let loads before it be done before those after it (lfence). Result: 0."""
    return made(LoadFence())


def invalidate(address: Address) -> Steps:
    """Drop the host's copy of the line of a word, so that the next load finds what memory has: flush, full fence."""
    return made(_invalidating(Flush(line_of(address_of(address)))))


def _invalidating(dropping: Flush) -> Steps:
    yield dropping
    yield FullFence()
    return 0


_invalidating.__name__ = "invalidate"


def wait_until(address: Address, condition: Callable[[Any], bool], *, fresh: bool = False) -> Steps:
    """Look at a word until a condition holds of its value. Result: that value.

    With `fresh` the host's copy is dropped before each look; without, a copy may hide what memory has for ever.
    """
    if not callable(condition):
        raise malformed(
            f"{condition!r} is no condition: expected a function of a value, such as lambda value: value > 0"
        )
    return made(_waiting(address_of(address), condition, fresh))


def _waiting(address: Address, condition: Callable[[Any], bool], fresh: bool) -> Steps:
    while True:
        if fresh:
            yield from _invalidating(Flush(line_of(address)))
        value = yield Load(address)
        holds = condition(value)
        if not is_truth_value(holds):
            raise Malformed(
                f"the condition of wait_until, {named(condition)}, returns {short(holds)} for {short(value)}:"
                " expected True or False, such as of lambda value: value > 0"
            )
        if holds:
            return value
        yield Pause(address)  # what the thread looked at before it came here ends no wait


def pause() -> Pause:
    """Wait, in a loop, until one of the words that were looked at since the last pause changes."""
    return PAUSE


def ensure(condition: bool, sentence: str = "") -> None:
    """Report the violation `ensured`, with a sentence that says what is wrong, where a condition does not hold.

    Raises InputError where there is no sentence, and for a condition that is no truth value, such as a tuple.
    """
    if not isinstance(sentence, str) or not sentence.strip():
        raise malformed(f'ensure has the sentence {sentence!r}: expected ensure(condition, "sentence")')
    if not is_truth_value(condition):
        raise malformed(f"the condition of ensure is {short(condition)}: expected True or False, such as of value == 7")
    if not condition:
        raise Unmet(sentence)
