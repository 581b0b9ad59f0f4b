"""Traces: written and read whole, replayed to their violation, refused when a state was edited."""

import json
from pathlib import Path
from typing import Any

import itf_py
import pytest

from fencepost.model.errors import FormatError, InputError, NotAccepted
from fencepost.model.instance import Instance
from fencepost.model.itf import document, read_trace, write_trace
from fencepost.model.specs import protocol
from fencepost.model.trace import Step, Trace, replay

STEPS = (
    Step("arrive", {"ring": 0, "client": 0, "seq": 0, "count": 1}),
    Step("arrive", {"ring": 1, "client": 0, "seq": 1, "count": 2}),
    Step("claim", {"ring": 0, "index": 0}),
    Step("claim", {"ring": 1, "index": 0}),
    Step("reserve", {"ring": 1}),
    Step("reserve", {"ring": 0}),
)


def inversion(steps: tuple[Step, ...] = STEPS, name: str = "client-order") -> Trace:
    return Trace(protocol("order4.cas_then_reserve"), name, steps, Instance(), "hand")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "folder" / "inversion.itf.json"
    write_trace(path, inversion())
    return path


def test_a_trace_comes_back_as_it_was(path: Path) -> None:
    assert read_trace(path) == inversion()


def test_a_trace_file_is_itf(path: Path) -> None:
    written = json.loads(path.read_text())
    assert written["#meta"]["format"] == "ITF"
    assert len(written["states"]) == 7
    assert set(written["vars"]) == set(written["states"][0]) - {"#meta"}
    assert written["states"][6]["issued"] == {"#bigint": "3"}
    assert written["states"][6]["mbt::actionTaken"] == "reserve"
    assert written["states"][6]["mbt::nondetPicks"] == {"ring": {"#bigint": "0"}}


def test_a_trace_replays_to_its_violation_at_its_last_step() -> None:
    replayed = replay(inversion())
    assert replayed.violated_at == 6
    assert replayed.explanation == (
        "client-order is violated for earlier = row 1: client 0 batch 0 of ring 0 at 2;"
        " later = row 0: client 0 batch 1 of ring 1 at 0..1"
    )


def test_another_tool_reads_the_file(path: Path) -> None:
    trace = itf_py.trace_from_json(json.loads(path.read_text()))
    assert [state.values["issued"] for state in trace.states] == [0, 0, 0, 0, 0, 2, 3]


def test_a_shorter_run_violates_nothing() -> None:
    assert replay(inversion(STEPS[:5])).violated_at is None


def test_a_step_that_the_protocol_refuses_is_named() -> None:
    with pytest.raises(NotAccepted, match=r"does not accept reserve\(ring=1\)"):
        replay(inversion((STEPS[0], STEPS[4])))


def test_a_property_that_is_not_stated_lists_the_choices() -> None:
    with pytest.raises(InputError, match=r"does not state 'ring-order': expected one of unique, dense, "):
        replay(inversion(name="ring-order"))


def edited(path: Path, change: Any) -> Path:
    trace = json.loads(path.read_text())
    change(trace)
    path.write_text(json.dumps(trace))
    return path


@pytest.mark.parametrize("state", range(7))
def test_a_trace_edited_in_one_state_is_refused_with_its_number(path: Path, state: int) -> None:
    def change(trace: Any) -> None:
        trace["states"][state]["issued"] = {"#bigint": "9"}

    with pytest.raises(FormatError, match=f'state {state}: issued is {{"#bigint": "9"}}: expected'):
        read_trace(edited(path, change))


def test_a_step_that_does_not_exist_is_refused_with_its_number(path: Path) -> None:
    def change(trace: Any) -> None:
        trace["states"][3]["mbt::actionTaken"] = "clam"

    with pytest.raises(FormatError, match="state 3: "):
        read_trace(edited(path, change))


def remove(key: str) -> Any:
    return lambda trace: trace.pop(key)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (remove("states"), "not a fencepost trace"),
        (remove("#meta"), "not a fencepost trace"),
        (lambda trace: trace["#meta"].update(protocol="order9"), "unknown protocol 'order9': expected one of"),
        (lambda trace: trace.update(states=[]), r"states is \[\]: expected"),
        (lambda trace: trace.update(states="none"), "states is .none.: expected"),
        (lambda trace: trace["#meta"].update(protocol=[]), "#meta.protocol is .*: expected a string"),
        (lambda trace: trace["#meta"].update(property={}), "#meta.property is .*: expected a string"),
        (lambda trace: trace["#meta"]["bounds"].update(slots=None), "#meta.bounds.slots is null: expected 0 to 1000"),
        (lambda trace: trace["#meta"]["bounds"].update(rings=10**30), "#meta.bounds.rings is 10+: expected 0 to 1000"),
        (lambda trace: trace["#meta"]["bounds"].update(rows=1), "not a fencepost trace"),
        (lambda trace: trace["states"][2].update({"mbt::nondetPicks": {"ring": 1}}), "state 2: .*expected numbers"),
    ],
)
def test_a_file_that_is_no_trace_is_one_clear_line(path: Path, change: Any, problem: str) -> None:
    with pytest.raises(FormatError, match=problem) as caught:
        read_trace(edited(path, change))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe"])
def test_a_file_that_is_no_json_object_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.itf.json"
    path.write_bytes(content)
    with pytest.raises(FormatError, match="expected"):
        read_trace(path)


def test_a_trace_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "refused.itf.json"
    with pytest.raises(NotAccepted):
        write_trace(path, inversion((STEPS[0], STEPS[4])))
    assert list(tmp_path.iterdir()) == []


def test_the_same_trace_gives_the_same_document() -> None:
    assert document(inversion()) == document(inversion())
