"""`fencepost doctor`: what is tried, what is said where it fails, and that nothing stays changed."""

import json
import os
import re
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fencepost import doctor
from fencepost.bench.machines import counters
from fencepost.bench.machines import machine as facts
from fencepost.bench.machines.counters import EVENTS, count, why_not_counted
from fencepost.command_line import cli
from fencepost.doctor import Capability, diagnose
from fencepost.native.measuring import Machine

linux = pytest.mark.skipif(sys.platform != "linux", reason="affinity and /proc are Linux's")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["doctor", *arguments], catch_exceptions=False)


def named(name: str) -> Capability:
    return next(each for each in diagnose() if each.name == name)


def test_everything_is_said_with_a_reason_and_what_needs_it() -> None:
    found = diagnose()
    assert len({each.name for each in found}) == len(found) > 15
    assert all(each.detail and each.needed_by for each in found)
    assert {f"counter of {event}" for event in EVENTS} <= {each.name for each in found}


def test_the_table_ends_with_counts_and_the_document_has_the_same() -> None:
    result = run()
    assert result.exit_code == 0
    last = result.stdout.splitlines()[-1]
    assert re.fullmatch(r"verdict=not-found property=- seed=- trace=- yes=\d+ limited=\d+ no=\d+", last)
    document = json.loads(run("--json").stdout)
    assert document["schema"] == "fencepost/doctor/1"
    assert {item["available"] for item in document["results"]} <= {"yes", "limited", "no"}
    assert set(document["results"][0]) == {"name", "available", "detail", "needed_by"}


@linux
def test_no_setting_is_changed() -> None:
    before = os.sched_getaffinity(0)
    diagnose()
    assert os.sched_getaffinity(0) == before


def test_one_core_cannot_time_two_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "machine", lambda: Machine("one", (3,), clflushopt=True, clwb=False))
    assert named("two cores").available is False
    assert "one may be used" in named("two cores").detail
    assert (named("clwb").available, named("clflushopt").available) == (False, True)


@pytest.mark.parametrize(("load", "available"), [(0.3, True), (15.8, None)])
def test_other_work_limits_what_figures_say(
    load: float, available: bool | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(facts, "load", lambda: load)
    monkeypatch.setattr(doctor, "machine", lambda: Machine("two", (0, 1), clflushopt=True, clwb=True))
    quiet = named("a quiet machine")
    assert quiet.available is available
    assert ("figures will be disturbed" in quiet.detail) == (available is None)


@pytest.mark.parametrize(("nodes", "available", "word"), [(1, False, "one NUMA node"), (2, True, "2 NUMA nodes")])
def test_one_node_has_no_other_to_bind_to(
    nodes: int, available: bool, word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(facts, "numa_node_count", lambda: nodes)
    assert (named("NUMA").available, word in named("NUMA").detail) == (available, True)


@linux
def test_huge_pages_are_there_if_some_were_got(monkeypatch: pytest.MonkeyPatch) -> None:
    got = facts.huge_page_bytes_got()
    assert got is not None
    assert 0 <= got <= 8 * 2**20
    assert named("huge pages").available == (got > 0)
    monkeypatch.setattr(facts, "huge_page_bytes_got", lambda: 0)
    assert named("huge pages").available is False


def test_no_compiler_and_no_valgrind_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    monkeypatch.setenv("PATH", "")
    assert named("C++ compiler").available is False
    assert "CXX is 'no-such-compiler', which is no program" in named("C++ compiler").detail
    assert (named("valgrind").available, named("valgrind").detail) == (False, "not on the path")


# --- counters ---


@linux
@pytest.mark.parametrize("event", EVENTS)
def test_a_counter_counts_or_says_why_not(event: str) -> None:
    counted = count(event, lambda: sum(range(200_000)))
    if isinstance(counted, str):
        assert counted.startswith(("perf_event_open: ", "no perf_event_open"))
        assert why_not_counted(event) == counted
    elif event == "instructions":
        assert counted > 200_000


@pytest.mark.parametrize(
    ("error", "words"), [(13, "kernel.perf_event_paranoid is"), (2, "the virtual machine around it"), (22, "Invalid")]
)
def test_what_the_system_refuses_is_said_in_its_words(error: int, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counters, "_opened", lambda event: (-1, error))
    if sys.platform == "linux" and os.uname().machine in ("x86_64", "aarch64"):
        assert words in why_not_counted("cycles")


def test_a_counter_that_counts_nothing_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counters, "count", lambda event, call: 0)
    assert why_not_counted("cycles") == "it was opened and counted nothing"
    assert why_not_counted("branch-misses") == ""  # of a short loop there may be none


# --- manifests ---


def test_the_manifest_of_a_measurement_says_on_what_and_of_what() -> None:
    hardware = facts.hardware(load_before=1.5)
    assert set(hardware) == {
        "cpu_model", "core_count", "cpus_allowed", "clflushopt", "clwb", "transparent_hugepage", "caches",
        "numa_node_count", "virtual", "huge_page_bytes_of_8_mib", "counters", "load_before", "load_after",
    }  # fmt: skip
    assert hardware["load_before"] == 1.5
    assert json.loads(json.dumps(hardware)) == hardware
    built = facts.built()
    assert set(built) == {"commit", "type", "flags", "compiler"}
    assert built["compiler"]


def test_caches_are_read_with_their_units(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for index, (level, kind, size) in enumerate((("1", "Data", "48K"), ("3", "Unified", "32M"))):
        folder = tmp_path / f"index{index}"
        folder.mkdir()
        for name, text in (("level", level), ("type", kind), ("size", size), ("coherency_line_size", "64")):
            (folder / name).write_text(f"{text}\n")
    monkeypatch.setattr(facts, "_CACHES", tmp_path)
    assert facts.caches() == {"L1 data": 48 * 1024, "L3": 32 * 2**20, "line": 64}
    monkeypatch.setattr(facts, "_CACHES", tmp_path / "none")
    assert facts.caches() is None
