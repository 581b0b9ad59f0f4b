"""Every verb of the bench returns the one report; its rows that are verdicts are findings, its document is --json's."""

import doctest
import inspect
import json
import re
from collections.abc import Callable
from inspect import isfunction
from typing import Any

import pytest
from click.testing import CliRunner

import fencepost
from fencepost import bench
from fencepost.bench.report import BenchReport
from fencepost.command_line import cli
from fencepost.model.contract import Verdict, worst
from fencepost.model.report import ENGINES, Report

Made = Callable[[], BenchReport]
SMALL: dict[str, Any] = {"quick": True, "repetitions": 10}
REPORTS: dict[str, tuple[Made, tuple[str, ...]]] = {
    "paths": (lambda: bench.measure(["memory-ring", "two-cores"], **SMALL), ("memory-ring", "two-cores")),
    "floor": (lambda: bench.floor(**SMALL), ("floor",)),
    "baseline": (lambda: bench.baseline(["pipeline"], **SMALL), ("baseline", "pipeline")),
    "compare": (
        lambda: bench.compare("order4.mutex", "order4.claim", fail=["median>+900%"], **SMALL),
        ("compare", "order4.mutex", "order4.claim", "--fail", "median>+900%"),
    ),
    "race": (
        lambda: bench.against("order4.mutex", "order4.claim", **SMALL), ("order4.mutex", "--against", "order4.claim"),
    ),
    "aa": (lambda: bench.self_compare(pairs=20, **SMALL), ("aa", "--pairs", "20")),
    "layout": (
        lambda: bench.layout("09ae22d", messages_per_second=9.6e6, quick=True),
        ("layout", "09ae22d", "--rate", "9.6e6"),
    ),
    "flush": (lambda: bench.flush(**SMALL), ("flush",)),
    "contention": (lambda: bench.contention(rates=(5000,), **SMALL), ("contention", "--rate", "5000")),
    "histories": (lambda: bench.histories(**SMALL), ("histories",)),
    "ablate": (lambda: bench.ablate(["prefetch"], **SMALL), ("ablate", "prefetch")),
}  # fmt: skip


def keys(document: dict[str, Any]) -> list[list[str]]:
    return [sorted(each) for each in document["results"]]


@pytest.mark.parametrize("verb", REPORTS)
def test_a_verb_of_the_bench_returns_a_report_and_its_document_is_that_of_the_command(verb: str) -> None:
    make, words = REPORTS[verb]
    report = make()
    assert isinstance(report, Report)
    with pytest.raises(TypeError, match="no truth value"):
        bool(report)
    sizes = () if verb == "layout" else ("--repetitions", "10")
    ran = CliRunner().invoke(cli, ["bench", *words, "--quick", *sizes, "--quiet", "--json"])
    printed, document = json.loads(ran.stdout), report.to_dict()
    assert printed["schema"] == document["schema"] == "fencepost/bench/2"
    assert keys(printed) == keys(document)
    assert document["manifest"]["hardware"]["cpu_model"] == printed["manifest"]["hardware"]["cpu_model"]
    assert document["manifest"]["sizes"] == {"quick": True}
    assert {"commit", "compiler", "flags"} <= set(document["manifest"]["build"])
    assert str(report).splitlines()[0].startswith("figure ")
    assert report.summary().startswith(f"verdict={str(report.verdict).replace(' ', '-')} ")


@pytest.mark.parametrize("verb", REPORTS)
def test_no_finding_is_worse_than_its_report_but_where_a_cost_is_no_failure(verb: str) -> None:
    report = REPORTS[verb][0]()
    assert all(each.engine in ENGINES and each.bound for each in report.findings)
    found = [each.verdict for each in report.findings]
    if verb != "flush" and Verdict.VIOLATED in found:  # the cost of an unsound policy is shown, and fails nothing
        assert report.verdict is Verdict.VIOLATED
    if report.verdict is Verdict.VIOLATED:
        assert worst(found) is Verdict.VIOLATED


def test_a_report_that_was_drawn_from_a_seed_says_which() -> None:
    for make in (
        lambda: bench.against("order4.mutex", "order4.claim", seed=7, **SMALL),
        lambda: bench.self_compare(pairs=20, seed=7, **SMALL),
        lambda: bench.ablate(["prefetch"], seed=7, **SMALL),
        lambda: bench.contention(rates=(5000,), seed=7, **SMALL),
    ):
        assert make().to_dict()["seed"] == 7
    assert bench.floor(**SMALL).to_dict()["seed"] is None


def test_rows_that_ask_nothing_are_no_findings() -> None:
    assert bench.measure(["memory-ring"], quick=True).findings == ()
    assert bench.floor(**SMALL).findings == ()
    (found,) = bench.measure(["memory-ring"]).findings
    assert (found.target, found.property, found.verdict) == ("memory-ring", "reach <= 1 ratio", Verdict.NOT_FOUND)


def test_the_faults_of_a_layout_are_findings_with_their_sentences() -> None:
    report = bench.layout("09ae22d", messages_per_second=9.6e6)
    assert {each.property for each in report.findings} == {
        "stated-size", "guard-apart", "partly-flushed", "several-writers", "overflow",
    }  # fmt: skip
    assert all(each.explanation in str(report) for each in report.findings)


VERBS = [each for each in bench.__all__ if isfunction(getattr(bench, each))]


@pytest.mark.parametrize("name", [each for each in VERBS if each != "hardware"])
def test_every_function_of_the_bench_has_an_example_that_runs(name: str) -> None:
    documented = inspect.getdoc(getattr(bench, name)) or ""
    test = doctest.DocTestParser().get_doctest(documented, {"fencepost": fencepost}, name, None, 0)
    assert test.examples, f"{name} has no example"
    output: list[str] = []
    assert doctest.DocTestRunner().run(test, out=output.append).failed == 0, "".join(output)


def test_a_figure_of_two_cores_says_which_they_were() -> None:
    ran = CliRunner().invoke(cli, ["bench", "two-cores", "memory-ring", "--quick", "--quiet"])
    assert re.search(r"^two-cores: ping pong ns [0-9.]+, cores -?\d+ and -?\d+$", ran.stdout, re.MULTILINE)
    assert "memory-ring: " not in ran.stdout
