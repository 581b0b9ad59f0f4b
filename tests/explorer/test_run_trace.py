"""Run traces: any run comes back from its file as it was, and a file with one edit is refused with its step."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import itf_py
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sizes import sized

from fencepost.model.errors import FormatError, InputError
from fencepost.model.explorer.search.exploration import Explored, Limits, Subject, explore
from fencepost.model.explorer.search.reduction import DEPTH_MOST
from fencepost.model.explorer.search.schedule import schedule_of
from fencepost.model.explorer.search.strategies import draw, uniform
from fencepost.model.explorer.subjects import SlotId, arrivals, litmus_file, sequencer
from fencepost.model.explorer.traces.run_itf import document, is_run, read_run, write_run
from fencepost.model.explorer.traces.run_trace import RunTrace, reproduced_count, run, trace_of, uses_of
from fencepost.model.litmus import parse_test
from fencepost.model.programs import DESIGNS, Design, Scenario, design
from fencepost.model.programs.operations import Program
from fencepost.model.programs.roles.client import Sending
from fencepost.model.programs.roles.subscriber import Subscriber

LITMUS = "name stale-flag\nH0: W d 1; FO d; SF; W f 1; FO f; SF\nH1: FL f; FL d; MF; R a f; R b d\nbad 1:a=1 & 1:b=0\n"


class NeverInvalidates(Subscriber):
    """A subscriber that reads payloads from whatever copy its cache has."""

    def invalidate(self, number: int, line: tuple[str | int, ...]) -> Program:
        yield from ()


NEVER = replace(design("order5.fetch_add"), name="test.never_invalidates", subscriber=NeverInvalidates)
KNOWN: dict[str, Design] = {**DESIGNS, NEVER.name: NEVER}
INVERSION = sequencer(
    design("order4.cas_then_reserve"), Scenario(rings=arrivals(2, 2, 2), written=True), "ncx",
    asked=frozenset({"client-order"}),
)  # fmt: skip
STALE = sequencer(NEVER, Scenario(rings=arrivals(1, 1, 1), slots=1, subscribers=True), "ncx")
FLAG = litmus_file(parse_test(LITMUS, "stale-flag"), "ncx")
SUBJECTS: dict[str, Subject] = {
    "inversion": INVERSION,
    "stale": STALE,
    "litmus": FLAG,
    "tso": sequencer(design("order4.claim"), Scenario(rings=arrivals(1, 2, 3), slots=2, subscribers=True), "tso"),
    "clients": sequencer(
        design("order5.fetch_add"), Scenario(plans=((Sending(0, 0, 1), Sending(1, 1, 2)),), ring_count=2), "ncx-nospec"
    ),
}


def found(subject: Subject) -> Explored:
    return explore(subject, limits=Limits(seconds=30))


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("traces")
    paths = {name: folder / f"{name}.itf.json" for name in ("inversion", "stale", "litmus")}
    for name, path in paths.items():
        write_run(found(SUBJECTS[name]), path)
    return paths


def drawn(subject: Subject, seed: int) -> RunTrace:
    """Return a run that is drawn, whatever it comes to."""
    system = subject.make()
    random = Random(seed)
    start = random.getstate()

    def picker() -> Any:
        random.setstate(start)
        return uniform(random)

    state, events, ended = draw(system, picker, DEPTH_MOST)
    violation = state.watch.violation or (subject.judge(system, state) if ended else None)
    origin: Any = subject.origin
    return RunTrace(origin, uses_of(system.lines), schedule_of(events), violation, "drawn")


@given(name=st.sampled_from(sorted(SUBJECTS)), seed=st.integers(0, 10_000))
@settings(max_examples=sized(25), deadline=None)
def test_any_run_comes_back_as_it_was(tmp_path_factory: pytest.TempPathFactory, name: str, seed: int) -> None:
    path = tmp_path_factory.mktemp("run") / "run.itf.json"
    trace = drawn(SUBJECTS[name], seed)
    write_run(trace, path)
    assert read_run(path, KNOWN) == trace


@pytest.mark.parametrize("name", ["inversion", "stale", "litmus"])
def test_a_violation_is_there_again_in_every_one_of_ten_fresh_runs(traces: dict[str, Path], name: str) -> None:
    trace = read_run(traces[name], KNOWN)
    made = run(trace)
    assert made.violation == trace.violation == found(SUBJECTS[name]).violation
    assert made.violated_at == len(trace.schedule)
    assert reproduced_count(trace) == 10


def test_a_schedule_of_another_program_is_not_reproduced(traces: dict[str, Path]) -> None:
    trace = read_run(traces["stale"], KNOWN)
    origin: Any = trace.origin
    sound = replace(trace, origin=replace(origin, design=design("order5.fetch_add")))
    assert reproduced_count(sound) == 0


@pytest.mark.parametrize("name", ["inversion", "stale", "litmus"])
def test_another_tool_reads_the_file(traces: dict[str, Path], name: str) -> None:
    written = json.loads(traces[name].read_text())
    trace = itf_py.trace_from_json(written)
    assert len(trace.states) == len(written["states"])
    assert set(trace.vars) == set(trace.states[0].values)
    picked = trace.states[-1].values["mbt::nondetPicks"]
    assert (picked.thread, picked.entry) == run(read_run(traces[name], KNOWN)).events[-1].actor


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path to every string, number and flag in a JSON value."""
    if isinstance(value, dict | list):
        for key, each in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(each, (*path, key))
    else:
        yield path


def edited(value: Any, path: tuple[Any, ...]) -> Any:
    """Return a copy of a JSON value with the leaf at a path changed."""
    copy = json.loads(json.dumps(value))
    inner = copy
    for key in path[:-1]:
        inner = inner[key]
    old = inner[path[-1]]
    if old is None:
        inner[path[-1]] = "x"
    elif isinstance(old, str):
        inner[path[-1]] = str(int(old) + 1) if old.lstrip("-").isdigit() else old + "x"
    else:
        inner[path[-1]] = not old if isinstance(old, bool) else old + 1
    return copy


@given(data=st.data())
@settings(max_examples=sized(60), deadline=None)
def test_any_edit_of_any_state_is_refused_with_its_step(
    traces: dict[str, Path], tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(sorted(traces)))
    whole = json.loads(traces[name].read_text())
    step = data.draw(st.integers(0, len(whole["states"]) - 1))
    where = data.draw(st.sampled_from(sorted(leaves(whole["states"][step]), key=str)))
    path = tmp_path_factory.mktemp("edited") / "edited.itf.json"
    path.write_text(json.dumps(edited(whole, ("states", step, *where))))
    with pytest.raises(FormatError, match=rf"step {step}\b") as caught:
        read_run(path, KNOWN)
    assert "\n" not in str(caught.value)


@given(data=st.data())
@settings(max_examples=sized(30), deadline=None)
def test_any_edit_of_what_the_run_is_of_is_refused_or_is_of_no_consequence(
    traces: dict[str, Path], tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(sorted(traces)))
    whole = json.loads(traces[name].read_text())
    where = data.draw(st.sampled_from(sorted(leaves(whole["#meta"]), key=str)))
    path = tmp_path_factory.mktemp("edited") / "edited.itf.json"
    path.write_text(json.dumps(edited(whole, ("#meta", *where))))
    try:
        made = run(read_run(path, KNOWN))
    except FormatError:
        return
    assert document(made)["states"] == whole["states"]
    assert document(made)["#meta"]["violation"] == whole["#meta"]["violation"]


JUNK: tuple[Any, ...] = (
    None,
    True,
    -1,
    10**30,
    1.5,
    "",
    "x",
    [],
    {},
    {"#bigint": "x"},
    {"#tup": []},
    {"#bigint": "9" * 5_000},
    "sc",
)


@given(data=st.data())
@settings(max_examples=sized(60), deadline=None)
def test_whatever_is_put_in_any_place_is_refused_in_one_line_or_of_no_consequence(
    traces: dict[str, Path], tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(["inversion", "litmus"]))
    whole, original = (json.loads(traces[name].read_text()) for _ in range(2))
    where = data.draw(st.sampled_from(sorted(leaves(whole), key=str)))
    where = where[: data.draw(st.integers(1, len(where)))]
    inner = whole
    for key in where[:-1]:
        inner = inner[key]
    inner[where[-1]] = data.draw(st.sampled_from(JUNK))
    path = tmp_path_factory.mktemp("junk") / "junk.itf.json"
    path.write_text(json.dumps(whole))
    refused = ""
    try:
        read_run(path, KNOWN)
    except FormatError as error:
        refused = str(error)
    assert "\n" not in refused
    assert refused or whole["states"] == original["states"]


def changed(path: Path, to: Path, change: Any) -> Path:
    whole = json.loads(path.read_text())
    change(whole)
    to.write_text(json.dumps(whole))
    return to


def subject_of(whole: Any) -> Any:
    return whole["#meta"]["subject"]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda whole: whole.pop("#meta"), "#meta.schema is null: expected 'fencepost/run/1'"),
        (lambda whole: whole.update(states=[]), "states is .*: expected a list with one state a step"),
        (lambda whole: whole["#meta"].pop("lines"), "#meta.lines is missing"),
        (lambda whole: whole["#meta"].update(lines=[{}]), r"#meta.lines\[0\] is not what it should be"),
        (lambda whole: whole["#meta"].update(profile="px99"), "unknown profile 'px99': expected one of"),
        (lambda whole: whole["#meta"].update(profile="ncx-crash", matrix=7), "#meta.matrix is 7: expected a string"),
        (lambda whole: whole["#meta"].update(violation="none"), "#meta.violation is 'none'"),
        (lambda whole: subject_of(whole).update(sequencer="order9"), "unknown sequencer 'order9': expected one of"),
        (lambda whole: subject_of(whole).update(asked=["speed"]), "unknown property 'speed': expected one of"),
        (lambda whole: subject_of(whole)["scenario"].update(slots=0), "slots is 0: expected 1 to"),
        (lambda whole: subject_of(whole)["scenario"].update(slots="4"), "Expected `int`, got `str`"),
        (lambda whole: subject_of(whole)["scenario"].update(colour=1), "scenario.colour is no part of a scenario"),
        (lambda whole: whole["states"][3].pop("mbt::nondetPicks"), "step 3: mbt::nondetPicks is null"),
        (lambda whole: whole["states"][3].pop("caches"), "step 3: caches is missing"),
        (lambda whole: whole["states"][3].update(colour=1), "step 3: colour is 1: expected nothing of that name"),
        (lambda whole: whole["states"].append(whole["states"][-1]), "step 11: there is none: .* after step 10"),
        (lambda whole: whole["states"].pop(), "step 9: the violation is \"client-order: .*: expected null"),
        (lambda whole: whole["states"].pop(4), "step 4"),
        (lambda whole: whole["vars"].pop(), "the file: vars is"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_such_trace_is_one_clear_line(
    traces: dict[str, Path], tmp_path: Path, change: Any, problem: str
) -> None:
    with pytest.raises(FormatError, match=problem) as caught:
        read_run(changed(traces["inversion"], tmp_path / "broken.itf.json", change), KNOWN)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b"[" * 100_000, b'{"#meta": []}'])
def test_a_file_that_is_no_json_object_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.itf.json"
    path.write_bytes(content)
    with pytest.raises(FormatError, match="expected"):
        read_run(path)


def test_a_broken_litmus_text_is_named_with_its_line(traces: dict[str, Path], tmp_path: Path) -> None:
    def change(whole: Any) -> None:
        subject_of(whole)["litmus"] = "H0: W\n"

    with pytest.raises(FormatError, match="stale-flag:1:"):
        read_run(changed(traces["litmus"], tmp_path / "broken.itf.json", change))


def test_the_two_kinds_of_trace_are_told_apart(traces: dict[str, Path]) -> None:
    assert is_run(traces["stale"])
    with pytest.raises(FormatError, match="unknown sequencer 'test.never_invalidates'"):
        read_run(traces["stale"])


def test_a_run_without_a_violation_has_no_trace(tmp_path: Path) -> None:
    sound = found(sequencer(design("order5.fetch_add"), Scenario(rings=arrivals(1, 1, 1), written=True), "ncx"))
    with pytest.raises(InputError, match="there is no run to show without a violation"):
        trace_of(sound)
    with pytest.raises(InputError, match="there is no run"):
        write_run(sound, tmp_path / "nothing.itf.json")
    assert list(tmp_path.iterdir()) == []


def test_a_subject_of_unknown_origin_has_no_trace() -> None:
    explored = found(INVERSION)
    nameless = replace(explored, subject=replace(explored.subject, origin=None))
    with pytest.raises(InputError, match="has no origin"):
        trace_of(nameless)


def test_an_origin_makes_its_subject_again() -> None:
    for subject in SUBJECTS.values():
        origin: Any = subject.origin
        assert isinstance(origin, SlotId)
        assert origin.subject().origin == origin
