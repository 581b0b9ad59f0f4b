"""Lines, words, operations and steps as a reader wants them: `header 0 1 . guard = 2`."""

from __future__ import annotations

from typing import Any

from fencepost.model.explorer.states.state import THREAD, Act, Actor
from fencepost.model.explorer.states.system import System
from fencepost.model.memory.lazy import Choice, Entry
from fencepost.model.memory.lines import Line
from fencepost.model.memory.ordering import Buffered
from fencepost.model.programs.operations import (
    Address,
    Attempted,
    CompareExchange,
    DeviceAdd,
    Exchange,
    FetchAdd,
    Flush,
    FullFence,
    Load,
    LoadFence,
    Lock,
    Operation,
    Poll,
    Prefetch,
    Receive,
    Send,
    Sleep,
    Store,
    StoreFence,
    Unlock,
    Witness,
    line_of,
)
from fencepost.model.trace import Step

FLUSH_WORDS = {Buffered.FL: "clflush", Buffered.FO: "clflushopt", Buffered.WB: "clwb"}


def line_words(line: Line) -> str:
    """Return the name of a line."""
    return " ".join(map(str, line))


def address_words(address: Address) -> str:
    """Return the name of a word; one that has a line of its own by that name, as in litmus files, is not said twice."""
    line, word = line_of(address), address[-1]
    return str(word) if line == (word,) else f"{line_words(line)} . {word}"


def value_words(value: Any) -> str:
    """Return a value of a word, without blanks so that it stays on one line."""
    return str(value).replace(" ", "")


def word_is(address: Address, value: Any) -> str:
    """Say what a word holds."""
    return f"{address_words(address)} = {value_words(value)}"


def operation_words(operation: Operation) -> str:
    """Return an operation before it has a result."""
    match operation:
        case Load(address):
            return f"load {address_words(address)}"
        case Store(address, value):
            return f"{'store past the cache' if operation.streaming else 'store'} {word_is(address, value)}"
        case FetchAdd(address, amount):
            return f"fetch_add {address_words(address)} + {amount}"
        case DeviceAdd(address, amount):
            return f"device_add {address_words(address)} + {amount}"
        case CompareExchange(address, expected, desired):
            return f"compare_exchange {address_words(address)} from {value_words(expected)} to {value_words(desired)}"
        case Exchange(address, value):
            return f"exchange {word_is(address, value)}"
        case Lock(address):
            return f"lock {address_words(address)}"
        case Unlock(address):
            return f"unlock {address_words(address)}"
        case Flush(line, kind):
            return f"{FLUSH_WORDS[kind]} {line_words(line)}"
        case Prefetch(line):
            return f"prefetch {line_words(line)}"
        case StoreFence():
            return "sfence"
        case FullFence():
            return "mfence"
        case LoadFence():
            return "lfence"
        case _:
            return _other_words(operation)


def _other_words(operation: Operation) -> str:
    match operation:
        case Poll(watched):
            seen = " or ".join(
                f"{address_words(each.address)} != {value_words(each.seen)}{', invalidated' if each.invalidate else ''}"
                for each in watched
            )
            return f"poll until {seen}"
        case Send(channel, message):
            return f"send {value_words(message)} {line_words(channel)}"
        case Receive(channel):
            return f"receive {line_words(channel)}"
        case Sleep(until_ns):
            return f"sleep until {until_ns} ns"
        case Attempted(ring, index, outcome):
            return f"done with index {index} of ring {ring}: {outcome}"
        case Witness(step):
            return step_words(step)
        case _:
            return type(operation).__name__.lower()


def entry_words(entry: Entry) -> str:
    """Return an entry of a store buffer."""
    return "sfence" if entry.kind is Buffered.SF else operation_words(entry.origin)


def step_words(step: Step) -> str:
    """Return a step of the spec or of the contract."""
    return f"[{step}]"


def ordered_words(step: Step) -> str:
    """Return what an assign says: which batch, and the range it has from then on."""
    given = step.arguments
    end = given["start"] + given["count"] - 1
    return f"client {given['client']} batch {given['seq']} at {given['start']}..{end}"


def act_words(act: Act) -> str:
    """Return what was done, with its result and the step that it was."""
    step = f" {step_words(act.step)}" if act.step is not None and not isinstance(act.what, Witness) else ""
    if isinstance(act.what, Entry):
        return f"drains: {entry_words(act.what)}{step}"
    match act.what:
        case Poll(watched):
            index, value = act.result
            dropped = " (invalidated)" if watched[index].invalidate else ""
            return f"poll{dropped} {address_words(watched[index].address)} -> {value_words(value)}{step}"
        case CompareExchange(expected=expected):
            lost = "" if act.result == expected else f", found {value_words(act.result)}"
            return f"{operation_words(act.what)}{lost}{step}"
        case Load() | FetchAdd() | DeviceAdd() | Exchange() | Receive():
            return f"{operation_words(act.what)} -> {value_words(act.result)}{step}"
        case _:
            return f"{operation_words(act.what)}{step}"


def choice_words(choice: Choice) -> str:
    """Return what memory chose for a step; nothing where there is nothing to choose."""
    match choice:
        case ("copy", place):
            return f"version {place} of the line"
        case ("own",):
            return "the host's own"
        case ("forwarded",):
            return "from its store buffer"
        case ("evict", owners) if owners:
            return f"after an eviction by host {', '.join(map(str, owners))}"
        case (int() as index, tuple() as inner):
            return f"watched word {index}, {choice_words(inner)}"
    return ""


def actor_words(system: System, actor: Actor) -> str:
    """Return who goes: a thread, or an entry of its store buffer."""
    thread, number = actor
    if thread < 0:
        return "everybody"
    name = system.threads[thread].name
    return name if number == THREAD else f"{name}, entry {number} of its store buffer"
