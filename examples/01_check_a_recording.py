"""Check two sequencers of level 4 on a recorded workload, from Python.

The workload: 4,289 arrivals recorded from a real server, 89 of them retransmissions to another ring.
"""

from fencepost import check

report = check(levels=(4,), seed=1)
for result in report.results:
    if result.property in ("client-order", "once", "refinement", "same-ranges"):
        print(f"{result.sequencer}: {result.property} in {result.layer}: {result.verdict} ({result.bound})")
print(f"all of it: {report.verdict}")
