"""Reads and writes of a word that are meant to belong together, and between which another thread changed the word.

A lost update is a store by what was read before another's store. An ABA is a compare-exchange that succeeds though
the word had other values since its thread read it. Both are causes where nothing is violated when the thread does it
all later. Where there is neither, two operations on one word decided an end if nothing is violated in the
same schedule with the earlier one put off until after the later.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from fencepost.model.explorer.counterfactual import put_off, put_off_steps
from fencepost.model.explorer.explain.stale import issued_at, reading, step_name, stores
from fencepost.model.explorer.states.formatting import act_words, address_words, value_words, word_is
from fencepost.model.explorer.states.state import Act
from fencepost.model.explorer.traces.run_trace import Run
from fencepost.model.memory.lazy import Entry
from fencepost.model.programs.operations import Address, CompareExchange, Poll, Store

PAIRS_MOST = 60  # that are turned round in the search for those that decided an end


class Access(NamedTuple):
    """What an act of a step did with a word."""

    step: int
    act: Act
    address: Address
    read: Any  # the value; NOT_READ for a store
    stored: Any  # the value; NOT_STORED for a load

    @property
    def thread(self) -> int:
        """Return whose act it was."""
        return self.act.thread

    @property
    def is_exchange(self) -> bool:
        """Say whether it compared the word before it stored."""
        return isinstance(self.act.what, CompareExchange)


NOT_READ = NOT_STORED = object()


class Interference(NamedTuple):
    """A read, the stores of others between, and the write that came of it."""

    read: Access
    between: tuple[Access, ...]
    write: Access

    def decides(self, made: Run) -> bool:
        """Say whether nothing is violated when the thread reads after the others' stores."""
        return put_off(made, self.read.thread, self.read.step, self.between[-1].step)

    def sentence(self, made: Run) -> str:
        """Say what was lost, or that the word is not what it was though it has its value."""
        name, address = made.system.threads[self.read.thread].name, self.read.address
        threads = dict.fromkeys(each.thread for each in self.between)
        others = " and ".join(self._stored_by(made, thread) for thread in threads)
        read = f"{step_name(self.read.step)}, {word_is(address, self.read.read)}"
        if self.write.is_exchange:
            return (
                f"{name}'s compare_exchange of {step_name(self.write.step)} found what it had read at {read}, though"
                f" {others} had been there between"
            )
        return (
            f"{name} stored {word_is(address, self.write.stored)} at {step_name(self.write.step)} by what it had read"
            f" at {read}: {others} came between and {'are' if len(self.between) > 1 else 'is'} lost"
        )

    def _stored_by(self, made: Run, thread: int) -> str:
        """Return what one of the others stored between, and at which steps."""
        stored = [each for each in self.between if each.thread == thread]
        values = listed([value_words(each.stored) for each in stored])
        steps = listed([str(each.step) for each in stored])
        return f"{made.system.threads[thread].name}'s {values} of step{'s' * (len(stored) > 1)} {steps}"


def listed(words: list[str]) -> str:
    """Return words as a sentence lists them."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def accesses(made: Run) -> list[Access]:
    """Return what a run did with words, in its order: what a step read, and all that it stored."""
    found = []
    for step, event in enumerate(made.events):
        read = reading(event) if step else None
        for place, act in enumerate(event.acts if step else ()):
            stored, own = stores(act), read if place == 0 else None
            if stored is None and own is None:
                continue
            address = stored[0] if stored is not None else own[0] if own is not None else ()
            found.append(
                Access(
                    step, act, address, own[1] if own is not None else NOT_READ,
                    stored[1] if stored is not None else NOT_STORED,
                )
            )  # fmt: skip
    return found


def interferences(made: Run) -> Iterator[Interference]:
    """Yield where another's store came between a thread's last read of a word and its write, by the reads' order."""
    done = accesses(made)
    found = []
    for write in done:
        atomic = not isinstance(write.act.what, Entry | Store | CompareExchange)
        if write.stored is NOT_STORED or atomic:
            continue
        mine = [each for each in done if (each.thread, each.address) == (write.thread, write.address)]
        before = [each for each in mine if _issued(made, each) < _issued(made, write)]
        read = max(before, key=lambda each: _issued(made, each), default=None)
        if read is None or read.read is NOT_READ or (read.stored is not NOT_STORED and not write.is_exchange):
            continue
        between = tuple(
            each
            for each in done
            if each.address == read.address
            and each.thread != read.thread
            and each.stored is not NOT_STORED
            and read.step < each.step < write.step
        )
        if between and (not write.is_exchange or any(each.stored != read.read for each in between)):
            found.append(Interference(read, between, write))
    yield from sorted(found, key=lambda each: each.read.step)


def _issued(made: Run, access: Access) -> tuple[int, int]:
    """Return a place in the order of a thread's own operations: that of a store is where it entered the buffer."""
    what = access.act.what
    if not isinstance(what, Entry):
        return access.step, -1
    return issued_at(made, access.thread, what), what.number


def overwriting(made: Run) -> tuple[Access, Access] | None:
    """Return two stores to a word that a thread waits on for ever: of what would have ended the wait, and the last one.

    Only such, of two threads, as put off until after the last one would have let the run end with nothing violated.
    """
    done = accesses(made)
    for node in made.states[-1].nodes:
        for each in node.operation.watched if isinstance(node.operation, Poll) else ():
            stored = [access for access in done if access.address == each.address and access.stored is not NOT_STORED]
            for earlier in reversed(stored[:-1]):
                is_lost = earlier.stored != each.seen and earlier.thread != stored[-1].thread
                if is_lost and put_off(made, earlier.thread, earlier.step, stored[-1].step):
                    return earlier, stored[-1]
    return None


def never_stored(made: Run) -> str:
    """Say of the words that threads wait on at the end since when nobody stores them; "" where no thread waits."""
    done = [access for access in accesses(made) if access.stored is not NOT_STORED]
    waited = [node.operation.watched for node in made.states[-1].nodes if isinstance(node.operation, Poll)]
    said = []
    for address in dict.fromkeys(each.address for watched in waited for each in watched):
        last = next((access for access in reversed(done) if access.address == address), None)
        since = "" if last is None else f" after {step_name(last.step)}"
        said.append(f"nobody stores {address_words(address)}{since}")
    return "".join(f"; {each}" for each in said)


def deciding_pair(made: Run) -> tuple[Access, Access] | None:
    """Return the last two operations of two threads on a word that violate nothing with the earlier one put off."""
    done = accesses(made)
    tried = 0
    for place in range(len(done) - 1, 0, -1):
        later = done[place]
        for earlier in reversed(done[:place]):
            same = earlier.address == later.address and earlier.thread != later.thread
            if not same or (earlier.stored is NOT_STORED and later.stored is NOT_STORED):
                continue
            tried += 1
            if tried > PAIRS_MOST:
                return None
            if put_off(made, earlier.thread, earlier.step, later.step):
                return earlier, later
            break
    return None


def pair_words(made: Run, earlier: Access, later: Access, between: str = "came before") -> str:
    """Say which two operations on which word decided the end, and what was tried with them."""
    did = [act_words(each.act) for each in (earlier, later)]
    first, then = (
        f"{made.system.threads[each.thread].name}'s {step_name(each.step)} ({words})"
        for each, words in zip((earlier, later), did, strict=True)
    )
    return f"{first} {between} {then}; {_tried(made, earlier, later)} nothing is violated"


def _tried(made: Run, earlier: Access, later: Access) -> str:
    """Say in which other schedule it was that nothing was violated: in this one alone, and not in any other."""
    moved = put_off_steps(made, earlier.thread, earlier.step, later.step)
    if later.step == earlier.step + 1:
        return "in this schedule, with these two exchanged,"
    name = made.system.threads[earlier.thread].name
    steps = step_name(moved[0]) if len(moved) == 1 else f"steps {moved[0]} to {moved[-1]}"
    return f"in this schedule, with {steps} of {name} put off until after {step_name(later.step)},"
