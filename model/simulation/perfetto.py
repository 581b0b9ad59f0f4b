"""What threads did, as trace events that Perfetto and chrome://tracing show.

Format: Trace Event Format (Google, 2016): an object with `traceEvents`; times in microseconds, `ph` X for a span, C for
a counter, i for an instant, M for a name.
"""

from __future__ import annotations

import json
from typing import Any

LIMIT = 200_000  # events kept; a viewer becomes slow well above


class Spans:
    """Collects trace events; of a longer run the first `LIMIT`."""

    def __init__(self) -> None:
        self._events: list[dict[str, Any]] = []
        self._tracks: dict[str, int] = {}
        self.left_out = 0

    def span(self, track: str, name: str, begin_ns: int, end_ns: int) -> None:
        """Somebody did something for a while."""
        self._add(track, {"ph": "X", "name": name, "ts": begin_ns / 1000, "dur": (end_ns - begin_ns) / 1000})

    def level(self, name: str, at_ns: int, value: int) -> None:
        """Something that is counted has a new value."""
        self._add(name, {"ph": "C", "name": name, "ts": at_ns / 1000, "args": {"value": value}})

    def instant(self, track: str, name: str, at_ns: int) -> None:
        """Something happened."""
        self._add(track, {"ph": "i", "s": "g", "name": name, "ts": at_ns / 1000})

    def _add(self, track: str, event: dict[str, Any]) -> None:
        if len(self._events) >= LIMIT:
            self.left_out += 1
            return
        number = self._tracks.setdefault(track, len(self._tracks) + 1)
        self._events.append({**event, "pid": 1, "tid": number})

    def document(self) -> str:
        """Return the file's text."""
        names = [
            {"ph": "M", "name": "thread_name", "pid": 1, "tid": number, "args": {"name": track}}
            for track, number in self._tracks.items()
        ]
        other = {"events_left_out": self.left_out}
        whole = {"displayTimeUnit": "ns", "otherData": other, "traceEvents": [*names, *self._events]}
        return json.dumps(whole, separators=(",", ":")) + "\n"
