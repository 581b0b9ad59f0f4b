"""The watch of a sequencer's run: the contract, and the spec that the run must refine."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

from fencepost.model.errors import NotAccepted
from fencepost.model.explorer.monitor.contract import Contract
from fencepost.model.explorer.monitor.facts import Facts
from fencepost.model.explorer.states.formatting import line_words, word_is
from fencepost.model.explorer.states.monitor import FACT, FirstStore, Monitor, Violation
from fencepost.model.language import Map, Protocol
from fencepost.model.memory.lazy import Key
from fencepost.model.programs.operations import Address, line_of
from fencepost.model.programs.sequencers.refinement import spec_steps
from fencepost.model.trace import Step

REFINEMENT = "refinement"
"""The name under which a step that the spec does not accept is reported; it is no promise of the contract."""

SINGLE_WRITER = "single-writer"

UNASKED = "the spec is not asked"

OF_ONE_THREAD = ("release", "advance", "unlock", "publish")
"""Steps of specs that depend on nothing but what their own scanner has in hand."""


class RunMonitor(Monitor):
    """What was seen of a run so far, as a value: watches after the same steps are the same object.

    `asked` are the properties that are looked for; without it, all of them and the refinement. A run whose step the
    spec refused goes on unwatched by the spec when the refinement was not asked for; and so does, from its beginning,
    one that does not follow the spec: what a scanner reads again after a stop, specs read from the first slot on.
    """

    def __init__(
        self, contract: Contract, spec: Protocol, asked: frozenset[str] | None = None, *, follows_spec: bool = True
    ) -> None:
        self.contract, self.asked = contract, asked
        self.facts = Facts()
        self.violation: Violation | None = None
        self.refused = "" if follows_spec else UNASKED  # the spec's objection, once there was one
        self._spec = spec  # as it is here, or where it refused a step; never changed
        self._spec_key: tuple[Hashable, ...] | None = None  # what its key() is, once it was asked for
        self._frozen_facts: dict[str, tuple[Any, frozenset[Any]]] = {}  # each fact that is a dict, and its items
        self._following: dict[Any, RunMonitor] = {}

    def key(self) -> Hashable:
        """Return a value that is equal for watches which judge all that may follow alike."""
        if self._spec_key is None:
            self._spec_key = _key_of(self._spec)
        facts = [self._frozen(*each) if isinstance(each[1], dict) else each[1] for each in vars(self.facts).items()]
        return *facts, self.refused != "", self._spec_key, self.violation

    def _frozen(self, name: str, fact: dict[Any, Any]) -> frozenset[Any]:
        """Return the items of a fact: those of the watch before the last step, where that left it as it was.

        A step changes one or two facts, and a frozenset knows its hash: made anew they are half of what judging costs.
        """
        known, items = self._frozen_facts.get(name, (None, frozenset()))
        if known != fact:
            items = frozenset(fact.items())
            self._frozen_facts = {**self._frozen_facts, name: (fact, items)}
        return items

    def asks(self, step: Step) -> tuple[Address, ...]:
        return self.contract.asks(self.facts, step)

    def concerns(self, step: Step) -> tuple[tuple[Key, ...], tuple[Key, ...]]:
        reads, writes = self.contract.concerns(self.facts, step)
        ring = step.arguments.get("ring")
        if step.action == "arrive":
            writes = (*writes, (FACT, "arrived", ring))
        elif ring is not None and self._looks_at_arrivals(step):
            reads = (*reads, (FACT, "arrived", ring))
        return reads, writes

    def _looks_at_arrivals(self, step: Step) -> bool:
        """Say whether the spec or the contract looks at what arrived on the ring before they accept a step."""
        if step.action in OF_ONE_THREAD:
            return False
        judged = ("assign", "deliver", "acknowledge", "acknowledge_first")
        return step.action in judged or (not self.refused and step.action in self._spec.actions)

    def after(self, step: Step, answers: tuple[Any, ...] = ()) -> RunMonitor:
        key = (step.action, tuple(step.arguments.values()), answers)
        found = self._following.get(key)
        if found is None:
            found = self._following[key] = self._follow(step, answers)
        return found

    def _follow(self, step: Step, answers: tuple[Any, ...]) -> RunMonitor:
        other = RunMonitor.__new__(RunMonitor)
        other.__dict__.update(self.__dict__)
        other.facts, other._following = self.facts.copy(), {}
        if self.violation is None:
            broken = list(self.contract.judge(other.facts, step, answers))
            other.violation = next((each for each in broken if self._is_asked(each)), None)
            other._refine(step)
        return other

    def after_stores(self, stores: tuple[FirstStore, ...]) -> RunMonitor:
        if self.violation is not None or (self.asked is not None and SINGLE_WRITER not in self.asked):
            return self
        found = self._following.get(stores)
        if found is None:
            found = self._following[stores] = RunMonitor.__new__(RunMonitor)
            found.__dict__.update(self.__dict__)
            found._following, found.violation = {}, two_writers(stores)
        return found

    def _is_asked(self, violation: Violation) -> bool:
        return self.asked is None or violation.property in self.asked

    def _refine(self, step: Step) -> None:
        if self.refused:
            return
        try:
            if next(spec_steps(self._spec, step), None) is None:
                return  # nothing to the spec, which need not be copied
            spec = _sharing_maps(self._spec)
            for each in spec_steps(spec, step):
                _own_maps(spec, each.action)
                spec.fire(each.action, **each.arguments)
        except NotAccepted as refused:
            self.refused = str(refused)
            if self.violation is None and (self.asked is None or REFINEMENT in self.asked):
                self.violation = Violation(REFINEMENT, self.refused)
        else:
            self._spec, self._spec_key = spec, None

    def at_end(self, inspect: Callable[[Address], Any]) -> Violation | None:
        """Return what is wrong with a run that ends here."""
        return next((each for each in self.contract.at_end(self.facts, inspect) if self._is_asked(each)), None)


def _sharing_maps(spec: Protocol) -> Protocol:
    """Return a spec in the same state with the very same maps: those that a step writes are made its own before it."""
    other = type(spec).__new__(type(spec))
    other.__dict__.update(spec.__dict__)
    return other


def _own_maps(spec: Protocol, action: str) -> None:
    for name in {write.field for write in spec.actions[action].writes}:
        value = getattr(spec, name)
        if isinstance(value, Map):
            setattr(spec, name, value.copy())


def _key_of(spec: Protocol) -> tuple[Hashable, ...]:
    """Return a value that is equal only for equal states of a spec, at the same cost however large batches are."""
    values = (getattr(spec, name) for name in spec.fields)
    return tuple([value.key() if isinstance(value, Map) else value for value in values])


def two_writers(stores: tuple[FirstStore, ...]) -> Violation:
    """Return the violation of several hosts that store to one line, by their first stores."""
    hosts = " and ".join(str(store.host) for store in stores)
    line = line_words(line_of(stores[0].address))
    said = ", then ".join(f"{store.thread} stored {word_is(store.address, store.value)}" for store in stores)
    return Violation(SINGLE_WRITER, f"hosts {hosts} both store to line {line}: {said}")
