"""Logs of some kinds by --format: how they number batches, and where their clients stand."""

import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from fencepost.command_line import cli


def verified(path: Path, text: str, *arguments: str, name: str = "log.csv") -> Result:
    (path / name).write_text(text)
    return CliRunner().invoke(cli, ["verify", str(path / name), *arguments], catch_exceptions=True)


def rows_of(answer: Result) -> dict[str, dict[str, Any]]:
    return {each["property"]: each for each in json.loads(answer.stdout)["results"]}


# --- numbers as Kafka's producers give them -----------------------------------------------------------------

DUMPED = (
    "baseOffset: {} lastOffset: {} count: {} baseSequence: {} lastSequence: 0 producerId: {} producerEpoch: {} "
    "partitionLeaderEpoch: 0 isTransactional: false isControl: {} position: 0 CreateTime: 1700000000000 magic: 2\n"
)


def dumped(*batches: tuple[int, int, int, int, int, str]) -> str:
    return "".join(DUMPED.format(at, at + n - 1, n, seq, who, epoch, kind) for at, n, seq, who, epoch, kind in batches)


def test_batches_of_producers_without_numbers_have_places_and_no_order_of_their_client(tmp_path: Path) -> None:
    bare = dumped((0, 3, -1, -1, -1, "false"), (3, 1, -1, -1, -1, "false"))
    arguments = ("--level", "4", "--format", "kafka-dump")
    found = verified(tmp_path, bare, *arguments, "--json", name="dump.log")
    assert found.exit_code == 0, found.stderr
    assert rows_of(found)["once"]["bound"] == "no batch_seq"
    mixed = dumped((0, 3, -1, -1, -1, "false"), (3, 1, 0, 7, 0, "false"), (4, 1, -1, -1, -1, "false"))
    assert verified(tmp_path, mixed, *arguments, name="dump.log").exit_code == 0
    again = mixed + dumped((5, 1, 0, 7, 0, "false"))
    assert rows_of(verified(tmp_path, again, *arguments, "--json", name="dump.log"))["once"]["count"] == 1
    met = bare + dumped((3, 2, -1, -1, -1, "false"))
    assert rows_of(verified(tmp_path, met, *arguments, "--json", name="dump.log"))["unique"]["verdict"] == "violated"


def test_a_sequence_of_kafka_begins_again_behind_the_highest(tmp_path: Path) -> None:
    head = "partition,offset,producer_id,producer_epoch,base_sequence,count\n"
    turned = head + "0,0,9,0,2147483646,3\n0,3,9,0,1,2\n0,5,9,0,3,1\n1,0,9,0,0,1\n"
    arguments = ("--level", "4", "--format", "kafka", "--first-seq", "2147483646")
    assert verified(tmp_path, turned, *arguments).exit_code == 0
    wrong = turned.replace("0,3,9,0,1,2\n", "0,3,9,0,2,2\n")
    found = verified(tmp_path, wrong, *arguments, "--json")
    assert rows_of(found)["prefix"]["verdict"] == "violated"


def test_a_bad_cell_below_a_filler_is_named_by_its_row_in_the_file(tmp_path: Path) -> None:
    text = "client_id,batch_seq,kind,start_position\n,,padding,0\n1,x,data,1\n"
    assert "row 2, column batch_seq" in verified(tmp_path, text, "--level", "4").stderr


def test_records_of_s2_have_clients_and_numbers_in_their_headers(tmp_path: Path) -> None:
    record = '{{"seq_num":{},"timestamp":1,"headers":[["client_id","{}"],["batch_seq","{}"]],"body":"x"}}\n'
    text = record.format(0, "a", 0) + record.format(1, "b", 0) + record.format(2, "a", 1)
    arguments = ("--level", "4", "--format", "s2-jsonl")
    assert verified(tmp_path, text, *arguments, name="log.jsonl").exit_code == 0
    again = verified(tmp_path, text + record.format(3, "a", 1), *arguments, "--json", name="log.jsonl")
    assert rows_of(again)["once"]["verdict"] == "violated"


def test_partitions_of_several_topics_are_logs_of_their_own(tmp_path: Path) -> None:
    head = "topic,partition,offset,producer_id,producer_epoch,base_sequence,count\n"
    sound = head + "a,0,0,8,0,0,2\nb,0,0,8,0,0,1\na,0,2,8,0,2,1\nb,0,1,8,0,1,1\na,1,0,8,0,0,1\n"
    arguments = ("--level", "4", "--format", "kafka")
    found = verified(tmp_path, sound, *arguments)
    assert found.exit_code == 0, found.stdout
    assert "columns that say nothing here" not in found.stderr
    again = rows_of(verified(tmp_path, sound.replace("b,0,1,8,0,1,1", "b,0,1,8,0,0,1"), *arguments, "--json"))
    assert again["once"]["count"] == 1
    assert "in log b-0" in again["once"]["witness"]["sentence"]
    by_topic = "topic,offset,producer_id,base_sequence\na,0,8,0\nb,0,8,0\na,1,8,1\n"
    assert verified(tmp_path, by_topic, *arguments).exit_code == 0
    mapped = verified(tmp_path, sound, *arguments, "--map", "log=partition")  # what is said goes first
    assert mapped.exit_code == 1


def test_a_batch_that_compaction_took_messages_out_of_keeps_its_offsets_and_numbers(tmp_path: Path) -> None:
    arguments = ("--level", "4", "--format", "kafka-dump")
    whole = dumped((0, 3, 0, 7, 0, "false"), (3, 1, 3, 7, 0, "false"))
    compacted = whole.replace("count: 3", "count: 1")
    assert verified(tmp_path, compacted, *arguments, name="dump.log").exit_code == 0
    wrong = compacted.replace("baseOffset: 3 lastOffset: 3", "baseOffset: 2 lastOffset: 2")
    assert verified(tmp_path, wrong, *arguments, name="dump.log").exit_code == 1
