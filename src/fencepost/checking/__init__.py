"""The main job: one sequencer, or all sound ones, through every engine.

z3           the promises of the protocol, for any size
explorer     the programs on the corpus of scenarios: every schedule, on memory that is not coherent
simulation   the programs on the workload, held against the spec at every step; then their history
native       the C++: the corpus under every schedule; beside the model step by step; raced on the workload
"""

from fencepost.checking.own import OwnReport, is_own_work
from fencepost.checking.run import check, refuse_unfit
from fencepost.checking.screen import CheckReport

__all__ = ["CheckReport", "OwnReport", "check", "is_own_work", "refuse_unfit"]
