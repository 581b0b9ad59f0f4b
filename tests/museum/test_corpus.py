"""Each scenario of the corpus shows its kind of bug, and none of them accuses a sound design."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from planted_bugs import CLAIM, PLANTED

from fencepost.exploring.corpus_search import DRAWN_RUNS, NATIVE_RUNS, PYTHON_RUNS, Budget, search_corpus
from fencepost.model.contract import Verdict
from fencepost.model.errors import InputError
from fencepost.model.explorer.search.exploration import Explored, Limits, Subject, explore
from fencepost.model.explorer.subjects import sequencer
from fencepost.model.programs.corpus import CORPUS, corpus_for, named
from fencepost.model.programs.designs import FIELDS, SOUND, design
from fencepost.native import explore as explore_native
from fencepost.native.schedules.pipeline import has_stepped_form


def test_every_scenario_has_a_bug_that_it_shows() -> None:
    assert PLANTED.keys() == CORPUS.keys()


@pytest.mark.parametrize("name", PLANTED)
def test_a_scenario_shows_its_kind_of_bug(name: str) -> None:
    sound, changed = PLANTED[name]
    wrong = replace(sound, name="planted", **changed)
    found = explore(sequencer(wrong, named(name, wrong).scenario, "ncx"))
    assert found.verdict is Verdict.VIOLATED, f"{found.verdict}: {found.bound}"
    assert found.violation is not None
    assert found.violation.property != "raised", found.violation


@pytest.mark.parametrize("name", [each.name for each in SOUND])
def test_no_sound_design_is_accused_on_the_corpus(name: str) -> None:
    for each in corpus_for(design(name)):
        native = has_stepped_form(each.scenario)
        explored, runs = (explore_native, 300) if native else (explore, 5)
        found = explored(sequencer(design(name), each.scenario, "ncx"), limits=Limits(runs=runs))
        assert found.violation is None, f"{each.name}: {found.violation}"
        assert found.counts.complete > 0, each.name


@pytest.mark.slow
@pytest.mark.parametrize("name", [each.name for each in SOUND])
def test_no_sound_design_is_accused_by_either_engine_as_check_searches(name: str) -> None:
    """The quick form: one search of each scenario, above. Here every scenario as `check` searches it."""
    for explored, asked, runs in searches(name, PYTHON_RUNS, NATIVE_RUNS):

        def search(
            subject: Subject, strategy: str, limits: Limits, explored: Callable[..., Explored] = explored
        ) -> Explored:
            return explored(subject, strategy=strategy, limits=limits)

        came = search_corpus(asked, Budget(runs, DRAWN_RUNS, 3_600.0), search)
        assert came.keys() == asked.keys()
        for scenario, found in came.items():
            assert found.violation is None, f"{scenario}: {found.violation}"
            assert found.counts.complete > 0, scenario


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("name", [each.name for each in SOUND])
def test_no_sound_design_is_accused_in_drawn_runs_whatever_the_seed(name: str, seed: int) -> None:
    """Runs that are visited in order are the same with every seed: only drawn ones are drawn again, more of them."""
    for explored, asked, runs in searches(name, 5, 200):
        for scenario, subject in asked.items():
            for strategy in ("pct", "random"):
                found = explored(subject, strategy=strategy, seed=seed, limits=Limits(3_600.0, runs=runs))
                assert found.violation is None, f"{scenario}: {found.violation}"
                assert found.counts.complete > 0, scenario


def searches(name: str, runs: int, native_runs: int) -> list[tuple[Callable[..., Explored], dict[str, Subject], int]]:
    """Return each engine, the scenarios of the corpus that it can run, and how many runs of each it should."""
    subjects = {each.name: sequencer(design(name), each.scenario, "ncx") for each in corpus_for(design(name))}
    stepped = {each: subject for each, subject in subjects.items() if has_stepped_form(CORPUS[each].scenario)}
    return [(explore, subjects, runs), (explore_native, stepped, native_runs)]


QUICK_FIELDS = ("order5.fetch_add.fields", "order4.epoch.fields")


@pytest.mark.parametrize(
    "name",
    [pytest.param(each.name, marks=() if each.name in QUICK_FIELDS else pytest.mark.slow) for each in FIELDS],
)
def test_fields_as_words_of_their_own_accuse_nobody_on_the_corpus(name: str) -> None:
    for each in corpus_for(design(name)):
        found = explore(sequencer(design(name), each.scenario, "ncx"), strategy="pct", limits=Limits(runs=5))
        assert found.violation is None, f"{each.name}: {found.violation}"
        assert found.counts.complete > 0, each.name


def test_a_scenario_by_name_has_the_delegations_that_its_design_needs() -> None:
    assert named("one-slot", design("seed.order5")).scenario.delegated
    assert not named("one-slot", CLAIM).scenario.delegated


def test_an_unknown_scenario_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(InputError, match="unknown scenario 'one-slots': did you mean one-slot"):
        named("one-slots", CLAIM)
