"""The publication policies as programs: every run of small scenarios keeps the contract; wrong ones do not."""

from dataclasses import replace
from typing import Any

import pytest

from fencepost.model.contract import Verdict, promised
from fencepost.model.explorer.search.exploration import Explored, explore
from fencepost.model.explorer.subjects import sequencer
from fencepost.model.programs import design
from fencepost.model.programs.operations import Program
from fencepost.model.programs.pipeline import Scenario
from fencepost.model.programs.roles.publication import POLICIES, Held, SingleFence, publishing
from fencepost.model.programs.roles.receiver import Arriving
from fencepost.model.programs.roles.scanner import Scanner

TWO_BATCHES = Scenario(
    rings=((Arriving(0, 0, 2), Arriving(0, 1, 1)),), slots=2, written=True, subscribers=True, acknowledgers=True
)
TWO_RINGS = Scenario(rings=((Arriving(0, 0, 1),), (Arriving(0, 1, 1),)), slots=2, written=True, acknowledgers=True)


def explored(name: str, scanner: type[Scanner], scenario: Scenario, *, is_coherent: bool, refines: bool) -> Explored:
    of = replace(design(name), scanner=scanner)
    asked = None if refines else frozenset(promised(of.level))
    return explore(sequencer(of, scenario, "tso" if is_coherent else "ncx", asked=asked))


@pytest.mark.parametrize("scenario", [TWO_BATCHES, TWO_RINGS], ids=["two batches", "two rings"])
@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("name", ["order4.claim", "order4.owner", "order4.epoch", "order5.fetch_add", "order5.epoch"])
def test_every_run_of_a_policy_keeps_the_contract(name: str, policy: str, scenario: Scenario) -> None:
    """A group refines no spec, in which a scanner publishes a batch before it takes the next."""
    for messages in (False, True):
        scanner = publishing(design(name).scanner, policy, messages=messages, group_size=2)
        of = explored(name, scanner, scenario, is_coherent=policy == "none", refines=policy != "epoch")
        assert of.verdict is Verdict.EXHAUSTED, of.violation
        assert of.counts.complete >= 2


def test_an_acknowledgement_right_behind_its_guard_is_caught() -> None:
    """Nothing says that the guard is in memory first; the look or the fetch_add before the next batch would."""

    class AtOnce(SingleFence):
        def raise_guards(self) -> Program:
            yield from super().raise_guards()
            yield from self.acknowledge_raised()

    scanner = type("AtOnceScanner", (AtOnce, design("order5.fetch_add").scanner), {})
    found = explored("order5.fetch_add", scanner, TWO_BATCHES, is_coherent=False, refines=True)
    assert found.violation is not None
    assert found.violation.property == "ack-safe"


def test_an_acknowledgement_that_counts_a_batch_whose_guard_is_not_fenced_is_caught() -> None:
    class CountsEarly(SingleFence):
        def acknowledged_below(self, slot: object) -> int:
            return self._released_count

    scanner = type("CountsEarlyScanner", (CountsEarly, design("order5.fetch_add").scanner), {})
    found = explored("order5.fetch_add", scanner, TWO_BATCHES, is_coherent=False, refines=True)
    assert found.violation is not None
    assert found.violation.property == "ack-safe"


def test_a_worker_whose_views_hold_back_each_for_itself_is_caught() -> None:
    """A broker may acknowledge past a copy that was dropped on its ring, and its batch has no guard yet on another."""
    kind: Any = publishing(design("order4.epoch").scanner, "epoch", group_size=2)

    class Apart(kind):  # type: ignore[misc]
        def run(self) -> Program:
            program = design("order4.epoch").scanner.run(self)
            for view in reversed(self.views):
                view.held = Held()
                program = view.finishing(program)
            yield from program

    rings = ((Arriving(0, 0, 1),), (Arriving(0, 0, 1), Arriving(0, 1, 1)))
    scenario = Scenario(rings=rings, slots=2, written=True, acknowledgers=True)
    wrong = explored("order4.epoch", Apart, scenario, is_coherent=False, refines=False)
    assert wrong.violation is not None
    assert wrong.violation.property == "ack-safe"
    assert explored("order4.epoch", kind, scenario, is_coherent=False, refines=False).verdict is Verdict.EXHAUSTED
