"""Verify recorded histories: positions handed out by one counter keep level 5, and not level 4."""

from pathlib import Path

from fencepost import read_history, verify

DATA = Path(__file__).parent / "data"

for name, level in (("redis-order5", 5), ("redis-order5", 4), ("redis-order4", 4)):
    verification = verify(read_history(DATA / f"{name}-history.csv"), level)
    print(f"{name} at level {level}: {verification.verdict}")
    for finding in verification.findings:
        if finding.witness is not None:
            print(f"  {finding.property}, {finding.count} times, first: {finding.witness.sentence}")
