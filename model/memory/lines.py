"""Who has to do with which line of memory, learned while programs run."""

from __future__ import annotations

from typing import Any, TypeAlias

Line: TypeAlias = tuple[Any, ...]


class LinesChanged(Exception):
    """A line turned out to be used by more than so far: what was found must be found again, keeping it otherwise."""


class Lines:
    """Who has to do with which line; learned while programs run. What it says decides how a line is kept."""

    def __init__(self, one_host: bool) -> None:
        self.one_host = one_host
        self.users: dict[Line, set[int]] = {}  # threads
        self.hosts: dict[Line, set[int]] = {}
        self.writers: dict[Line, set[int]] = {}  # hosts

    def use(self, line: Line, thread: int, host: int, *, writes: bool) -> None:
        """Note a use; raise LinesChanged when the line has to be kept in another way than so far."""
        users = self.users.setdefault(line, set())
        hosts = self.hosts.setdefault(line, set())
        writers = self.writers.setdefault(line, set())
        if thread in users and host in hosts and (host in writers or not writes):
            return
        before = (len(users) > 1, len(hosts) > 1, len(writers) > 1)
        users.add(thread)
        hosts.add(host)
        writers.update({host} if writes else ())
        if before != (len(users) > 1, len(hosts) > 1, len(writers) > 1):
            raise LinesChanged

    def copy(self) -> Lines:
        """Return the same knowledge, apart from this."""
        other = Lines(self.one_host)
        other.join(self)
        return other

    def forget(self, known: Lines) -> None:
        """Know what `known` says and nothing else."""
        for mine in (self.users, self.hosts, self.writers):
            mine.clear()
        self.join(known)

    def join(self, other: Lines) -> None:
        """Learn what others have noted."""
        for mine, theirs in ((self.users, other.users), (self.hosts, other.hosts), (self.writers, other.writers)):
            for line, found in theirs.items():
                mine.setdefault(line, set()).update(found)

    def own(self, line: Line) -> bool:
        """Say whether only one host has to do with the line."""
        return self.one_host or len(self.hosts.get(line, ())) < 2

    def private(self, line: Line) -> bool:
        """Say whether only one thread has to do with the line."""
        return len(self.users.get(line, ())) < 2

    def contested(self, line: Line) -> bool:
        """Say whether several hosts store to the line."""
        return len(self.writers.get(line, ())) > 1
