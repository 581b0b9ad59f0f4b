"""Latency against the length of an epoch, and against how far batches overtake each other.

An epoch sequencer orders all that came since the last epoch at once. A longer epoch makes a batch wait, a network that
reorders more makes its successors wait at level 4 all the same: from where on does the epoch no longer matter?
"""

from tempfile import TemporaryDirectory

from fencepost import parse_spec, run_experiment
from fencepost.experiments.figures import drawn

EPOCHS_US = [10.0, 50.0, 200.0]
REORDER_US = [1.0, 20.0, 100.0]  # mean of what the network adds to a batch's way
DURATION_MS = 4.0
REPLICATIONS = 3

SPEC = f"""
[experiment]
name = "epoch-length"
replications = {REPLICATIONS}

[[sweep]]
name = "epochs"
engine = "simulation"
sequencer = ["order4.epoch", "order5.epoch"]
epoch_us = {EPOCHS_US}
reorder_us = {REORDER_US}
in_order = false
message_headers = false
rate_batches_per_s = 20_000
duration_ms = {DURATION_MS}

[[figure]]
kind = "heat-map"
sweep = "epochs"
x = "epoch_us"
y = "reorder_us"
by = "latency_order_p99_us"
"""

with TemporaryDirectory() as folder:
    run = run_experiment(parse_spec(SPEC), out=folder, backend="inline").run
    assert run is not None
    figure = drawn(run.spec.figures[0], run.to_frame())

for name in dict.fromkeys(row["panel"] for row in figure.rows):
    print(f"{name}: time to order a batch, p99, us")
    print("reorder, us   " + "".join(f"epoch {epoch:g} us".rjust(16) for epoch in EPOCHS_US))
    for reorder_us in REORDER_US:
        cells = [row for row in figure.rows if row["panel"] == name and row["reorder_us"] == reorder_us]
        print(f"{reorder_us:11g}   " + "".join(f"{row['value']:16.1f}" for row in cells))
print(figure.caption)
