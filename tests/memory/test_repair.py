"""What mends a wrong program in which nothing is marked: the fewest flushes and fences, and no more than help."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import fencepost
from fencepost.command_line import cli
from fencepost.model.contract import Verdict
from fencepost.model.errors import InputError
from fencepost.model.litmus import LitmusTest, parse_test
from fencepost.model.memory import matrix, profile
from fencepost.program import Program, ensure, flush, invalidate, load, optional, store, store_fence, thread, wait_until
from fencepost.proofs.timestamps.ablation import Role, ablate
from fencepost.proofs.timestamps.insertion import with_insertions
from fencepost.proofs.timestamps.oracle import GaveUp, Oracle, Slots
from fencepost.proofs.timestamps.program_ablation import ablate_program
from fencepost.proofs.timestamps.repair import Repair, repair

EXAMPLES = Path(__file__).parents[2] / "examples" / "own"

STORE_BUFFERING = "H0: W x 1; R a y\nH0: W y 1; R b x\nbad 0:a=0 & 1:b=0\n"
MESSAGE = "H0: W d 1; W f 1\nH1: R a f; R b d\nbad 1:a=1 & 1:b=0\n"
BACKWARDS = "H0: W f 1; W d 1\nH1: R a f; R b d\nbad 1:a=1 & 1:b=0\n"
JUMPING = "H0: W d 1; W f 1\nH1: R a f; IFEQ a 1 1; R b d\nbad 1:a=1 & 1:b=0\n"


def litmus(text: str, profile_name: str) -> LitmusTest:
    return parse_test(f"name mine\nprofile {profile_name}\n{text}", "mine.litmus")


def repaired(text: str, profile_name: str) -> Repair:
    (found,) = ablate(litmus(text, profile_name), profile(profile_name), matrix("sdmC"))
    assert found.verdict is Verdict.VIOLATED
    assert found.run is not None
    assert found.repair is not None
    return found.repair


@pytest.mark.parametrize(
    ("text", "profile_name", "inserted"),
    [
        (STORE_BUFFERING, "tso", ("thread 0: MF before `R a y`", "thread 1: MF before `R b x`")),
        (
            MESSAGE,
            "ncx",
            (
                "thread 0: FO d behind `W d 1`",
                "thread 0: SF behind `W d 1`",
                "thread 1: FO d before `R b d`",
                "thread 1: MF before `R b d`",
            ),
        ),
    ],
)
def test_a_wrong_litmus_program_is_mended_by_the_fewest_insertions(
    text: str, profile_name: str, inserted: tuple[str, ...]
) -> None:
    found = repaired(text, profile_name)
    assert found.inserted == inserted
    assert found.is_smallest


def test_what_no_flush_and_no_fence_mends_is_said() -> None:
    found = repaired(BACKWARDS, "ncx")
    assert (found.is_mended, found.inserted) == (False, ())


def test_a_jump_leads_to_what_is_inserted_before_its_target() -> None:
    program, _ = with_insertions(litmus(JUMPING, "ncx"), profile("ncx"))
    code = program.threads[1].instructions
    (at,) = [index for index, each in enumerate(code) if each.text.startswith("IFEQ")]
    assert at + 1 + code[at].skip == len(code)
    assert repaired(JUMPING, "ncx").inserted == repaired(MESSAGE, "ncx").inserted


@pytest.mark.parametrize(("text", "profile_name"), [(STORE_BUFFERING, "tso"), (MESSAGE, "ncx"), (JUMPING, "ncx")])
def test_no_set_that_is_smaller_suffices_and_no_part_of_the_repair_does(text: str, profile_name: str) -> None:
    test = litmus(text, profile_name)
    program, texts = with_insertions(test, profile(profile_name))
    oracle = Oracle(program, test.bad, profile(profile_name), matrix("sdmC"), list(texts))
    count = len(repaired(text, profile_name).inserted)
    for smaller in combinations(texts, count - 1):
        assert oracle.reachable(frozenset(smaller))


def test_a_right_program_without_marks_has_nothing_to_ablate_or_mend() -> None:
    right = litmus("H0: W d 1; W f 1\nH0: R a f; R b d\nbad 1:a=1 & 1:b=0\n", "tso")
    with pytest.raises(InputError, match="no optional slot, and nothing is wrong; mark an instruction with"):
        ablate(right, profile("tso"), matrix("sdmC"))


# --- programs of one's own ---

DATA, FLAG = ("record", "data"), ("flag", "is_ready")


def writer() -> Iterator[Any]:
    yield store(DATA, 7)
    yield store(FLAG, 1)


def reader() -> Iterator[Any]:
    yield wait_until(FLAG, lambda value: value == 1)
    ensure((yield load(DATA)) == 7, "the flag is there before the data")


def mended_writer() -> Iterator[Any]:
    yield store(DATA, 7)
    yield flush(DATA)
    yield store_fence()
    yield store(FLAG, 1)
    yield flush(FLAG)


def mended_reader() -> Iterator[Any]:
    yield wait_until(FLAG, lambda value: value == 1, fresh=True)
    yield invalidate(DATA)
    ensure((yield load(DATA)) == 7, "the flag is there before the data")


wrong = Program("wrong", [thread(writer), thread(reader, host=1)])


def test_a_wrong_program_is_mended_by_the_fewest_insertions_and_they_do_mend_it() -> None:
    found = ablate_program(wrong)
    assert found.verdict is Verdict.VIOLATED
    assert found.repair is not None
    words = [each.partition(": ")[2] for each in found.repair.inserted]
    assert words == [
        "flush(record data) behind the store",
        "store_fence() behind the store",
        "flush(flag is_ready) behind the store",
        "invalidate(flag is_ready) before the load",
        "invalidate(record data) before the load",
    ]
    assert found.repair.is_smallest
    (mended,) = fencepost.explore(Program("mended", [thread(mended_writer), thread(mended_reader, host=1)])).explored
    assert mended.verdict is Verdict.EXHAUSTED


def test_of_a_published_bug_the_published_fix_is_found() -> None:
    found = ablate_program(EXAMPLES / "published.py:uring", "tso")
    assert found.repair is not None
    places = [each.partition(" in ")[2] for each in found.repair.inserted]
    assert places == ["submitting: full_fence() before the load", "polling: full_fence() before the load"]


@pytest.mark.parametrize("name", ["aeron", "queueworld", "jctools"])
def test_what_is_wrong_in_its_steps_is_mended_by_no_fence(name: str) -> None:
    found = ablate_program(EXAMPLES / f"published.py:{name}", "tso")
    assert found.repair is not None
    assert not found.repair.is_mended


def test_without_its_marked_operations_lamports_queue_gets_the_required_ones_back(tmp_path: Path) -> None:
    path = tmp_path / "bare.py"
    text = (EXAMPLES / "lamport_queue.py").read_text()
    path.write_text("\n".join(line for line in text.splitlines() if "yield optional(" not in line))
    found = ablate_program(path)
    assert found.repair is not None
    words = [each.partition(": ")[2] for each in found.repair.inserted]
    assert words == [
        "flush(record value) behind the store",
        "store_fence() behind the store",
        "flush(tail count) behind the store",
        "invalidate(record value) before the load",
        "flush(head count) behind the store",
    ]


# --- some of it is marked, and that is not enough ---


def marking_writer() -> Iterator[Any]:
    yield store(DATA, 7)
    yield optional(flush(DATA))
    yield optional(store_fence())
    yield store(FLAG, 1)
    yield flush(FLAG)


def test_beyond_what_is_marked_the_fewest_insertions_are_said_that_mend_a_program() -> None:
    marked = Program("marked", [thread(marking_writer), thread(reader, host=1)])
    found = ablate_program(marked)
    assert [each.role for each in found.marks] == [Role.POWERLESS] * 2
    assert found.repair is not None
    words = [each.partition(": ")[2] for each in found.repair.inserted]
    assert words == ["invalidate(flag is_ready) before the load", "invalidate(record data) before the load"]
    text = str(fencepost.ablate(marked))
    assert "minimal repair, 2 to insert beside all that is marked:" in text
    assert "no set of these suffices" in text


def test_beyond_the_slots_of_a_litmus_test_the_fewest_insertions_are_said() -> None:
    text = "H0: W d 1; FO d?; SF?; W f 1\nH1: R a f; FO d?; R b d\nbad 1:a=1 & 1:b=0\n"
    found = repaired(text, "ncx")
    assert (found.inserted, found.is_smallest) == (("thread 1: MF before `R b d`",), True)
    without = repaired(text.replace("FO d?; R", "R"), "ncx")
    assert without.inserted == ("thread 1: FO d before `R b d`", "thread 1: MF before `R b d`")


def test_what_no_flush_and_no_fence_beside_the_marked_mends_is_said() -> None:
    found = repaired(BACKWARDS.replace("W f 1;", "W f 1; SF?;"), "ncx")
    assert not found.is_mended


def test_a_right_program_without_marks_is_refused() -> None:
    alone = Program("alone", [thread(mended_writer)])
    with pytest.raises(InputError, match="alone: no operation is marked, and nothing is wrong"):
        ablate_program(alone)


def test_when_the_time_is_spent_nothing_is_claimed() -> None:
    found = ablate_program(wrong, seconds=0.05)
    if found.repair is None:
        assert "not known" in found.reason or found.verdict is Verdict.UNKNOWN
    else:
        assert found.repair.is_mended


class Spent:
    """Knows some sets, and then its time is spent."""

    def __init__(self, left: int) -> None:
        self.left = left

    def reachable(self, present: Slots) -> bool:
        if self.left == 0:
            raise GaveUp("the time was spent")
        self.left -= 1
        return not {(0, 0), (0, 1)} <= present and (0, 2) not in present


TEXTS = {(0, number): f"insertion {number}" for number in range(4)}


def test_a_repair_whose_size_was_not_decided_is_no_smallest_one() -> None:
    undecided = repair(Spent(6), TEXTS)
    assert (undecided.inserted, undecided.is_smallest) == (("insertion 0", "insertion 1"), False)
    assert "whether fewer suffice is not known" in undecided.bound
    decided = repair(Spent(1000), TEXTS)
    assert (decided.inserted, decided.is_smallest) == (("insertion 2",), True)


def test_the_commands_print_the_repair_and_exit_1(tmp_path: Path) -> None:
    path = tmp_path / "mine.litmus"
    path.write_text(f"name mine\nprofile tso\n{STORE_BUFFERING}")
    ran = CliRunner().invoke(cli, ["ablate", str(path)])
    assert ran.exit_code == 1
    assert "minimal repair, 2 to insert:\n    thread 0: MF before `R a y`\n" in ran.output
    in_json = json.loads(CliRunner().invoke(cli, ["ablate", str(path), "--json", "--quiet"]).stdout)
    assert in_json["results"][0]["repair"]["is_smallest"] is True
    target = str(EXAMPLES / "published.py:uring")
    ran = CliRunner().invoke(cli, ["ablate", target, "--profile", "tso", "--out", str(tmp_path)])
    assert ran.exit_code == 1
    assert "minimal repair, 2 to insert:\n    published.py:" in ran.output
    assert "in submitting: full_fence() before the load" in ran.output
