"""What a worker of a cluster does with a work: runs it in a child, and sends back what came of it.

A work comes as bytes, pickled by `cloudpickle`: functions and classes of a user's own file come by value.
What it would write to files comes back with its result, for they are looked for on the coordinator's machine.
The child is ended as soon as nobody waits for the result any more: the coordinator was interrupted, or is gone.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from fencepost.experiments.trials import Code, code
from fencepost.model.processes import Ended, isolated
from fencepost.model.writing import carried

_NEEDED = (
    "checking.run", "comparing.run", "exploring.run", "exploring.detection", "simulating.run",
    "experiments.native_engine", "model.explorer.search.exhaustive", "model.explorer.search.drawn",
)  # fmt: skip


class Unread(Exception):
    """A worker cannot unpickle a work, and why."""


class Result(NamedTuple):
    """What came of a work.

    answer   the pickled answer and the files (path, content) that it would have written, or how its process ended
    by       the code that ran it
    """

    answer: bytes | Ended
    by: Code


def run(work: bytes, seconds_most: float | None, is_contained: bool) -> Result:
    """Run a pickled work; `is_contained`: it starts a child itself, as trials do. Raises what the work raises."""
    _load_once()
    loaded = _loaded(work)
    if is_contained:
        return Result(_dumped(loaded(is_wanted=_is_wanted()), []), code())
    return Result(isolated(partial(_in_child, loaded), seconds_most, _is_wanted()), code())


@cache
def _load_once() -> None:
    """Import what works need: a child has what its worker has, and would else import it anew each time."""
    for name in _NEEDED:
        import_module(f"fencepost.{name}")


def _in_child(work: Callable[[], Any]) -> bytes:
    with carried() as files:
        return _dumped(work(), files)


def _loaded(work: bytes) -> Callable[..., Any]:
    import cloudpickle

    try:
        loaded: Callable[..., Any] = cloudpickle.loads(work)
    except Exception as error:
        raise Unread(f"{type(error).__name__}: {error}") from None
    return loaded


def _dumped(answer: Any, files: list[tuple[Path, bytes]]) -> bytes:
    import cloudpickle

    made: bytes = cloudpickle.dumps((answer, files))
    return made


def _is_wanted() -> Callable[[], bool]:
    """Return what says whether the task that this thread runs is still wanted by the cluster."""
    from distributed import get_worker

    worker = get_worker()
    key = worker.get_current_task()

    def is_wanted() -> bool:
        task = worker.state.tasks.get(key)
        return task is not None and task.state == "executing"

    return is_wanted
