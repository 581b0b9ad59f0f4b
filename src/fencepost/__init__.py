"""fencepost defines, proves, simulates and races total-order sequencers.

check       the main job: every layer on one workload, one verdict each
prove       Z3 on the promises of a protocol, for any size
explore     the runs of a small system: every one, or drawn ones
compare     native code against the model, on drawn workloads and schedules
simulate    a scenario under SimPy's clock: what a sequencer costs, with the contract checked inside
race        the native sequencers on a workload, by real threads
verify      a recorded history against the contract
replay      a trace to its violation, in every engine
mutants     the museum of bugs, and which engine catches which
native_mutants  the C++ with one line changed, compiled and killed
litmus      litmus tests of non-coherent memory, in three engines
ablate      which flush, fence or invalidation of a litmus program is load-bearing
ablate_program  which one of a program of one's own (fencepost.program)
claims      what the findings of 2026-01-26 claim, each settled by fresh evidence
new         a commented file of one's own to begin with
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from fencepost.checking import check
    from fencepost.comparing import compare
    from fencepost.detection import mutants
    from fencepost.exploring import explore
    from fencepost.exporting import write_export
    from fencepost.ledger import claims
    from fencepost.litmus_tests import litmus
    from fencepost.model.explorer.columns import describe_run
    from fencepost.model.explorer.run_itf import read_run, write_run
    from fencepost.model.histories import (
        Beside,
        Rules,
        Source,
        read_batches,
        read_history,
        read_log,
        read_readers,
        read_workload,
        verify,
        verify_file,
        write_history,
        write_workload,
    )
    from fencepost.model.itf import read_trace, write_trace
    from fencepost.model.report import Finding, Report
    from fencepost.model.simulation.scenario import Scenario, parse_scenario, read_scenario
    from fencepost.model.specs import PROTOCOLS, protocol
    from fencepost.mutations.killing import native_mutants
    from fencepost.native import race
    from fencepost.proofs import prove
    from fencepost.proofs.ablation import ablate
    from fencepost.proofs.program_ablation import ablate_program
    from fencepost.replaying import replay
    from fencepost.simulating import Simulation, simulate
    from fencepost.templates import new

__all__ = [
    "PROTOCOLS", "Beside", "Finding", "Report", "Rules", "Scenario", "Simulation", "Source", "ablate",
    "ablate_program", "check", "claims", "compare", "describe_run", "explore", "litmus", "mutants", "native_mutants",
    "new", "parse_scenario", "protocol", "prove", "race", "read_batches", "read_history", "read_log", "read_readers",
    "read_run", "read_scenario", "read_trace", "read_workload", "replay", "simulate", "verify", "verify_file",
    "write_export", "write_history", "write_run", "write_trace", "write_workload",
]  # fmt: skip

# Where each name lives; loaded when first asked for, so that `fencepost --help` does not wait for Z3.
_HOMES = {
    "fencepost.checking": ("check",),
    "fencepost.comparing": ("compare",),
    "fencepost.detection": ("mutants",),
    "fencepost.exploring": ("explore",),
    "fencepost.exporting": ("write_export",),
    "fencepost.ledger": ("claims",),
    "fencepost.litmus_tests": ("litmus",),
    "fencepost.model.explorer.columns": ("describe_run",),
    "fencepost.model.explorer.run_itf": ("read_run", "write_run"),
    "fencepost.model.histories": (
        "Beside",
        "Rules",
        "Source",
        "read_batches",
        "read_history",
        "read_log",
        "read_readers",
        "read_workload",
        "verify",
        "verify_file",
        "write_history",
        "write_workload",
    ),
    "fencepost.model.itf": ("read_trace", "write_trace"),
    "fencepost.model.report": ("Finding", "Report"),
    "fencepost.model.simulation.scenario": ("Scenario", "parse_scenario", "read_scenario"),
    "fencepost.model.specs": ("PROTOCOLS", "protocol"),
    "fencepost.mutations.killing": ("native_mutants",),
    "fencepost.native": ("race",),
    "fencepost.proofs": ("prove",),
    "fencepost.proofs.ablation": ("ablate",),
    "fencepost.proofs.program_ablation": ("ablate_program",),
    "fencepost.replaying": ("replay",),
    "fencepost.simulating": ("Simulation", "simulate"),
    "fencepost.templates": ("new",),
}


def __getattr__(name: str) -> Any:
    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(module), name)
    raise AttributeError(f"module 'fencepost' has no attribute {name!r}")
