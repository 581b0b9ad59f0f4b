"""What can be explored: a sequencer on a scenario, a litmus file, a shared structure, or a program of one's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from fencepost.model.explorer import litmus
from fencepost.model.explorer.pipeline import system_of, two_writers, violation_at_end
from fencepost.model.explorer.search.exploration import Subject
from fencepost.model.explorer.states.monitor import Violation
from fencepost.model.explorer.states.state import State
from fencepost.model.explorer.states.system import System
from fencepost.model.explorer.states.threads import judged
from fencepost.model.litmus import LitmusTest
from fencepost.model.memory import MATRIX, matrix, profile
from fencepost.model.programs.pipeline import Design, Scenario
from fencepost.model.programs.roles.client import Sending
from fencepost.model.programs.roles.receiver import Arriving
from fencepost.model.programs.structures import Returned, Structure
from fencepost.model.programs.users.insertions import Insertions
from fencepost.model.programs.users.own import Mark, Program

BAD = "bad"
"""The name under which a litmus file's condition is reported when some run ends in it."""


@dataclass(frozen=True)
class SequencerOrigin:
    """What a sequencer's subject was made from; `asked` None stands for all properties."""

    design: Design
    scenario: Scenario
    profile: str
    matrix: str
    asked: frozenset[str] | None = None

    def subject(self) -> Subject:
        return sequencer(self.design, self.scenario, self.profile, self.matrix, self.asked)


@dataclass(frozen=True)
class LitmusOrigin:
    """What a litmus file's subject was made from."""

    test: LitmusTest
    profile: str
    matrix: str

    def subject(self) -> Subject:
        return litmus_file(self.test, self.profile, self.matrix)


@dataclass(frozen=True)
class StructureOrigin:
    """What a structure's subject was made from."""

    structure: Structure
    profile: str
    matrix: str

    def subject(self) -> Subject:
        return structure(self.structure, self.profile, self.matrix)


@dataclass(frozen=True)
class ProgramOrigin:
    """What the subject of a program of one's own was made from; `without` are the optional operations left out."""

    program: Program
    profile: str
    matrix: str
    without: frozenset[Mark] = frozenset()

    def subject(self) -> Subject:
        return program(self.program, self.profile, self.matrix, self.without)


SlotId: TypeAlias = SequencerOrigin | LitmusOrigin | ProgramOrigin
"""What a trace file can say that a run was made from; the programs of structures have none."""


def sequencer(
    design: Design,
    scenario: Scenario,
    profile_name: str,
    matrix_name: str = MATRIX,
    asked: frozenset[str] | None = None,
) -> Subject:
    """Return a design on a scenario as a subject; `asked` are the properties that are looked for, by default all."""
    chosen, ordering = profile(profile_name), matrix(matrix_name)
    return Subject(
        design.name,
        profile_name,
        lambda: system_of(design, scenario, chosen, ordering, asked),
        lambda system, state: violation_at_end(system, state, asked),
        str(scenario),
        origin=SequencerOrigin(design, scenario, profile_name, matrix_name, asked),
    )


def litmus_file(test: LitmusTest, profile_name: str, matrix_name: str = MATRIX) -> Subject:
    """Return a litmus test as a subject: its violation is an end in the condition `bad`."""
    chosen, ordering = profile(profile_name), matrix(matrix_name)
    memory, threads = test.bad.names_memory, len(test.program.threads)

    def judge(system: System, state: State) -> Violation | None:
        for outcome in litmus.outcomes(test.program, system, state, memory=memory):
            if litmus.holds(test.bad, threads, outcome):
                return Violation(BAD, f"a run ends in {test.bad.text}")
        return None

    return Subject(
        test.name,
        profile_name,
        lambda: litmus.system_of(test.program, chosen, ordering),
        judge,
        goes_on=True,
        origin=LitmusOrigin(test, profile_name, matrix_name),
    )


def structure(given: Structure, profile_name: str, matrix_name: str = MATRIX) -> Subject:
    """Return the small program of a shared structure as a subject.

    Wrong is what its threads return, and a line that two hosts store to where the structure asks for single writers.
    """
    chosen, ordering = profile(profile_name), matrix(matrix_name)

    def judge(system: System, state: State) -> Violation | None:
        found = judged(given.wrong, returned(state))
        if found is not None:
            return Violation(*found)
        return two_writers(state) if given.single_writer else None

    return Subject(
        given.name,
        profile_name,
        lambda: System(given.threads, chosen, ordering, words=given.words),
        judge,
        given.size,
        origin=StructureOrigin(given, profile_name, matrix_name),
    )


def program(
    given: Program,
    profile_name: str,
    matrix_name: str = MATRIX,
    without: frozenset[Mark] = frozenset(),
    met: set[Mark] | None = None,
    insertions: Insertions | None = None,
) -> Subject:
    """Return a program of one's own as a subject, without some of its optional operations.

    Optional operations that are met on the way are added to `met`. A run with insertions has no trace.
    """
    made = structure(given.structure(without, met, insertions), profile_name, matrix_name)
    return replace(made, is_of_user=True, origin=ProgramOrigin(given, profile_name, matrix_name, without))


def returned(state: State) -> Returned:
    """Return what each thread has returned, None of one that has not ended."""
    return tuple(None if node.operation is not None else node.returned for node in state.nodes)


def arrivals(clients: int, brokers: int, batches: int) -> tuple[tuple[Arriving, ...], ...]:
    """Return what `batches` batches are on the rings of so many brokers, sent by so many clients.

    Client c sends every so many-th batch; each batch goes to the next ring, so that a client's batches are striped
    over rings, and those of a ring are of several clients. Batch sizes alternate between 1 and 2 messages.
    """
    rings: list[list[Arriving]] = [[] for _ in range(brokers)]
    seqs = [0] * clients
    for number in range(batches):
        client = number // brokers % clients
        rings[number % brokers].append(Arriving(client, seqs[client], 1 + number % 2))
        seqs[client] += 1
    return tuple(tuple(ring) for ring in rings)


def plans(clients: int, rings: Sequence[Sequence[Arriving]]) -> tuple[tuple[Sending, ...], ...]:
    """Return what each client is to send so that these batches come to the rings; by seq, copies in ring order."""
    sent: list[list[Sending]] = [[] for _ in range(clients)]
    for ring, batches in enumerate(rings):
        for batch in batches:
            sent[batch.client].append(Sending(ring, batch.seq, batch.count))
    return tuple(tuple(sorted(each, key=lambda sending: sending.seq)) for each in sent)
