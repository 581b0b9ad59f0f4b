"""A design on a scenario as a system that can be explored, and what is wrong at the end of one of its runs."""

from __future__ import annotations

from typing import Any

from fencepost.model.explorer.monitor import run as run_watch
from fencepost.model.explorer.monitor.contract import Contract
from fencepost.model.explorer.monitor.run import RunMonitor
from fencepost.model.explorer.states.monitor import Violation
from fencepost.model.explorer.states.state import State
from fencepost.model.explorer.states.system import System
from fencepost.model.memory.ordering import Matrix
from fencepost.model.memory.profiles import Profile
from fencepost.model.programs.operations import Address, Lock, Receive, line_of
from fencepost.model.programs.pipeline import Design, Scenario, first_steps, threads_of, written_words


def system_of(
    design: Design, scenario: Scenario, profile: Profile, matrix: Matrix, asked: frozenset[str] | None = None
) -> System:
    """Return the system whose runs are those of a design on a scenario, watched for the asked properties."""
    watch, threads = watch_of(design, scenario, asked), threads_of(design, scenario)
    return System(threads, profile, matrix, words=written_words(design, scenario), watch=watch)


def watch_of(design: Design, scenario: Scenario, asked: frozenset[str] | None = None) -> RunMonitor:
    """Return what looks on at a run of a design on a scenario, from before its beginning."""
    contract = Contract(
        design.level,
        scenario.rings_count,
        lambda ring, place: design.guard(ring, place, scenario.slots),
        subscribers=scenario.subscribers or scenario.readers > 0,
        acknowledgers=scenario.acknowledgers or bool(scenario.plans),
        readers=scenario.readers,
    )
    watch = RunMonitor(contract, design.spec(), asked, follows_spec=not scenario.stops)
    for step in first_steps(design, scenario):
        watch = watch.after(step)
    return watch


def violation_at_end(system: System, state: State, asked: frozenset[str] | None = None) -> Violation | None:
    """Return what is wrong with a run that ends in this state, where nothing can go on without luck."""
    if state.watch.violation is not None:
        return state.watch.violation

    def inspect(address: Address) -> Any:
        return system.memory.memory(state.cells, line_of(address)).get(address[-1], 0)

    found = state.watch.at_end(inspect)
    if found is None and (asked is None or "drained" in asked):
        found = _waiting(system, state)
    return found


def _waiting(system: System, state: State) -> Violation | None:
    """Return the violation of a thread that waits for ever for what it must get."""
    for thread, node in zip(system.threads, state.nodes, strict=True):
        operation = node.operation
        role = thread.name.split()[0]
        if isinstance(operation, Lock):
            return Violation("drained", f"{thread.name} waits for ever for the lock {operation.address}")
        if operation is not None and role == "client":
            return Violation("drained", f"{thread.name} waits for ever for an acknowledgement")
        if operation is not None and role == "receiver" and not isinstance(operation, Receive):
            return Violation("drained", f"{thread.name} waits for ever for a slot to become free")
    return None


def two_writers(state: State) -> Violation | None:
    """Return the violation of two hosts that stored to one line in this run."""
    found = (stores for _, stores in sorted(state.writers.items(), key=str) if len(stores) > 1)
    stores = next(found, None)
    return None if stores is None else run_watch.two_writers(stores)
