"""Nothing holds for want of events: where an action never happens or a `sometimes` is never reached, nothing passes."""

import time
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import pytest
from click.testing import CliRunner

from fencepost.command_line import cli
from fencepost.model.contract import Verdict
from fencepost.model.errors import InputError
from fencepost.model.instance import Instance
from fencepost.model.language import Map, Protocol, Sort, action, every, invariant, promise, sometimes
from fencepost.model.specs import SOUND, protocol
from fencepost.model.specs.vocabulary import Client, Position
from fencepost.proofs import Proof, prove

Shard = Annotated[int, Sort("Shard", numeric=False)]


class Stuck(Protocol):
    """Its only action can never fire, as the counter that it waits for is moved by nothing else."""

    name, level = "test.stuck", 5
    issued: Position = 0
    start: Map[Client, Position] = every(0)

    @action
    def give(self, client: Client) -> None:
        self.require(self.issued > 0)
        self.start[client] = self.issued
        self.issued = self.issued + 1

    @promise("unique")
    def starts_were_issued(self, client: Client) -> bool:
        return self.start[client] <= self.issued

    @invariant
    def nothing_is_issued(self) -> bool:
        return self.issued == 0


class Moving(Stuck):
    """The same with the requirement that it can meet."""

    name = "test.moving"

    @action
    def give(self, client: Client) -> None:
        self.start[client] = self.issued
        self.issued = self.issued + 1

    @invariant
    def nothing_is_issued(self) -> bool:
        return self.issued >= 0

    @sometimes
    def two_are_issued(self) -> bool:
        return self.issued == 2


class Even(Moving):
    """Counts in twos, so that one of its conditions is never met, and nothing that is stated excludes it."""

    name = "test.even"

    @action
    def give(self, client: Client) -> None:
        self.start[client] = self.issued
        self.issued = self.issued + 2

    @sometimes
    def three_are_issued(self) -> bool:
        return self.issued == 3


class Crowded(Protocol):
    """Its action needs more clients than a small instance has."""

    name, level = "test.crowded", 5
    issued: Position = 0

    @action
    def give(self, client: Client, other: Client, third: Client) -> None:
        self.require(client != other, other != third, client != third)
        self.issued = self.issued + 1

    @promise("unique")
    def issued_grows(self) -> bool:
        return self.issued >= 0


class Sharded(Protocol):
    """Has a sort of its own, which no instance knows."""

    name, level = "test.sharded", 5
    issued: Map[Shard, Position] = every(0)

    @action
    def give(self, shard: Shard) -> None:
        self.issued[shard] = self.issued[shard] + 1

    @promise("unique")
    def issued_grows(self, shard: Shard) -> bool:
        return self.issued[shard] >= 0

    @sometimes
    def shards_differ(self, one: Shard, other: Shard) -> bool:
        return self.issued[one] < self.issued[other]


def only(proofs: list[Proof]) -> Proof:
    (proof,) = proofs
    return proof


@pytest.mark.parametrize(
    ("spec", "missing"),
    [
        (Stuck, "every action happens (never give: what is proved of every state, in any size, excludes it)"),
        (Even, "sometimes three-are-issued (never: not in 1000 random walks, nor in 6 steps of "),
    ],
)
def test_what_holds_for_want_of_events_is_unknown_and_says_what_never_happens(
    spec: type[Protocol], missing: str
) -> None:
    proof = only(prove(spec))
    assert proof.verdict is Verdict.UNKNOWN
    assert proof.bound.startswith("kept by every action, in any size, but not shown: " + missing)
    assert proof.theorem is None


@pytest.mark.parametrize("spec", [Moving, Sharded])
def test_what_happens_is_proved(spec: type[Protocol]) -> None:
    proof = only(prove(spec))
    assert (proof.verdict, proof.bound) == (Verdict.PROVED, "any size")
    assert {each.verdict for each in proof.happenings} == {Verdict.PROVED}
    assert [each.name for each in proof.happenings] == [
        "every action happens",
        *(f"sometimes {n}" for n in spec.witnesses),
    ]


def test_what_needs_a_larger_instance_is_shown_in_the_one_that_is_given() -> None:
    assert only(prove(Crowded)).verdict is Verdict.UNKNOWN
    assert only(prove(Crowded, bounds=Instance(clients=3))).verdict is Verdict.PROVED


def test_a_rare_run_is_found_by_search_where_walks_miss_it() -> None:
    class Rare(Moving):
        name = "test.rare"

        @action
        def meet(self, a: Position, b: Position, c: Position, d: Position, e: Position, f: Position) -> None:
            self.require(a == 7, b == 1, c == 6, d == 2, e == 5, f == self.issued)
            self.issued = self.issued + 1

    proof = only(prove(Rare))
    assert proof.verdict is Verdict.PROVED


def test_a_protocol_that_promises_nothing_is_refused() -> None:
    class Silent(Protocol):
        name = "test.silent"
        issued: Position = 0

        @action
        def give(self) -> None:
            self.issued = self.issued + 1

    with pytest.raises(InputError, match=r"Silent has nothing to prove: expected a method marked @promise"):
        prove(Silent)


def test_a_protocol_in_which_nothing_can_be_done_is_refused() -> None:
    class Idle(Protocol):
        name, level = "test.idle", 5
        issued: Position = 0

        @promise("unique")
        def nothing_is_issued(self) -> bool:
            return self.issued == 0

    with pytest.raises(InputError, match="Idle has nothing to prove: expected a method marked @action"):
        prove(Idle)


def blocked(spec: type[Protocol], name: str) -> type[Protocol]:
    """Return a protocol where one action requires what never holds."""
    original: Callable[..., None] = getattr(spec, name)

    @wraps(original)
    def refuse(self: Protocol, *arguments: Any, **named: Any) -> None:
        self.require(False)
        original(self, *arguments, **named)

    return type("Blocked", (spec,), {"name": f"test.{spec.name}-without-{name}", name: action(refuse)})


def assert_not_proved_without(spec: type[Protocol], name: str) -> None:
    proofs = prove(blocked(spec, name), depth=2)
    assert not any(proof.verdict.passes for proof in proofs)
    assert all(f"never {name}: " in proof.bound for proof in proofs)


@pytest.mark.parametrize("name", list(protocol("order5.fetch_add").actions)[:2])  # all of them when slow
def test_a_sound_protocol_with_one_action_blocked_is_not_proved(name: str) -> None:
    assert_not_proved_without(protocol("order5.fetch_add"), name)


@pytest.mark.slow
@pytest.mark.parametrize(("spec", "name"), [(spec, name) for spec in SOUND for name in spec.actions])
def test_no_sound_protocol_with_one_action_blocked_is_proved(spec: type[Protocol], name: str) -> None:
    assert_not_proved_without(spec, name)


OWN = """
from fencepost.model.language import Protocol, action, promise, sometimes
from fencepost.model.specs.vocabulary import Position

class Counter(Protocol):
    name, level = "own.counter", 5
    issued: Position = 0

    @action
    def give(self) -> None:
        self.issued = self.issued + STEP

    @promise("unique")
    def issued_grows(self) -> bool:
        return self.issued >= 0

    @sometimes
    def one_is_issued(self) -> bool:
        return self.issued == 1

print("loaded")
"""


def test_the_command_proves_a_file_of_ones_own_and_passes_nothing_vacuous(tmp_path: Path) -> None:
    path = tmp_path / "own.py"
    path.write_text(OWN.replace("STEP", "1"))
    right = CliRunner().invoke(cli, ["prove", str(path)])
    assert (right.exit_code, right.stdout.splitlines()[-1]) == (0, "verdict=proved property=- seed=- trace=-")
    assert "own.counter: unique ... proved (any size)" in right.stdout
    assert "loaded" not in right.stdout
    path.write_text(OWN.replace("STEP", "2"))
    wrong = CliRunner().invoke(cli, ["prove", f"{path}:Counter"])
    assert wrong.exit_code == 3
    assert (
        "own.counter: unique ... unknown (kept by every action, in any size, but not shown: sometimes" in wrong.stdout
    )
    assert "own.counter: sometimes one-is-issued ... unknown (never: not in 1000 random walks" in wrong.stdout


def test_proving_what_is_sound_takes_no_longer_than_it_did() -> None:
    began = time.process_time()
    assert all(proof.verdict is Verdict.PROVED for spec in SOUND for proof in prove(spec))
    assert time.process_time() - began < 15  # about 3 s on one core of 2026
