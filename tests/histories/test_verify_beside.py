"""What was sent, acknowledged and read, beside a log: against the words taken one batch at a time."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from fencepost.command_line import cli
from fencepost.model.contract import Level, Verdict
from fencepost.model.errors import FormatError
from fencepost.model.histories import Beside, Log, Rules, read_batches, read_log, read_readers, verify

Batch = tuple[int, int]  # client, seq


def log_of(batches: Sequence[Batch]) -> Log:
    clients, seqs = zip(*batches, strict=True)
    return read_log({"client_id": clients, "batch_seq": seqs, "start_position": range(len(batches))})


def table(rows: Sequence[tuple[Any, ...]], *names: str) -> dict[str, list[Any]]:
    return {name: [row[index] for row in rows] for index, name in enumerate(names)}


def counts(log: Log, level: Level, beside: Beside) -> dict[str, int]:
    return {each.property: each.count for each in verify(log, level, beside=beside).findings}


batches = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3)), min_size=1, max_size=8)
sent_batches = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 3), st.sampled_from(["ok", "fail", "info", None])),
    min_size=1,
    max_size=8,
    unique_by=lambda row: row[:2],
)


@settings(deadline=None)
@given(there=batches, acked=batches)
def test_what_is_acknowledged_and_not_there_is_lost(there: list[Batch], acked: list[Batch]) -> None:
    beside = Beside(acks=read_batches(table(acked, "client_id", "batch_seq")))
    assert counts(log_of(there), 5, beside)["lost"] == len(set(acked) - set(there))


@settings(deadline=None)
@given(there=batches, sent=sent_batches)
def test_an_outcome_says_what_is_lost_what_is_owed_and_what_is_invented(
    there: list[Batch], sent: list[tuple[int, int, str | None]]
) -> None:
    beside = Beside(sent=read_batches(table(sent, "client_id", "batch_seq", "outcome")))
    outcomes = {(client, seq): outcome for client, seq, outcome in sent}
    missing = {batch: outcome for batch, outcome in outcomes.items() if batch not in there}
    found = counts(log_of(there), 5, beside)
    assert found["lost"] == sum(outcome == "ok" for outcome in missing.values())
    assert found["drained"] == sum(outcome is None for outcome in missing.values())
    assert found["invented"] == len({batch for batch in there if outcomes.get(batch, "fail") == "fail"})

    def is_owed(batch: Batch) -> bool:
        return batch in there or (batch in outcomes and outcomes[batch] is None)

    owed = [batch for batch in missing if all(is_owed((batch[0], seq)) for seq in range(batch[1] + 1))]
    assert counts(log_of(there), 4, beside)["drained"] == len(owed)


reads = st.lists(
    st.tuples(st.sampled_from("ab"), st.integers(0, 3), st.integers(0, 1), st.just(0)), min_size=1, max_size=8
)


@settings(deadline=None)
@given(read=reads, there=st.lists(st.integers(0, 1), min_size=1, max_size=4))
def test_readers_agree_with_each_other_and_with_the_log(
    read: list[tuple[str, int, int, int]], there: list[int]
) -> None:
    log = read_log({"client_id": there, "batch_seq": [0] * len(there), "start_position": range(len(there))})
    beside = Beside(readers=read_readers(table(read, "reader_id", "position", "client_id", "batch_seq")))
    found = counts(log, 5, beside)
    read_at = {position: {row[2] for row in read if row[1] == position} for position in range(4)}
    wrong = [
        position for position, clients in read_at.items() if clients and clients != set(there[position : position + 1])
    ]
    assert found["agreement"] == len(wrong)
    positions = sorted({*range(len(there)), *(row[1] for row in read)})
    steps = 0
    for reader in "ab":
        mine = [row[1] for row in read if row[0] == reader]
        for before, position in zip(mine, mine[1:], strict=False):
            passed = [each for each in positions if before < each < position]
            steps += position <= before or bool(passed)
    assert found["reading"] == steps


@pytest.mark.parametrize(
    ("read", "anomaly", "sentence"),
    [
        (
            "a,0,1,0\na,1,2,0\nb,0,2,0\nb,1,1,0\n",
            "disagreement",
            "position 0: the log has client 1 batch 0 and reader b read",
        ),
        ("a,0,1,0\na,1,2,0\na,0,1,0\n", "regress", "reader a steps back from position 1 to 0"),
        ("a,0,1,0\na,0,1,0\n", "repeat", "reader a reads position 0 again"),
        ("a,0,1,0\na,2,3,0\n", "skip", "reader a goes on from position 0 to 2, past 1"),
        (
            "a,0,1,0\na,1,2,0\na,2,3,0\na,3,4,0\n",
            "disagreement",
            "reader a read client 4 batch 0, and the log has nothing",
        ),
    ],
)
def test_what_a_reader_does_wrong_has_a_name(tmp_path: Path, read: str, anomaly: str, sentence: str) -> None:
    (tmp_path / "log.csv").write_text("client_id,batch_seq,start_position\n1,0,0\n2,0,1\n3,0,2\n")
    (tmp_path / "read.csv").write_text(f"reader_id,position,client_id,batch_seq\n{read}")
    files = [str(tmp_path / "log.csv"), "--readers", str(tmp_path / "read.csv")]
    answer = CliRunner().invoke(cli, ["verify", *files, "--properties", "agreement,reading", "--json"])
    assert answer.exit_code == 1
    found = next(each for each in json.loads(answer.stdout)["results"] if each["anomaly"] == anomaly)
    assert sentence in found["witness"]["sentence"]


def test_a_tail_that_was_acknowledged_and_is_gone_is_shown_with_its_file_and_row(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("client_id,batch_seq,start_position\nx,0,0\nx,1,1\n")
    (tmp_path / "acks.csv").write_text("client_id,batch_seq\nx,0\nx,1\nx,2\n")
    files = [str(tmp_path / "log.csv"), "--acks", str(tmp_path / "acks.csv")]
    answer = CliRunner().invoke(cli, ["verify", *files, "--level", "4"])
    assert answer.exit_code == 1
    shown = f"lost: client x batch 2 was acknowledged and is not in the log ({tmp_path / 'acks.csv'} row 3)"
    assert shown in answer.stdout
    without = CliRunner().invoke(cli, ["verify", files[0], "--level", "4"])
    assert (without.exit_code, "lost          unknown (no file of what was acknowledged)" in without.stdout) == (
        0,
        True,
    )


def test_numbers_that_begin_again_are_told_apart_or_refused() -> None:
    log = read_log({"client_id": [1, 1], "epoch": [0, 1], "batch_seq": [0, 0], "start_position": [0, 1]})
    acked = {"client_id": [1, 1, 1], "epoch": [0, 1, 2], "batch_seq": [0, 0, 0]}
    assert verify(log, 4, beside=Beside(acks=read_batches(acked)))["lost"].count == 1
    with pytest.raises(
        FormatError, match="column epoch: column is missing: numbers of batches begin again with each epoch"
    ):
        verify(log, 4, beside=Beside(acks=read_batches({"client_id": [1], "batch_seq": [0]})))
    two_logs = read_log({"log": ["a", "b"], "start_position": [0, 0]})
    beside = Beside(readers=read_readers({"reader_id": [1], "position": [0], "client_id": [0], "batch_seq": [0]}))
    with pytest.raises(FormatError, match="column log: column is missing: positions begin again in each log"):
        verify(two_logs, properties=["agreement"], beside=beside)


def test_what_is_retained_no_longer_is_not_lost() -> None:
    log = read_log({"client_id": [1, 1], "batch_seq": [6, 8], "start_position": [1000, 1001]})
    beside = Beside(acks=read_batches({"client_id": [1] * 5 + [2], "batch_seq": [4, 5, 6, 7, 8, 0]}))
    found = verify(log, 4, rules=Rules(from_position=1000, first_seq=None), beside=beside)["lost"]
    assert found.count == 1
    assert found.witness is not None
    assert found.witness.sentence == "client 1 batch 7 was acknowledged and is not in the log"


def test_a_file_beside_the_log_without_its_columns_is_refused() -> None:
    with pytest.raises(FormatError, match="column batch_seq: column is missing, or not mapped: found seq"):
        read_batches({"client_id": [1], "seq": [0]})
    with pytest.raises(FormatError, match="column reader_id: column is missing"):
        read_readers({"position": [0]})


def test_readers_of_positions_in_two_parts_are_placed_as_the_log_is() -> None:
    places = ["12:0", "12:1", "15:0"]
    log = read_log({"start_position": places, "client_id": ["p", "q", "p"], "batch_seq": [0, 0, 1]})

    def read(*rows: tuple[str, str, str, int]) -> dict[str, str]:
        beside = Beside(readers=read_readers(table(rows, "reader_id", "position", "client_id", "batch_seq")))
        found = verify(log, 4, beside=beside)
        return {each.property: each.anomaly for each in found.findings if each.verdict is Verdict.VIOLATED}

    first, second, third = ("12:0", "p", 0), ("12:1", "q", 0), ("15:0", "p", 1)
    assert read(("r", *second), ("r", *third)) == {}  # a reader may begin anywhere
    assert read(("r", *first), ("r", *third)) == {"reading": "skip"}
    assert read(("r", *first), ("r", "12:1", "p", 1)) == {"agreement": "disagreement"}
    assert read(("r", *first), ("r", *second), ("r", *third), ("r", "15:1", "q", 1)) == {"agreement": "disagreement"}
    assert read(("r", *third), ("r", "16:0", "q", 1)) == {"agreement": "disagreement"}
    with pytest.raises(FormatError, match="two parts"):
        verify(log, 4, beside=Beside(readers=read_readers(
            {"reader_id": ["r"], "position": [0], "client_id": ["p"], "batch_seq": [0]}
        )))  # fmt: skip


def test_what_is_the_same_in_all_of_the_log_need_not_be_said_beside_it() -> None:
    columns = {"start_position": [0, 1], "client_id": [1, 1], "batch_seq": [0, 1]}
    acks = Beside(acks=read_batches({"client_id": [1, 1, 1], "batch_seq": [0, 1, 2]}))
    for more in ({"log": ["t", "t"]}, {"epoch": [4, 4]}, {"log": [0, 0], "epoch": [0, 0]}):
        assert verify(read_log(columns | more), 4, beside=acks)["lost"].count == 1
    with pytest.raises(FormatError, match="column is missing"):
        verify(read_log(columns | {"epoch": [4, 5]}), 4, beside=acks)


def test_a_page_has_a_lane_for_the_log_and_each_reader_around_what_they_did_wrong(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("start_position,client_id,batch_seq\n0,<b>,0\n1,q,0\n2,<b>,1\n")
    (tmp_path / "read.csv").write_text("reader_id,position,client_id,batch_seq\n<i>,0,<b>,0\n<i>,2,<b>,1\ns,1,<b>,7\n")
    page = tmp_path / "found.html"
    command = ["verify", str(tmp_path / "log.csv"), "--level", "4", "--readers", str(tmp_path / "read.csv")]
    assert CliRunner().invoke(cli, [*command, "--html", str(page)]).exit_code == 1
    text = page.read_text()
    assert text.count("<svg") == 2  # of reading and of agreement
    for lane in ("the log", "reader &lt;i&gt;", "reader s"):
        assert text.count(f">{lane}</text>") == 2
    assert text.count('class="witness"') == 3  # two rows of a step, one that disagrees
    assert "client &lt;b&gt; batch 7 at 1, row 3" in text
    assert "<b>" not in text


def test_a_mapping_holds_for_the_files_beside_the_log_as_far_as_they_have_its_columns(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("offset,producer,seq\n0,a,0\n1,a,1\n")
    (tmp_path / "acks.csv").write_text("producer,seq\na,0\na,1\na,2\n")
    (tmp_path / "read.csv").write_text("reader_id,offset,client_id,batch_seq\nr,0,a,0\nr,1,a,1\n")
    beside = ["--acks", str(tmp_path / "acks.csv"), "--readers", str(tmp_path / "read.csv"), "--level", "4", "--json"]
    mapping = "position=offset,client_id=producer,batch_seq=seq"
    answer = CliRunner().invoke(cli, ["verify", str(tmp_path / "log.csv"), "--map", mapping, *beside])
    found = {each["property"]: each["verdict"] for each in json.loads(answer.stdout)["results"]}
    assert (found["lost"], found["agreement"], found["reading"]) == ("violated", "not found", "not found")
    wrong = CliRunner().invoke(cli, ["verify", str(tmp_path / "log.csv"), "--map", f"{mapping},log=nothing", *beside])
    assert wrong.exit_code == 2  # of the log itself each column has to be there
