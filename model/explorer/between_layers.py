"""Traces from one layer on the other: a spec's steps as a run of its programs, a run's labelled steps on the spec."""

from __future__ import annotations

from fencepost.model.errors import InputError, NotAccepted
from fencepost.model.explorer.outcome import Outcome, cannot_express, held, violated
from fencepost.model.explorer.reduction import stuck
from fencepost.model.explorer.run_trace import Run, RunTrace, uses_of
from fencepost.model.explorer.run_watch import REFINEMENT
from fencepost.model.explorer.schedule import Schedule
from fencepost.model.explorer.stale import stale_reads, stale_words
from fencepost.model.explorer.state import THREAD, Actor, Event, State
from fencepost.model.explorer.subjects import SequencerOrigin
from fencepost.model.explorer.system import System
from fencepost.model.instance import Instance
from fencepost.model.language import Protocol
from fencepost.model.memory import MATRIX
from fencepost.model.memory.late import Choice
from fencepost.model.memory.lines import LinesChanged
from fencepost.model.own import ships
from fencepost.model.programs.designs import design
from fencepost.model.programs.layout import ISSUED
from fencepost.model.programs.operations import line_of
from fencepost.model.programs.pipeline import Scenario, first_steps
from fencepost.model.programs.receiver import Arriving
from fencepost.model.programs.refinement import spec_steps
from fencepost.model.specs.log import Log
from fencepost.model.trace import Step, Trace, counterexample, explain

IN_PROGRAMS = ("unique", "dense", "ring-order", "client-order", "prefix", "once")
"""The promises of specs that a run of programs is judged by, too."""
AT_THE_END = ("dense",)  # of those, what the programs can only be judged by once nothing can go on


# --- a spec's trace on programs ---


def programs_of(trace: Trace) -> tuple[RunTrace, tuple[int, ...]]:
    """Return the run of the programs that performs a spec's steps, and after how many of its steps each of these was.

    The programs run on one coherent memory (profile `sc`): a spec knows no other. Raises InputError for a protocol
    without programs and a property that they are not judged by, and NotAccepted where a program at its turn does
    something else.
    """
    if not ships(trace.protocol):
        raise InputError(f"{trace.protocol.name} is a protocol of your own: it has no programs")
    if trace.property not in IN_PROGRAMS:
        expected = ", ".join(IN_PROGRAMS)
        raise InputError(f"programs are not judged by {trace.property!r}: expected one of {expected}")
    asked = frozenset({trace.property})
    origin = SequencerOrigin(design(trace.protocol.name), scenario_of(trace.steps), "sc", MATRIX, asked)
    subject = origin.subject()
    system = subject.make()
    while True:
        try:
            state, schedule, places = _follow(system, trace)
            break
        except LinesChanged:
            continue
    violation = state.watch.violation or (subject.judge(system, state) if stuck(system.transitions(state)) else None)
    found_by = f"the programs of {trace.protocol.name} on a trace found by {trace.found_by}"
    return RunTrace(origin, uses_of(system.lines), schedule, violation, found_by), places


def scenario_of(steps: tuple[Step, ...]) -> Scenario:
    """Return the scenario in which what arrives is what a spec's steps say."""
    rings: list[list[Arriving]] = [[] for _ in range(max((s.arguments.get("ring", 0) for s in steps), default=0) + 1)]
    for step in steps:
        if step.action == "arrive":
            given = step.arguments
            rings[given["ring"]].append(Arriving(given["client"], given["seq"], given["count"]))
    return Scenario(rings=tuple(map(tuple, rings)), slots=max(1, *map(len, rings)))


def _follow(system: System, trace: Trace) -> tuple[State, Schedule, tuple[int, ...]]:
    """Perform the steps of a spec's trace one after the other, as far as the first violation."""
    known = trace.protocol.actions
    names = [thread.name for thread in system.threads]
    schedule: list[tuple[Actor, Choice]] = []
    places: list[int] = []
    state, _ = system.start()
    for number, wanted in enumerate(trace.steps, start=1):
        role = "receiver" if wanted.action == "arrive" else "scanner"
        name = f"{role} {wanted.arguments.get('ring', -1)}"
        if name not in names:
            raise NotAccepted(f"step {number}: no thread performs {wanted}")
        done: list[Step] = []
        while not done and state.watch.violation is None:
            actor = (names.index(name), THREAD)
            state, event = _go(system, state, actor, f"step {number}: {name} waits: expected it to perform {wanted}")
            schedule.append((actor, event.choice))
            places.append(number)
            done = [act.step for act in event.acts if act.step is not None and act.step.action in known]
        if done and done != [wanted]:
            raise NotAccepted(f"step {number}: {name} performs {done[0]}: expected {wanted}")
    while trace.property in AT_THE_END and not stuck(transitions := system.transitions(state)):
        actor = next(actor for actor, choices in transitions.items() if not all(lucky for _, lucky in choices))
        state, event = _go(system, state, actor, "")
        schedule.append((actor, event.choice))
        places.append(len(trace.steps))
    return state, tuple(schedule), tuple(places)


def _go(system: System, state: State, actor: Actor, objection: str) -> tuple[State, Event]:
    """Let an actor do the first thing that it can do without luck."""
    chosen = next((each for each in system.transitions(state).get(actor, ()) if not each[1]), None)
    if chosen is None:
        raise NotAccepted(objection)
    return system.perform(state, actor, chosen)


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
