"""The trials of a spec: in which order, with which seed, and under which key.

A seed comes of the experiment's seed, the replication and the name of a stream alone: not of the swept values, so that
replication n of every combination sees the same arrivals (common random numbers: Law, Simulation Modeling and Analysis,
11.2); not of the order in which trials run, of the number of workers, or of where they are.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from msgspec import Struct

from fencepost.experiments.spec import Spec

STREAM = "trial"
UNSEEN = ("command_line", "examples", "experiments", "ledger", "templates")
"""Rooms whose code no trial runs, but for the engines of experiments."""
ENGINES = ("engines.py", "native_engine.py", "trials.py")


class Trial(Struct, frozen=True):
    """One trial: its number in the spec, its parameters, its seed, and its limits."""

    number: int  # from 0, in the order of the spec
    sweep: str
    engine: str
    parameters: dict[str, Any]
    replication: int
    seed: int
    timeout_s: float
    memory_mib: int

    @property
    def key(self) -> str:
        """A digest of what was run by which code: two trials with one key have one outcome, but for times."""
        what = [self.sweep, self.engine, self.parameters, self.replication, self.seed, self.timeout_s, self.memory_mib]
        text = json.dumps(what, sort_keys=True)
        return hashlib.sha256(f"{text} {code().digest}".encode()).hexdigest()[:32]

    @property
    def is_timed(self) -> bool:
        """Whether its figures are times of this machine, which other work disturbs."""
        return self.engine == "native"


class Code(NamedTuple):
    """What runs trials: the version, digests of the sources and of the compiled modules."""

    version: str
    sources: str
    native: str

    @property
    def digest(self) -> str:
        """Both digests in one."""
        return hashlib.sha256(f"{self.sources} {self.native}".encode()).hexdigest()[:16]

    def __str__(self) -> str:
        return f"fencepost {self.version} (sources {self.sources}, native build {self.native})"


def seed_of(root: int, replication: int, stream: str = STREAM) -> int:
    """Return the seed of a replication's stream: 63 bits of SHA-256, the same on every machine."""
    digest = hashlib.sha256(f"{root}/{replication}/{stream}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def trial_of(spec: Spec, number: int) -> Trial:
    """Return the trial of a number: sweep after sweep, combination after combination, replication after replication."""
    left = number
    for sweep in spec.sweeps:
        count = sweep.combination_count * spec.replications
        if left < count:
            combination, replication = divmod(left, spec.replications)
            seed = seed_of(spec.seed, replication)
            return Trial(
                number, sweep.name, sweep.engine, sweep.combination(combination), replication, seed,
                spec.trial_timeout_s, spec.trial_memory_mib,
            )  # fmt: skip
        left -= count
    raise IndexError(number)


def trials_of(spec: Spec, numbers: Iterable[int] | None = None) -> Iterator[Trial]:
    """Yield trials by their numbers, all of them without."""
    yield from (trial_of(spec, number) for number in (range(spec.trial_count) if numbers is None else numbers))


@cache
def code() -> Code:
    """Return what runs trials in this process."""
    import fencepost
    from fencepost.native import _core

    root, built = Path(fencepost.__file__).parent, Path(_core.__file__).parent
    modules = sorted(path for path in built.iterdir() if path.suffix == ".so")
    return Code(fencepost.__version__, _digest(root, sorted(_sources(root))), _digest(built, modules))


def _sources(root: Path) -> Iterator[Path]:
    """Yield the files of Python and C++ that trials run, through the links of a source tree."""
    for folder, _, names in os.walk(root, followlinks=True):
        room = Path(folder).relative_to(root).parts[:1]
        for name in names:
            is_run = room not in {(each,) for each in UNSEEN} or (room == ("experiments",) and name in ENGINES)
            if is_run and name.endswith((".py", ".hpp", ".cpp")):
                yield Path(folder) / name


def _digest(root: Path, paths: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        content = path.read_bytes()
        digest.update(f"{path.relative_to(root)} {len(content)} ".encode() + content)
    return digest.hexdigest()[:12]
