"""What a litmus file says and seldom means; files that cannot be read beside others that can."""

import json
from pathlib import Path
from random import Random

import pytest
from commands import run

from fencepost.exploring.run import explore
from fencepost.litmus_tests.run import litmus, shipped
from fencepost.model.errors import InputError
from fencepost.model.litmus import Answer, lints, parse_test, read_test
from fencepost.model.litmus.explore import outcomes
from fencepost.model.litmus.generate import Shape, draw
from fencepost.model.litmus.idioms import idiom_folder
from fencepost.model.litmus.linting import _registers, values_of_words
from fencepost.model.memory import MATRICES, PROFILES

SOUND = "H0: W d 1; FO d?; SF?; W f 1; FO f; SF\nH1: FL f; MF; R a f; FL d; MF; R b d\nbad 1:a=1 & 1:b=0\n"


@pytest.mark.parametrize(
    ("slip", "said"),
    [
        (SOUND, ""),
        (SOUND.replace("FO d", "FO dd"), "1:12: FO dd names a line that no instruction loads or stores"),
        (SOUND.replace("R b d", "R b dd"), "2:32: R b dd loads a word that nobody stores"),
        (SOUND.replace("W d 1", "W dd 1"), "2:32: R b d loads a word that nobody stores"),
        (SOUND.replace("W d 1", "W dd 1") + "init d=0", ""),
        (SOUND.replace("R a f", "MRMW a ff 0"), "2:15: MRMW a ff 0 loads a word that nobody stores"),
        (SOUND.replace("1:b=0", "1:b=3"), "`bad` compares 1:b with 3, and it is never that: only 0 or 1"),
        (SOUND.replace("1:b=0", "1:b!=3"), "`bad` compares 1:b with 3"),
        (SOUND + "init d=4", "`bad` compares 1:b with 0, and it is never that: only 1 or 4"),
        ("H0: FAA r x 1; FAA q x 1\nbad x=3", "`bad` compares x with 3, and it is never that: only 0 or 1 or 2"),
        ("H0: FAA r x 1; FAA q x 1\nbad x=2", ""),
        ("H0: W x 3; R a x; W y a+1\nbad y=4", ""),
        ("H0: W x 3; R a x; W y a+1\nbad y=5", "`bad` compares y with 5"),
        ("H0: W x 1; R a x; IFEQ a 2 1; W x 3\nbad x=1", "1:19: IFEQ a 2 1 compares with a value that it never has"),
        ("H0: R a x; W y 1\nbad x=0 & y=1", "`bad` asks about x, which nobody stores"),
        ("line L = d f\nH0: W d 1; W ff 1\nbad ff=1 & d=0", "no instruction names f of line L"),
        ("profile tso\n" + SOUND, "under profile tso all threads are on one host, and the file has H0, H1"),
        ("H0: NT x 1; R a x; NT y 1\nbad y=1 & x=0", "`MRMW a x 0` reads at the device"),
        ("H0: NT x 1; MF; R a x; NT y 1\nbad y=1 & x=0", ""),
    ],
)
def test_a_slip_is_found_where_it_is(slip: str, said: str) -> None:
    test = parse_test(slip, "slip")
    found = lints(test, test.profiles)
    assert any(said in each for each in found) if said else not found
    assert all(each.startswith("slip:") for each in found)


def test_what_ships_with_fencepost_has_none() -> None:
    for path in [*shipped().glob("*.litmus"), *idiom_folder().glob("*.litmus")]:
        test = read_test(path)
        assert lints(test, test.profiles) == ()


def test_a_value_that_a_run_ends_with_is_never_called_impossible() -> None:
    random, exact = Random(3), 0
    for _ in range(150):
        program = draw(random, Shape(instructions=3))
        words = values_of_words(program)
        registers = _registers(program, words)
        for end in outcomes(program, PROFILES["ncx"], MATRICES["sdmC"], memory_matters=True):
            for (thread, number), held in registers.items():
                assert held is None or end[thread][number] in held
            for (line, index), held in words.items():
                assert held is None or end[len(program.threads) + line][index] in held
                exact += held is not None
    assert exact > 500


def test_warnings_go_to_stderr_and_into_json_and_are_errors_when_strict(tmp_path: Path) -> None:
    (tmp_path / "slip.litmus").write_text(SOUND.replace("FO d?", "FO d?; FO dd"))
    finding = "slip.litmus:1:19: FO dd names a line that no instruction loads or stores"
    for command in ("litmus", "explore", "ablate"):
        ran = run(command, "slip.litmus", "--json", cwd=tmp_path)
        assert ran.returncode == 0, ran.stderr
        assert f"fencepost: warning: {finding}" in ran.stderr
        assert all(each["lints"] == [finding] for each in json.loads(ran.stdout)["results"])
        ran = run(command, "slip.litmus", "--strict", cwd=tmp_path)
        assert (ran.returncode, ran.stdout) == (2, "")
        assert finding in ran.stderr
    with pytest.raises(InputError, match="FO dd names a line"):
        litmus([tmp_path / "slip.litmus"], strict=True)
    with pytest.raises(InputError, match="FO dd names a line"):
        explore(tmp_path / "slip.litmus", strict=True)
    (row,) = litmus([tmp_path / "slip.litmus"]).rows
    assert len(row.lints) == 1


def test_two_tests_of_one_name_are_said(tmp_path: Path) -> None:
    for path in ("one", "other"):
        (tmp_path / f"{path}.litmus").write_text(f"name same\n{SOUND}")
    first, second = litmus([tmp_path]).rows
    assert first.lints == ()
    assert second.lints == (f"{second.test.path}: the name same is also that of {first.test.path}",)


def test_a_file_that_cannot_be_read_stops_none_of_the_others(tmp_path: Path) -> None:
    for name, text in (("a", "H0: X\n"), ("b", SOUND), ("c", "H0: W x 1\n"), ("d", SOUND + "expect allowed\n")):
        (tmp_path / f"{name}.litmus").write_text(text)
    (tmp_path / "e.litmus").write_bytes(b"H0: W x 1\nbad \xff\n")
    ran = run("litmus", ".", "missing.litmus", "--quiet", cwd=tmp_path)
    assert ran.returncode == 2
    for said in ("a.litmus:1:5: unknown instruction", "c.litmus:1:1: no `bad` line", "e.litmus:2:5", "missing.litmus:"):
        assert f"fencepost: {said}" in ran.stderr
    assert "d under ncx: expected allowed, explorer forbidden" in ran.stdout
    assert "tests=2 ok=0 no_expectation=1" in ran.stdout.splitlines()[-1]
    assert "unread=4" in ran.stdout.splitlines()[-1]
    results = json.loads(run("litmus", ".", "--json", "--quiet", cwd=tmp_path).stdout)["results"]
    assert [each["target"] for each in results] == ["b", "d", "a.litmus", "c.litmus", "e.litmus"]
    assert [each["explanation"][:8] for each in results[2:]] == ["a.litmus", "c.litmus", "e.litmus"]


def test_from_python_the_first_is_raised_or_all_are_told(tmp_path: Path) -> None:
    (tmp_path / "a.litmus").write_text("H0: X\n")
    (tmp_path / "b.litmus").write_text(SOUND)
    with pytest.raises(InputError, match="unknown instruction 'X'"):
        litmus([tmp_path])
    told: list[InputError] = []
    (row,) = litmus([tmp_path], refused=told.append).rows
    assert row.answers == {Answer.FORBIDDEN}
    assert [str(each).rsplit("/", 1)[-1][:8] for each in told] == ["a.litmus"]
