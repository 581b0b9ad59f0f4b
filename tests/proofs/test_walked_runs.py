"""Runs that `prove` walks to see every action happen are held against the promises: what they break is violated."""

import json
from pathlib import Path
from typing import Annotated

import pytest
from click.testing import CliRunner

from fencepost.command_line import cli
from fencepost.model import walk as walking
from fencepost.model.contract import Verdict
from fencepost.model.instance import Instance
from fencepost.model.itf import read_trace
from fencepost.model.language import Map, Protocol, Sort, Statement, action, every, promise, sometimes
from fencepost.model.specs import REFUTED, SOUND
from fencepost.model.trace import Step, Trace, replay
from fencepost.model.walk import FOUND_BY, shortened, walk
from fencepost.proofs import Proof, prove

Turn = Annotated[int, Sort("Turn")]
Gate = Annotated[int, Sort("Gate", numeric=False)]


class Rising(Protocol):
    """Its counter rises by one, and what it promises ends at `height`, deeper than a search goes by default."""

    turn: Turn = 0
    opened: Map[Gate, bool] = every(False)

    @action
    def give(self) -> None:
        self.turn = self.turn + 1

    @action
    def open(self, gate: Gate) -> None:
        self.opened[gate] = True

    @promise("below-ten")
    def turns_stay_below_ten(self) -> bool:
        return self.turn < 10

    @promise("below-twenty")
    def turns_stay_below_twenty(self) -> bool:
        return self.turn < 20

    @promise("not-negative")
    def turns_are_numbers(self) -> bool:
        return self.turn >= 0

    @sometimes
    def two_are_given(self) -> bool:
        return self.turn == 2


class Bounded(Rising):
    """The same with the requirement that keeps both promises, by an invariant that induction does not have."""

    @action
    def give(self) -> None:
        self.require(self.turn < 9)
        self.turn = self.turn + 1


def by_name(proofs: list[Proof]) -> dict[str, Proof]:
    return {proof.property: proof for proof in proofs}


def test_a_violation_deeper_than_the_search_is_violated_where_a_walked_run_shows_it() -> None:
    found = by_name(prove(Rising))
    assert {name: each.verdict for name, each in found.items()} == {
        "below-ten": Verdict.VIOLATED,
        "below-twenty": Verdict.VIOLATED,
        "not-negative": Verdict.PROVED,
    }
    assert found["below-ten"].bound == f"10 steps, {FOUND_BY}"
    assert found["below-twenty"].bound == f"20 steps, {FOUND_BY}"
    for name in ("below-ten", "below-twenty"):
        trace = found[name].trace
        assert trace is not None
        assert replay(trace).violated_at == len(trace.steps)
        assert {step.action for step in trace.steps} == {"give"}, "steps that it does not need are left out"


def test_a_violation_within_the_search_is_still_the_shortest_one() -> None:
    found = by_name(prove(Rising, depth=10))
    assert found["below-ten"].bound == "10 steps"
    trace = found["below-ten"].trace
    assert trace is not None
    assert trace.found_by == "z3"


def test_what_walked_runs_keep_is_no_violation() -> None:
    assert {each.verdict for each in prove(Bounded)} == {Verdict.PROVED}


@pytest.mark.parametrize("spec", SOUND, ids=lambda spec: spec.name)
def test_no_walked_run_of_a_sound_protocol_breaks_what_is_proved_of_it(spec: type[Protocol]) -> None:
    assert walk(spec, watched=spec.promises | spec.invariants).violations == {}


@pytest.mark.parametrize("spec", REFUTED, ids=lambda spec: spec.name)
def test_what_walked_runs_of_a_refuted_protocol_break_is_broken_again_when_they_are_run(spec: type[Protocol]) -> None:
    violations = walk(spec, watched=spec.promises).violations
    assert all(replay(trace).violated_at == len(trace.steps) for trace in violations.values())


def test_of_a_violating_run_only_steps_that_it_needs_are_left() -> None:
    steps = [Step("open", {"gate": number % 2}) for number in range(4)]
    mixed = tuple(step for number in range(12) for step in (steps[number % 4], Step("give", {})))
    short = shortened(Trace(Rising, "below-ten", mixed, Instance(others={"Gate": 2, "Turn": 3}), FOUND_BY))
    assert short.steps == (Step("give", {}),) * 10


DEEP = """
from typing import Annotated
from fencepost.model.language import Protocol, Sort, action, promise

class Deep(Protocol):
    turn: Annotated[int, Sort("Turn")] = 0

    @action
    def give(self) -> None:
        self.turn = self.turn + 1

    @promise("below-ten")
    def turns_stay_below_ten(self) -> bool:
        return self.turn < 10
"""


def test_the_command_shows_the_run_writes_it_and_exits_1(tmp_path: Path) -> None:
    (tmp_path / "deep.py").write_text(DEEP)
    ran = CliRunner().invoke(cli, ["prove", str(tmp_path / "deep.py"), "--out", str(tmp_path), "--json"])
    assert ran.exit_code == 1, ran.output
    row = json.loads(ran.stdout)["results"][0]
    assert (row["property"], row["verdict"], row["bound"]) == ("below-ten", "violated", f"10 steps, {FOUND_BY}")
    assert replay(read_trace(Path(row["trace"]))).violated_at == 10


@pytest.mark.parametrize("protocol", SOUND)
def test_a_sometimes_is_asked_about_only_where_a_step_may_have_brought_it_about(
    protocol: type[Protocol], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The walks find what they find when every state is asked about everything, step for step, and ask less."""
    asked: list[str] = []
    reached = walking._reached

    def noted(state: Protocol, statement: Statement, bounds: Instance) -> bool:
        asked.append(statement.name)
        return reached(state, statement, bounds)

    monkeypatch.setattr(walking, "_reached", noted)
    found, asked_count = walking.walk(protocol), len(asked)
    monkeypatch.setattr(walking, "reads", lambda term: (each for each in protocol.fields))
    everything = walking.walk(protocol)
    assert (found.actions, found.witnesses) == (everything.actions, everything.witnesses)
    assert asked_count < len(asked) - asked_count
