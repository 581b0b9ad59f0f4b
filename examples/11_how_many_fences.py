"""How many fences a batch needs: the fewest that are enough, and what more of them cost.

Positions are written into headers on several lines, and a guard on a line of its own says that they are there. Whoever
reads the guard on another host must not find a header of before. First every set of the flushes and fences is tried on
the memory model; then the publication policies, which differ in how many fences a batch has, are simulated.
"""

from tempfile import TemporaryDirectory

from fencepost import ablate, parse_spec, run_experiment
from fencepost.experiments.figures import drawn

IDIOMS = ("publication-2", "publication-4", "publication-8", "flag-before-fence")
POLICIES = ["per_message", "per_batch", "epoch"]
MESSAGES_PER_BATCH = 16
DURATION_MS = 1.0
REPLICATIONS = 3

SPEC = f"""
[experiment]
name = "fences"
replications = {REPLICATIONS}

[[sweep]]
name = "policies"
engine = "simulation"
granularity = "operation"
sequencer = "order4.claim"
policy = {POLICIES}
messages_per_batch = {MESSAGES_PER_BATCH}
duration_ms = {DURATION_MS}

[[figure]]
kind = "stages"
sweep = "policies"
by = "policy"
"""

print("which flushes (FO) and fences (SF) are enough")
for name in IDIOMS:
    report = ablate(name)
    print(f"\n{name}: {report.verdict}")
    for line in str(report).splitlines():
        if line.lstrip().startswith(
            ("minimal sufficient", "no placement", "move ", "exhausted", "safety", "freshness")
        ):
            print(f"    {line}")

with TemporaryDirectory() as folder:
    run = run_experiment(parse_spec(SPEC), out=folder, backend="inline").run
    assert run is not None
    figure = drawn(run.spec.figures[0], run.to_frame())

print(f"\nwhat publishing a batch of {MESSAGES_PER_BATCH} messages takes, us, with 95 % intervals")
for row in figure.rows:
    if row["stage"] == "publish":
        print(f"{row['series']:12} {row['value']:6.2f} ({row['low']:.2f}..{row['high']:.2f}), n = {row['n']}")
