"""The floor program: what it counts, what it refuses, the document it prints, and how it stops. No time is asserted."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from commands import run as command

from fencepost.bench import Floor, floor
from fencepost.bench.statistics.figures import figure
from fencepost.model.errors import InputError, Miscounted
from fencepost.native.measuring import FLOOR_METRICS, REPETITIONS_MIN, machine, measure_floor

ROOT = Path(__file__).parents[2]
CPUS = machine().cpus_allowed
two_cores = pytest.mark.skipif(len(CPUS) == 1, reason="two threads need a core each")

# What `simulate --calibrate` and other readers look up by name.
PROMISED = {
    "fetch_add_uncontended_ns", "fetch_add_contended_ns", "cas_uncontended_ns", "cas_contended_ns",
    "lock_pair_uncontended_ns", "lock_pair_contended_ns", "load_hit_ns", "load_miss_ns", "flush_clwb_fence_ns",
    "flush_clflushopt_fence_ns", "ping_pong_ns", "memcpy_bytes_per_second", "memcpy_2_threads_bytes_per_second",
}  # fmt: skip


run = partial(command, "bench")


@pytest.fixture(scope="module")
def measured() -> Floor:
    return floor(repetitions=8, quick=True)


def test_every_metric_is_measured_or_said_to_be_unavailable(measured: Floor) -> None:
    assert [row.metric.name for row in measured.rows] == list(FLOOR_METRICS)
    for row in measured.rows:
        found = row.figure
        if found.unavailable:
            assert (found.value, found.low, found.high, found.n) == (None, None, None, 0)
        else:
            assert found.low is not None
            assert found.value is not None
            assert found.high is not None
            assert 0 < found.low <= found.value <= found.high
            assert found.n == 8
            assert row.operation_count > 0
            assert len(row.cpus) == row.metric.threads


def test_the_names_that_others_read_are_there_with_their_units(measured: Floor) -> None:
    assert set(FLOOR_METRICS) >= PROMISED
    for name, metric in FLOOR_METRICS.items():
        assert name.endswith({"ns": "_ns", "bytes/s": "_bytes_per_second"}[metric.unit])
        assert measured[name].metric == name


def test_threads_are_kept_apart_where_there_are_cores_for_them(measured: Floor) -> None:
    for row in measured.rows:
        if row.metric.threads == 2 and not row.figure.unavailable:
            assert sorted(row.cpus) == sorted(set(row.cpus)) or -1 in row.cpus


@pytest.mark.parametrize("name", [name for name in FLOOR_METRICS if name.startswith("flush_")])
def test_a_flush_is_timed_where_the_processor_has_it_and_refused_in_words_elsewhere(name: str) -> None:
    instruction = name.split("_")[1]
    has = {"clwb": machine().clwb, "clflushopt": machine().clflushopt}[instruction]
    unavailable = measure_floor(name, quick=True).unavailable
    assert unavailable == ("" if has else f"not on this machine: CPUID shows no {instruction}")


@two_cores
def test_a_loop_that_loses_additions_is_refused() -> None:
    with pytest.raises(Miscounted, match=r"load and store: \d+ counted, 2097152 expected: no time is reported"):
        measure_floor("lost_addition")
    assert measure_floor("fetch_add_contended_ns").values


def test_a_metric_for_two_threads_says_so_on_one_core() -> None:
    if not hasattr(os, "sched_setaffinity"):
        pytest.skip("this system keeps no process on one core")
    code = f"""
        import os
        os.sched_setaffinity(0, {{{CPUS[0]}}})
        from fencepost.native.measuring import measure_floor
        print(measure_floor("ping_pong_ns", quick=True).unavailable)
        print(len(measure_floor("fetch_add_uncontended_ns", quick=True).values))
    """
    ran = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines() == [
        "not on this machine: 2 threads need a core each, this process may use 1",
        str(REPETITIONS_MIN),
    ]


def test_the_value_is_the_median_between_the_lowest_and_the_highest() -> None:
    found = figure("some_ns", "ns", [5.0, 1.0, 9.0, 2.0])
    assert (found.value, found.low, found.high, found.n) == (3.5, 1.0, 9.0, 4)


# --- bad input --------------------------------------------------------------------------------------


@pytest.mark.parametrize("repetitions", [0, 6, 10_001, -1])
def test_repetitions_out_of_bounds_are_refused_with_the_value(repetitions: int) -> None:
    with pytest.raises(InputError, match=rf"repetitions is {repetitions}: expected 7\.\.10000"):
        floor(repetitions=repetitions)


def test_repetitions_that_are_no_integer_are_refused() -> None:
    wrong: Any = 7.5
    with pytest.raises(InputError, match=r"repetitions is 7\.5: expected an integer"):
        floor(repetitions=wrong)


def test_an_unknown_metric_is_refused() -> None:
    with pytest.raises(InputError, match="unknown metric 'fetch_ad'"):
        measure_floor("fetch_ad")


def test_the_command_refuses_what_it_does_not_know() -> None:
    assert run("--repetitions", "6").returncode == 2
    ran = run("flor")
    assert ran.returncode == 2
    assert "unknown path 'flor': expected one of order5-fetch-add" in ran.stderr


# --- the command ------------------------------------------------------------------------------------


def test_the_document_has_every_metric_and_is_written_where_it_is_asked_for(tmp_path: Path) -> None:
    ran = run("floor", "--quick", "--json", "--quiet", "--out", "measured", cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr == ""
    assert (tmp_path / "measured" / "floor.json").read_text() == ran.stdout
    document = json.loads(ran.stdout)
    assert (document["schema"], document["verdict"]) == ("fencepost/bench/2", "not found")
    assert [item["metric"] for item in document["results"]] == list(FLOOR_METRICS)
    for item in document["results"]:
        assert set(item) == {
            "metric", "unit", "value", "low", "high", "interval", "samples", "n", "unavailable", "threads",
            "operations", "disturbed", "cpus", "what",
        }  # fmt: skip
        assert (item["value"] is None) == (item["unavailable"] is not None)
    hardware = document["manifest"]["hardware"]
    assert hardware["cpus_allowed"] == list(CPUS)
    assert set(hardware) >= {"cpu_model", "core_count", "clwb", "clflushopt"}
    assert document["manifest"]["sizes"] == {"quick": True}


def test_the_table_ends_with_the_summary(tmp_path: Path) -> None:
    ran = run("floor", "--quick", "--quiet", cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    lines = ran.stdout.splitlines()
    assert all(any(line.startswith(name) for line in lines) for name in FLOOR_METRICS)
    assert "quick sizes: no figure above means anything" in lines
    assert lines[-1].startswith("verdict=not-found property=- seed=- trace=- measured=")
    assert list(tmp_path.iterdir()) == []


LONG_RUN = """
    import sys, time
    from pathlib import Path
    from fencepost.native.measuring import measure_floor
    tasks = lambda: len(list(Path("/proc/self/task").iterdir()))
    before = tasks()
    print("measuring", flush=True)
    try:
        measure_floor(sys.argv[1], repetitions=10_000)
    except KeyboardInterrupt:
        stopped = time.monotonic()
        while tasks() > before and time.monotonic() < stopped + 1:  # a joined thread may stay in /proc for a moment
            time.sleep(0.001)
        print(stopped, tasks() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads are counted in /proc")
@pytest.mark.parametrize("name", ["header_scan_64_level2_ns", pytest.param("ping_pong_ns", marks=two_cores)])
def test_ctrl_c_stops_a_measurement_with_its_threads_joined(name: str) -> None:
    command = [sys.executable, "-c", textwrap.dedent(LONG_RUN), name]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "measuring\n"
        time.sleep(0.3)
        sent = time.monotonic()
        child.send_signal(signal.SIGINT)
        stopped, left_over = child.stdout.read().split()
    assert (
        float(stopped) - sent < 5.0
    )  # 0.25 s where a core is free; other work on the machine may take many such turns
    assert left_over == "0"


def test_an_interrupted_command_exits_130() -> None:
    command = [sys.executable, "-m", "fencepost", "bench", "floor", "--repetitions", "10000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        assert child.stderr is not None
        assert child.stderr.readline() == "... fetch_add_uncontended_ns\n"
        child.send_signal(signal.SIGINT)
        output, errors = child.communicate(timeout=10)
    assert child.returncode == 130
    assert output.splitlines()[-1].startswith("verdict=unknown property=- seed=- trace=- measured=")
    assert errors.endswith("fencepost: interrupted\n")


def test_the_document_names_every_metric() -> None:
    text = (ROOT / "docs" / "bench.md").read_text()
    assert [name for name in FLOOR_METRICS if f"`{name}`" not in text] == []
