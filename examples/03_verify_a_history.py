"""Verify recorded histories: positions handed out by one counter keep level 5, and not level 4."""

from pathlib import Path

from fencepost import verify

DATA = Path(__file__).parent / "data"

for name, level in (("redis-order5", 5), ("redis-order5", 4), ("redis-order4", 4)):
    report = verify(DATA / f"{name}-history.csv", level=level)
    print(f"{name} at level {level}: {report.verdict}")
    for finding in report.violations():
        print(f"  {finding.property}, {finding.details['count']} times, first: {finding.explanation}")
