"""What the native code costs, as ratios to the floor of the same machine in the same run.

measure     the paths of the native code, each beside the bare instructions that it cannot do without
floor       the machine's own limits: atomics, locks, flushes, fences, header scans, copies, a line between two cores

Every timed loop counts what it did and is refused, with Miscounted, where the count is not what it should be.
"""

from fencepost.bench.figures import Figure
from fencepost.bench.machine_floor import Floor, floor, hardware
from fencepost.bench.measured_paths import Bench, Measured, measure
from fencepost.bench.paths import PATHS, Path

__all__ = ["PATHS", "Bench", "Figure", "Floor", "Measured", "Path", "floor", "hardware", "measure"]
