"""Jepsen's kafka workload as a log: what clients sent and polled, put together and judged."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

import fencepost
from fencepost.command_line import cli
from fencepost.model.errors import FormatError
from fencepost.model.linearizability.reading import read_operations
from fencepost.model.linearizability.recorded_log import read_recorded_log

# Process 0 sends 1 and 3 (of which nothing comes back), process 1 sends 2 and, when all was polled, 4.
SOUND = """
{:process 0 :type :invoke :f :send :value [[:send 5 1]] :time 10}
{:process 1 :type :invoke :f :send :value [[:send 5 2]] :time 12}
{:process 0 :type :ok :f :send :value [[:send 5 [0 1]]] :time 20}
{:process 1 :type :ok :f :send :value [[:send 5 [2 2]]] :time 25}
{:process 0 :type :invoke :f :send :value [[:send 5 3]] :time 30}
{:process 0 :type :info :f :send :value [[:send 5 3]] :time 40}
{:process 2 :type :invoke :f :poll :value [[:poll]] :time 43}
{:process 2 :type :ok :f :poll :value [[:poll {5 [[0 1] [2 2] [3 3]]}]] :time 44}
{:process 1 :type :invoke :f :send :value [[:send 5 4]] :time 50}
{:process 1 :type :ok :f :send :value [[:send 5 [5 4]]] :time 55}
{:process :nemesis :type :info :f :start :value nil}
"""
ACKED = ":process 1 :type :ok :f :send :value [[:send 5 [2 2]]]"


def verified(folder: Path, text: str, *arguments: str) -> Result:
    file = folder / "history.edn"
    file.write_text(text)
    command = ["verify", str(file), "--format", "jepsen-edn", *(arguments or ("--level", "4"))]
    return CliRunner().invoke(cli, command, catch_exceptions=False)


def broken(folder: Path, before: str, after: str) -> tuple[set[str], str]:
    """Return the properties that break where `before` is `after`, and what is said."""
    assert SOUND.count(before) == 1
    file = folder / "history.edn"
    file.write_text(SOUND.replace(before, after))
    report = fencepost.verify(file, level=4, format="jepsen-edn")
    return {each.property for each in report.findings if str(each.verdict) == "violated"}, str(report)


def test_a_sound_recording_holds_whatever_became_of_a_send_that_never_returned(tmp_path: Path) -> None:
    for text in (SOUND, SOUND.replace(" [3 3]", "")):  # it took place, or it did not
        answer = verified(tmp_path, text)
        assert answer.exit_code == 0, answer.stdout
    assert verified(tmp_path, SOUND, "--properties", "lost,agreement,reading,real-time").exit_code == 0


def test_a_value_that_was_acknowledged_and_that_readers_passed_over_is_lost(tmp_path: Path) -> None:
    names, said = broken(tmp_path, "[2 2] [3 3]", "[3 3]")
    assert names == {"lost", "prefix"}
    assert "client 1 batch 0 in log 5 was acknowledged and is not in the log (row 2)" in said


def test_what_failed_or_was_never_sent_and_is_polled_is_invented(tmp_path: Path) -> None:
    failed = ":process 1 :type :fail :f :send :value [[:send 5 2]]"
    names, said = broken(tmp_path, ACKED, failed)
    assert names == {"invented"}
    assert "client 1 (failed) batch 0 in log 5 is in the log, though sending it failed (row 7, row 4)" in said
    names, said = broken(tmp_path, "[2 2] [3 3]", "[2 2] [3 9]")
    assert names == {"invented"}
    assert "client unknown batch 0 in log 5 is in the log, and was never sent" in said


def test_readers_that_step_back_or_disagree_are_named_by_process_and_row(tmp_path: Path) -> None:
    names, said = broken(tmp_path, "[[0 1] [2 2] [3 3]]", "[[2 2] [0 1] [3 3]]")
    assert names == {"reading"}
    assert "reader 2.0 steps back from position 2 to 0 (row 7, row 7)" in said
    other = "{:process 3 :type :invoke :f :poll :value [[:poll]] :time 60}\n"
    other += "{:process 3 :type :ok :f :poll :value [[:poll {5 [[3 2]]}]] :time 61}\n"
    names, _ = broken(tmp_path, "{:process :nemesis", other + "{:process :nemesis")
    assert names == {"agreement", "unique", "once"}  # two values at 3, and one value at 2 and 3


def test_a_reader_that_is_assigned_anew_may_begin_elsewhere(tmp_path: Path) -> None:
    again = "{:process 2 :type :invoke :f :poll :value [[:poll]] :time 60}\n"
    again += "{:process 2 :type :ok :f :poll :value [[:poll {5 [[0 1]]}]] :time 61}\n"
    assigned = "{:process 2 :type :invoke :f :assign :value [5]}\n{:process 2 :type :ok :f :assign :value [5]}\n"
    assert broken(tmp_path, "{:process :nemesis", again + "{:process :nemesis")[0] == {"reading"}
    assert broken(tmp_path, "{:process :nemesis", assigned + again + "{:process :nemesis")[0] == set()


POLLED = "{{:process {} :type :invoke :f :{} :value {}}}\n{{:process {} :type :{} :f :{} :value {}{}}}\n"


def polled(process: int, kind: str, found: str, asked: str = "[[:poll]]", more: str = "") -> str:
    return POLLED.format(process, "txn", asked, process, kind, "txn", found, more) + "{:process :nemesis"


def test_a_send_whose_offset_nobody_knows_may_lie_behind_all_that_was_polled(tmp_path: Path) -> None:
    for unknown in ("nil", "-1"):
        assert broken(tmp_path, "[:send 5 [5 4]]", f"[:send 5 [{unknown} 4]]")[0] == set()
        assert broken(tmp_path, "[:send 5 [2 2]]", f"[:send 5 [{unknown} 2]]")[0] == set()  # polled at 2


def test_a_value_that_was_polled_elsewhere_than_its_send_says_is_there_twice(tmp_path: Path) -> None:
    assert broken(tmp_path, "{:process :nemesis", polled(3, "ok", "[[:poll {5 [[9 4]]}]]"))[0] == {"once"}
    assert broken(tmp_path, "{:process :nemesis", polled(3, "ok", "[[:poll {5 [[5 4]]}]]"))[0] == set()


def test_what_a_poll_found_is_there_however_its_operation_ended(tmp_path: Path) -> None:
    unread = SOUND.replace("[2 2] [3 3]", "[3 3]")  # an offset that no poll that ended well has
    for kind in ("info", "fail"):
        shown = polled(3, kind, "[[:poll {5 [[2 2]]}]]")
        file = tmp_path / "shown.edn"
        file.write_text(unread.replace("{:process :nemesis", shown))
        found = fencepost.verify(file, level=4, format="jepsen-edn")
        # The value is no loss; that process 2 passed over it is wrong as before.
        assert {each.property for each in found.findings if str(each.verdict) == "violated"} == {"reading"}
        assert broken(tmp_path, "{:process :nemesis", polled(3, kind, "[[:poll {5 [[2 1]]}]]"))[0] >= {"unique", "once"}
        # How far readers got, it does not say: 4 was acknowledged, and may be behind all of them.
        assert broken(tmp_path, "{:process :nemesis", polled(3, kind, "[[:poll {5 [[7 3]]}]]"))[0] == {"once"}


def test_a_rebalance_inside_an_operation_moves_its_reader_between_any_two_polls(tmp_path: Path) -> None:
    twice = ("[[:poll {5 [[0 1] [2 2]]}] [:poll {5 [[0 1]]}]]", "[[:poll] [:poll]]")
    assert broken(tmp_path, "{:process :nemesis", polled(3, "ok", *twice))[0] == {"reading"}
    moved = polled(3, "ok", *twice, more=" :rebalance-log [{:keys [5]}]")
    assert broken(tmp_path, "{:process :nemesis", moved)[0] == set()
    empty = polled(3, "ok", *twice, more=" :rebalance-log []")
    assert broken(tmp_path, "{:process :nemesis", empty)[0] == {"reading"}


def test_rows_without_a_time_say_nothing_of_real_time(tmp_path: Path) -> None:
    assert broken(tmp_path, " :time 20}", "}")[0] == set()


def test_a_send_that_returned_before_another_was_called_is_ordered_before_it(tmp_path: Path) -> None:
    names, _ = broken(tmp_path, "[:send 5 [5 4]]", "[:send 5 [5 4]]")
    assert names == set()
    text = SOUND.replace("[[0 1] [2 2] [3 3]]", "[[3 3]]").replace("[0 1]", "[8 1]").replace("[2 2]", "[7 2]")
    answer = verified(tmp_path, text, "--properties", "real-time", "--json")
    assert json.loads(answer.stdout)["results"][0]["verdict"] == "violated"


def test_other_files_or_columns_beside_it_are_refused(tmp_path: Path) -> None:
    answer = verified(tmp_path, SOUND, "--level", "4", "--map", "log=key")
    assert answer.exit_code == 2
    assert "jepsen-edn says itself what was sent and read" in answer.stderr
    with pytest.raises(fencepost.InputError, match="jepsen-edn is read whole"):
        fencepost.follow(tmp_path / "history.edn", level=4, format="jepsen-edn")
    assert "no process sends" in verified(tmp_path, "{:process 1 :type :invoke :f :poll :value [[:poll]]}").stderr


def written(value: Any) -> str:
    """Return a drawn value in EDN."""
    if isinstance(value, list):
        return f"[{' '.join(map(written, value))}]"
    if isinstance(value, dict):
        return f"{{{' '.join(f'{written(key)} {written(each)}' for key, each in value.items())}}}"
    return {None: "nil", True: "true"}.get(value, str(value)) if not isinstance(value, int) else str(value)


_LEAVES = st.sampled_from([None, ":send", ":poll", 0, 1, -1, '"a"', "1.5"])
_VALUES = st.recursive(
    _LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.integers(0, 2), inner, max_size=2)
)
_NAMES = st.sampled_from(["txn", "send", "poll", "drain", "read", "cas", "append", "assign", "write", "dequeue"])


@given(_NAMES, _VALUES, _VALUES, st.sampled_from(["ok", "info", "fail"]))
def test_whatever_a_call_and_its_return_hold_is_read_or_refused_with_its_row(
    tmp_path_factory: pytest.TempPathFactory, name: str, asked: Any, came: Any, kind: str
) -> None:
    file = tmp_path_factory.getbasetemp() / "drawn.edn"
    calls = [(kind_of, written(value)) for kind_of, value in (("invoke", asked), (kind, came))]
    file.write_text("".join(f"{{:process 0 :type :{each} :f :{name} :value {value}}}\n" for each, value in calls))
    for read in (read_operations, read_recorded_log):
        with suppress(FormatError):
            read(file)


@pytest.mark.parametrize(
    ("asked", "came"),
    [
        ("[[:send 5]]", "[[:send 5 [0 1]]]"),
        ("[[:send 5 1]]", "[[:poll 7]]"),
        ("[[:send 5 1]]", "[]"),
        ("[[:send 5 1]]", "[[:send 5 [a 1]]]"),
        ("[[:poll]]", "[[:poll {5 [[1]]}]]"),
        ("[[:poll]]", "[[:poll 7]]"),
        ("[[]]", "nil"),
    ],
)
def test_a_transaction_of_another_shape_is_refused(tmp_path: Path, asked: str, came: str) -> None:
    calls = (("invoke", asked), ("ok", came))
    text = "".join(f"{{:process 0 :type :{kind} :f :txn :value {value}}}\n" for kind, value in calls)
    answer = verified(tmp_path, text)
    assert answer.exit_code == 2
    assert "column value: found" in answer.stderr
