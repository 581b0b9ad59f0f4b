"""A gate against regressions, for continuous integration: two runs of one spec, and exit code 1 where one is slower.

    python examples/15_regression_gate.py BASELINE.db CANDIDATE.db

Both are stores of `fencepost experiment run`: that of the main branch, kept as an artefact, and that of a change.
Trials with equal settings and replications saw the same arrivals, so they are compared in pairs; a setting is slower
where the whole 95 % interval of the difference lies beyond what is allowed. A trial that violates a promise, failed or
is missing fails the gate too: a run is not faster for having done less.

Without arguments it shows itself on a change that puts a fence behind every message.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from fencepost import Run, parse_spec, run_experiment
from fencepost.simulating.paired import difference

METRIC = "latency_mean_us"
ALLOWED = 0.02  # a share of the baseline: what is smaller is noise, or not worth a look

SPEC = """
[experiment]
name = "gate-{name}"
replications = 4

[[sweep]]
name = "load"
engine = "simulation"
sequencer = "order4.claim"
policy = "{policy}"
rate_batches_per_s = [10_000, 40_000]
duration_ms = 2
"""

Setting = tuple[str, ...]


def settings_of(run: Run) -> dict[Setting, dict[int, float]]:
    """Return the metric of each replication, by the values of the axes; of a trial that is no pass, none."""
    found: dict[Setting, dict[int, float]] = {}
    for sweep in run.spec.sweeps:
        frame = run.to_frame(sweep.name)
        if METRIC not in frame.columns:
            print(f"not compared: sweep {sweep.name} has no {METRIC}")
            continue
        for row in frame.iter_rows(named=True):
            setting = (sweep.name, *(f"{name} {row[name]}" for name in sweep.axes))
            values = found.setdefault(setting, {})
            if row["status"] == "done" and row["verdict"] != "violated" and row[METRIC] is not None:
                values[row["replication"]] = row[METRIC]
    return found


def gate(baseline: Run, candidate: Run) -> int:
    """Print every setting beside the baseline; return the exit code."""
    before, after = settings_of(baseline), settings_of(candidate)
    is_slower = False
    for setting, was in before.items():
        now = after.get(setting, {})
        name = ", ".join(setting)
        if was.keys() != now.keys():
            print(f"FAILS {name}: {len(now)} of {len(was)} trials passed")
            is_slower = True
            continue
        found = difference(METRIC, "us", list(was.values()), [now[replication] for replication in was])
        if found.change is None or found.low is None or found.high is None:
            print(f"FAILS {name}: {len(was)} pairs do not bound the change")
            is_slower = True
            continue
        word = "FAILS" if found.low > ALLOWED else "ok   "
        is_slower = is_slower or found.low > ALLOWED
        print(
            f"{word} {name}: {found.first:.2f} -> {found.second:.2f} us, {found.change:+.1%} "
            f"({found.low:+.1%}..{found.high:+.1%})"
        )
    if not before:
        print(f"FAILS: nothing in the baseline has {METRIC}, so nothing was compared")
    return 1 if is_slower or not before else 0


def show() -> None:
    """Hold a run against itself, and against one with a fence for every message."""
    with TemporaryDirectory() as folder:
        stores = {}
        for name, policy in (("main", "per_batch"), ("same", "per_batch"), ("change", "per_message")):
            spec = parse_spec(SPEC.format(name=name, policy=policy))
            stores[name] = run_experiment(spec, out=Path(folder), backend="inline").run
        main, same, change = stores["main"], stores["same"], stores["change"]
        assert main is not None
        assert same is not None
        assert change is not None
        for name, run in (("the same again", same), ("a fence for every message", change)):
            print(f"{METRIC}, {name}:")
            print(f"exit code {gate(main, run)}\n")


if __name__ == "__main__":
    if len(sys.argv) == 3:
        sys.exit(gate(Run.open(sys.argv[1]), Run.open(sys.argv[2])))
    show()
