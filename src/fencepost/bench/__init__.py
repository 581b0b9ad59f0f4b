"""What the native code costs, as ratios to the floor of the same machine in the same run.

measure       the paths of the native code, each beside the bare instructions that it cannot do without
floor         the machine's own limits: atomics, locks, flushes, fences, header scans, copies, a line between two cores
baseline      spread, stability and ratios of paths, and what changed since an earlier one
compare       two sides of a setting, timed in turn in one run
against       two sequencers raced on the same arrivals, in turn: what differs, and where a batch's time goes
self_compare  one side with itself: what a comparison is worth
flush         publication policies: what each costs, and whether it is sound
ablate        settings of machine and scanners, one at a time and all
contention    how often a lock is contended, and what it gains to do without
profile       where a batch's time goes
kernels       instructions of single-threaded kernels, beside a stored baseline
histories     what verify takes for files of many rows, beside reading them
layout        the lines of shared structures, from descriptions and debug info, and their faults

Every timed loop counts what it did and is refused, with Miscounted, where the count is not what it should be.
"""

from fencepost.bench.baselines import Baseline, Baselines, baseline
from fencepost.bench.decisions.ablation import Ablations, ablate
from fencepost.bench.decisions.contention import Contention, contention
from fencepost.bench.decisions.profile import Profile, profile
from fencepost.bench.flush import Flushes, flush
from fencepost.bench.histories import Histories, histories
from fencepost.bench.kernels import Kernels, kernels
from fencepost.bench.layout import Layout, layout
from fencepost.bench.machines.machine import hardware
from fencepost.bench.machines.machine_floor import Floor, floor
from fencepost.bench.measured_paths import Bench, Measured, measure
from fencepost.bench.paths import PATHS, SIDES, Path
from fencepost.bench.raced import Raced, against
from fencepost.bench.sides import Comparison, SelfComparison, compare, self_compare
from fencepost.bench.statistics.change import Change, change_of
from fencepost.bench.statistics.figures import Figure
from fencepost.bench.statistics.spread import Spread, Stability, spread

__all__ = [
    "PATHS", "SIDES", "Ablations", "Baseline", "Baselines", "Bench", "Change", "Comparison", "Contention", "Figure",
    "Floor", "Flushes", "Histories", "Kernels", "Layout", "Measured", "Path", "Profile", "Raced", "SelfComparison",
    "Spread", "Stability", "ablate", "against", "baseline", "change_of", "compare", "contention", "floor", "flush",
    "hardware", "histories", "kernels", "layout", "measure", "profile", "self_compare", "spread",
]  # fmt: skip
