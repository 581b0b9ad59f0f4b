"""A public order-4 micro-benchmark, reproduced: a scanner that walks its ring, for any number of brokers.

The scanner looks at one slot each 0.74 us, whatever the slot holds, and B brokers share 1,536 slots; so a batch waits
for the rest of a sweep, and latencies lie evenly between nothing and a sweep of 1136.64 / B us.
"""

from pathlib import Path

import msgspec

from fencepost import Scenario, read_scenario, simulate
from fencepost.model.simulation.quantities import Nanoseconds

SLOTS = 1536
RECORDED_US = {1: (568.6, 1020.7, 1123.0), 2: (285.2, 512.4, 565.5), 8: (74.7, 133.3, 160.0)}
ONE_BROKER = read_scenario(Path(__file__).parent / "scenarios" / "ring-sweep.toml")


def sweep(brokers: int) -> Scenario:
    """Return the scenario for so many brokers, with one client each."""
    return msgspec.structs.replace(
        ONE_BROKER,
        replications=1,
        duration=Nanoseconds.parse("400 ms"),
        clients=msgspec.structs.replace(ONE_BROKER.clients, count=brokers),
        brokers=msgspec.structs.replace(ONE_BROKER.brokers, count=brokers, ring_slots=SLOTS // brokers),
    )


def three(values: tuple[float, ...]) -> str:
    """Return three times in columns."""
    return " ".join(f"{value:7.1f}" for value in values)


print("brokers  simulated p50, p90, p99, us   recorded")
for brokers in (1, 2, 3, 4, 6, 8, 16):
    simulation = simulate(sweep(brokers))
    found = tuple(simulation[f"latency_order_{rank}_ns"].value / 1000 for rank in ("p50", "p90", "p99"))
    recorded = three(RECORDED_US[brokers]) if brokers in RECORDED_US else "-"
    print(f"{brokers:>7}  {three(found)}       {recorded}")
