"""Traces from one layer on the other: a spec's steps as a run of its programs, a run's labelled steps on the spec."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from fencepost.model.errors import InputError, NotAccepted
from fencepost.model.explorer.explain.stale import stale_reads, stale_words
from fencepost.model.explorer.monitor.run import REFINEMENT
from fencepost.model.explorer.search.reduction import stuck
from fencepost.model.explorer.search.schedule import Schedule
from fencepost.model.explorer.states.state import Act, Actor, Event, State
from fencepost.model.explorer.states.system import System
from fencepost.model.explorer.subjects import SequencerOrigin
from fencepost.model.explorer.traces.known import programs_with_steps_of
from fencepost.model.explorer.traces.outcome import Outcome, cannot_express, held, violated
from fencepost.model.explorer.traces.run_trace import Run, RunTrace, uses_of
from fencepost.model.instance import Instance
from fencepost.model.language import Protocol
from fencepost.model.memory import MATRIX, PROFILE
from fencepost.model.memory.lazy import Choice
from fencepost.model.memory.lines import LinesChanged
from fencepost.model.own import ships
from fencepost.model.programs.layout import ISSUED
from fencepost.model.programs.operations import CompareExchange, FetchAdd, line_of
from fencepost.model.programs.pipeline import Scenario, first_steps
from fencepost.model.programs.roles.receiver import Arriving
from fencepost.model.programs.sequencers.refinement import spec_steps
from fencepost.model.specs.log import Log
from fencepost.model.trace import Step, Trace, counterexample, explain

OF_READERS = ("contiguous", "agreement", "frontier")
"""Promises of a spec that programs break where they read: a spec has no words for a wrong load."""
IN_PROGRAMS = ("unique", "dense", "ring-order", "client-order", "prefix", "once")
"""The promises of specs that a run of programs is judged by, too."""
EFFECTS: dict[str, Callable[[Act], bool]] = {
    "reserve": lambda act: isinstance(act.what, FetchAdd) and act.what.address == ISSUED,
    "win": lambda act: isinstance(act.what, CompareExchange),
    "lose": lambda act: isinstance(act.what, CompareExchange),
    "order_next": lambda act: act.step is not None and act.step.action == "assign",
}
"""What ends a turn that is a step of a refuted spec: the programs of its bug give their steps other names."""
AT_THE_END = ("dense",)  # of those, what the programs can only be judged by once nothing can go on


# --- a spec's trace on programs ---


def programs_of(trace: Trace) -> tuple[RunTrace, tuple[int, ...]]:
    """Return the run of the programs that performs a spec's steps, and after how many of its steps each of these was.

    The programs run on one coherent memory (profile `sc`), as a spec knows no other, unless their scanners are on
    several hosts. A refuted spec's steps are performed by the programs of the bug that has it. Raises InputError for a
    protocol without programs and a property that they are not judged by, and NotAccepted where a program at its turn
    does something else.
    """
    if not ships(trace.protocol):
        raise InputError(f"{trace.protocol.name} is a protocol of your own: it has no programs")
    if trace.property not in IN_PROGRAMS:
        expected = ", ".join(IN_PROGRAMS)
        raise InputError(f"programs are not judged by {trace.property!r}: expected one of {expected}")
    asked, (made, stride) = frozenset({trace.property}), programs_with_steps_of(trace.protocol)
    steps = tuple(_with_clients(step, stride) for step in trace.steps)
    scenario = scenario_of(steps)
    hosts = {made.scanner_host(ring) for ring in range(scenario.rings_count)}
    origin = SequencerOrigin(made, scenario, "sc" if len(hosts) == 1 else PROFILE, MATRIX, asked)
    subject = origin.subject()
    system = subject.make()
    while True:
        try:
            state, schedule, places = _Turns(
                system, replace(trace, steps=steps), is_of_bug=made.spec is not trace.protocol
            ).take()
            break
        except LinesChanged:
            continue
    violation = state.watch.violation or (subject.judge(system, state) if stuck(system.transitions(state)) else None)
    found_by = f"the programs of {trace.protocol.name} on a trace found by {trace.found_by}"
    return RunTrace(origin, uses_of(system.lines), schedule, violation, found_by), places


def _with_clients(step: Step, stride: int) -> Step:
    """Return a spec's step with the client that the programs have for its client."""
    given = step.arguments
    return Step(step.action, {**given, "client": given["client"] * stride}) if "client" in given else step


def scenario_of(steps: tuple[Step, ...]) -> Scenario:
    """Return the scenario in which what arrives is what a spec's steps say."""
    rings: list[list[Arriving]] = [[] for _ in range(max((s.arguments.get("ring", 0) for s in steps), default=0) + 1)]
    for step in steps:
        if step.action == "arrive":
            given = step.arguments
            rings[given["ring"]].append(Arriving(given["client"], given["seq"], given["count"]))
    return Scenario(rings=tuple(map(tuple, rings)), slots=max(1, *map(len, rings)))


class _Turns:
    """The steps of a spec's trace, one after the other: each is a turn of the thread that has that part in programs.

    A sound spec's steps have the names that programs give theirs; a refuted one's are known by what they do to memory.
    """

    def __init__(self, system: System, trace: Trace, *, is_of_bug: bool) -> None:
        self.system, self.trace, self.is_of_bug = system, trace, is_of_bug
        self.names = [thread.name for thread in system.threads]
        self.state, _ = system.start()
        self.schedule: list[tuple[Actor, Choice]] = []
        self.places: list[int] = []

    def take(self) -> tuple[State, Schedule, tuple[int, ...]]:
        """Take every turn as far as the first violation; where that shows at the end only, go on until there."""
        for number, wanted in enumerate(self.trace.steps, start=1):
            self._turn(number, wanted)
        while self.state.watch.violation is None and (self.is_of_bug or self.trace.property in AT_THE_END):
            if not self._go(range(len(self.names)), len(self.trace.steps)):
                break
        return self.state, tuple(self.schedule), tuple(self.places)

    def _turn(self, number: int, wanted: Step) -> None:
        role = "receiver" if wanted.action == "arrive" else "scanner"
        name = f"{role} {wanted.arguments.get('ring', -1)}"
        if name not in self.names:
            raise NotAccepted(f"step {number}: no thread performs {wanted}")
        thread, known = self.names.index(name), self.trace.protocol.actions
        while self.state.watch.violation is None:
            others = [each for each, other in enumerate(self.names) if other.split()[0] == "receiver"]
            event = self._go([thread], number) or self._go(others, number)
            if event is None:
                raise NotAccepted(f"step {number}: {name} waits: expected it to perform {wanted}")
            acts = [act for act in event.acts if act.thread == thread]
            if self.is_of_bug and wanted.action in EFFECTS:
                if any(EFFECTS[wanted.action](act) for act in acts):
                    return
                continue
            done = [act.step for act in acts if act.step is not None and act.step.action in known]
            if done and done != [wanted]:
                raise NotAccepted(f"step {number}: {name} performs {done[0]}: expected {wanted}")
            if done:
                return

    def _go(self, threads: Iterable[int], number: int) -> Event | None:
        """Let the first of the threads that can, or an entry of its buffer, do the first thing that needs no luck."""
        transitions = self.system.transitions(self.state)
        for thread in threads:
            for actor in sorted((each for each in transitions if each[0] == thread), key=lambda each: each[1]):
                chosen = next((each for each in transitions[actor] if not each[1]), None)
                if chosen is not None:
                    self.state, event = self.system.perform(self.state, actor, chosen)
                    self.schedule.append((actor, event.choice))
                    self.places.append(number)
                    return event
        return None


def on_programs(trace: Trace) -> Outcome:
    """Return what becomes of a spec's trace when its programs perform its steps."""
    try:
        made, places = programs_of(trace)
    except (InputError, NotAccepted) as objection:
        return cannot_express(str(objection))
    if made.violation is None:
        return held(f"the programs perform all {len(trace.steps)} steps, and {trace.property} holds")
    return violated(places[-1], made.violation.sentence)


# --- a run's steps on the spec ---


def _perform(spec: Protocol, step: Step) -> int:
    """Perform what a step of a program is to the spec; return how many steps that is."""
    count = 0
    for each in spec_steps(spec, step):
        spec.fire(each.action, **each.arguments)
        count += 1
    return count


def on_spec(made: Run) -> Outcome:
    """Return what becomes of the labelled steps of a run on the spec that it must refine."""
    origin, violation = made.trace.origin, made.violation
    if not isinstance(origin, SequencerOrigin):
        return cannot_express("only a sequencer has a spec")
    spec = origin.design.spec()
    steps = [(number, act.step) for number, event in enumerate(made.events) for act in event.acts if act.step]
    name = violation.property if violation else ""
    statement = spec.promises.get(name)
    bounds = _bounds(origin.scenario)
    for step in first_steps(origin.design, origin.scenario):
        _perform(spec, step)
    count = 0
    for number, step in steps:
        try:
            performed = _perform(spec, step)
        except NotAccepted as refused:
            if name == REFINEMENT:
                return violated(number, str(refused))
            return cannot_express(f"it accepts {count} steps, then refuses step {number}: {refused}")
        if not performed:
            continue
        count += 1
        values = counterexample(spec, statement, bounds) if statement else None
        if statement is not None and values is not None:
            return violated(number, explain(spec, statement, values))
    accepted = f"{spec.name} accepts every step ({count})"
    stale = next(stale_reads(made), None)
    if stale is not None and stale.where != "buffer":
        return cannot_express(f"{accepted}; it knows no caches, and {stale_words(made, stale)}")
    if violation is not None and name in OF_READERS:
        return cannot_express(f"{accepted}; what a reader by position makes of what it loads is no step of it")
    if violation is not None and statement is None:
        return cannot_express(f"{accepted}; it makes no promise of the name {name!r}")
    other = _other_range(made, spec) or (_other_counter(made, spec) if violation is not None else "")
    if other:
        return cannot_express(f"{accepted}, and {other}")
    return held(f"{accepted}, and {name or 'what it promises'} holds")


def _other_range(made: Run, spec: Protocol) -> str:
    """Name the first batch to which the programs gave another range than the spec, whose reserving is one step."""
    if not isinstance(spec, Log):
        return ""
    rows = {(spec.ring_of[row], spec.index_of[row]): row for row in range(spec.length)}
    for number, event in enumerate(made.events):
        for act in event.acts:
            if act.step is not None and act.step.action == "assign":
                given = act.step.arguments
                row = rows.get((given["ring"], given["index"]))
                if row is not None and (spec.start_of[row], spec.count_of[row]) != (given["start"], given["count"]):
                    mine = f"{given['start']}..{given['start'] + given['count'] - 1}"
                    return f"gives {spec.describe_row(row)}, where step {number} gave it {mine}"
    return ""


def _other_counter(made: Run, spec: Protocol) -> str:
    """Say where the programs reserved for more, or less, than the spec, whose step does not say for how much."""
    line = made.system.memory.memory(made.states[-1].cells, line_of(ISSUED))
    issued = line.get(ISSUED[-1], 0)
    if not isinstance(spec, Log) or spec.issued == issued:
        return ""
    return f"issues {spec.issued} positions, where the counter is {issued} in the end"


def _bounds(scenario: Scenario) -> Instance:
    """Return the instance that a scenario lies in."""
    batches = [(each.client, each.seq, each.count) for ring in scenario.rings for each in ring]
    sent = [(client, each.seq, each.count) for client, plan in enumerate(scenario.plans) for each in plan]
    clients, seqs, counts = zip(*batches, *sent, strict=True) if batches or sent else ((0,), (0,), (0,))
    slots = max([1, *map(len, scenario.rings), 2 * len(sent)])  # after a restart, all is sent again
    return Instance(max(clients) + 1, scenario.rings_count, slots, max(seqs) + 1, max(counts))
