"""Positions that are filled, or have two parts; and standard input, which has no name to say what it is."""

import bz2
import gzip
from typing import Any

import pytest
import zstandard
from click.testing import CliRunner

from fencepost.command_line import cli
from fencepost.model.contract import Verdict
from fencepost.model.errors import FormatError
from fencepost.model.histories import Rules, read_log, verify


def test_a_batch_at_a_position_that_is_filled_is_an_overlap() -> None:
    columns: dict[str, list[Any]] = {
        "start_position": [0, 64, 160, 192],
        "message_count": [64, 96, 32, 64],
        "kind": ["data", "data", "padding", "data"],
    }
    assert verify(read_log(columns), properties="unique").verdict is Verdict.NOT_FOUND
    wrong = read_log(columns | {"message_count": [64, 128, 32, 64]})
    found = verify(wrong, properties="unique")["unique"]
    assert (found.anomaly, found.count) == ("overlap", 1)
    assert found.witness is not None
    assert found.witness.rows == (2,)
    assert found.witness.sentence.endswith("has positions 160..191, which a filler holds")
    refilled = {
        "start_position": [0, 1, 1, 2],
        "kind": ["data", "hole", "data", "data"],
    }  # write-once, and written again
    assert verify(read_log(refilled), properties="unique")["unique"].count == 1
    nested = {"start_position": [0, 2, 5, 7], "message_count": [10, 1, 1, 1], "kind": ["hole", "hole", "data", "data"]}
    assert verify(read_log(nested), properties="unique")["unique"].count == 2


def test_positions_in_two_parts_begin_anew_in_each_log() -> None:
    columns = {
        "log": ["t-0", "t-1", "t-0", "t-1"],
        "start_position": ["12:0", "13:0", "12:1", "15:0"],
        "client_id": ["p"] * 4,
        "batch_seq": [0, 1, 2, 3],
    }
    rules = Rules(across_logs=True)
    assert verify(read_log(columns), 4, rules=rules).verdict is Verdict.NOT_FOUND
    hole = read_log(columns | {"start_position": ["12:0", "13:0", "12:2", "15:0"]})
    assert verify(hole, 4, rules=rules)["dense"].count == 1
    written = {"start_position": ["C:1788/P:1788", "C:2007/P:2007", "15:0:-1"]}
    assert read_log({"start_position": written["start_position"][:2]}).in_two_parts
    assert read_log({"start_position": written["start_position"][2:]}).in_two_parts
    with pytest.raises(FormatError, match="numbered through"):
        read_log({"start_position": [f"1:{2**62}", f"2:{2**62}"]})


@pytest.mark.parametrize("separator", [",", "\t"])
def test_standard_input_is_read_by_its_first_bytes_compressed_or_not(separator: str) -> None:
    text = "client_id,batch_seq,start_position\n1,0,0\n1,1,1\n".replace(",", separator).encode()
    for data in (text, gzip.compress(text), bz2.compress(text), zstandard.ZstdCompressor().compress(text)):
        answer = CliRunner().invoke(cli, ["verify", "-", "--level", "4"], input=data, catch_exceptions=False)
        assert answer.exit_code == 0, answer.output
