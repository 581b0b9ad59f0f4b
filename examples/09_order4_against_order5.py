"""Order 4 against order 5: what it costs to keep the order of each client.

Four clients stripe their batches over four brokers, and on the way batches overtake each other. At level 5 a batch
takes the next position at once; at level 4 one that is early waits for its predecessors. Both see the same arrivals, so
that replication n of one is a pair with replication n of the other.
"""

from tempfile import TemporaryDirectory

from fencepost import parse_spec, run_experiment
from fencepost.experiments.figures import drawn

RATES_BATCHES_PER_S = [10_000, 40_000]  # of each client
REORDER_US = [1.0, 20.0]  # mean of what the network adds to a batch's way
DURATION_MS = 4.0
REPLICATIONS = 5

SPEC = f"""
[experiment]
name = "order4-against-order5"
replications = {REPLICATIONS}

[[sweep]]
name = "cost"
engine = "simulation"
sequencer = ["order5.fetch_add", "order4.claim"]
rate_batches_per_s = {RATES_BATCHES_PER_S}
reorder_us = {REORDER_US}
in_order = false
message_headers = false # positions stand in a batch's header: else order 4 also pays for one a message
duration_ms = {DURATION_MS}

[[figure]]
kind = "paired-difference"
sweep = "cost"
x = "rate_batches_per_s"
y = "latency_order_mean_us"
by = "sequencer"
"""

with TemporaryDirectory() as folder:
    run = run_experiment(parse_spec(SPEC), out=folder, backend="inline").run
    assert run is not None
    frame = run.to_frame()
    figure = drawn(run.spec.figures[0], frame)  # the rows of the figure; `figure.write(folder)` draws it

print("mean time to order a batch, us; order 4 beside order 5, with 95 % intervals")
for reorder_us in REORDER_US:
    for rate in RATES_BATCHES_PER_S:
        cells = frame.filter((frame["rate_batches_per_s"] == rate) & (frame["reorder_us"] == reorder_us))
        means = {
            name: cells.filter(cells["sequencer"] == name)["latency_order_mean_us"].mean()
            for name in ("order5.fetch_add", "order4.claim")
        }
        row = next(
            row for row in figure.rows
            if row["rate_batches_per_s"] == rate and f"reorder {reorder_us:g} µs" in row["series"]
        )  # fmt: skip
        print(
            f"reorder {reorder_us:4g} us, {rate:6} batches/s a client: order 5 {means['order5.fetch_add']:7.2f}, "
            f"order 4 {means['order4.claim']:7.2f}: {row['value']:+7.1f} % ({row['low']:+.1f}..{row['high']:+.1f})"
        )
verdicts = ", ".join(sorted(set(frame["verdict"])))
print(f"{figure.caption} Of every promise, in every trial: {verdicts}.")
