"""The same arrivals, batch by batch and operation by operation: how far the first is from the second.

The programs, operation by operation, are what the explorer checks; the simulation batch by batch makes the same
decisions in fewer steps. Four clients send 25,000 batches/s each for 4 ms to four brokers.
"""

from pathlib import Path
from typing import Any

import msgspec

from fencepost import Scenario, read_scenario, simulate
from fencepost.model.simulation.quantities import BatchRate, Nanoseconds
from fencepost.model.simulation.scenario import Fault

PROGRAMS = read_scenario(Path(__file__).parent / "scenarios" / "operations.toml")
SIXTEEN = {"messages_per_batch": 16, "rate": BatchRate(10_000)}
CRASH = Fault(kind="broker_crash_after_publish", at=Nanoseconds.parse("2 ms"), broker=1)
STOP = Fault(kind="sequencer_stop", at=Nanoseconds.parse("2 ms"), lasts=Nanoseconds.parse("200 us"))

CASES: dict[str, dict[str, Any]] = {
    "order4.claim": {},
    "order4.mutex": {"sequencer": "order4.mutex"},
    "order5.fetch_add": {"sequencer": "order5.fetch_add"},
    "single_fence": {"policy": "single_fence"},
    "bursts of 32": {"clients": {"burst_batches": 32}},
    "epoch of 8, bursts of 32": {"policy": "epoch", "clients": {"burst_batches": 32}, "ordering": {"group": 8}},
    "per_message, 16 messages": {
        "policy": "per_message", "clients": SIXTEEN, "ordering": {"message_headers": True}
    },
    "per_batch, 16 messages": {"clients": SIXTEEN, "ordering": {"message_headers": True}},
    "a broker crashes": {"faults": (CRASH,), "clients": {"retransmit_after": Nanoseconds.parse("300 us")}},
    "the sequencer stops": {"faults": (STOP,)},
    "one host, policy none": {"policy": "none", "brokers": {"hosts": "shared"}},
}  # fmt: skip
METRICS = {
    "throughput": "throughput_batches_per_s",
    "order": "latency_order_mean_ns",
    "ack": "latency_ack_mean_ns",
    "deliver": "latency_deliver_mean_ns",
    "scanner": "utilisation_scanner_mean_share",
    "subscriber": "utilisation_subscriber_mean_share",
}


def changed(scenario: Scenario, changes: dict[str, Any]) -> Scenario:
    """Return a scenario with some keys of it and of its tables replaced."""
    made = {
        key: msgspec.structs.replace(getattr(scenario, key), **value) if isinstance(value, dict) else value
        for key, value in changes.items()
    }
    return msgspec.structs.replace(scenario, **made)


base = changed(PROGRAMS, {"duration": Nanoseconds.parse("4 ms"), "warmup": "500 us", "replications": 1})
print("batch by batch, in % of operation by operation, less 100: mean latencies, utilisations")
print(f"{'case':<26}" + "".join(f"{name:>12}" for name in METRICS))
for case, changes in CASES.items():
    batch, operation = (simulate(changed(base, changes), granularity=each) for each in ("batch", "operation"))
    ratios = [batch[metric].value / operation[metric].value - 1 for metric in METRICS.values()]
    print(f"{case:<26}" + "".join(f"{ratio:>+12.1%}" for ratio in ratios))
