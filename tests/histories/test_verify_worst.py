"""Beside its count and first witness a finding names the worst culprits: rows, file and by how much."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from fencepost.command_line import cli
from fencepost.model.histories import Finding, Rules, read_log, verify
from fencepost.verifying.run import verify_file

HEADER = "client_id,batch_seq,broker_id,ring_index,message_count,start_position,sent_ns,acked_ns\n"
PLAIN = [(1, seq, 0, seq, 1, seq, 100 * seq, 100 * seq + 50) for seq in range(40)]


def log_of(path: Path, changes: dict[int, dict[int, int]]) -> Path:
    """Write forty batches of one client, some values of some rows (from 0) changed."""
    rows = [[changes.get(row, {}).get(at, value) for at, value in enumerate(batch)] for row, batch in enumerate(PLAIN)]
    path.write_text(HEADER + "".join(",".join(map(str, row)) + "\n" for row in sorted(rows, key=lambda row: row[5])))
    return path


def both(path: Path, name: str) -> Finding:
    """Return what is found of a property in passes; the same is found in memory."""
    streamed = verify_file(path, properties=[name])[name]
    whole = verify(read_log(path), properties=[name])[name]
    assert (streamed.count, streamed.worst) == (whole.count, whole.worst)
    return streamed


def gap_before(row: int) -> int:
    """Return how much is left out before a row: 4, 9, 2 and 6, at four places."""
    return sum(gap for at, gap in ((10, 4), (20, 9), (30, 2), (35, 6)) if row >= at)


CHANGES: dict[str, tuple[dict[int, dict[int, int]], list[tuple[tuple[int, ...], int]]]] = {
    # Numbers of four batches fall behind: by 3, 12, 7 and 1; those behind them go on from there.
    "client-order": (
        {5: {1: 1}, 15: {1: 2}, 25: {1: 17}, 35: {1: 33}},
        [((15, 16), 12), ((25, 26), 7), ((5, 6), 3)],
    ),
    "ring-order": (
        {5: {3: 4}, 15: {3: 2}, 25: {3: 17}, 35: {3: 33}},
        [((15, 16), 13), ((25, 26), 8), ((35, 36), 2)],
    ),
    "dense": (
        {row: {5: row + gap_before(row)} for row in range(40)},
        [((20, 21), 9), ((35, 36), 6), ((10, 11), 4)],
    ),
    "unique": (
        {5: {4: 2}, 15: {4: 3}, 16: {4: 2}},
        [((16, 17), 2), ((6, 7), 1), ((16, 18), 1)],
    ),
    "prefix": (
        {row: {1: row + gap_before(row)} for row in range(40)},
        [((21,), 9), ((36,), 6), ((11,), 4)],
    ),
    "once": ({5: {1: 4}, 15: {1: 14}, 16: {1: 14}, 17: {1: 14}}, [((16, 17, 18), 3), ((6,), 1)]),
    "real-time": (
        {row: {6: sent, 7: sent + 50} for row, sent in ((5, 900), (15, 2800), (25, 2800), (35, 3900))},
        [((16, 17), 1150), ((6, 7), 250), ((36, 37), 250)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_the_worst_are_named_by_rows_and_size_the_largest_first(name: str, tmp_path: Path) -> None:
    changes, expected = CHANGES[name]
    found = both(log_of(tmp_path / "log.csv", changes), name)
    assert [(each.rows, each.size) for each in found.worst] == expected
    assert found.count >= len(found.worst)


def test_the_report_has_the_worst_with_their_file(tmp_path: Path) -> None:
    path = log_of(tmp_path / "log.csv", CHANGES["dense"][0])
    answer = CliRunner().invoke(cli, ["verify", str(path), "--properties", "dense"])
    assert "the worst of 4: rows 20 and 21 (9 positions without a batch); rows 35 and 36 (6 " in answer.stdout
    (result,) = json.loads(CliRunner().invoke(cli, ["verify", str(path), "--property", "dense", "--json"]).stdout)[
        "results"
    ]
    assert result["worst"][0] == {
        "rows": [20, 21], "file": str(path), "size": 9, "measure": "positions without a batch"
    }  # fmt: skip


def test_what_is_lost_is_named_in_the_file_of_what_was_acknowledged(tmp_path: Path) -> None:
    path = log_of(tmp_path / "log.csv", {})
    (tmp_path / "acks.csv").write_text("client_id,batch_seq\n" + "".join(f"1,{seq}\n" for seq in (3, 40, 41, 44, 45)))
    answer = CliRunner().invoke(
        cli, ["verify", str(path), "--properties", "lost", "--acks", str(tmp_path / "acks.csv")]
    )
    acks = tmp_path / "acks.csv"
    assert f"the worst of 4: {acks} row 2; {acks} row 3; {acks} row 4" in answer.stdout


def test_readers_that_differ_and_step_back_are_named_in_their_file(tmp_path: Path) -> None:
    path, readers = log_of(tmp_path / "log.csv", {}), tmp_path / "read.csv"
    read = [("a", 0, 0), ("a", 1, 1), ("b", 1, 7), ("b", 9, 9), ("b", 2, 2), ("c", 1, 8)]
    readers.write_text("reader_id,position,client_id,batch_seq\n" + "".join(f"{r},{p},1,{s}\n" for r, p, s in read))
    for name, said in (("agreement", "row"), ("reading", "rows 4 and 5 (7 positions on or back)")):
        answer = CliRunner().invoke(cli, ["verify", str(path), "--properties", name, "--readers", str(readers)])
        assert answer.exit_code == 1
        assert said in answer.stdout


def test_one_culprit_alone_is_the_witness_and_said_once(tmp_path: Path) -> None:
    path = log_of(tmp_path / "log.csv", {5: {1: 1}})
    answer = CliRunner().invoke(cli, ["verify", str(path), "--properties", "client-order"])
    assert "the worst of" not in answer.stdout
    assert verify_file(path, properties=["client-order"], rules=Rules())["client-order"].worst[0].rows == (5, 6)
