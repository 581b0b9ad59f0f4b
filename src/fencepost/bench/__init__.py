"""What the native code costs, as ratios to the floor of the same machine in the same run.

floor       the machine's own limits: atomics, locks, flushes, fences, header scans, copies, a line between two cores

Every timed loop counts what it did and is refused, with Miscounted, where the count is not what it should be.
"""

from fencepost.bench.figures import Figure
from fencepost.bench.machine_floor import Floor, floor, hardware

__all__ = ["Figure", "Floor", "floor", "hardware"]
