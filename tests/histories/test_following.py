"""A history that is still being written: what is wrong is said as rows come, and what it amounts to at the end."""

import json
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import fencepost
from fencepost.model.errors import FormatError, InputError
from fencepost.model.histories.passes.one_pass import Breach
from fencepost.reports.verify import VerifyReport

HEADER = "client_id,batch_seq,start_position,sent_ns,acked_ns\n"
SOUND = "".join(f"a,{row},{row},{10 * row},{10 * row + 5}\n" for row in range(50))


def grown(path: Path, parts: list[str], rest: str = "") -> tuple[list[str], VerifyReport]:
    """Return what was told while the file grew, and the verification at its end; `rest` is written when it was told."""
    path.write_text(HEADER)
    told, was_told = list[str](), threading.Event()

    def write() -> None:
        for part in parts:
            time.sleep(0.3)
            with path.open("a") as file:
                file.write(part)
        if rest and was_told.wait(30):
            with path.open("a") as file:
                file.write(rest)

    writer = threading.Thread(target=write)
    writer.start()

    def note(name: str, breach: Breach) -> None:
        told.append(name)
        was_told.set()

    found = fencepost.follow(path, level=4, idle=3, on_found=note)
    writer.join()
    return told, found


def test_a_sound_file_that_grows_holds_and_nothing_is_told(tmp_path: Path) -> None:
    told, found = grown(tmp_path / "log.csv", [SOUND[:333], SOUND[333:]])
    assert told == []
    assert found.verdict == "not found"
    assert found["once"].bound == "1 run, 50 batches"


def test_what_is_broken_is_told_before_the_rest_is_written(tmp_path: Path) -> None:
    again = "a,49,50,490,505\n"
    rest = "".join(f"a,{row},{row + 1},{10 * row},{10 * row + 5}\n" for row in range(50, 60))
    told, found = grown(tmp_path / "log.csv", [SOUND, again], rest)
    assert told == ["once"]
    assert found["once"].bound == "1 run, 61 batches"
    once = found["once"]
    assert (once.verdict, once.details["count"], once.details["witness"]["rows"]) == ("violated", 1, (51,))
    assert found["real-time"].verdict == "unknown"  # of copies it takes all rows


def test_rows_in_no_order_are_unknown_and_not_passed(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text(HEADER + SOUND + "b,0,10,1,2\n")
    found = fencepost.follow(path, level=4, idle=0)
    assert found.verdict == "unknown"
    assert "rows from 1 on are not in position order" in found["dense"].bound


def run_pipe(text: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "fencepost", "verify", "--follow", "--level", "4", *arguments]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=False)


def test_a_pipe_is_followed_to_its_end_a_last_line_without_its_end_included() -> None:
    assert run_pipe(HEADER + SOUND.rstrip("\n"), "-").returncode == 0
    found = run_pipe(HEADER + SOUND + "a,49,50,490,505\n", "-")
    assert found.returncode == 1
    assert "violated so far: -: once" in found.stdout
    assert "1 run, 51 batches" in found.stdout


def as_objects(text: str) -> str:
    """Return rows of a CSV as objects, a line each; what is -1 is left out, as a log that has no time writes it."""
    rows = (dict(zip(HEADER.strip().split(","), line.split(","), strict=True)) for line in text.splitlines())
    objects = ({name: v if name == "client_id" else int(v) for name, v in row.items() if v != "-1"} for row in rows)
    return "".join(json.dumps(each) + "\n" for each in objects)


def test_objects_in_lines_are_followed_as_rows_are(tmp_path: Path) -> None:
    unacked = SOUND + "a,50,50,500,-1\n"
    assert '"acked_ns"' not in as_objects(unacked).splitlines()[-1]
    for text, verdict in ((unacked, "not found"), (SOUND + "a,49,50,490,505\n", "violated")):
        (tmp_path / "log.ndjson").write_text(as_objects(text))
        (tmp_path / "log.csv").write_text(HEADER + text)
        objects, rows = (fencepost.follow(tmp_path / name, level=4, idle=0) for name in ("log.ndjson", "log.csv"))
        assert objects.verdict == rows.verdict == verdict
        for one, other in zip(objects.findings, rows.findings, strict=True):
            assert (one.property, one.verdict, one.bound, one.details["count"]) == (
                other.property, other.verdict, other.bound, other.details["count"]
            )  # fmt: skip


def test_objects_in_lines_are_told_of_as_they_come_and_from_a_pipe(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text("")
    path, told = tmp_path / "log.jsonl", list[str]()
    lines = SOUND.splitlines(keepends=True)
    halves = "".join(lines[:20]), "".join(lines[20:])

    def write() -> None:
        for part in (*halves, "a,49,50,490,505\n"):
            time.sleep(0.3)
            with path.open("a") as file:
                file.write(as_objects(part))

    writer = threading.Thread(target=write)
    writer.start()
    found = fencepost.follow(path, level=4, idle=3, on_found=lambda name, breach: told.append(name))
    writer.join()
    assert (told, found["once"].bound) == (["once"], "1 run, 51 batches")
    piped = run_pipe(as_objects(SOUND + "a,49,50,490,505\n"), "-")
    assert (piped.returncode, "violated so far: -: once" in piped.stdout) == (1, True)


def test_a_line_that_is_no_object_is_an_error_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "log.ndjson").write_text(as_objects(SOUND) + "{no\n")
    with pytest.raises(FormatError, match="damaged ndjson behind row"):
        fencepost.follow(tmp_path / "log.ndjson", level=4, idle=0)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no rows, expected at least one"),
        ("client_id;start_position\n", "columns are separated by semicolons"),
        ("client_id,position_x\n1,1\n", "no column is called start_position"),
        ("log,start_position\n1,1\n", "column log: cannot be followed"),
        ("client_id,batch_seq,start_position\n1,x,1\n", "found 'x', expected an integer"),
    ],
)
def test_what_cannot_be_followed_is_said(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "log.csv").write_text(text)
    with pytest.raises(FormatError, match=said):
        fencepost.follow(tmp_path / "log.csv", level=4, idle=0)


def test_only_text_in_lines_can_be_followed_and_alone(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected a .csv, .tsv, .ndjson or .jsonl, or -"):
        fencepost.follow(tmp_path / "log.parquet", level=4)
    for arguments in (("a.csv", "b.csv"), ("a.csv", "--acks", "b.csv"), ("a.csv", "--idle", "1")):
        found = run_pipe("", *arguments)
        assert found.returncode == 2
