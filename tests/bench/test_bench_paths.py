"""The measured paths: what is checked, what is refused, the document. No time is asserted, sizes are small."""

import json
import re
import signal
import subprocess
import sys
import textwrap
import time
from functools import partial
from pathlib import Path

import pytest
from commands import run as command
from hypothesis import given
from hypothesis import strategies as st

from fencepost.bench import PATHS, Bench, measure
from fencepost.bench.paths import Reach
from fencepost.model.errors import InputError, Miscounted
from fencepost.native.counting import (
    COUNTED,
    allocated_by_structures,
    count_scan,
    counts_allocations,
)
from fencepost.native.measuring import SETTINGS, machine, measure_setting

ROOT = Path(__file__).parents[2]
two_cores = pytest.mark.skipif(len(machine().cpus_allowed) == 1, reason="two threads need a core each")
counted = pytest.mark.skipif(not counts_allocations(), reason="another operator new is in front of the counted one")


run = partial(command, "bench")


@pytest.fixture(scope="module")
def bench() -> Bench:
    return measure(quick=True)


def test_every_path_is_measured_or_said_to_be_unavailable(bench: Bench) -> None:
    assert [row.path.name for row in bench.rows] == list(PATHS)
    for row in bench.rows:
        if row.figure.unavailable:
            assert (row.figure.value, row.met) == (None, None)
            continue
        assert row.figure.n == 7
        assert row.figure.value is not None
        assert row.figure.samples
        assert (row.met, row.undecided) == (None, ""), "quick sizes ask nothing of a figure"
        assert row.floor is None or row.floor.unit == row.probe.unit


def test_a_ratio_is_that_of_its_two_sides(bench: Bench) -> None:
    for row in bench.rows:
        if row.figure.value is None or row.floor is None or row.path.unit != "ratio":
            continue
        assert row.figure.low is not None
        assert row.figure.high is not None
        assert row.probe.low is not None
        assert row.probe.high is not None
        assert row.floor.low is not None
        assert row.floor.high is not None
        sides = (row.probe.low / row.floor.high, row.probe.high / row.floor.low)
        least, most = sides if row.path.reach is Reach.AT_MOST else (1 / sides[1], 1 / sides[0])
        assert least * 0.999 <= row.figure.low <= row.figure.high <= most * 1.001


def test_the_reordered_rows_say_what_share_was_parked(bench: Bench) -> None:
    assert bench["order4-owner-cached"].extras["parked_share"] == 0
    for place in ("cached", "memory"):  # few batches a client at quick sizes
        assert 0.1 < bench[f"order4-owner-parked-18-{place}"].extras["parked_share"] < 0.25
        assert 0.4 < bench[f"order4-owner-parked-60-{place}"].extras["parked_share"] < 0.7


def test_grouped_publication_says_how_long_a_batch_waits_to_be_seen(bench: Bench) -> None:
    row = bench["epoch-publication-clwb"]
    if not row.figure.unavailable:
        assert (row.extras["visibility_lag_batches_mean"], row.extras["visibility_lag_batches_most"]) == (31.5, 63)


@pytest.mark.parametrize("reach", Reach)
@given(value=st.floats(0, 100), bound=st.floats(0, 100))
def test_a_bound_is_met_on_its_side_and_at_itself(reach: Reach, value: float, bound: float) -> None:
    assert reach.met(bound, bound)
    assert reach.met(value, bound) == (not reach.met(bound, value) or value == bound)
    assert reach.met(bound - 1, bound) == (reach is Reach.AT_MOST)
    assert reach.met(bound + 1, bound) == (reach is Reach.AT_LEAST)


def test_every_setting_of_the_native_code_belongs_to_a_path() -> None:
    assert {path.setting for path in PATHS.values()} >= set(SETTINGS)


@two_cores
def test_a_sequencer_that_hands_out_a_position_twice_gets_no_figure() -> None:
    with pytest.raises(Miscounted, match=r"batch \d+ at position \d+: no such batch, no such position, or taken"):
        measure_setting("lost_order")
    assert measure_setting("claim_two_shared", quick=True).probes["order4.claim"].values


# --- counted, not timed -----------------------------------------------------------------------------


@two_cores
def test_order_5_takes_the_same_steps_whatever_the_other_scanner_does() -> None:
    (alone,) = count_scan("order5.fetch_add", batch_count=1 << 15)
    for _ in range(5):
        for each in count_scan("order5.fetch_add", ring_count=2, batch_count=1 << 16):
            assert (each.batch_count, each.steps, each.steps_most) == (1 << 15, alone.steps, alone.steps_most)


@two_cores
def test_a_compare_exchange_loop_takes_more_when_another_scanner_is_in_its_way() -> None:
    (alone,) = count_scan("order5.compare_exchange", batch_count=1 << 17)
    for _ in range(100):  # on a busy machine the two may hardly meet
        scans = count_scan("order5.compare_exchange", ring_count=2, batch_count=1 << 18)
        if max(each.steps for each in scans) > alone.steps:
            return
    pytest.fail("in 100 runs no compare-exchange failed")


@counted
@pytest.mark.parametrize("delay_max", [0, 700])
@pytest.mark.parametrize("ring_count", [1, 2])
@pytest.mark.parametrize("name", COUNTED)
def test_no_scanner_loop_allocates(name: str, ring_count: int, delay_max: int) -> None:
    scans = count_scan(name, ring_count=ring_count, batch_count=1 << 12, delay_max=delay_max)
    assert sum(each.batch_count for each in scans) == 1 << 12
    assert [each.allocations for each in scans] == [0] * len(scans)


@counted
@given(
    slot_count=st.integers(1, 2000),
    client_capacity=st.integers(1, 3000),
    parking_capacity=st.integers(0, 3000),
    epoch_batch_count=st.integers(1, 1000),
)
def test_no_structure_allocates_more_than_it_states(
    slot_count: int, client_capacity: int, parking_capacity: int, epoch_batch_count: int
) -> None:
    structures = allocated_by_structures(
        slot_count=slot_count,
        client_capacity=client_capacity,
        parking_capacity=parking_capacity,
        epoch_batch_count=epoch_batch_count,
    )
    for each in structures.values():
        assert 0 < each.allocated_bytes <= each.stated_bytes, each


def test_counting_refuses_what_it_cannot_do() -> None:
    with pytest.raises(InputError, match=r"unknown sequencer 'order6': expected one of order5\.fetch_add"):
        count_scan("order6")
    with pytest.raises(InputError, match=r"ring_count is 3: expected 1\.\.2"):
        count_scan("order5.fetch_add", ring_count=3)
    with pytest.raises(InputError, match=r"client_capacity is 0: expected 1\.\."):
        allocated_by_structures(client_capacity=0)


# --- bad input, and the command ---------------------------------------------------------------------


def test_unknown_names_and_repetitions_are_refused() -> None:
    with pytest.raises(InputError, match="unknown path 'order6': expected one of order5-fetch-add"):
        measure(["order5-fetch-add", "order6"])
    with pytest.raises(InputError, match=r"repetitions is 6: expected 7\.\.10000"):
        measure(repetitions=6)
    with pytest.raises(InputError, match="unknown setting 'nowhere'"):
        measure_setting("nowhere")
    assert run("floor", "two-cores").returncode == 2


def test_the_document_has_the_paths_that_were_asked_for(tmp_path: Path) -> None:
    ran = run("order4-481-cached", "order5-fetch-add", "--quick", "--json", "--quiet", "--out", "here", cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert (tmp_path / "here" / "bench.json").read_text() == ran.stdout
    document = json.loads(ran.stdout)
    assert (document["schema"], document["verdict"]) == ("fencepost/bench/2", "not found")
    assert [item["metric"] for item in document["results"]] == ["order5-fetch-add", "order4-481-cached"]
    for item in document["results"]:
        assert set(item) == {
            "metric", "unit", "value", "low", "high", "interval", "samples", "n", "unavailable", "reach", "met",
            "undecided", "unsound", "setting", "probe", "floor", "extras", "disturbed", "cpus", "what",
        }  # fmt: skip
        assert re.fullmatch(r"[<>]= \d+(\.\d+)?", item["reach"])
        assert item["met"] is None  # of quick sizes nothing is asked
        assert len(item["samples"]) == item["n"] == 7
        assert item["floor"]["unit"] == item["probe"]["unit"] == "ns"


def test_the_last_line_counts_what_was_measured(tmp_path: Path) -> None:
    ran = run("memory-ring", "order4-two-phase-gain-clwb", "--quick", "--quiet", cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    last = ran.stdout.splitlines()[-1]
    assert re.fullmatch(
        r"verdict=not-found property=- seed=- trace=- measured=2 met=0 missed=0 undecided=0 unavailable=\d "
        r"repetitions=7 disturbed=\d+",
        last,
    )
    assert list(tmp_path.iterdir()) == []


def test_the_list_says_what_each_path_is() -> None:
    ran = run("--list")
    assert ran.returncode == 0
    assert all(name in ran.stdout for name in PATHS)


def test_the_document_describes_every_path() -> None:
    text = (ROOT / "docs" / "bench.md").read_text()
    assert [name for name in PATHS if f"`{name}`" not in text] == []


LONG_RUN = """
    import sys, time
    from pathlib import Path
    from fencepost.native.measuring import measure_setting
    tasks = lambda: len(list(Path("/proc/self/task").iterdir()))
    before = tasks()
    print("measuring", flush=True)
    try:
        measure_setting(sys.argv[1], repetitions=10_000)
    except KeyboardInterrupt:
        stopped = time.monotonic()
        while tasks() > before and time.monotonic() < stopped + 1:  # a joined thread may stay in /proc for a moment
            time.sleep(0.001)
        print(stopped, tasks() - before)
"""


@two_cores
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads are counted in /proc")
@pytest.mark.parametrize("name", ["parked_cached", "claim_two_shared", "two_cores", "pipeline"])
def test_ctrl_c_stops_a_setting_with_its_threads_joined(name: str) -> None:
    command = [sys.executable, "-c", textwrap.dedent(LONG_RUN), name]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "measuring\n"
        time.sleep(0.6)
        sent = time.monotonic()
        child.send_signal(signal.SIGINT)
        stopped, left_over = child.stdout.read().split()
    assert (
        float(stopped) - sent < 5.0
    )  # 0.25 s where a core is free; other work on the machine may take many such turns
    assert left_over == "0"
