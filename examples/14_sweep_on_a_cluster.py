"""A sweep on a Dask cluster, and the proof that it does not matter where it ran.

Two workers are started on this machine; on a cluster of your own its scheduler's address stands in their place, as in
`fencepost experiment run SPEC.toml --cluster tcp://HOST:8786`. The seed of a trial comes of the experiment's seed and
the replication alone, so the rows are the same as those of this process, to the last digit.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

from distributed import LocalCluster

from fencepost import parse_spec, run_experiment

WORKERS = 2
CLIENTS = [1, 4, 16]
DURATION_MS = 1.0
REPLICATIONS = 4

SPEC = f"""
[experiment]
name = "on-a-cluster"
replications = {REPLICATIONS}

[[sweep]]
name = "clients"
engine = "simulation"
sequencer = ["order4.claim", "order5.fetch_add"]
clients = {CLIENTS}
rate_batches_per_s = 20_000
duration_ms = {DURATION_MS}
"""


def main() -> None:
    """Run the spec here and on the cluster, and compare."""
    spec = parse_spec(SPEC)
    with TemporaryDirectory() as folder:
        here = run_experiment(spec, out=Path(folder) / "here", backend="inline").run
        with LocalCluster(
            n_workers=WORKERS, threads_per_worker=1, dashboard_address=None, local_directory=folder
        ) as cluster:
            there = run_experiment(
                spec, out=Path(folder) / "there", backend="dask", cluster=cluster.scheduler_address
            ).run
        assert here is not None
        assert there is not None
        print(f"here: {here.finished} of {here.total} trials; on {WORKERS} workers: {there.finished} of {there.total}")
        print(f"the same rows: {here.digest() == there.digest()}")
        frame = there.to_frame()
    for name in dict.fromkeys(frame["sequencer"]):
        for clients in CLIENTS:
            cell = frame.filter((frame["sequencer"] == name) & (frame["clients"] == clients))
            print(f"{name:17} {clients:3} clients: {cell['throughput_batches_per_s'].mean():9,.0f} batches/s")


if __name__ == "__main__":  # workers are processes that import this file
    main()
