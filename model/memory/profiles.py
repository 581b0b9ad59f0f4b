"""Profiles: the options of the one machine, and the hardware assumptions that a verdict under them rests on."""

from dataclasses import dataclass
from enum import StrEnum

from fencepost.model.errors import unknown_choice

ASSUMPTIONS: dict[str, str] = {
    "HA1": "what is ordered behind a flush, a fence that returns or a store that another thread sees, comes after the"
    " device would serve the new line to any host",
    "HA2": "a 64-byte line is written and read atomically at the device",
    "HA3": "an aligned 8-byte access is atomic",
    "HA4": "a flush reaches every cache of the host",
    "HA5": "the device invalidates no host's cache",
    "HA6": "a write-back carries the whole line",
    "HA7": "the range is mapped write-back",
    "HA8": "the pool survives the crash of a host",
}


class Crash(StrEnum):
    """What the crash of a host does."""

    HOST = "host"  # caches and buffers are lost, the pool stays
    GPF = "gpf"  # dirty lines are written back first; buffers are lost
    DEVICE = "device"  # as HOST, and the pool is zeroed


@dataclass(frozen=True)
class Profile:
    """Options of the machine. States of one: it never changes; `name` is what the command line calls it."""

    name: str
    purpose: str
    one_host: bool = False  # all threads share one cache, whatever hosts the file names
    buffers: bool = True  # off: a store acts at once
    evict: bool = True  # a cache may write back and drop a line at any time
    speculate: bool = True  # a cache may fetch a line at any time
    line_atomic: bool = True  # off: a dirty line may reach memory word by word
    dirty_words_only: bool = False  # a write-back carries the dirty words, not the line
    lfence_waits: bool = False  # LFENCE waits for older flushes
    snapshot: bool = False  # memory is inspected at every moment of the run, not at its end
    crash: Crash = Crash.HOST
    crashes: bool = False  # hosts may crash at any moment of any run, where the program has no CRASH of its own

    @property
    def assumptions(self) -> tuple[str, ...]:
        """Return the identifiers of the hardware assumptions that a verdict under this profile rests on."""
        if self.one_host:
            return ("HA1", "HA2", "HA3", "HA4", "HA7") if self.snapshot else ("HA3", "HA7")
        dropped = set() if self.line_atomic else {"HA2"}
        dropped |= {"HA6"} if self.dirty_words_only else set()
        dropped |= {"HA8"} if self.crash is Crash.DEVICE else set()
        return tuple(name for name in ASSUMPTIONS if name not in dropped)


PROFILES: dict[str, Profile] = {
    each.name: each
    for each in (
        Profile("sc", "one memory, no buffers", one_host=True, buffers=False),
        Profile("tso", "all threads on one coherent host: x86-TSO", one_host=True),
        Profile("px86", "one host, memory at every moment, flushes as in POPL 2021", one_host=True, snapshot=True),
        Profile("ncx", "several hosts, nothing coherent between them; the default"),
        Profile("ncx-nospec", "no fetch without a load: needs readers that loaded before", speculate=False),
        Profile("ncx-noevict", "no eviction: shows what tests without evictions miss", evict=False),
        Profile("ncx-tear", "without HA2: a line reaches memory word by word", line_atomic=False),
        Profile("ncx-bytemask", "without HA6: a write-back carries only the dirty words", dirty_words_only=True),
        Profile("ncx-lfence", "LFENCE also waits for older flushes", lfence_waits=True),
        Profile("ncx-crash", "hosts crash at any moment and lose their caches and buffers", crashes=True),
        Profile(
            "ncx-gpf", "as ncx-crash, with dirty lines written back before they are lost", crash=Crash.GPF, crashes=True
        ),
        Profile(
            "ncx-device",
            "without HA8: as ncx-crash, and a crash also zeroes the pool",
            crash=Crash.DEVICE,
            crashes=True,
        ),
    )
}

PROFILE = "ncx"


def profile(name: str) -> Profile:
    """Return the profile of that name."""
    if name not in PROFILES:
        raise unknown_choice("profile", name, PROFILES)
    return PROFILES[name]
