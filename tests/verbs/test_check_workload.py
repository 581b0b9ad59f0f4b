"""`check WORKLOAD` where little or nothing can be ordered: it says so, and nothing that happened is no pass."""

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from fencepost.checking import CheckReport, check
from fencepost.command_line import cli
from fencepost.model.contract import LEVELS, Level, Verdict
from fencepost.model.errors import FormatError, InputError
from fencepost.model.histories import Workload, read_log, read_workload, write_workload
from fencepost.model.histories.drained import never_ordered


def workload(*batches: tuple[int, int]) -> Workload:
    """Return a workload of these (client, seq), in turn at two brokers."""
    return Workload.from_rows(
        [(client, seq, index % 2, 1, 100, 10 * index) for index, (client, seq) in enumerate(batches)]
    )


FROM_ONE = workload(*((1, seq) for seq in range(1, 7)))
GAP = workload((1, 0), (1, 1), (1, 3), (1, 4), (1, 5))


def checked(path: Path, given: Workload, *more: str) -> Result:
    write_workload(path / "given.csv", given)
    named = [
        "--sequencer",
        "order4.claim",
        "--quiet",
        "--out",
        str(path),
        "--engine",
        "simulation",
        "--engine",
        "native",
    ]
    return CliRunner().invoke(cli, ["check", str(path / "given.csv"), *named, *more])


@pytest.fixture(scope="module")
def from_one() -> Any:
    return check("order4.claim", workload=FROM_ONE, engine=("simulation", "native"))


def test_a_workload_of_which_nothing_can_be_ordered_is_unknown(from_one: CheckReport) -> None:
    text = " ".join(" ".join(from_one.lines()).split())
    assert "6 of 6 arrived batches were never ordered: client 1 waits for batch 0, which never arrived." in text
    assert "happened on threads: parked and released 0, still parked 6" in text
    assert from_one.verdict is Verdict.UNKNOWN


def test_no_engine_that_ordered_nothing_passes(from_one: CheckReport) -> None:
    report = from_one
    silent = {each.property for each in report.findings if each.bound == "nothing was ordered"}
    assert silent == {
        "unique", "dense", "client-order", "prefix", "once", "real-time", "drained", "same-batches", "same-ranges"
    }  # fmt: skip
    assert all(each.verdict is Verdict.UNKNOWN for each in report.findings if each.bound == "nothing was ordered")
    assert report.verdict is Verdict.UNKNOWN


def test_a_workload_with_a_gap_passes_and_says_what_is_left(tmp_path: Path) -> None:
    answer = checked(tmp_path, GAP, "--json")
    assert answer.exit_code == 0
    results: list[dict[str, Any]] = json.loads(answer.stdout)["results"]
    notes = {(each["engine"], each["property"]): each["note"] for each in results if each["note"]}
    said = "3 of 5 arrived batches were never ordered: client 1 waits for batch 2, which never arrived"
    assert notes == {("simulation", "drained"): said, ("native", "drained"): said}


@pytest.mark.parametrize(
    ("given", "level", "said"),
    [
        (workload((1, 0), (1, 1)), 4, ""),
        (workload((1, 1), (1, 3)), 5, ""),
        (workload((1, 0), (1, 0), (1, 2), (1, 2)), 4, "1 of 2 arrived batches was never ordered: client 1 "),
        (workload((1, 0), (2, 1), (3, 3)), 4, "client 2 waits for batch 0, client 3 waits for batch 0"),
        (workload(*((client, 1) for client in range(9))), 4, "which never arrived, and 6 more clients wait"),
    ],
)  # fmt: skip
def test_what_is_never_ordered_is_said_with_what_it_waits_for(given: Workload, level: Level, said: str) -> None:
    assert said in (found := never_ordered(given, level))
    assert bool(found) == bool(said)


@pytest.mark.parametrize("level", LEVELS)
@given(batches=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=12))
def test_what_is_never_ordered_is_counted_as_one_by_one(level: Level, batches: list[tuple[int, int]]) -> None:
    def waits(client: int, seq: int) -> bool:
        return level == 4 and any((client, before) not in batches for before in range(seq))

    never = [each for each in set(batches) if waits(*each)]
    found = never_ordered(workload(*batches), level)
    assert found.startswith(f"{len(never)} of {len(set(batches))} arrived batches ") if never else found == ""


def test_a_workload_of_too_many_brokers_is_refused_before_any_work(tmp_path: Path) -> None:
    path = tmp_path / "wide.csv"
    write_workload(path, Workload.from_rows([(1, index, index, 1, 10, index) for index in range(300)]))
    began = time.monotonic()
    answer = CliRunner().invoke(cli, ["check", str(path)])
    assert time.monotonic() - began < 5
    assert isinstance(answer.exception, InputError)
    assert str(answer.exception).startswith(f"{path} has 300 brokers: expected at most 64")


def test_a_pipe_without_a_writer_is_refused_instead_of_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    for read in (read_workload, read_log):
        with pytest.raises(FormatError, match="is no file"):
            read(tmp_path / "pipe.csv")
