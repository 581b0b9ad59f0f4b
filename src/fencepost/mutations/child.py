"""One mutant in a process of its own, as it may crash or never end: `python -m fencepost.mutations.child`.

    child.py MODULE BUILD SEED SECONDS [KILLER]...

The last line of stdout is what came of it as JSON; on stderr stands what is being tried, line by line.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict
from pathlib import Path

from fencepost.mutations.kill import Hunt, Killer, loaded

ATTEMPTS_SHARE = 0.2  # of the time; what a single thread can show, it shows soon


def main() -> int:
    """Show the mutant to the killers of its build, or to those named, one after the other, until one kills it."""
    path, build, seed, seconds, named = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]), sys.argv[5:]
    native = loaded(Path(path))
    began = time.monotonic()
    tried = {}
    for name, killer, share in _killers(build):
        if named and name not in named:
            continue
        hunt = Hunt(native, name, seed, began, min(time.monotonic() + share * seconds, began + seconds))
        kill = killer(hunt)
        tried[name] = hunt.runs
        if kill is not None:
            break
    print(json.dumps({"kill": asdict(kill) if kill else None, "runs": tried, "seconds": time.monotonic() - began}))
    return 0


def _killers(build: str) -> list[tuple[str, Killer, float]]:
    if build == "stepped":
        from fencepost.mutations.stepping import stepping

        return [("compare", stepping, 1.0)]
    from fencepost.mutations.attempts import attempts
    from fencepost.mutations.races import races
    from fencepost.mutations.recordings import recordings

    return [("attempts", attempts, ATTEMPTS_SHARE), ("memory", recordings, 1.0), ("race", races, 1.0)]


if __name__ == "__main__":
    sys.exit(main())
