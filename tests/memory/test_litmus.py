"""Litmus tests: files and their errors, the shipped suite in every engine, runs, budgets and the command."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from commands import run as command

from fencepost import litmus
from fencepost.litmus_tests.run import decide_test, files_of, shipped
from fencepost.model.contract import Verdict
from fencepost.model.errors import InputError
from fencepost.model.litmus import Answer, parse_test, read_test
from fencepost.model.litmus.explore import Budget, explore, explore_as_defined
from fencepost.model.litmus.idioms import idiom_folder, idiom_names
from fencepost.model.litmus.witness import columns, complete, replay
from fencepost.model.memory import MATRICES, PROFILES, Op
from fencepost.native.schedules import litmus as native

ROOT = Path(__file__).parents[2]
SUITE = files_of(shipped())
SDM = MATRICES["sdmC"]
MESSAGE = "H0: W d 1; W f 1\nH1: R a f; R b d\nbad 1:a=1 & 1:b=0\n"


run = partial(command, "litmus")


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    ran = run("--json", "--quiet")
    assert ran.returncode == 0, ran.stdout[-2000:] + ran.stderr
    read: dict[str, Any] = json.loads(ran.stdout)
    return read


# --- the suite ---


def test_the_suite_ships_with_the_package_and_is_the_folder_of_the_tests() -> None:
    assert shipped().resolve() == (ROOT / "tests" / "litmus").resolve()
    assert len(SUITE) == 152


def test_every_engine_says_what_every_file_expects(document: dict[str, Any]) -> None:
    assert document["schema"] == "fencepost/litmus/2"
    assert document["verdict"] == "exhausted"
    assert len(document["results"]) == 174
    for each in document["results"]:
        assert each["ok"] is (each["expect"] is not None), each
        assert each["verdict"] == "exhausted"
        assert each["lints"] == []
        if each["crash"] == "at any moment":
            assert each["expect"] is None  # what the file expects is about its CRASH
            continue
        assert {each["engines"]["explorer"], each["engines"]["native"]} == {each["expect"]}
        assert each["engines"]["z3"] in (each["expect"], "unsupported")
        assert each["notes"] == []


def test_only_lines_with_two_writing_hosts_and_device_crashes_are_unsupported_by_z3(document: dict[str, Any]) -> None:
    unsupported = {each["target"] for each in document["results"] if each["engines"]["z3"] == "unsupported"}
    assert len(unsupported) == 15
    assert {name.split("-")[0] for name in unsupported} == {"ncx", "owner", "atomic", "crash"}


def test_the_suite_has_both_answers_and_every_instruction() -> None:
    tests = [read_test(path) for path in SUITE]
    assert {test.expect for test in tests} == {Answer.ALLOWED, Answer.FORBIDDEN}
    named = {each.op for test in tests for thread in test.program.threads for each in thread.instructions}
    assert named == set(Op)
    assert {name for test in tests for name in test.profiles} == set(PROFILES)


@pytest.mark.parametrize("path", SUITE, ids=lambda path: path.stem)
def test_native_says_the_same_of_the_definition_step_by_step(path: Path) -> None:
    test = read_test(path)
    if test.name == "iriw-hosts-invalidating":
        pytest.skip("3,382,972 states as defined: counted by the slow test below")
    for name in test.profiles:
        found = native.explore(test.program, test.bad, PROFILES[name], SDM, as_defined=True)
        assert found.answer is test.expect


@pytest.mark.slow
def test_the_heaviest_row_as_defined_has_millions_of_states_and_the_same_answer() -> None:
    test = read_test(ROOT / "tests" / "litmus" / "iriw-hosts-invalidating.litmus")
    found = native.explore(test.program, test.bad, PROFILES["ncx"], SDM, Budget(5_000_000, 60), as_defined=True)
    assert (found.answer, found.states) == (Answer.FORBIDDEN, 3_382_972)
    assert explore(test.program, test.bad, PROFILES["ncx"], SDM).states < 1_000


def test_both_explorers_find_the_same_number_of_states_as_defined() -> None:
    for name in ("mp-W00-R02", "ncx-OW1", "px86-P14", "tso-SB", "ncx-CR1"):
        test = read_test(ROOT / "tests" / "litmus" / f"{name}.litmus")
        under = PROFILES[test.profiles[0]]
        python = explore_as_defined(test.program, test.bad, under, SDM)
        compiled = native.explore(test.program, test.bad, under, SDM, as_defined=True)
        assert (python.answer, python.states) == (compiled.answer, compiled.states)


@pytest.mark.parametrize("name", ["px86", "sdmA", "amdweak"])
def test_engines_agree_under_every_other_matrix_and_only_clflush_rows_change_on_old_amd(name: str) -> None:
    rows = litmus(matrix=name).rows
    assert all(len(row.answers) == 1 for row in rows)
    changed = {row.name for row in rows if not row.verdict.passes}
    assert changed == ({"px86-P03", "writer-clflush-without-fence"} if name == "amdweak" else set())


def test_every_allowed_end_is_shown_by_a_run_of_the_definition() -> None:
    for row in litmus(engine="explorer").rows:
        assert (row.run is not None) == (row.engines["explorer"] is Answer.ALLOWED), row.name


def test_a_native_schedule_becomes_the_same_kind_of_run() -> None:
    for path in SUITE[::4]:
        test = read_test(path)
        under = PROFILES[test.profiles[0]]
        found = native.explore(test.program, test.bad, under, SDM)
        if found.answer is Answer.ALLOWED:
            schedule = complete(test.program, test.bad, under, SDM, found.schedule)
            assert schedule is not None
            assert replay(test.program, test.bad, under, SDM, schedule) is not None


def test_a_run_has_a_column_for_each_thread_each_cache_and_memory() -> None:
    test = parse_test(MESSAGE)
    found = explore(test.program, test.bad, PROFILES["ncx"], SDM)
    shown = replay(test.program, test.bad, PROFILES["ncx"], SDM, found.schedule)
    assert shown is not None
    rows = columns(shown)
    assert rows[0] == ["", "thread 0 (H0)", "thread 1 (H1)", "cache of H0", "cache of H1", "memory"]
    said = [cell for row in rows for cell in row]
    assert "R a f: a=1" in said
    assert "R b d: b=0" in said
    assert "f=1" in said


# --- idioms ---


def test_idioms_have_reasons_and_keep_their_expectations() -> None:
    rows = litmus([idiom_folder()]).rows
    assert all(row.ok and row.test.why for row in rows)
    assert {row.name: str(row.expect) for row in rows if row.profile == "ncx"} == {
        "ack-frontier": "forbidden",
        "cross-host-counter": "allowed",
        "cross-host-counter-device": "forbidden",
        "delegation-progress": "allowed",
        "delegation-progress-flushed": "forbidden",
        "export-record": "forbidden",
        "flag-before-fence": "allowed",
        "locked-fence": "forbidden",
        "locked-flag": "forbidden",
        "order4-header-unflushed": "allowed",
        "order4-per-message": "forbidden",
        "order5-publish": "allowed",
        "order5-publish-repaired": "forbidden",
        "prefetch-next-header": "allowed",
        "prefetch-next-header-dropped": "forbidden",
        "publication": "forbidden",
        "publication-2": "forbidden",
        "publication-4": "forbidden",
        "publication-8": "forbidden",
        "reader-poll": "forbidden",
        "reader-poll-bare": "allowed",
        "slot-handoff": "forbidden",
        "slot-released-early": "allowed",
        "two-phase-batch": "forbidden",
        "wrap-with-lap": "forbidden",
        "wrap-without-lap": "allowed",
    }


def test_the_command_lists_idioms_with_verdicts_and_reasons() -> None:
    ran = run("--idioms", "--quiet")
    assert ran.returncode == 0
    assert "cross-host-counter: fetch_add is atomic in one host only" in ran.stdout
    assert all(name in ran.stdout for name in idiom_names())
    assert "HA2: a 64-byte line is written and read atomically at the device" in ran.stdout


# --- files ---


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "f.litmus:1:1: an empty program"),
        ("name x\nprofile ncx\nbad x=1", "f.litmus:3:1: an empty program"),
        ("H0:\nbad x=1", "f.litmus:1:4: an empty instruction"),
        ("H0: W x 1; FOO x\nbad x=1", "f.litmus:1:12: unknown instruction 'FOO': expected one of W, NT, R"),
        ("H0: W x\nbad x=1", "f.litmus:1:5: W with 1 operands: expected `W word value`"),
        ("H0: W x 1\nbad 1:a=1", "f.litmus:2:5: undeclared thread 1: threads are 0 to 0"),
        ("H0: R a x\nbad 0:b=1", "f.litmus:2:7: thread 0 assigns no register 'b': it has a"),
        ("H0: R a x\nbad z=1", "f.litmus:2:5: unknown word 'z'"),
        ("H0: R a x\nbad 0:a=b", "f.litmus:2:9: 'b': expected an integer"),
        ("H0: R a x\nbad (0:a=1", "f.litmus:2:11: the end of the line: expected )"),
        ("H0: R a x\nbad 0:a=1 0:a=2", "f.litmus:2:11: '0:a': expected & or |"),
        ("H0: R a x\nbad " + "(" * 99, "more than 50 parentheses"),
        ("H0: H1: W x 1\nbad x=1", "f.litmus:1:5: two hosts for one thread"),
        ("H0, H1: W x 1\nbad x=1", "f.litmus:1:1: two hosts for one thread"),
        ("H0: R a x; IFEQ a 1 2; MF\nbad 0:a=1", "f.litmus:1:12: a jump past the end"),
        ("H0: R a x; IFEQ a 1 -1; MF\nbad 0:a=1", "f.litmus:1:21: a jump backwards"),
        ("H0: IFEQ a 1 0\nbad x=1", "f.litmus:1:10: register 'a' is read"),
        ("H0: W x a+1\nbad x=1", "f.litmus:1:9: register 'a' is read"),
        ("H0: W x 99999999999\nbad x=1", "f.litmus:1:9: 99999999999 is out of range"),
        ("H0: W x? 1\nbad x=1", "f.litmus:1:7: 'x?' is no name for a word"),
        ("H0: W x 1?\nbad x=1", "f.litmus:1:5: W cannot be optional"),
        ("H0: W x 1", "f.litmus:1:1: no `bad` line"),
        ("profile ncx, nct\nH0: W x 1\nbad x=1", "f.litmus:1:14: unknown profile 'nct'"),
        ("expect maybe\nH0: W x 1\nbad x=1", "f.litmus:1:8: unknown expectation 'maybe'"),
        ("colour blue", "f.litmus:1:1: unknown line 'colour'"),
        ("name a\nname b\nH0: W x 1\nbad x=1", "f.litmus:2:1: a second `name`"),
        ("line A = a b c d e f g h i\nH0: W a 1\nbad a=1", "f.litmus:1:26: 9 words in one line"),
        ("line A = a\nline B = a\nH0: W a 1\nbad a=1", "f.litmus:2:10: word 'a' is already in a line"),
        ("init y=1\nH0: W x 1\nbad x=1", "f.litmus:1:6: init of 'y'"),
        ("init\nH0: W x 1\nbad x=1", "f.litmus:1:1: `init` without anything after it"),
        ("H0: R a x\nbad 0:a:b=1", "f.litmus:2:5: '0:a:b': expected thread:register or a word"),
        ("H" + "9" * 5000 + ": W x 1\nbad x=1", "f.litmus:1:2: 9999"),
        ("why form\x0cfeed\u2028\r\nH0: FOO", "f.litmus:2:5: unknown instruction 'FOO'"),
        ("H0: " + "; ".join(["W x 1"] * 25_001), "more than 25000 instructions in one program"),
        ("H0: W x 1; R a x" + "; FAA b y a" * 64 + "\nbad x=1", "FAA b y a: values could exceed 64 bits after 63"),
        ("H0: MRMW a x 1; MRMW a x a; W y a" + "; MRMW a x a" * 70 + "\nbad y=1", "values could exceed 64 bits"),
    ],
)
def test_an_error_names_file_line_and_column(text: str, problem: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_test(text, "f.litmus")
    assert problem in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    assert len(str(caught.value)) < 500


def test_bytes_that_are_no_text_have_a_line_and_a_column_and_a_byte_order_mark_is_none(tmp_path: Path) -> None:
    (tmp_path / "bytes.litmus").write_bytes(b"name x\nH0: W \xff 1\n")
    with pytest.raises(InputError, match=r"bytes\.litmus:2:7: not UTF-8 text"):
        read_test(tmp_path / "bytes.litmus")
    (tmp_path / "mark.litmus").write_bytes(b"\xef\xbb\xbf" + MESSAGE.replace("\n", "\r\n").encode())
    assert read_test(tmp_path / "mark.litmus").program == parse_test(MESSAGE).program


def test_operands_may_be_integers_registers_and_sums() -> None:
    test = parse_test("init x=4\nH0: R a x; W y a+2; R b y; W z b; W w -1\nbad y=6 & z=6 & w=-1 & !(0:b!=6)")
    for name in ("sc", "tso", "ncx"):
        assert explore(test.program, test.bad, PROFILES[name], SDM).answer is Answer.ALLOWED


# --- the command ---


def test_a_mismatch_exits_1_and_shows_the_run_that_decides_it(tmp_path: Path) -> None:
    (tmp_path / "wrong.litmus").write_text(MESSAGE + "expect forbidden\n")
    ran = run("wrong.litmus", cwd=tmp_path)
    assert ran.returncode == 1
    heading = next(line for line in ran.stdout.splitlines() if "thread 0 (H0)" in line)
    assert heading.split("  ")[-1].strip() == "memory"
    assert "thread 1 (H1)" in heading
    assert "cache of H1" in heading
    assert "R b d: b=0" in ran.stdout
    assert ran.stdout.splitlines()[-1].startswith("verdict=violated property=expect seed=- trace=- test=wrong ")


def test_a_spent_budget_is_unknown_and_exits_3(tmp_path: Path) -> None:
    (tmp_path / "big.litmus").write_text(MESSAGE)
    ran = run("big.litmus", "--states", "2", cwd=tmp_path)
    assert ran.returncode == 3
    assert "the budget of 2 states was spent" in ran.stdout


def test_a_program_of_1000_lines_ends_with_unknown_and_does_not_hang(tmp_path: Path) -> None:
    threads = "".join(f"H{n % 10}: W x{n % 7} {n}; R a x{(n + 1) % 7}\n" for n in range(1000))
    (tmp_path / "long.litmus").write_text(threads + "bad 0:a=0 & 999:a=5\n")
    ran = run("long.litmus", "--timeout", "1", cwd=tmp_path)
    assert ran.returncode == 3, ran.stderr
    assert "time was spent" in ran.stdout


def test_a_run_of_thousands_of_steps_is_shown() -> None:
    test = parse_test("H0: " + "MF; " * 2_000 + "W x 1\nH1: R a x\nbad 1:a=1\n")
    (row,) = [decide_test(test, "ncx", "sdmC", ["explorer", "native"], Budget(), False)]
    assert row.answers == {Answer.ALLOWED}
    assert row.run is not None
    assert len(row.run.steps) > 2_000


@pytest.mark.parametrize("options", [("--engine", "z3"), ("--engine", "native", "--as-defined")])
def test_a_mismatch_shows_a_run_whichever_engine_was_asked(options: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "wrong.litmus").write_text(MESSAGE + "expect forbidden\n")
    ran = run("wrong.litmus", *options, cwd=tmp_path)
    assert ran.returncode == 1
    assert "R b d: b=0" in ran.stdout
    assert "no run ends so" not in ran.stdout


def test_z3_alone_says_why_it_cannot_answer(tmp_path: Path) -> None:
    (tmp_path / "two.litmus").write_text("H0: W x 1\nH1: W x 2\nbad x=1\n")
    ran = run("two.litmus", "--engine", "z3", cwd=tmp_path)
    assert ran.returncode == 3
    assert "line x is stored to by 2 hosts" in ran.stdout


@pytest.mark.parametrize(
    "code",
    [
        "; ".join(f"R r{n} x" for n in range(1000)),
        "FAA r x 1; " * 500,
        "R r x; " + "IFEQ r 0 500; " * 500 + "MF; " * 500,
    ],
    ids=["loads", "atomics", "jumps"],
)
def test_z3_says_unknown_of_a_program_that_is_too_large_to_encode(code: str) -> None:
    test = parse_test(f"H0: {code}; MF\nH1: R a x\nbad 1:a=7".replace("; ;", ";"))
    (row,) = [decide_test(test, "ncx", "sdmC", ["z3"], Budget(), False)]
    assert (row.verdict, row.seconds) == (Verdict.UNKNOWN, 0.0)
    assert "pairs of instructions" in row.notes[0]


def test_a_state_too_wide_for_the_native_store_is_unknown() -> None:
    threads = "".join(f"H{n}: W x{n} 1; R a x{(n + 1) % 300}\n" for n in range(300))
    test = parse_test(threads + "bad 0:a=77\n")
    found = native.explore(test.program, test.bad, PROFILES["ncx"], SDM, Budget(seconds=1))
    assert (found.answer, found.reason) == (Answer.UNKNOWN, "a state of more than 65535 cells, words and registers")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("missing.litmus",), "fencepost: missing.litmus: no such file or folder"),
        (("--profile", "nct"), "fencepost: unknown profile 'nct': expected one of sc, tso"),
        (("--matrix", "sdm"), "fencepost: unknown matrix 'sdm': expected one of px86"),
        (("--engine", "perl"), "Error: Invalid value for '--engine'"),
        (("--idioms", "x.litmus"), "Error: --idioms and paths exclude each other"),
    ],
)
def test_bad_input_exits_2_in_one_line(arguments: tuple[str, ...], line: str, tmp_path: Path) -> None:
    ran = run(*arguments, "--quiet", cwd=tmp_path)
    assert ran.returncode == 2
    assert ran.stderr.splitlines()[-1].startswith(line)
    assert ran.stdout == ""


def test_another_profile_than_the_file_names_is_answered_without_its_expectation() -> None:
    (row,) = litmus([ROOT / "tests" / "litmus" / "mp-W00-R02.litmus"], profile="tso").rows
    assert (row.expect, row.verdict, row.answers) == (None, Verdict.EXHAUSTED, {Answer.FORBIDDEN})
