"""Mutex or compare-and-swap, decided with data: does a lock in front of order 4 cost anything at your rate?

Two sequencers keep the order of each client: `order4.mutex` takes a lock for each batch, `order4.claim` claims the
client's next number by one compare-and-swap. Both are simulated on the same arrivals at rising rates. A mutex is
simpler, so it stays wherever the interval of the difference does not say that it costs something.
"""

from tempfile import TemporaryDirectory

from fencepost import parse_spec, run_experiment
from fencepost.experiments.figures import drawn

RATES_BATCHES_PER_S = [5_000, 50_000, 200_000]  # of each of 4 clients
DURATION_MS = 2.0
REPLICATIONS = 6
WORTH_IT = 5.0  # percent: a smaller gain is none to rewrite code for

SPEC = f"""
[experiment]
name = "mutex-or-claim"
replications = {REPLICATIONS}

[[sweep]]
name = "rate"
engine = "simulation"
sequencer = ["order4.claim", "order4.mutex"]
rate_batches_per_s = {RATES_BATCHES_PER_S}
message_headers = false
duration_ms = {DURATION_MS}

[[figure]]
kind = "paired-difference"
sweep = "rate"
x = "rate_batches_per_s"
y = "latency_order_mean_us"
by = "sequencer"
"""


def decided(low: float, high: float) -> str:
    """Return what follows from the interval of how much longer ordering takes with the mutex, in percent."""
    if low > WORTH_IT:
        return "compare-and-swap"
    return "mutex" if high < WORTH_IT else "not decided, so the simpler: mutex"


with TemporaryDirectory() as folder:
    run = run_experiment(parse_spec(SPEC), out=folder, backend="inline").run
    assert run is not None
    frame = run.to_frame()
    figure = drawn(run.spec.figures[0], frame)

print("batches/s a client   contended/s   mutex beside compare-and-swap (95 %)   decision")
for row in figure.rows:
    rate = row["rate_batches_per_s"]
    locked = frame.filter((frame["rate_batches_per_s"] == rate) & (frame["sequencer"] == "order4.mutex"))
    change = f"{row['value']:+.1f} % ({row['low']:+.1f}..{row['high']:+.1f})"
    contended = locked["contended_per_s"].mean()
    print(f"{rate:18,.0f}   {contended:11,.0f}   {change:36}   {decided(row['low'], row['high'])}")
print(figure.caption)
