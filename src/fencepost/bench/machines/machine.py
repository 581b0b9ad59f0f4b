"""Facts of the machine and of this build that a figure depends on, each None where the system does not say."""

from __future__ import annotations

import mmap
import os
import subprocess
from pathlib import Path
from typing import Any

import fencepost
from fencepost.bench.machines.counters import EVENTS, why_not_counted
from fencepost.native.measuring import build, machine

_CACHES = Path("/sys/devices/system/cpu/cpu0/cache")
_NODES = Path("/sys/devices/system/node")
_HUGE_PAGES = Path("/sys/kernel/mm/transparent_hugepage/enabled")
_SMAPS = Path("/proc/self/smaps")
_CPU_INFO = Path("/proc/cpuinfo")
_TRIED_BYTES = 8 * 2**20  # holds three aligned huge pages of 2 MiB wherever it begins


def hardware(load_before: float | None = None) -> dict[str, Any]:
    """Return what stands in the manifest of a measurement; `load_before` is the load when it began."""
    asked = machine()
    return {
        "cpu_model": asked.cpu_model or None,
        "core_count": os.cpu_count(),
        "cpus_allowed": list(asked.cpus_allowed),
        "clflushopt": asked.clflushopt,
        "clwb": asked.clwb,
        "transparent_hugepage": huge_page_setting(),
        "caches": caches(),
        "numa_node_count": numa_node_count(),
        "virtual": is_virtual(),
        "huge_page_bytes_of_8_mib": huge_page_bytes_got(),
        "counters": [event for event in EVENTS if not why_not_counted(event)],
        "load_before": load_before,
        "load_after": load(),
    }


def built() -> dict[str, str | None]:
    """Return what the compiled module was built with, and the commit of the checkout that it runs from."""
    return {"commit": commit(), **build()}


def load() -> float | None:
    """Return how many threads of all processes wanted a core in the last minute, on the mean."""
    try:
        return round(os.getloadavg()[0], 2)
    except OSError:
        return None


def caches() -> dict[str, int] | None:
    """Return the bytes of each cache of the first core, such as {"L1 data": 49152}, and of a line."""
    found: dict[str, int] = {}
    for index in sorted(_CACHES.glob("index*")):
        said = {name: _text(index / name) for name in ("level", "type", "size", "coherency_line_size")}
        level, kind, size, line = said.values()
        if level and kind and size:
            name = f"L{level}" if kind == "Unified" else f"L{level} {kind.lower()}"
            found[name] = int(size.rstrip("KM")) * {"K": 2**10, "M": 2**20}.get(size[-1], 1)
            found["line"] = int(line or 64)
    return found or None


def numa_node_count() -> int | None:
    """Return how many NUMA nodes the system has; one where it has no list of them."""
    return len(list(_NODES.glob("node[0-9]*"))) or (1 if _NODES.exists() else None)


def huge_page_setting() -> str | None:
    """Return the word in brackets of the kernel's setting, such as madvise; None where it has no such setting."""
    words = (_text(_HUGE_PAGES) or "").split()
    return next((word.strip("[]") for word in words if word.startswith("[")), None)


def huge_page_bytes_got() -> int | None:
    """Return how much of some megabytes came on huge pages when they were asked for."""
    advice = getattr(mmap, "MADV_HUGEPAGE", None)
    if advice is None or not _SMAPS.exists():
        return None
    with mmap.mmap(-1, _TRIED_BYTES, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as tried:
        before = _huge_bytes()
        try:
            tried.madvise(advice)
        except OSError:
            return 0
        for offset in range(0, _TRIED_BYTES, mmap.PAGESIZE):
            tried[offset] = 1
        return max(0, _huge_bytes() - before)


def _huge_bytes() -> int:
    lines = (_text(_SMAPS) or "").splitlines()
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("AnonHugePages"))


def is_virtual() -> bool | None:
    """Say whether a hypervisor is around this system, by the processor's own flag."""
    text = _text(_CPU_INFO)
    return None if text is None else any("hypervisor" in line.split() for line in text.splitlines())


def commit() -> str | None:
    """Return the commit of the checkout that this package runs from, marked where files differ from it; else None."""
    folder = Path(fencepost.__file__).resolve().parent
    command = ["git", "-C", str(folder), "describe", "--always", "--abbrev=40", "--dirty", "--exclude=*"]
    try:
        ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10)
        tracked = subprocess.run([*command[:3], "ls-files", "--error-unmatch", "__init__.py"], capture_output=True,
                                 text=True, check=False, timeout=10)  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    return ran.stdout.strip() if ran.returncode == tracked.returncode == 0 else None


def _text(path: Path) -> str | None:
    try:
        return path.read_text().strip()
    except OSError:
        return None
