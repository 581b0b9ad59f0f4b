"""Check the sequencers of level 4 on a recorded workload, from Python.

The workload: 4,289 arrivals recorded from a real server, 89 of them retransmissions to another ring.
"""

from fencepost import check

PROPERTIES = ("client-order", "once", "refinement", "same-ranges")

report = check(level=4, engine=("z3", "simulation", "native"), seed=1)
for finding in report.findings:
    if finding.property in PROPERTIES and finding.details["mode"] in (None, "lockstep"):
        print(f"{finding.target}: {finding.property} by {finding.engine}: {finding.verdict} ({finding.bound})")
print(f"all of it: {report.verdict}")
