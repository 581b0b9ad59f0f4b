"""Read a run: a bug that one line of code makes, on memory that is not coherent between hosts.

The subscriber never invalidates the line of a payload before it loads it, so its host may still have, or may have
fetched of itself, what was there before. The explorer finds a run in which it does, and says why.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

from fencepost import describe_run, read_run, replay, write_run
from fencepost.model.explorer.search.exploration import explore
from fencepost.model.explorer.subjects import sequencer
from fencepost.model.museum import bug

reader = bug("reader_never_invalidates")
explored = explore(sequencer(reader.design, reader.scenario, "ncx"))
print(f"{reader.deviation}\n\n{describe_run(explored)}\n")

with TemporaryDirectory() as folder:
    path = Path(folder) / "stale.itf.json"
    write_run(explored, path)
    for engine, outcome in replay(read_run(path)).outcomes.items():
        print(f"{engine}: {outcome.kind}: {outcome.sentence}")
