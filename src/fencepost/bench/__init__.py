"""What the native code costs, as ratios to the floor of the same machine in the same run.

measure       the paths of the native code, each beside the bare instructions that it cannot do without
floor         the machine's own limits: atomics, locks, flushes, fences, header scans, copies, a line between two cores
baseline      spread, stability and ratios of paths, and what changed since an earlier one
compare       two sides of a setting, timed in turn in one run
self_compare  one side with itself: what a comparison is worth
flush         publication policies: what each costs, and whether it is sound
layout        the lines of shared structures, from descriptions and debug info, and their faults

Every timed loop counts what it did and is refused, with Miscounted, where the count is not what it should be.
"""

from fencepost.bench.baselines import Baseline, Baselines, baseline
from fencepost.bench.change import Change, change_of
from fencepost.bench.figures import Figure
from fencepost.bench.flush import Flushes, flush
from fencepost.bench.layout import Layout, layout
from fencepost.bench.machine import hardware
from fencepost.bench.machine_floor import Floor, floor
from fencepost.bench.measured_paths import Bench, Measured, measure
from fencepost.bench.paths import PATHS, SIDES, Path
from fencepost.bench.sides import Comparison, SelfComparison, compare, self_compare
from fencepost.bench.spread import Spread, Stability, spread

__all__ = [
    "PATHS", "SIDES", "Baseline", "Baselines", "Bench", "Change", "Comparison", "Figure", "Floor", "Flushes", "Layout",
    "Measured", "Path", "SelfComparison", "Spread", "Stability", "baseline", "change_of", "compare", "floor", "flush",
    "hardware", "layout", "measure", "self_compare", "spread",
]  # fmt: skip
