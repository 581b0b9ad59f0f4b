"""Hardware counters by perf_event_open: which of them this process may read, and what they count of a call.

A counter is believed when it has counted something: a virtual machine may let it be opened and count nothing.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import sys
from collections.abc import Callable
from pathlib import Path

EVENTS = {"cycles": 0, "instructions": 1, "cache-misses": 3, "branch-misses": 5}
"""PERF_COUNT_HW_*, of linux/perf_event.h: generic events that the kernel translates for the processor."""

_SYSCALL = {"x86_64": 298, "aarch64": 241}
_ATTRIBUTE_BYTES = 112  # PERF_ATTR_SIZE_VER5
_DISABLED_USER_ONLY = 1 << 0 | 1 << 5 | 1 << 6  # disabled, exclude_kernel, exclude_hv
_ENABLE, _DISABLE = 0x2400, 0x2401  # PERF_EVENT_IOC_*
_PARANOID = Path("/proc/sys/kernel/perf_event_paranoid")


def why_not_counted(event: str) -> str:
    """Return why this process cannot read a hardware counter; empty where it can."""
    counted = count(event, lambda: sum(range(20_000)))
    if isinstance(counted, str):
        return counted
    return "" if counted or event.endswith("misses") else "it was opened and counted nothing"


def count(event: str, call: Callable[[], object]) -> int | str:
    """Return what a hardware counter counts of a call in user mode; or why it cannot be read."""
    if sys.platform != "linux" or platform.machine() not in _SYSCALL:
        return f"no perf_event_open on {platform.system()} {platform.machine()}"
    import fcntl

    descriptor, error = _opened(EVENTS[event])
    if descriptor < 0:
        return _reason(error)
    try:
        fcntl.ioctl(descriptor, _ENABLE, 0)
        call()
        fcntl.ioctl(descriptor, _DISABLE, 0)
        return int(struct.unpack("q", os.read(descriptor, 8))[0])
    finally:
        os.close(descriptor)


def _opened(event: int) -> tuple[int, int]:
    """Return a descriptor of a disabled counter of this thread, or -1, and errno."""
    attributes = bytearray(_ATTRIBUTE_BYTES)
    struct.pack_into("IIQ", attributes, 0, 0, _ATTRIBUTE_BYTES, event)  # type: hardware; size; config
    struct.pack_into("Q", attributes, 40, _DISABLED_USER_ONLY)
    library = ctypes.CDLL(None, use_errno=True)
    buffer = (ctypes.c_char * _ATTRIBUTE_BYTES).from_buffer(attributes)
    number = ctypes.c_long(_SYSCALL[platform.machine()])
    descriptor = library.syscall(number, buffer, ctypes.c_int(0), ctypes.c_int(-1), ctypes.c_int(-1), ctypes.c_ulong(0))
    return int(descriptor), ctypes.get_errno()


def _reason(error: int) -> str:
    name = f"perf_event_open: {os.strerror(error)}"
    if error in (1, 13):  # EPERM, EACCES
        try:
            return f"{name} (kernel.perf_event_paranoid is {_PARANOID.read_text().strip()}, and this user may not)"
        except OSError:
            return name
    if error in (2, 95, 19):  # ENOENT, EOPNOTSUPP, ENODEV
        return f"{name} (the processor, or the virtual machine around it, has no such counter)"
    return name
