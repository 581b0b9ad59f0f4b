"""Examples drawn by Hypothesis, in chunks that processes can share; a failing one is made as small as it gets.

A chunk is a search of its own, with a seed that follows from the run's seed and the chunk's number: which process does
it, and when, makes no difference. The run's finding is that of the first chunk that has one.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, NamedTuple, Protocol

from hypothesis import HealthCheck, Phase, find, settings
from hypothesis.configuration import set_hypothesis_home_dir
from hypothesis.errors import NoSuchExample
from hypothesis.strategies import SearchStrategy

from fencepost.comparing.kept import keep, kept, user_folder
from fencepost.model.errors import InputError

VAIN_ROUNDS_MOST = 3
"""Searches in a row that draw nothing new before it is said that there are no other examples."""
SHRINKS_MOST = 1_000
"""Runs that Hypothesis may spend on making one failing example smaller; a count, as time would make minima differ."""


@dataclass(frozen=True)
class Failed:
    """Why an example failed: the promise or comparison, in words, and how large it is: steps, then batches."""

    property: str
    sentence: str
    size: tuple[int, int]


class Drawn(NamedTuple):
    """How large an example was, or the largest of some: clients, batches of one client, rings."""

    clients: int = 0
    batches: int = 0
    rings: int = 0

    def __str__(self) -> str:
        return f"up to {self.clients} clients, {self.batches} batches of one client, {self.rings} rings"


def drawn(rows: Iterable[tuple[int, int, int]]) -> Drawn:
    """Return how large an example is that has (ring, client, seq) in its rows."""
    rings: set[int] = set()
    sent: dict[int, set[int]] = {}
    for ring, client, seq in rows:
        rings.add(ring)
        sent.setdefault(client, set()).add(seq)
    return Drawn(len(sent), max(map(len, sent.values()), default=0), len(rings))


@dataclass(frozen=True)
class Tried:
    """What came of one example."""

    failed: Failed | None
    operations: int
    steps: int
    happened: frozenset[str]
    drawn: Drawn = Drawn()


class Task(Protocol):
    """What is compared."""

    @property
    def sequencer(self) -> str:
        """Return the name of what is compared."""

    @property
    def policy(self) -> str:
        """Return under which policy of memory or publication it runs, in a word."""

    @property
    def repeatable(self) -> bool:
        """Whether what comes of an example is a function of the example; Hypothesis shrinks only such."""

    @property
    def key(self) -> str:
        """A name that no other task has, under which failing examples are kept."""

    @property
    def example_type(self) -> type[Any]:
        """Return the dataclass of its examples: the schema by which kept ones are read."""

    def strategy(self) -> SearchStrategy[Any]:
        """Return what examples are drawn from."""

    def try_out(self, example: Any) -> Tried:
        """Run an example and judge it."""

    def smaller(self, example: Any, failed: Failed) -> tuple[Any, Failed]:
        """Return a failing example made smaller in the task's own way, if it has one."""

    def fewer(self, example: Any) -> Iterator[Any]:
        """Yield examples with something left out, those with most left out first."""

    def told(self, example: Any) -> tuple[tuple[str, ...], int]:
        """Return an example in words, and how many batches are sent in it."""


@dataclass
class Tally:
    """What was tried: counted up to the first failure, so that it does not depend on how that was made smaller."""

    examples: int = 0
    operations: int = 0
    steps: int = 0
    happened: Counter[str] = field(default_factory=Counter)
    drawn: Drawn = Drawn()

    def add(self, tried: Tried) -> None:
        self.examples += 1
        self.operations += tried.operations
        self.steps += tried.steps
        self.happened.update(tried.happened)
        self.drawn = Drawn(*map(max, self.drawn, tried.drawn))

    def join(self, other: Tally) -> None:
        self.examples += other.examples
        self.operations += other.operations
        self.steps += other.steps
        self.happened.update(other.happened)
        self.drawn = Drawn(*map(max, self.drawn, other.drawn))


@dataclass
class Chunk:
    """What came of one chunk: `smallest` is the failing example that is left, `first` the one that was met."""

    tally: Tally
    smallest: Any = None
    failed: Failed | None = None
    first: Failed | None = None
    shrinks: int = 0


class SearchOver(BaseException):
    """Stops Hypothesis, which takes an Exception for a finding that it must see again."""


class Trial:
    """The condition that Hypothesis looks for: an example that fails, after the first one for the same reason."""

    def __init__(self, task: Task, deadline: float, count: int) -> None:
        """`deadline` is a time of `time.time()`; it and the number of examples count until something failed."""
        self.task, self.deadline, self.count = task, deadline, count
        self.broken: str | None = None  # the promise that the first failing example breaks
        self.tally = Tally()
        self.first: Failed | None = None
        self.met: Any = None  # the first failing example
        self.shrinks = 0
        self._known: dict[Any, Failed | None] = {}

    def __call__(self, example: Any) -> bool:
        if self.task.repeatable and example in self._known:
            return self._known[example] is not None
        if self.is_over:
            raise SearchOver
        if self.first is not None:
            self.shrinks += 1
            if self.shrinks > SHRINKS_MOST:
                return False
        tried = self.task.try_out(example)
        failed = tried.failed if self.broken in (None, tried.failed.property if tried.failed else None) else None
        if self.first is None:
            self.tally.add(tried)
            if failed is not None:
                self.first, self.broken, self.met = failed, failed.property, example
                if not self.task.repeatable:
                    raise SearchOver
        self._known[example] = failed
        return failed is not None

    @property
    def is_over(self) -> bool:
        """Whether all examples were tried, or the time is up, and none failed."""
        return self.first is None and (self.tally.examples >= self.count or time.time() > self.deadline)

    def of(self, example: Any) -> Failed:
        """Return why an example failed."""
        failed = self._known[example]
        assert failed is not None
        return failed


def search(task: Task, seed: int, index: int, count: int, deadline: float, kept_in: Path | None) -> Chunk:
    """Draw the examples of one chunk, exactly so many different ones; shrink the first that fails.

    With a folder, failing examples are kept there, and those kept earlier are tried before the first chunk.
    """
    keep_out_of_here()
    if kept_in is not None and index == 0:
        chunk = _tried_again(task, deadline, kept_in)
        if chunk.failed is not None:
            return chunk
    trial = Trial(task, deadline, count)
    example = _find_in_rounds(task.strategy(), trial, f"{seed} {task.key} {index}")
    chunk = Chunk(trial.tally)
    if trial.first is None:
        return chunk
    chunk.first, chunk.shrinks = trial.first, trial.shrinks
    met, failed = (example, trial.of(example)) if task.repeatable else (trial.met, trial.first)
    chunk.smallest, chunk.failed = task.smaller(met, failed)
    if kept_in is not None:
        keep(kept_in, task, [chunk.smallest, *kept(kept_in, task)])
    return chunk


def _tried_again(task: Task, deadline: float, kept_in: Path) -> Chunk:
    """Try the examples that failed earlier; forget those that do not fail any more."""
    examples = kept(kept_in, task)
    trial = Trial(task, deadline, len(examples))
    for number, example in enumerate(examples):
        with suppress(SearchOver, InputError):  # what no version would have kept is refused, and is no finding
            trial(example)
        if trial.first is not None:
            keep(kept_in, task, examples[number:])
            return Chunk(trial.tally, example, trial.first, trial.first)
    if examples:
        keep(kept_in, task, [])
    return Chunk(trial.tally)


def _find_in_rounds(strategy: SearchStrategy[Any], trial: Trial, seed: str) -> Any:
    """Return the smallest example that was found, None if there is none.

    Hypothesis draws at most as many examples as it is told, and some of them twice; so it searches again for the rest.
    """
    rounds_left, number = VAIN_ROUNDS_MOST, 0
    while rounds_left and not trial.is_over:
        tried_before = trial.tally.examples
        most = 2 * (trial.count - tried_before) + 10 if number else trial.count
        example = find_smallest(strategy, trial, Random(f"{seed} {number}" if number else seed), most)
        if trial.first is not None:
            return example
        rounds_left = VAIN_ROUNDS_MOST if trial.tally.examples > tried_before else rounds_left - 1
        number += 1
    return None


def find_smallest(strategy: SearchStrategy[Any], trial: Callable[[Any], bool], random: Random, most: int) -> Any:
    """Return the smallest example that was found among at most so many, None if there is none."""
    chosen = settings(
        max_examples=most,
        database=None,
        deadline=None,
        derandomize=False,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    try:
        return find(strategy, trial, settings=chosen, random=random)
    except (NoSuchExample, SearchOver):
        return None


def keep_out_of_here() -> None:
    """Let Hypothesis keep what else it keeps, such as constants of modules, in the user's folder too."""
    set_hypothesis_home_dir(user_folder().parent / "hypothesis")
