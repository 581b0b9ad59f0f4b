"""Files of results: whole or not at all, in no place of a device, and never at the price of the result."""

from __future__ import annotations

import os
import shlex
import subprocess
import threading
from pathlib import Path

import pytest
from commands import run

from fencepost.model.contract import Verdict
from fencepost.model.errors import InputError
from fencepost.model.report import summary
from fencepost.model.writing import NotWritten, kept, store

LITMUS = Path(__file__).parents[1] / "litmus" / "owner-goes-backwards.litmus"
HISTORY = "client_id,batch_seq,broker_id,ring_index,message_count,start_position,sent_ns,acked_ns\n1,0,0,0,2,0,10,20\n"


def fencepost(*words: str) -> subprocess.CompletedProcess[str]:
    return run(*words)


def test_a_file_is_replaced_through_a_link_and_keeps_its_mode(tmp_path: Path) -> None:
    there, link = tmp_path / "there", tmp_path / "link"
    there.write_text("before")
    there.chmod(0o600)
    link.symlink_to(there)
    store(link, "after")
    assert link.is_symlink()
    assert (there.read_text(), there.stat().st_mode & 0o777) == ("after", 0o600)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["link", "there"]


def test_a_pipe_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    pipe, came = tmp_path / "pipe", list[bytes]()
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: came.append(pipe.read_bytes()))
    reader.start()
    store(pipe, "through")
    reader.join()
    assert (came, pipe.is_fifo()) == ([b"through"], True)


@pytest.mark.parametrize("place", ["/dev/null/x", "/proc/x/y", "null\0character", "folder"])
def test_what_cannot_be_written_is_one_error_and_leaves_nothing(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match="cannot be written"):
        store(Path(place), "text")
    assert [each.name for each in tmp_path.rglob("*")] == ["folder"]


def test_a_result_whose_file_cannot_be_written_is_kept_with_a_warning() -> None:
    with pytest.warns(NotWritten, match="/dev/null/x: cannot be written: File exists"):
        assert kept(Path("/dev/null/x"), lambda path: store(path, "text")) is None


def test_a_pass_whose_page_cannot_be_written_is_printed_and_exits_2(tmp_path: Path) -> None:
    history = tmp_path / "history.csv"
    history.write_text(HISTORY)
    ended = fencepost("verify", "--level", "5", str(history), "--html", "/dev/null/page.html")
    assert "verdict=not-found" in ended.stdout
    assert ended.stderr == "fencepost: not written: /dev/null/page.html: cannot be written: File exists\n"
    assert ended.returncode == 2


def test_a_violation_whose_run_cannot_be_written_is_printed_and_exits_1(tmp_path: Path) -> None:
    name = tmp_path / "explore-owner-goes-backwards-ncx-bad.itf.json"
    name.mkdir()  # a folder where the file should be: root, too, cannot write it
    ended = fencepost("explore", str(LITMUS), "--profile", "ncx", "--engine", "native", "--out", str(tmp_path))
    assert "in conflict: step 1" in ended.stdout
    assert "verdict=violated property=bad seed=0 trace=-" in ended.stdout
    assert f"fencepost: not written: {name}: cannot be written: is a directory, expected a file\n" in ended.stderr
    assert ended.returncode == 1


def test_a_device_stays_a_device(tmp_path: Path) -> None:
    history = tmp_path / "history.csv"
    history.write_text(HISTORY)
    assert fencepost("verify", "--level", "5", str(history), "--html", "/dev/null").returncode == 0
    assert Path("/dev/null").is_char_device()


def test_the_last_line_is_taken_apart_again_whatever_a_path_holds() -> None:
    line = summary(verdict=Verdict.NOT_FOUND, trace=Path("a folder/it's.json"), property=None, seed=3)
    assert dict(word.split("=", 1) for word in shlex.split(line)) == {
        "verdict": "not-found",
        "trace": "a folder/it's.json",
        "property": "-",
        "seed": "3",
    }
