"""What this machine can measure, what not, and why: each by trying, none by assuming."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec

from fencepost.bench.machines import machine as facts
from fencepost.bench.machines.counters import EVENTS, why_not_counted
from fencepost.comparing.compiling import compiler_path
from fencepost.model.errors import InputError
from fencepost.native.measuring import machine


@dataclass(frozen=True)
class Capability:
    """One thing that is needed to measure something. `available` is None where it is there and disturbs or limits."""

    name: str
    available: bool | None
    detail: str
    needed_by: str


def diagnose() -> tuple[Capability, ...]:
    """Try everything that some measurement needs; takes a second and changes no setting."""
    return tuple(found for part in (_cores, _quiet, _instructions, _memory, _counters, _programs) for found in part())


def _cores() -> Iterator[Capability]:
    allowed = machine().cpus_allowed
    count = len(allowed) or os.cpu_count() or 1
    why = f"{count} may be used" if count > 1 else "one may be used: what two threads do to each other cannot be timed"
    yield Capability("two cores", count > 1, why, "bench two-cores, pipeline, order4-claim-*; races that overlap")
    yield Capability("threads kept on cores", *_pinned(), "steady figures of bench")
    preemptions = sys.platform == "linux"
    why = "getrusage counts them by thread" if preemptions else f"{sys.platform} does not count them by thread"
    yield Capability("lost cores are noticed", preemptions, why, "`disturbed` of bench: without it nothing is marked")
    resolution_ns = _clock_resolution_ns()
    yield Capability("clock", resolution_ns < 1000, f"{resolution_ns} ns between two readings at least", "all of bench")


def _pinned() -> tuple[bool, str]:
    """Try to keep this thread on a core, and let it go again."""
    if not hasattr(os, "sched_setaffinity"):
        return False, f"{sys.platform} has no sched_setaffinity"
    allowed = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(allowed)})
        return os.sched_getaffinity(0) == {min(allowed)}, f"core {min(allowed)} was kept"
    except OSError as error:
        return False, f"sched_setaffinity: {error.strerror}"
    finally:
        os.sched_setaffinity(0, allowed)


def _clock_resolution_ns() -> int:
    readings = [time.perf_counter_ns() for _ in range(2000)]
    return min(later - earlier for earlier, later in zip(readings, readings[1:], strict=False) if later > earlier)


def _quiet() -> Iterator[Capability]:
    """Other work on the machine, and a machine around it."""
    load, cores = facts.load(), len(machine().cpus_allowed) or os.cpu_count() or 1
    if load is not None:
        is_quiet = load < 0.5 * cores
        what = "other work takes cores away: figures will be disturbed, or not decided"
        detail = f"load {load} on {cores} cores" + ("" if is_quiet else f": {what}")
        yield Capability("a quiet machine", True if is_quiet else None, detail, "every figure of time")
    virtual = facts.is_virtual()
    if virtual is not None:
        why = "a hypervisor is around it: cores may be shared, far apart or taken away unseen"
        yield Capability("a machine of its own", None if virtual else True, why if virtual else "no hypervisor",
                         "figures that another day repeats")  # fmt: skip


def _instructions() -> Iterator[Capability]:
    asked = machine()
    for name, there in (("clwb", asked.clwb), ("clflushopt", asked.clflushopt)):
        why = "CPUID has it" if there else "CPUID has not: its paths are said to be unavailable"
        yield Capability(name, there, why, f"bench order5-flush-{name}, epoch-publication-{name}, ...")


def _memory() -> Iterator[Capability]:
    nodes = facts.numa_node_count()
    said = {None: "the system does not list nodes", 1: "one NUMA node: binding to another cannot be measured"}
    yield Capability("NUMA", (nodes or 1) > 1, said.get(nodes, f"{nodes} NUMA nodes"), "the price of binding")
    got, setting = facts.huge_page_bytes_got(), facts.huge_page_setting()
    detail = f"transparent_hugepage is {setting}; {(got or 0) / 2**20:g} MiB of 8 came on huge pages when asked for"
    yield Capability("huge pages", bool(got), detail, "RaceOptions.huge_pages, the price of huge pages")
    why = "none is here: what hosts do not share is decided on the model of memory (litmus, explore), never timed"
    yield Capability(
        "memory that is not coherent between hosts", False, why, "times of a flush that reaches another host"
    )


def _counters() -> Iterator[Capability]:
    for event in EVENTS:
        why = why_not_counted(event)
        yield Capability(f"counter of {event}", not why, why or "perf_event_open counts it", "counts instead of times")


def _programs() -> Iterator[Capability]:
    valgrind = shutil.which("valgrind")
    said = _said([valgrind, "--version"]) if valgrind else ""
    yield Capability(
        "valgrind", bool(said), said or "not on the path", "counts of instructions by a simulated processor"
    )
    yield Capability(
        "C++ compiler", *_tried(_compiler), "bench layout, mutants --native, sequencers of one's own in C++"
    )
    for module, needed in (
        ("elftools", "bench layout"), ("pybind11", "mutants --native"), ("cvc5", "prove --solver cvc5"),
        ("polars", "data frames"), ("zstandard", "files that end in .zst"),
    ):  # fmt: skip
        there = find_spec(module) is not None
        yield Capability(f"Python package {module}", there, "installed" if there else "not installed", needed)


def _compiler() -> str:
    return _said([compiler_path("some commands compile"), "--version"])


def _tried(find: Callable[[], str]) -> tuple[bool, str]:
    try:
        found = find()
    except InputError as error:
        return False, str(error)
    return bool(found), found or "it says no version"


def _said(command: list[str]) -> str:
    """Return the first line that a program prints; empty where it does not run."""
    try:
        ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return ran.stdout.splitlines()[0] if ran.returncode == 0 and ran.stdout else ""
