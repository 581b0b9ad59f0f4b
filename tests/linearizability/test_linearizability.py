"""The exact search: against the definition taken literally, and as the oracle of the history checker."""

import json
from collections import Counter
from dataclasses import replace
from itertools import permutations
from pathlib import Path
from random import Random
from typing import Any

import pytest
from click.testing import CliRunner, Result
from contract_words import COUNTS, is_history, random_rows

import fencepost
from fencepost.command_line import cli
from fencepost.model.contract import Verdict
from fencepost.model.errors import FormatError, InputError
from fencepost.model.histories import Beside, History, OrderedBatch, verify
from fencepost.model.histories.checks.beside import read_batches
from fencepost.model.histories.log import Log
from fencepost.model.linearizability import MODELS, UNKNOWN, Limits, Operation, read_operations, verify_operations
from fencepost.model.linearizability.models import REFUSED

VIOLATED, NOT_FOUND = Verdict.VIOLATED, Verdict.NOT_FOUND

# --- the definition, taken literally ------------------------------------------------------------------------


def has_an_order(operations: list[Operation], model: str) -> bool:
    """Try every order of every choice of those that never returned."""
    returned = [each for each in operations if each.returned is not None]
    silent = [each for each in operations if each.returned is None]
    for chosen in range(2 ** len(silent)):
        took_place = returned + [each for index, each in enumerate(silent) if chosen >> index & 1]
        if any(is_explained(order, model) for order in permutations(took_place)):
            return True
    return False


def is_explained(order: tuple[Operation, ...], model: str) -> bool:
    state, latest_call = MODELS[model].initial, -1
    for each in order:
        if each.returned is not None and each.returned < latest_call:
            return False
        latest_call = max(latest_call, each.called)
        state = MODELS[model].step_of(each)(state, each)
        if state is REFUSED:
            return False
    return True


def random_operations(random: Random, model: str) -> list[Operation]:
    """Return what a sound object does, called and returning at random moments, with one result in some changed."""
    state, moments, operations = MODELS[model].initial, 0, []
    for row in range(random.randint(2, 6)):
        name = random.choice([name for name in MODELS[model].steps if name != "read-all"])
        argument: Any = random.randint(0, 2)
        if name == "cas":
            argument = (random.randint(0, 2), random.randint(0, 2))
        elif name in ("dequeue", "read") and not model.startswith("log"):
            argument = None
        moments += random.randint(0, 3)
        result = came_back(name, argument, state, model)
        called, returned = max(0, moments - random.randint(0, 4)), moments + random.randint(0, 4)
        operation = Operation(name, argument, result, called, returned, row=row + 1)
        state = MODELS[model].step_of(operation)(state, operation)
        if random.random() < 0.15:
            operation = replace(operation, result=random.choice([None, 0, 1, 2]) if name != "cas" else not result)
        if random.random() < 0.25 or (name == "append" and operation.result is None):
            operation = replace(operation, result=UNKNOWN, returned=None)
        operations.append(operation)
    return operations


def came_back(name: str, argument: Any, state: Any, model: str) -> Any:
    if name == "cas":
        return bool(state == argument[0])
    if name == "append":
        return len(state)
    if name == "dequeue":
        return state[0] if state else None
    if name == "read" and model.startswith("log"):
        return next((value for value, position in state if position == argument), None)
    return state if name == "read" else None


def agree_with_the_definition(count: int, seed: int) -> Counter[tuple[str, bool]]:
    random, seen = Random(seed), Counter[tuple[str, bool]]()
    for _ in range(count):
        for model in MODELS:
            operations = random_operations(random, model)
            found = verify_operations(operations, model)
            expected = has_an_order(operations, model)
            assert found.verdict == (NOT_FOUND if expected else VIOLATED), (model, operations)
            seen[model, expected] += 1
    return seen


def test_the_search_agrees_with_every_order_tried() -> None:
    seen = agree_with_the_definition(700, seed=1)
    assert min(seen[model, sound] for model in MODELS for sound in (True, False)) > 60, seen


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_the_search_agrees_with_every_order_tried_on_a_hundred_thousand() -> None:
    agree_with_the_definition(25_000, seed=2)


def test_an_operation_takes_place_once_though_its_return_has_the_moment_of_another() -> None:
    returns = [
        Operation("enqueue", 0, None, 0, 3),
        Operation("dequeue", None, 0, 3, 3),
        Operation("enqueue", 2, None, 0, 3),
    ]
    again = [Operation("dequeue", None, 2, 3, 6), Operation("dequeue", None, 0, 4, 9)]
    assert verify_operations([*returns, *again], "queue").verdict == VIOLATED
    assert verify_operations([*returns, again[0]], "queue").verdict == NOT_FOUND


# --- the oracle of the history checker ----------------------------------------------------------------------


def as_operations(rows: list[OrderedBatch], sent: list[dict[str, Any]]) -> list[Operation]:
    """Return the appends of a log and, behind all of them, a read of the whole of it: what the rows say."""
    operations, end = [], 1 + max(max(batch["sent_ns"], batch["acked_ns"]) for batch in sent)
    at = {(row.client_id, row.batch_seq): row for row in rows}
    for batch in sent:
        row = at.get((batch["client_id"], batch["batch_seq"]))
        messages = tuple((batch["client_id"], batch["batch_seq"], index) for index in range(batch["message_count"]))
        result: Any = UNKNOWN if row is None else row.start_position
        returned = None if batch["acked_ns"] == -1 else batch["acked_ns"]
        if batch["outcome"] != "failed":
            operations.append(Operation("append", messages, result, batch["sent_ns"], returned))
    log = sorted(rows, key=lambda row: row.start_position)
    entries = tuple((row.client_id, row.batch_seq, index) for row in log for index in range(row.message_count))
    return [*operations, Operation("read-all", None, entries, end, end)]


def judged(rows: list[OrderedBatch], sent: list[dict[str, Any]]) -> set[str]:
    """Return which properties the history checker finds violated of those that a log's appends are about."""
    columns = {name: [each[name] for each in sent] for name in ("client_id", "batch_seq", "outcome")}
    beside = Beside(sent=read_batches(columns))
    asked = ("unique", "dense", "real-time", "lost", "invented")
    found = verify(Log(History.from_rows(rows)), properties=asked, beside=beside).findings
    return {each.property for each in found if each.verdict == VIOLATED}


def random_log(random: Random) -> tuple[list[OrderedBatch], list[dict[str, Any]]]:
    """Return the rows of a log without copies, and what was sent: some lost, some of unknown outcome, some invented."""
    while True:
        rows = random_rows(random)
        rows = [row._replace(sent_ns=max(row.sent_ns, 0)) for row in rows]
        if rows and is_history(rows) and not COUNTS["once"](rows):
            break
    sent = []
    for row in rows:
        is_known = row.acked_ns != -1
        outcome = "ok" if is_known else "timeout"
        sent.append(dict(zip(OrderedBatch._fields, row, strict=True)) | {"outcome": outcome})
    if random.random() < 0.2:
        sent[random.randrange(len(sent))]["outcome"] = "failed"
    if random.random() < 0.3:
        gone = random.randrange(len(rows))
        if sent[gone]["outcome"] != "failed" and len(rows) > 1:
            if random.random() < 0.5:
                sent[gone] |= {"outcome": "timeout", "acked_ns": -1}
            del rows[gone]
    return rows, sent


def agree_on(count: int, seed: int) -> Counter[bool]:
    random, seen = Random(seed), Counter[bool]()
    for _ in range(count):
        rows, sent = random_log(random)
        violated = judged(rows, sent)
        exact = verify_operations(as_operations(rows, sent), "log").verdict
        assert (exact == VIOLATED) == bool(violated), (rows, sent, violated)
        seen[bool(violated)] += 1
    return seen


def test_the_checker_agrees_with_the_search_on_random_histories_with_unknown_outcomes() -> None:
    seen = agree_on(2_000, seed=1)
    assert min(seen[True], seen[False]) > 300, seen


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_the_checker_agrees_with_the_search_on_a_hundred_thousand() -> None:
    seen = agree_on(100_000, seed=2)
    assert min(seen[True], seen[False]) > 15_000, seen


# --- limits -------------------------------------------------------------------------------------------------


def crowded(count: int) -> list[Operation]:
    """Return writes that all overlap, and a read of what nobody wrote: every order must be tried."""
    writes = [Operation("write", value, None, 0, 1000 + value, row=value) for value in range(1, count)]
    return [*writes, Operation("read", None, -1, 1, 999, row=count)]


def test_a_search_that_is_not_done_is_unknown_and_says_why() -> None:
    assert verify_operations(crowded(8), "register").verdict == VIOLATED
    found = verify_operations(crowded(30), "register", limits=Limits(seconds=0.2)).findings[0]
    assert (found.verdict, found.bound) == (Verdict.UNKNOWN, "timed out after 0.2 s")
    found = verify_operations(crowded(30), "register", limits=Limits(configurations=100)).findings[0]
    assert (found.verdict, found.bound) == (Verdict.UNKNOWN, "over 100 configurations")


def test_one_object_without_an_order_decides_though_another_is_not_done() -> None:
    other = [replace(each, key="other") for each in [Operation("read", None, 5, 0, 1, row=1)]]
    limits = Limits(configurations=100)
    assert verify_operations([*crowded(30), *other], "register", limits=limits).verdict == VIOLATED


def test_many_operations_without_a_return_do_not_make_the_search_large() -> None:
    silent = [Operation("write", value % 5, UNKNOWN, value, None, row=value + 1) for value in range(40)]
    reads = [
        Operation("read", None, value % 5, 100 + 2 * value, 101 + 2 * value, row=41 + value) for value in range(30)
    ]
    limits = Limits(configurations=50_000)
    assert verify_operations([*silent, *reads], "register", limits=limits).verdict == NOT_FOUND
    strange = Operation("read", None, 9, 999, 1000, row=99)
    assert verify_operations([*silent, *reads, strange], "register", limits=limits).verdict == VIOLATED


# --- files, and the command line ----------------------------------------------------------------------------


def searched(path: Path, text: str, model: str, *arguments: str, name: str = "etcd.log") -> Result:
    (path / name).write_text(text)
    return CliRunner().invoke(cli, ["verify", str(path / name), "--model", model, *arguments])


STALE = """INFO  jepsen.util - 0\t:invoke\t:write\t1
INFO  jepsen.util - 0\t:ok\t:write\t1
INFO  jepsen.core - nothing of this concerns anybody
INFO  jepsen.util - :nemesis\t:info\t:start\tnil
INFO  jepsen.util - 0\t:invoke\t:write\t2
INFO  jepsen.util - 0\t:ok\t:write\t2
INFO  jepsen.util - 1\t:invoke\t:read\tnil
INFO  jepsen.util - 1\t:ok\t:read\t1
"""
SLOW = STALE.replace("0\t:ok\t:write\t2", "0\t:info\t:write\t:timed-out")
CAS = """INFO  jepsen.util - 0  :invoke  :cas  [1 2]
INFO  jepsen.util - 0  :fail  :cas  [1 2]
"""


def test_a_read_of_what_was_written_over_has_no_order_and_after_a_timeout_it_has(tmp_path: Path) -> None:
    found = searched(tmp_path, STALE, "register")
    assert found.exit_code == 1
    assert "process 1: read() -> 1, which no order" in found.stdout
    assert "the register holds 2 (row 1, row 5, row 7)" in found.stdout
    assert searched(tmp_path, SLOW, "register").exit_code == 0


def test_a_compare_and_set_that_failed_in_a_log_of_jepsen_did_compare(tmp_path: Path) -> None:
    assert searched(tmp_path, CAS, "register").exit_code == 0
    written = "INFO  jepsen.util - 1  :invoke  :write  1\nINFO  jepsen.util - 1  :ok  :write  1\n"
    assert searched(tmp_path, written + CAS, "register").exit_code == 1


QUEUE = "process,operation,argument,result,called_ns,returned_ns,outcome\n"


@pytest.mark.parametrize(
    ("model", "rows", "code"),
    [
        ("queue", ["0,enqueue,a,,0,1,ok", "0,enqueue,b,,2,3,ok", "1,dequeue,,a,4,5,ok", "1,dequeue,,b,6,7,ok"], 0),
        ("queue", ["0,enqueue,a,,0,1,ok", "0,enqueue,b,,2,3,ok", "1,dequeue,,b,4,5,ok", "1,dequeue,,a,6,7,ok"], 1),
        ("queue", ["0,enqueue,a,,0,1,ok", "1,dequeue,,,2,3,ok"], 1),
        ("queue", ["0,enqueue,a,,0,,unknown", "1,dequeue,,,2,3,ok"], 0),
        ("queue", ["0,enqueue,a,,0,1,failed", "1,dequeue,,a,2,3,ok"], 1),
        ("log", ["0,append,a,0,0,1,ok", "0,append,b,1,2,3,ok", "1,read,1,b,4,5,ok"], 0),
        ("log", ["0,append,a,1,0,1,ok", "0,append,b,0,2,3,ok"], 1),
        ("log", ["0,append,a,0,0,1,ok", "0,append,b,2,2,3,ok"], 1),
        ("log-with-gaps", ["0,append,a,0,0,1,ok", "0,append,b,2,2,3,ok", "1,read,2,b,4,5,ok"], 0),
        ("log", ["0,append,a,,0,1,ok", "1,read,0,b,2,3,ok"], 1),
        ("register", ["0,write,x,,0,1,ok", "1,cas,x y,true,2,3,ok", "1,read,,y,4,5,ok"], 0),
        ("register", ["0,write,x,,0,1,ok", "1,cas,z y,true,2,3,ok"], 1),
    ],
)
def test_tables_of_operations_are_searched_in_both_text_formats(
    tmp_path: Path, model: str, rows: list[str], code: int
) -> None:
    assert searched(tmp_path, QUEUE + "\n".join(rows) + "\n", model, name="log.csv").exit_code == code
    names = QUEUE.strip().split(",")
    lines = []
    for row in rows:
        cells: dict[str, Any] = {name: cell or None for name, cell in zip(names, row.split(","), strict=True)}
        cells |= {name: int(cells[name]) for name in ("called_ns", "returned_ns") if cells[name] is not None}
        lines.append(json.dumps(cells))
    assert searched(tmp_path, "\n".join(lines) + "\n", model, name="log.ndjson").exit_code == code


EDN_REGISTER = """{:type :invoke, :f :write, :value [7 1], :process 0, :time 1, :index 0}
{:type :ok, :f :write, :value [7 1], :process 0, :time 2, :index 1}
#jepsen.history.Op{:index 2, :time 3, :type :invoke, :process 1, :f :read, :value [7 nil]}
{:type :ok, :f :read, :value [7 READ], :process 1, :time 4, :index 3, :error #object[Some "thing"]}
{:type :info, :f :start, :process :nemesis, :value nil, :time 5}
{:type :invoke, :f :cas, :value [7 [1 2]], :process 1, :time 6}
{:type :ok, :f :cas, :value [7 [1 2]], :process 1, :time 7}
"""


def test_registers_by_key_are_read_from_edn(tmp_path: Path) -> None:
    sound, stale = (EDN_REGISTER.replace("READ", value) for value in ("1", "nil"))
    assert searched(tmp_path, sound, "register", name="history.edn").exit_code == 0
    found = searched(tmp_path, f"[{stale}]", "register", name="history.edn")
    assert found.exit_code == 1
    assert "7: process 1: read() -> nothing" in found.stdout
    found = searched(tmp_path, sound, "register", "--format", "jepsen-edn", name="history.txt")
    assert found.exit_code == 0, found.stderr


def test_queues_and_logs_are_read_from_edn(tmp_path: Path) -> None:
    queue = "".join(
        f"{{:type :invoke, :f :{f}, :value {asked}, :process 0}}\n{{:type :ok, :f :{f}, :value {came}, :process 0}}\n"
        for f, asked, came in [("enqueue", 1, 1), ("enqueue", 2, 2), ("dequeue", "nil", 1), ("drain", "nil", "[2]")]
    )
    assert searched(tmp_path, queue, "queue", name="queue.edn").exit_code == 0
    assert searched(tmp_path, queue.replace("[2]", "[1]"), "queue", name="queue.edn").exit_code == 1
    log = (
        "{:type :invoke, :f :send, :value [[:send 5 10] [:send 5 11]], :process 0}\n"
        "{:type :ok, :f :send, :value [[:send 5 [0 10]] [:send 5 [2 11]]], :process 0}\n"
        "{:type :invoke, :f :txn, :value [[:send 5 12]], :process 1}\n"
        "{:type :info, :f :txn, :value [[:send 5 12]], :process 1}\n"
        "{:type :invoke, :f :poll, :value [[:poll]], :process 2}\n"
        "{:type :ok, :f :poll, :value [[:poll {5 [[0 10] [2 11] [7 12]]}]], :process 2}\n"
    )
    assert searched(tmp_path, log, "log-with-gaps", name="log.edn").exit_code == 0
    for wrong in (log.replace("[7 12]", "[1 12]"), log.replace("[0 10] [2", "[0 13] [2"), log.replace("{5", "{6")):
        assert searched(tmp_path, wrong, "log-with-gaps", name="log.edn").exit_code == 1, wrong


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.log", "nothing\n", "no line has PROCESS :invoke"),
        ("a.log", "INFO - 0 :ok :read 1\n", "row 1: process 0 returns from read without a call"),
        (
            "a.log",
            "x - 0 :invoke :read nil\nx - 0 :invoke :write 1\n",
            "row 2: process 0 calls write, before read of row 1",
        ),
        ("a.log", "x - 0 :invoke :push 1\nx - 0 :ok :push 1\n", "row 1: a register has no operation 'push'"),
        ("a.log", "x - 0 :invoke :cas 1\nx - 0 :ok :cas 1\n", "expected two values"),
        ("a.edn", "{:type :invoke", "not EDN"),
        ("a.edn", "[1 2]", "row 1: found 1, expected a map with :type, :process and :f"),
        ("a.edn", "{:type :maybe :process 1 :f :read}", "found maybe, expected one of invoke, ok, fail, info"),
        ("a.csv", "operation,called_ns\nread,1\n", "column returned_ns: column is missing"),
        (
            "a.csv",
            "operation,called_ns,returned_ns\nread,5,1\n",
            "row 1, column returned_ns: found 1, expected at least 5",
        ),
        ("a.ndjson", "{]\n", "row 1: found '{]', expected one JSON object"),
    ],
)
def test_what_is_wrong_with_a_file_of_operations_is_said(tmp_path: Path, name: str, text: str, said: str) -> None:
    found = searched(tmp_path, text, "register", name=name)
    assert found.exit_code == 2
    assert said in found.stderr
    assert str(tmp_path / name) in found.stderr


def test_what_is_asked_of_rows_is_not_asked_of_operations(tmp_path: Path) -> None:
    for arguments in (("--level", "4"), ("--acks", "acks.csv"), ("--allow-gaps",)):
        found = searched(tmp_path, STALE, "register", *arguments)
        assert isinstance(found.exception, InputError)
        assert str(found.exception).startswith(f"{arguments[0]} asks")
    assert "expected one of register, queue, log" in str(searched(tmp_path, STALE, "stack").exception)


def test_unknown_exits_three_and_python_says_the_same(tmp_path: Path) -> None:
    lines = [f"x - {n} :invoke :write {n}" for n in range(1, 40)] + ["x - 40 :invoke :read nil", "x - 40 :ok :read 99"]
    lines += [f"x - {n} :ok :write {n}" for n in range(1, 40)]
    found = searched(tmp_path, "\n".join(lines) + "\n", "register", "--timeout", "0.3", "--json")
    assert found.exit_code == 3
    assert json.loads(found.stdout)["results"][0]["bound"] == "timed out after 0.3 s"
    (tmp_path / "stale.log").write_text(STALE)
    said = fencepost.verify_operations(fencepost.read_operations(tmp_path / "stale.log"), "register")
    assert said["linearizable"].verdict == VIOLATED
    with pytest.raises(InputError, match="no operations"):
        verify_operations([], "register")
    with pytest.raises(FormatError, match="no such file"):
        read_operations(tmp_path / "absent.log")
