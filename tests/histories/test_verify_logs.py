"""Logs as their engineers have them: what the log promises is said, and files are read as they are."""

import gzip
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import polars
import pytest
from click.testing import CliRunner, Result

from fencepost.command_line import cli
from fencepost.model.errors import FormatError, InputError
from fencepost.model.histories import Rules, Source, read_log, verify
from fencepost.model.histories.files.presets import PRESETS

FULL = "client_id,batch_seq,broker_id,ring_index,message_count,start_position,sent_ns,acked_ns"
SHORT = "client_id,batch_seq,broker_id,ring_index,message_count,start_position"


def verified(path: Path, text: str, *arguments: str, name: str = "log.csv") -> Result:
    (path / name).write_text(text)
    return CliRunner().invoke(cli, ["verify", str(path / name), *arguments], catch_exceptions=True)


def rows_of(answer: Result) -> dict[str, dict[str, Any]]:
    return {each["property"]: each for each in json.loads(answer.stdout)["results"]}


# --- what a log promises ---------------------------------------------------------------------------------

MARKERS = f"{SHORT}\n1,0,0,0,3,0\n1,1,0,1,2,4\n2,0,0,2,1,7\n"
RETAINED = f"{SHORT}\n1,6,0,0,3,1000\n1,7,0,1,2,1003\n"
FROM_ONE = f"{SHORT}\n1,1,0,0,1,1\n1,2,0,1,1,2\n2,1,0,2,1,3\n"
TWO_LOGS = f"{SHORT}\n1,0,0,0,1,0\n1,1,1,0,1,0\n1,2,0,1,1,1\n1,3,1,1,1,1\n"
TWO_BROKERS = f"{SHORT}\n1,0,0,0,1,0\n1,0,1,0,1,1\n1,1,0,1,1,2\n1,1,1,1,1,3\n"
MESSAGES = f"{SHORT}\n1,0,0,0,3,0\n1,3,0,1,2,3\n1,5,0,2,1,5\n"
EPOCHS = "client_id,epoch,batch_seq,message_count,start_position\n8,0,0,3,0\n8,0,1,2,3\n8,1,0,1,5\n8,1,1,4,6\n"
ZOMBIE = "client_id,epoch,batch_seq,message_count,start_position\n8,1,0,1,0\n8,0,0,3,1\n8,1,1,4,4\n"
COUNTER_RESET = f"{FULL}\n1,0,0,0,2,0,100,200\n1,1,0,1,1,2,300,400\n2,0,0,2,2,0,900,1000\n2,1,0,3,1,2,1100,1200\n"
TIMES_INVERTED = f"{FULL}\n1,0,0,0,1,26,1000,1000\n1,1,0,1,1,28,2000,2000\n1,2,0,2,1,39,500,500\n"
PAST_THE_END = b"start_position,message_count\n9223372036854775807,2\n"
TWO_ZONES = ["2026-01-26T11:00:00.000000001+01:00", "2026-01-26 10:00:01"]
KAFKA = (
    "topic,partition,offset,producer_id,producer_epoch,base_sequence,timestamp\no,0,0,8000,0,0,2026-01-26T10:00:00Z\n"
)


@pytest.mark.parametrize(
    ("text", "arguments", "wrong_arguments", "property"),
    [
        (MARKERS, ["--allow-gaps"], [], "dense"),
        (MARKERS, ["--without", "dense"], [], "dense"),
        (RETAINED, ["--from-position", "1000"], ["--without", "dense"], "prefix"),
        (
            FROM_ONE,
            ["--from-position", "1", "--first-seq", "1"],
            ["--from-position", "1", "--first-seq", "0"],
            "prefix",
        ),
        (TWO_LOGS, ["--map", "log=broker_id", "--across-logs"], ["--map", "log=broker_id"], "prefix"),
        (TWO_LOGS, ["--map", "log=broker_id", "--across-logs"], [], "unique"),
        (TWO_BROKERS, ["--numbered-by", "client-broker"], [], "once"),
        (MESSAGES, ["--seq-counts", "messages"], [], "prefix"),
        (EPOCHS, [], ["--map", "log=epoch", "--across-logs"], "once"),
    ],
)
def test_a_sound_log_holds_once_it_is_said_how_it_numbers(
    tmp_path: Path, text: str, arguments: list[str], wrong_arguments: list[str], property: str
) -> None:
    held = verified(tmp_path, text, "--level", "4", *arguments)
    assert held.exit_code == 0
    assert held.stdout.splitlines()[-1].startswith("verdict=not-found property=- ")
    accused = verified(tmp_path, text, "--level", "4", *wrong_arguments, "--json")
    assert accused.exit_code == 1
    assert rows_of(accused)[property]["verdict"] == "violated"


@pytest.mark.parametrize(
    ("text", "arguments", "anomaly", "sentence", "rows"),
    [
        (MARKERS.replace("1,1,", "1,3,"), ["--allow-gaps"], "lost-prefix", "batches 1..2 before it are not", [2]),
        (
            RETAINED.replace("1,7,0,1,2,1003", "1,8,0,1,2,1003"),
            ["--from-position", "1000"],
            "lost-prefix",
            "batch 7",
            [2],
        ),
        (RETAINED.replace("1003", "1004"), ["--from-position", "1000"], "hole", "position 1003 belongs", [1, 2]),
        (
            TWO_LOGS.replace("1,3,1,1,1,1", "1,3,1,1,1,0"),
            ["--map", "log=broker_id", "--across-logs"],
            "reuse",
            "log 1: ",
            [2, 4],
        ),
        (
            TWO_BROKERS.replace("1,1,1,1,1,3", "1,0,1,1,1,3"),
            ["--numbered-by", "client-broker"],
            "duplicate",
            "at broker 1",
            [2, 4],
        ),
        (
            MESSAGES.replace("1,5,0", "1,6,0"),
            ["--seq-counts", "messages"],
            "lost-prefix",
            "batch 5 before it is not",
            [3],
        ),
        (
            ZOMBIE,
            ["--properties", "client-order"],
            "inversion",
            "client 8: epoch 1 at 0..0 comes before epoch 0",
            [1, 2],
        ),
        (COUNTER_RESET, [], "reuse", "share positions 0..1", [1, 3]),
        (TIMES_INVERTED, ["--allow-gaps"], "stale-ack", "was acked at 500 ns", [3, 2]),
    ],
)
def test_what_is_wrong_in_it_is_still_found_by_its_name_with_its_rows(
    tmp_path: Path, text: str, arguments: list[str], anomaly: str, sentence: str, rows: list[int]
) -> None:
    level = [] if "--properties" in arguments else ["--level", "4"]
    answer = verified(tmp_path, text, *level, *arguments, "--json")
    found = next(each for each in rows_of(answer).values() if each["anomaly"] == anomaly)
    assert (found["verdict"], answer.exit_code) == ("violated", 1)
    assert sentence in found["witness"]["sentence"]
    assert found["witness"]["rows"] == rows
    assert found["witness"]["files"] == [str(tmp_path / "log.csv")] * len(rows)


def test_a_batch_that_is_ordered_again_in_a_new_epoch_is_found_by_what_it_is(tmp_path: Path) -> None:
    header = "client_id,epoch,batch_seq,start_position,batch_id\n"
    again = f"{header}8,0,0,0,a\n8,0,1,1,b\n8,1,0,2,b\n8,1,1,3,c\n"
    answer = verified(tmp_path, again, "--level", "4", "--json")
    assert rows_of(answer)["once"]["count"] == 1
    assert rows_of(answer)["once"]["witness"]["rows"] == [2, 3]
    assert verified(tmp_path, again.replace("2,b", "2,d"), "--level", "4").exit_code == 0


def test_fillers_hold_positions_and_are_no_batches(tmp_path: Path) -> None:
    header = "kind,client_id,batch_seq,message_count,start_position\n"
    text = f"{header}batch,1,0,3,0\nmarker,,,1,3\nbatch,1,1,2,4\npadding,,,2,6\n,2,0,1,8\n"
    assert verified(tmp_path, text, "--level", "4").exit_code == 0
    answer = verified(tmp_path, text.replace("padding,,,2,6", "padding,,,1,6"), "--level", "4", "--json")
    found = rows_of(answer)["dense"]
    assert found["witness"]["sentence"] == (
        "position 7 belongs to no batch, between client 1 batch 1 at 4..5 and client 2 batch 0 at 8..8"
    )
    assert found["witness"]["rows"] == [3, 5]
    assert rows_of(answer)["unique"]["bound"] == "1 run, 3 batches"


def test_rows_without_numbers_are_batches_of_their_own() -> None:
    columns = {"start_position": [0, 1], "sent_ns": [50, 0], "acked_ns": [60, 10]}
    assert verify(read_log(columns), 5)["real-time"].count == 1
    with pytest.raises(FormatError, match="row 2, column acked_ns: found 10, expected at least 20"):
        read_log(columns | {"sent_ns": [0, 20]})


def test_a_column_that_is_absent_makes_what_needs_it_unknown_and_that_is_no_pass(tmp_path: Path) -> None:
    text = "client_id,batch_seq,message_count,start_position\n1,0,1,0\n"
    of_level = verified(tmp_path, text, "--level", "5", "--json")
    assert of_level.exit_code == 0
    rows = rows_of(of_level)
    assert (rows["ring-order"]["verdict"], rows["ring-order"]["bound"]) == ("unknown", "no broker_id")
    assert (rows["real-time"]["verdict"], rows["real-time"]["bound"]) == ("unknown", "no sent_ns")
    assert (rows["unique"]["asked"], rows["ring-order"]["asked"]) == (True, False)
    named = verified(tmp_path, text, "--properties", "unique,ring-order")
    assert named.exit_code == 3
    assert "ring-order  unknown (no broker_id)" in named.stdout


def test_the_list_has_each_property_with_its_sentence_and_what_it_needs() -> None:
    answer = CliRunner().invoke(cli, ["verify", "--list"])
    assert answer.exit_code == 0
    for words in (
        "client-order  4       client_id, batch_seq",
        "lost          4, 5    what was acknowledged",
        "lost-write",
    ):
        assert words in answer.stdout


# --- their files -----------------------------------------------------------------------------------------

PLAIN = "client_id,batch_seq,start_position,sent_ns,acked_ns\na,0,0,10,20\nb,0,1,12,\na,1,2,30,-1\n"


@pytest.mark.parametrize(
    "name", ["x.csv", "x.tsv", "x.ndjson", "x.jsonl", "x.parquet", "x.arrow", "x.feather", "x.csv.gz"]
)
def test_one_log_is_the_same_in_every_format(tmp_path: Path, name: str) -> None:
    frame = polars.read_csv(PLAIN.encode())
    path = tmp_path / name
    if name.endswith("parquet"):
        frame.write_parquet(path)
    elif name.endswith(("arrow", "feather")):
        frame.write_ipc(path)
    elif name.endswith(("ndjson", "jsonl")):
        frame.write_ndjson(path)
    elif name.endswith("gz"):
        path.write_bytes(gzip.compress(PLAIN.encode(), mtime=0))
    else:
        frame.write_csv(path, separator="\t" if name.endswith("tsv") else ",")
    log = read_log(path)
    assert [log.client(number) for number in log.history.client_id] == ["a", "b", "a"]
    assert log.history.acked_ns.tolist() == [20, -1, -1]
    assert log.absent == {"broker_id", "ring_index"}


def test_crlf_quotes_and_a_byte_order_mark_are_read(tmp_path: Path) -> None:
    text = "\ufeff" + PLAIN.replace("a,", '"a",').replace("\n", "\r\n")
    (tmp_path / "x.csv").write_text(text, newline="")
    assert read_log(tmp_path / "x.csv").client_names == ("a", "b")


def test_tables_in_memory_are_logs() -> None:
    columns = {"client_id": [1, 1], "batch_seq": [0, 1], "start_position": [0, 1]}
    structured = np.array([(1, 0, 0), (1, 1, 1)], dtype=[(name, "u4") for name in columns])
    for table in (columns, polars.DataFrame(columns), polars.LazyFrame(columns), structured):
        assert read_log(table).history.start_position.tolist() == [0, 1]
    with pytest.raises(InputError, match="a int is no table of a log"):
        read_log(3)


@pytest.mark.parametrize(
    "ids", [[2**64 - 1, 5], ["5f0c-11", "x"], [-1, 5], [b"\x00", b"\xff"]], ids=["uint64", "text", "negative", "bytes"]
)
def test_clients_may_be_of_any_type(ids: list[Any]) -> None:
    log = read_log(polars.DataFrame({"client_id": ids, "batch_seq": [0, 1], "start_position": [0, 1]}))
    sentence = verify(log, 4)["prefix"].witness
    assert sentence is not None
    assert len(set(log.history.client_id.tolist())) == 2


@pytest.mark.parametrize(
    ("times", "unit", "expected"),
    [
        ([5, -1], "ms", [5_000_000, -1]),
        (["2026-01-26T10:00:00Z", None], "ns", [1_769_421_600 * 10**9, -1]),
        (TWO_ZONES, "ns", [1_769_421_600 * 10**9 + 1, 1_769_421_601 * 10**9]),
        ([float("nan"), 7.0], "us", [-1, 7_000]),
    ],
)
def test_times_are_integers_of_a_unit_or_instants(times: list[Any], unit: Any, expected: list[int]) -> None:
    table = {"start_position": [0, 1], "acked_ns": times}
    assert read_log(table, Source(Path("x"), time_unit=unit)).history.acked_ns.tolist() == expected


def test_positions_in_two_parts_are_numbered_through() -> None:
    for written in (["5-0", "5-1", "7-0"], ["0:0", "0:1", "3:0"]):
        log = read_log({"start_position": written})
        assert log.in_two_parts
        assert log.history.start_position.tolist() == [0, 1, 2]
    wide = read_log({"start_position": ["1:0", "2:0"], "message_count": [10, 1]})
    assert verify(wide, properties=["unique", "dense"]).verdict == "not found"


def test_a_mapping_says_which_column_is_which(tmp_path: Path) -> None:
    mapping = (
        "position=offset,client_id=producer_id,epoch=producer_epoch,seq=base_sequence,log=partition,sent=timestamp"
    )
    answer = verified(tmp_path, KAFKA, "--level", "4", "--map", mapping)
    assert answer.exit_code == 0
    assert "columns that say nothing here: topic" in answer.stderr
    assert verified(tmp_path, KAFKA, "--level", "4", "--format", "kafka").exit_code == 0


DUMP = "\n".join(
    f"baseOffset: {offset} lastOffset: {offset + count - 1} count: {count} baseSequence: {seq} producerId: 8000 "
    f"producerEpoch: 0 isTransactional: true isControl: {control} CreateTime: 17000 isvalid: true"
    for offset, count, seq, control in [(0, 3, 0, "false"), (3, 1, -1, "true"), (4, 2, 3, "false")]
)


def test_what_kafka_dumps_is_a_log(tmp_path: Path) -> None:
    text = f"Dumping 0.log\n{DUMP}\n| offset: 0 keySize: -1\n"
    assert verified(tmp_path, text, "--level", "4", "--format", "kafka-dump", name="dump.txt").exit_code == 0
    wrong = text.replace("baseSequence: 3", "baseSequence: 4")
    answer = verified(tmp_path, wrong, "--level", "4", "--format", "kafka-dump", "--json", name="dump.txt")
    assert rows_of(answer)["prefix"]["anomaly"] == "lost-prefix"
    assert PRESETS.keys() == {"kafka", "kafka-dump", "redis-stream", "s2-jsonl", "nats", "jepsen-edn"}


@pytest.mark.parametrize(
    ("name", "data", "line"),
    [
        ("x.csv", b"client_id;batch_seq;start_position\n1;0;0\n", ", row 0: columns are separated by semicolons"),
        ("x.csv", b"client_id\tstart_position\n1\t0\n", ", row 0: columns are separated by tabs, expected commas"),
        ("x.csv", b"1,0,0\n1,1,1\n", ", row 0: the first line is '1,0,0', expected a header"),
        ("x.csv", "client_id,start_position\n1,0\n".encode("utf-16"), ": UTF-16 text: expected UTF-8"),
        ("x.csv", b"a,b\n1,2\n", ", row 0: no column is called start_position or mapped to it: found a, b"),
        ("x.csv", b",".join(b"c%d" % n for n in range(3000)), ", row 0: found over 1000 columns"),
        ("x.csv", b"start_position\n0\nx\n", ", row 2, column start_position: found 'x', expected an integer from 0"),
        ("x.csv", b"start_position,batch_seq\n0,0\n1,\n", ", row 2, column batch_seq: found nothing"),
        ("x.csv", b"start_position,batch_seq\n0,1.5\n", ", row 1, column batch_seq: found 1.5, expected an integer"),
        ("x.csv", PAST_THE_END, ", row 1, column start_position: found 9223372036854775807"),
        ("x.csv", b"start_position,sent_ns\n0,noon\n", ", row 1, column sent_ns: found 'noon', expected an instant"),
        (
            "x.csv",
            b"start_position,sent_ns,acked_ns\n0,100,1\n",
            ", row 1, column acked_ns: found 1, expected at least",
        ),
        ("x.csv", b"kind,start_position\nmarker,0\n", ": no row is a batch"),
        ("x.csv", b"  \n", ": the file is empty, expected rows"),
        ("x.ndjson", b"{\n", ": damaged ndjson"),
        ("x.parquet", b"PAR1xxxxPAR1", ": damaged parquet"),
        ("x.txt", b"x", ": unknown format .txt, expected .csv"),
        ("x.csv.gz", gzip.compress(b"0" * 160_000_000, mtime=0), ": unpacks to over "),
    ],
)
def test_a_bad_file_is_refused_in_one_line_with_its_row(tmp_path: Path, name: str, data: bytes, line: str) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(FormatError) as error:
        read_log(path)
    assert str(error.value).startswith(f"{path}{line}")
    assert "\n" not in str(error.value)


def test_a_mapping_that_leads_nowhere_is_refused(tmp_path: Path) -> None:
    for mapping, line in [
        ("position=nix", "column nix: column is missing, expected one of client_id, "),
        ("place=start_position", "unknown column to map to 'place'"),
        ("position", "'position' is no column: expected NAME=COLUMN"),
    ]:
        answer = verified(tmp_path, MARKERS, "--level", "4", "--map", mapping)
        if isinstance(answer.exception, InputError):  # of the mapping alone, before any file is read
            assert line in str(answer.exception)
        else:
            assert (answer.exit_code, line in answer.stderr) == (2, True), answer.stderr


def test_the_rules_are_the_same_from_python() -> None:
    log = read_log({"client_id": [1, 1], "batch_seq": [0, 2], "message_count": [2, 1], "start_position": [5, 7]})
    rules = Rules(from_position=5, seq_counts="messages")
    assert verify(log, 4, rules=rules).verdict == "not found"
    assert verify(log, 4).verdict == "violated"


def test_a_page_shows_each_finding_with_what_lies_around_its_witness(tmp_path: Path) -> None:
    page = tmp_path / "found.html"
    (tmp_path / "<b>.csv").write_text(TWO_LOGS)
    answer = verified(tmp_path, COUNTER_RESET, str(tmp_path / "<b>.csv"), "--level", "4", "--html", str(page))
    assert answer.exit_code == 1
    text = page.read_text(encoding="utf-8")
    assert "//" not in text.replace("<!doctype", "")
    assert "&lt;b&gt;.csv" in text
    assert "<b>" not in text
    assert text.count("<h2>unique: reuse</h2>") == 2
    assert text.count('<rect class="witness"') >= 4
    assert "<title>client 2 batch 0 at 0..1, sent at 900 ns, acked at 1000 ns, row 3</title>" in text
    opened = re.findall(r"<(svg|table|h1|h2|p|rect|title|text|style)\b", text)
    assert sorted(opened) == sorted(re.findall(r"</(svg|table|h1|h2|p|rect|title|text|style)>", text))
    assert verified(tmp_path, MARKERS, "--level", "4", "--html", str(tmp_path / "new" / "page.html")).exit_code == 1
    assert (tmp_path / "new" / "page.html").exists()
