"""What users' own files can get wrong, on every command that takes them: a clear line, the right exit code, no hang."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import Any

import pytest
from commands import run
from own_files import COMMANDS, HEAD, JUDGED, STOP, options, said

import fencepost
from fencepost.checking import check
from fencepost.comparing.run import compare
from fencepost.comparing.verdicts import Counterexample
from fencepost.model.contract import Verdict
from fencepost.model.errors import InputError
from fencepost.model.own import PROGRAM, PROTOCOL, SEQUENCER, Kind, objects_in
from fencepost.native import AttemptOutcome
from fencepost.templates import new

NO_OPERATION = f"""{HEAD}
def wrong():
    yield 3

mine = Program("mine", [thread(wrong)])
"""
NO_ADDRESS = f"""{HEAD}
def wrong():
    yield load("x")

mine = Program("mine", [thread(wrong)])
"""
NO_END = f"""{HEAD}
def counts():
    while True:
        yield fetch_add(("line", "word"), 1)

mine = Program("mine", [thread(counts)])
"""
NOTHING_YIELDED = f"""{HEAD}
def spins():
    yield store(("line", "word"), 1)
    while True:
        pass

mine = Program("mine", [thread(spins)])
"""
TWO_PROGRAMS = f"""{HEAD}
def writes():
    yield store(("line", "word"), 1)

one = Program("one", [thread(writes)])
other = Program("other", [thread(writes)])
"""


@pytest.mark.parametrize("command", COMMANDS)
def test_a_file_that_defines_nothing_is_refused_with_what_was_expected(tmp_path: Path, command: str) -> None:
    (tmp_path / "mine.py").write_text("x = 1\n")
    ran = run(command, "mine.py", *options(command), cwd=tmp_path)
    assert ran.returncode == 2, ran.stdout
    assert said(ran).startswith("fencepost: mine.py defines no")
    assert "expected " in said(ran)


@pytest.mark.parametrize("command", COMMANDS)
def test_an_import_error_is_shown_with_the_users_traceback(tmp_path: Path, command: str) -> None:
    (tmp_path / "mine.py").write_text("import json\nimport no_such_module\n")
    ran = run(command, "mine.py", *options(command), cwd=tmp_path)
    assert ran.returncode == 2, ran.stdout
    assert 'File "mine.py", line 2, in <module>' in ran.stderr
    assert said(ran) == "fencepost: mine.py: ModuleNotFoundError: No module named 'no_such_module'"


@pytest.mark.parametrize("command", ["explore", "ablate"])
def test_of_two_objects_one_is_asked_for(tmp_path: Path, command: str) -> None:
    (tmp_path / "mine.py").write_text(TWO_PROGRAMS)
    ran = run(command, "mine.py", cwd=tmp_path)
    assert ran.returncode == 2, ran.stdout
    assert said(ran) == "fencepost: mine.py defines 2 programs: say which one, mine.py:one or mine.py:other"


def test_of_several_objects_the_one_that_is_named_like_the_file_needs_no_name(tmp_path: Path) -> None:
    (tmp_path / "other.py").write_text(TWO_PROGRAMS)
    ran = run("explore", "other.py", cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines()[0] == "other"


@pytest.mark.parametrize("command", ["explore", "ablate", "check"])
@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (NO_OPERATION, "mine.py:4 in wrong yields 3: expected an operation of fencepost.program"),
        (NO_ADDRESS, "mine.py:4 in wrong: 'x' is no address: expected a tuple of names and numbers"),
    ],
    ids=["no operation", "no address"],
)
def test_what_is_no_operation_or_no_address_is_refused_with_its_line(
    tmp_path: Path, command: str, text: str, sentence: str
) -> None:
    (tmp_path / "mine.py").write_text(text)
    ran = run(command, "mine.py", cwd=tmp_path)
    assert ran.returncode == 2, ran.stdout
    assert sentence in said(ran)


@pytest.mark.parametrize("command", ["explore", "check"])
@pytest.mark.parametrize("text", [NO_END, NOTHING_YIELDED], ids=["endless operations", "nothing yielded"])
def test_a_program_that_never_ends_is_unknown_within_its_time(tmp_path: Path, command: str, text: str) -> None:
    (tmp_path / "mine.py").write_text(text)
    ran = run(command, "mine.py", "--timeout", "2", cwd=tmp_path)
    assert ran.returncode == 3, (ran.stdout, ran.stderr)
    assert ran.stdout.splitlines()[-1].startswith("verdict=unknown ")


def test_an_ablation_of_a_program_that_never_ends_is_unknown(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(NOTHING_YIELDED)
    ran = run("ablate", "mine.py", "--timeout", "2", cwd=tmp_path)
    assert ran.returncode == 3, (ran.stdout, ran.stderr)


# --- code of the user that raises, or ends the process, is never the exit code of a command ---

RAISED = (
    "SystemExit(0)",
    "SystemExit('bye')",
    "GeneratorExit",
    "Stop('bye')",
    "KeyboardInterrupt",
    "ValueError('bye')",
)
"""What a user's code may raise: exceptions, and each kind of what is none to `except Exception`."""
OWN_SEQUENCER = f"""{STOP}
from fencepost.native import AttemptOutcome
import os

class Mine:
    def begin(self, rings, clients):
        self.next = [0] * clients
        self.position = 0

    def try_order(self, ring, client, seq, count):
        if seq != self.next[client]:
            return (AttemptOutcome.DUPLICATE if seq < self.next[client] else AttemptOutcome.LATER), -1
        self.next[client] += 1
        self.position += count
        return AttemptOutcome.ORDERED, self.position - count

    def acknowledged(self, client):
        return self.next[client]

    def issued(self):
        return self.position
"""
PLACES = {
    "begin": ("        self.position = 0\n", "        {}\n"),
    "try_order": ("        self.next[client] += 1\n", "        {}\n"),
    "in the middle of try_order": ("        self.next[client] += 1\n", "        yield\n        {}\n"),
    "acknowledged": ("        return self.next[client]\n", "        {}\n"),
    "issued": ("        return self.position\n", "        {}\n"),
}


def compared(path: Path, text: str) -> Counterexample:
    path.write_text(text)
    (found,) = compare(path, level=4, examples=20, seed=1).counterexamples
    assert found.property == "crash"
    return found


@pytest.mark.parametrize("raised", RAISED)
@pytest.mark.parametrize("place", PLACES)
def test_what_a_sequencer_raises_is_a_crash_with_its_line(tmp_path: Path, place: str, raised: str) -> None:
    before, after = PLACES[place]
    text = OWN_SEQUENCER.replace(before, after.format(f"raise {raised}"))
    found = compared(tmp_path / "mine.py", text)
    function = place.split()[-1]
    name = raised.partition("(")[0]
    assert f"raised {name}" in found.sentence
    assert f"at mine.py:{1 + text.splitlines().index(f'        raise {raised}')} in {function}" in found.sentence
    assert found.batches <= 1
    assert any("Traceback" in line for line in found.lines)


@pytest.mark.parametrize("verb", ["compare", "check"])
@pytest.mark.parametrize("raised", ["SystemExit(0)", "SystemExit('bye')", "AssertionError"])
def test_a_command_ends_with_a_verdict_whatever_a_sequencer_raises(tmp_path: Path, verb: str, raised: str) -> None:
    before, after = PLACES["try_order"]
    (tmp_path / "mine.py").write_text(OWN_SEQUENCER.replace(before, after.format(f"raise {raised}")))
    ran = run(verb, "mine.py", "--level", "4", cwd=tmp_path)
    assert ran.returncode == 1, (ran.stdout, ran.stderr)
    assert ran.stdout.splitlines()[-1].startswith("verdict=violated property=crash ")
    assert "in try_order" in ran.stdout


@pytest.mark.parametrize(
    "given",
    ["7", "None", "AttemptOutcome.ORDERED", "(AttemptOutcome.ORDERED, 'a')", "(9, 0)", "(0, 1, 2)", "(0, 0.5)", "'ab'"],
)
def test_an_answer_that_is_none_is_a_crash_that_names_it(tmp_path: Path, given: str) -> None:
    text = OWN_SEQUENCER.replace("return AttemptOutcome.ORDERED, self.position - count", f"return {given}")
    found = compared(tmp_path / "mine.py", text)
    shown = repr(eval(given, {"AttemptOutcome": AttemptOutcome}))
    assert f"returned {shown}, at mine.py:11 in try_order: expected an AttemptOutcome and a first" in found.sentence


@pytest.mark.parametrize("function", ["acknowledged", "issued"])
def test_what_is_no_number_is_a_crash_that_names_it(tmp_path: Path, function: str) -> None:
    before, _ = PLACES[function]
    found = compared(tmp_path / "mine.py", OWN_SEQUENCER.replace(before, "        return 'many'\n"))
    assert "returned 'many', at mine.py:" in found.sentence
    assert "expected a whole number" in found.sentence


def test_numbers_of_other_libraries_are_answers_too(tmp_path: Path) -> None:
    text = OWN_SEQUENCER.replace("ORDERED, self.position - count", "ORDERED, numpy.int64(self.position - count)")
    (tmp_path / "mine.py").write_text(f"import numpy\n{text}")
    assert compare(tmp_path / "mine.py", level=4, examples=20, seed=1).verdict is Verdict.NOT_FOUND


@pytest.mark.parametrize("command", ["explore", "ablate", "check"])
@pytest.mark.parametrize("place", ["THREAD", "JUDGE"])
@pytest.mark.parametrize("raised", ["SystemExit(0)", "Stop('bye')", "ValueError('bye')"])
def test_what_a_thread_or_a_judge_raises_is_violated(tmp_path: Path, command: str, place: str, raised: str) -> None:
    other = {"THREAD": "JUDGE", "JUDGE": "THREAD"}[place]
    (tmp_path / "mine.py").write_text(JUDGED.replace(place, f"raise {raised}").replace(other, "pass"))
    ran = run(command, "mine.py", cwd=tmp_path)
    assert ran.returncode == 1, (ran.stdout, ran.stderr)
    assert "verdict=violated property=raised " in ran.stdout
    assert re.search(r"raised \w+: (0|bye), at mine\.py:\d+ in (writes|judge)", ran.stdout)


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("raised", ["SystemExit(0)", "GeneratorExit", "Stop('bye')"])
def test_a_file_that_ends_the_process_when_it_is_run_is_refused(tmp_path: Path, command: str, raised: str) -> None:
    (tmp_path / "mine.py").write_text(f"{STOP}raise {raised}\n")
    ran = run(command, "mine.py", *options(command), cwd=tmp_path)
    assert ran.returncode == 2, (ran.stdout, ran.stderr)
    assert said(ran).startswith(f"fencepost: mine.py: {raised.partition('(')[0]}")


@pytest.mark.parametrize("raised", ["SystemExit(0)", "GeneratorExit", "Stop('bye')", "ValueError('bye')"])
def test_what_a_method_of_a_protocol_raises_is_no_verdict(tmp_path: Path, raised: str) -> None:
    path = new("protocol", "Mine", tmp_path)
    lines = path.read_text().splitlines()
    at = next(number for number, line in enumerate(lines) if line.strip().startswith("self.require("))
    space = lines[at][: len(lines[at]) - len(lines[at].lstrip())]
    for condition in ("True", "isinstance(next(iter(vars(self).values())), int)"):
        path.write_text("\n".join([STOP, *lines[:at], f"{space}if {condition}: raise {raised}", *lines[at:]]) + "\n")
        for command in ("prove", "check"):
            ran = run(command, path.name, cwd=tmp_path)
            assert ran.returncode == 2, (ran.stdout, ran.stderr)
            assert 'File "' in ran.stderr
            assert "mine.py" in ran.stderr


# --- what does not apply is refused before any work ---


@pytest.mark.parametrize("verb", [fencepost.explore, fencepost.ablate, fencepost.prove])
def test_a_file_of_cpp_is_no_program_and_no_litmus_test(verb: Any) -> None:
    with pytest.raises(
        InputError, match="mine.cpp is C\\+\\+, which holds a sequencer of your own: `fencepost compare`"
    ):
        verb("mine.cpp")


@pytest.mark.parametrize("policy", ["stepped", "race", "per_batch"])
def test_a_policy_that_a_sequencer_of_ones_own_has_not_is_refused(tmp_path: Path, policy: str) -> None:
    (tmp_path / "mine.py").write_text(OWN_SEQUENCER)
    ran = run("compare", "mine.py", "--level", "4", "--policy", policy, cwd=tmp_path)
    assert ran.returncode == 2, ran.stdout
    assert said(ran).startswith(f"fencepost: policy {policy} of a sequencer of your own: expected attempts, or none")


OF_KIND: dict[str, Kind[Any]] = {each.noun: each for each in (PROGRAM, PROTOCOL, SEQUENCER)}


@pytest.mark.parametrize("kind", OF_KIND)
@pytest.mark.parametrize("name", ["class", "print", "None", "store", "reader", "Protocol", "Answer", "match", "list"])
def test_a_new_file_runs_or_is_not_written(tmp_path: Path, kind: str, name: str) -> None:
    with contextlib.suppress(InputError):
        new(kind, name, tmp_path)
    for path in tmp_path.iterdir():
        assert len(objects_in(path, OF_KIND[kind])) == 1


@pytest.mark.parametrize(
    ("kind", "name"),
    [("program", "class"), ("program", "print"), ("program", "store"), ("protocol", "None"), ("sequencer", "answer")],
)
def test_a_keyword_or_what_is_built_in_is_no_name(tmp_path: Path, kind: str, name: str) -> None:
    with pytest.raises(InputError, match="means something else in the file"):
        new(kind, name, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_property_is_refused_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(OWN_SEQUENCER)
    for target, more in (("order4.claim", {}), ("order5.epoch", {}), (tmp_path / "mine.py", {"level": 4})):
        told: list[str] = []
        with pytest.raises(InputError, match="unknown property 'nope'"):
            check(target, property="nope", on_progress=told.append, **more)  # type: ignore[arg-type]
        assert told == []


def test_a_property_of_a_sequencer_is_not_passed_where_the_search_ended_at_another(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(OWN_SEQUENCER)
    (right,) = check(tmp_path / "mine.py", level=4, property="dense").findings
    assert (right.property, right.verdict) == ("dense", Verdict.NOT_FOUND)
    (tmp_path / "mine.py").write_text(OWN_SEQUENCER.replace("return self.next[client]", "return 1 / 0"))
    (wrong,) = check(tmp_path / "mine.py", level=4, property="dense").findings
    assert (wrong.property, wrong.verdict) == ("dense", Verdict.UNKNOWN)
    assert wrong.bound.endswith("the search ended where crash is violated")
