"""The stepped native build beside the model: joint examples of workload and schedule."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from random import Random

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from fencepost import strategies
from fencepost.comparing.modules import Native
from fencepost.comparing.named_workloads import name_of
from fencepost.comparing.policies.reduction import Reduction, simpler
from fencepost.comparing.search import Failed, Tried, find_smallest
from fencepost.comparing.verdicts import NAMED, Counterexample
from fencepost.model.contract import Level
from fencepost.model.errors import InputError, NotAccepted
from fencepost.model.explorer.states.monitor import Violation
from fencepost.model.explorer.subjects import SequencerOrigin
from fencepost.model.explorer.traces.run_trace import RunTrace, run, uses_of
from fencepost.model.memory import MATRIX, PROFILE
from fencepost.model.processes import trying
from fencepost.model.programs import design
from fencepost.model.programs.pipeline import Scenario
from fencepost.native import Mutant
from fencepost.native.schedules.differential import LOCKSTEP, JointExample, JointRun, run_joint
from fencepost.strategies import has_room

POLICY = "stepped"
FEW = strategies.Sizes(batches=3, slots=(2, 3))
SMALL_ONES_MOST = 300


@dataclass(frozen=True)
class Stepped:
    """A sequencer in lockstep, its runs held against the contract and the spec."""

    sequencer: str
    native: Native
    mutant: Mutant = Mutant.NONE
    profile: str = PROFILE
    ignore_shared: bool = False

    policy = POLICY
    repeatable = True

    @property
    def level(self) -> Level:
        return design(self.sequencer).level

    @property
    def key(self) -> str:
        return f"{self.sequencer} {POLICY} {self.profile} {self.native.name} {self.mutant.name}"

    @property
    def example_type(self) -> type[JointExample]:
        return JointExample

    def strategy(self) -> SearchStrategy[JointExample]:
        return strategies.examples(designs=(self.sequencer,))

    def joint(self, example: JointExample) -> JointRun:
        """Run an example and make the three comparisons."""
        trying(example)
        return run_joint(design(self.sequencer), example, self.profile, mutant=self.mutant, native=self.native.load())

    def smaller(self, example: JointExample, failed: Failed) -> tuple[JointExample, Failed]:
        """Take batches, roles and rings out of the workload, and steps out of the run, as far as it still fails."""
        return Reduction(self, *self._small(example, failed)).done()

    def _small(self, example: JointExample, failed: Failed) -> tuple[JointExample, Failed]:
        """Return a small example that breaks the same promise, instead of a large one, if a few hundred have one."""
        if self.batch_count(example) <= FEW.batches:
            return example, failed

        def breaks(small: JointExample) -> bool:
            found = self.try_out(small).failed
            return found is not None and found.property == failed.property

        drawn = st.builds(JointExample, strategies.workloads(FEW), strategies.schedules())
        small = find_smallest(drawn, breaks, Random(self.batch_count(example)), SMALL_ONES_MOST)
        again = self.try_out(small).failed if small is not None else None
        return (small, again) if again is not None else (example, failed)

    def batch_count(self, example: JointExample) -> int:
        """Return how many batches are sent."""
        scenario = example.scenario
        return sum(map(len, (*scenario.rings, *scenario.later, *scenario.plans)))

    def fewer(self, example: JointExample) -> Iterator[JointExample]:
        """Yield examples with fewer picks, half of them at first, and of simpler workloads."""
        if example.picks:
            yield replace(example, picks=())
        for scenario, _ in simpler(example.scenario):
            if scenario != example.scenario and has_room(scenario, self.level):
                yield replace(example, scenario=scenario)
        size = len(example.picks)
        while size > 0:
            for at in range(0, len(example.picks), size):
                yield replace(example, picks=(*example.picks[:at], *example.picks[at + size :]))
            size //= 2

    def told(self, example: JointExample) -> tuple[tuple[str, ...], int]:
        """Return an example in words: what is sent, and after how many plain steps which other choice is made."""
        picks = ", ".join(f"{plain_count} plain steps, then choice {choice}" for plain_count, choice in example.picks)
        schedule = f"schedule: {picks or 'the plainest'}"
        return (*described(example.scenario), schedule), self.batch_count(example)

    def try_out(self, example: JointExample) -> Tried:
        made = self.joint(example)
        failure, failed = made.failure, None
        if failure is not None and not (self.ignore_shared and failure.is_of_the_design()):
            failed = Failed(failure.property, failure.sentence, (failure.step, self.batch_count(example)))
        named = {NAMED} if name_of(example.scenario) else frozenset()
        return Tried(failed, made.operations, made.steps, made.happened | named)


def trace_of(task: Stepped, made: JointRun, found_by: str) -> RunTrace:
    """Return the run up to its failure as a trace, as the model makes it.

    Where the two differ the trace holds what the model does in that step, if it can take the step at all.
    """
    failure = made.failure
    if failure is None:
        raise InputError("there is no failure to make a trace of")
    origin = SequencerOrigin(design(task.sequencer), made.example.scenario, task.profile, MATRIX)
    violation = None
    if failure.property != LOCKSTEP:
        violation = Violation(failure.property, failure.sentence)
    trace = RunTrace(origin, uses_of(made.lines), made.schedule, violation, found_by)
    while True:
        try:
            return replace(trace, violation=run(trace).violation)
        except NotAccepted:
            trace = replace(trace, schedule=trace.schedule[:-1])


def counterexample(task: Stepped, example: JointExample, found_by: str) -> Counterexample:
    """Return a failing example with its run."""
    made = task.joint(example)
    assert made.failure is not None
    trace = trace_of(task, made, found_by)
    taking_part = {thread for (thread, _), _ in made.schedule}
    return Counterexample(
        made.failure.property,
        made.failure.sentence,
        example,
        tuple(described(example.scenario)),
        made.failure.step,
        task.batch_count(example),
        max(1, len(taking_part)),
        tuple(str(each) for each in made.failures[1:]),
        trace,
        is_of_the_design=made.failure.is_of_the_design(),
    )


def described(scenario: Scenario) -> Iterator[str]:
    """Yield what is sent, in words."""
    name = name_of(scenario)
    yield f"scenario {name}: {scenario}" if name else str(scenario)
    for client, plan in enumerate(scenario.plans):
        sent = ", ".join(f"batch {each.seq} of {each.count} to ring {each.ring}" for each in plan)
        yield f"client {client} sends {sent}{', and all of it again after a restart' if scenario.restarts else ''}"
    for rings, words in ((scenario.rings, "has" if scenario.written else "is sent"), (scenario.later, "is then sent")):
        for ring, batches in enumerate(rings):
            sent = ", ".join(f"client {each.client} batch {each.seq} of {each.count}" for each in batches)
            if sent:
                yield f"ring {ring} {words} {sent}"
