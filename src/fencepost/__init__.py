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
litmus_outcomes  every end of a litmus test, with how it is reached
ablate      which flush, fence or invalidation of a litmus program, or of one's own, is load-bearing
claims      what the findings of 2026-01-26 claim, each settled by fresh evidence
run_experiment  a sweep of trials into a store that survives; `new_experiment` writes a spec, `Run` reads the store
new         a commented file of one's own to begin with
copy_examples  the examples that ship
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from fencepost import bench
    from fencepost.ablating import ablate
    from fencepost.checking import check
    from fencepost.comparing.run import compare
    from fencepost.experiments.presets import new_experiment
    from fencepost.experiments.run import Run
    from fencepost.experiments.running import run_experiment
    from fencepost.experiments.spec import parse_spec, read_spec
    from fencepost.exploring.detection import mutants
    from fencepost.exploring.export import write_export
    from fencepost.exploring.replay import replay
    from fencepost.exploring.run import explore
    from fencepost.ledger import claims
    from fencepost.litmus_tests.ends import litmus_outcomes
    from fencepost.litmus_tests.run import litmus
    from fencepost.model.contract import Level, Verdict
    from fencepost.model.errors import (
        FencepostError,
        FormatError,
        InputError,
        Interrupted,
        LoadError,
        Miscounted,
        NotAccepted,
        NotDeterministic,
        ProtocolError,
    )
    from fencepost.model.explorer.explain.columns import describe_run
    from fencepost.model.explorer.traces.run_itf import read_run, write_run
    from fencepost.model.explorer.traces.run_trace import RunTrace
    from fencepost.model.histories import (
        Beside,
        History,
        Rules,
        Source,
        Workload,
        read_batches,
        read_history,
        read_log,
        read_readers,
        read_workload,
        write_history,
        write_workload,
    )
    from fencepost.model.itf import read_trace, write_trace
    from fencepost.model.linearizability import Operation, read_operations, verify_operations
    from fencepost.model.report import Finding, Report
    from fencepost.model.simulation.scenario import Scenario, parse_scenario, read_scenario
    from fencepost.model.specs import PROTOCOLS, protocol, sequencers
    from fencepost.model.trace import Trace
    from fencepost.mutations.killing import native_mutants
    from fencepost.native import race
    from fencepost.proving import prove
    from fencepost.reports.simulate import Simulation
    from fencepost.shipped import copy_examples
    from fencepost.simulating.run import simulate
    from fencepost.templates import new
    from fencepost.verifying.following import follow
    from fencepost.verifying.run import verify

__all__ = [
    "PROTOCOLS", "Beside", "FencepostError", "Finding", "FormatError", "History", "InputError", "Interrupted", "Level",
    "LoadError", "Miscounted", "NotAccepted", "NotDeterministic", "Operation", "ProtocolError", "Report", "Rules",
    "Run", "RunTrace", "Scenario", "Simulation", "Source", "Trace", "Verdict", "Workload", "ablate", "bench", "check",
    "claims", "compare", "copy_examples", "describe_run", "explore", "follow", "litmus", "litmus_outcomes", "mutants",
    "native_mutants", "new", "new_experiment", "parse_scenario", "parse_spec", "protocol", "prove", "race",
    "read_batches", "read_history", "read_log", "read_operations", "read_readers", "read_run", "read_scenario",
    "read_spec", "read_trace", "read_workload", "replay", "run_experiment", "sequencers", "simulate", "verify",
    "verify_operations", "write_export", "write_history", "write_run", "write_trace", "write_workload",
]  # fmt: skip

# Where each name lives; loaded when first asked for, so that `fencepost --help` does not wait for Z3.
_HOMES = {
    "fencepost.ablating": ("ablate",),
    "fencepost.checking": ("check",),
    "fencepost.comparing.run": ("compare",),
    "fencepost.exploring.detection": ("mutants",),
    "fencepost.experiments.presets": ("new_experiment",),
    "fencepost.experiments.run": ("Run",),
    "fencepost.experiments.running": ("run_experiment",),
    "fencepost.experiments.spec": ("parse_spec", "read_spec"),
    "fencepost.exploring.run": ("explore",),
    "fencepost.exploring.export": ("write_export",),
    "fencepost.verifying.following": ("follow",),
    "fencepost.ledger": ("claims",),
    "fencepost.litmus_tests.ends": ("litmus_outcomes",),
    "fencepost.litmus_tests.run": ("litmus",),
    "fencepost.model.explorer.explain.columns": ("describe_run",),
    "fencepost.model.contract": ("Level", "Verdict"),
    "fencepost.model.errors": (
        "FencepostError",
        "FormatError",
        "InputError",
        "Interrupted",
        "LoadError",
        "Miscounted",
        "NotAccepted",
        "NotDeterministic",
        "ProtocolError",
    ),
    "fencepost.model.explorer.traces.run_trace": ("RunTrace",),
    "fencepost.model.explorer.traces.run_itf": ("read_run", "write_run"),
    "fencepost.model.histories": (
        "Beside",
        "History",
        "Rules",
        "Source",
        "Workload",
        "read_batches",
        "read_history",
        "read_log",
        "read_readers",
        "read_workload",
        "write_history",
        "write_workload",
    ),
    "fencepost.model.itf": ("read_trace", "write_trace"),
    "fencepost.model.linearizability": ("Operation", "read_operations", "verify_operations"),
    "fencepost.model.report": ("Finding", "Report"),
    "fencepost.model.simulation.scenario": ("Scenario", "parse_scenario", "read_scenario"),
    "fencepost.model.specs": ("PROTOCOLS", "protocol", "sequencers"),
    "fencepost.model.trace": ("Trace",),
    "fencepost.mutations.killing": ("native_mutants",),
    "fencepost.native": ("race",),
    "fencepost.proving": ("prove",),
    "fencepost.exploring.replay": ("replay",),
    "fencepost.reports.simulate": ("Simulation",),
    "fencepost.shipped": ("copy_examples",),
    "fencepost.simulating.run": ("simulate",),
    "fencepost.templates": ("new",),
    "fencepost.verifying.run": ("verify",),
}


def __dir__() -> list[str]:
    return sorted({*__all__, "__all__", "__doc__", "__file__", "__name__", "__path__", "__version__"})


def __getattr__(name: str) -> Any:
    if name == "bench":
        return import_module("fencepost.bench")
    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(module), name)
    raise AttributeError(f"module 'fencepost' has no attribute {name!r}")
