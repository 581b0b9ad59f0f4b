"""Runs for other tools: the shape that Chrome asks for, clocks that ShiViz accepts, a page that works alone."""

import json
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from browser import dumped
from hypothesis import given, settings
from hypothesis import strategies as st

from fencepost.exploring.export import EXPORTS, write_export
from fencepost.model.errors import InputError
from fencepost.model.explorer.explain.cause import cause
from fencepost.model.explorer.exports import SHIVIZ_REGULAR_EXPRESSION, chrome_document, shiviz_log
from fencepost.model.explorer.exports.shiviz import clocked
from fencepost.model.explorer.search.exploration import explore
from fencepost.model.explorer.search.order import Order
from fencepost.model.explorer.search.schedule import schedule_of
from fencepost.model.explorer.search.strategies import draw, uniform
from fencepost.model.explorer.subjects import arrivals, litmus_file, sequencer
from fencepost.model.explorer.traces.run_trace import Run, RunTrace, run, trace_of, uses_of
from fencepost.model.instance import Instance
from fencepost.model.litmus import parse_test
from fencepost.model.programs import Scenario, design
from fencepost.model.specs import protocol
from fencepost.model.trace import Trace
from fencepost.proofs import prove

FLAG = "name <flag>\nH0: W d 1; FO d; SF; W f 1; FO f; SF\nH1: FL f; FL d; MF; R a f; R b d\nbad 1:a=1 & 1:b=0\n"
INVERSION = trace_of(
    explore(
        sequencer(
            design("order4.cas_then_reserve"), Scenario(rings=arrivals(2, 2, 2), written=True), "ncx",
            asked=frozenset({"client-order"}),
        )
    )
)  # fmt: skip
STALE = trace_of(explore(litmus_file(parse_test(FLAG), "ncx")))
DRAWN = sequencer(
    design("order4.claim"), Scenario(rings=arrivals(1, 2, 3), slots=2, subscribers=True, acknowledgers=True), "ncx"
)


def drawn(seed: int) -> Run:
    """Return a run of many threads, drawn."""
    from random import Random

    system, random = DRAWN.make(), Random(seed)
    start = random.getstate()

    def picker() -> Any:
        random.setstate(start)
        return uniform(random)

    state, events, _ = draw(system, picker, 200)
    origin: Any = DRAWN.origin
    return run(RunTrace(origin, uses_of(system.lines), schedule_of(events), state.watch.violation, "drawn"))


# --- Chrome ---


@pytest.mark.parametrize("trace", [INVERSION, STALE], ids=["inversion", "stale"])
def test_a_chrome_trace_has_the_fields_that_its_phases_need(trace: RunTrace) -> None:
    made = run(trace)
    events = json.loads(json.dumps(chrome_document(made)))["traceEvents"]
    needs = {"M": {"args"}, "X": {"ts", "dur", "args"}, "s": {"ts", "id"}, "f": {"ts", "id", "bp"}, "i": {"ts", "s"}}
    for event in events:
        assert {"name", "ph", "pid", "tid"} | needs[event["ph"]] <= event.keys()
        assert all(isinstance(event[key], int) and event[key] >= 0 for key in ("pid", "tid", "ts") if key in event)
    spans = [event for event in events if event["ph"] == "X"]
    assert len(spans) == sum(len(event.acts) for event in made.events)
    named = {(event["pid"], event["tid"]) for event in events if event["name"] == "thread_name"}
    assert {(event["pid"], event["tid"]) for event in spans} <= named
    assert sum(event["ph"] == "i" for event in events) == 1


def test_an_arrow_leads_from_a_store_to_its_drain_and_later_in_time() -> None:
    events = chrome_document(run(STALE))["traceEvents"]
    begins = {event["id"]: event["ts"] for event in events if event["ph"] == "s"}
    ends = {event["id"]: event["ts"] for event in events if event["ph"] == "f"}
    assert ends.keys() == begins.keys()
    assert all(begins[arrow] < ends[arrow] for arrow in ends)


def test_spans_of_one_row_do_not_overlap() -> None:
    rows: dict[Any, list[tuple[int, int]]] = defaultdict(list)
    for event in chrome_document(drawn(3))["traceEvents"]:
        if event["ph"] == "X":
            rows[event["pid"], event["tid"]].append((event["ts"], event["dur"]))
    for spans in rows.values():
        spans.sort()
        assert all(ts + dur <= after for (ts, dur), (after, _) in zip(spans, spans[1:], strict=False))


# --- ShiViz ---


def test_the_regular_expression_takes_the_whole_log_apart() -> None:
    log = shiviz_log(run(INVERSION))
    python = SHIVIZ_REGULAR_EXPRESSION.replace("(?<", "(?P<")
    found = list(re.finditer(python, log))
    assert "".join(f"{each[0]}\n" for each in found) == log
    assert {each["host"] for each in found} == {"scanner_0", "scanner_1"}
    for each in found:
        assert json.loads(each["clock"])[each["host"]] >= 1
    assert found[-1]["event"].endswith("client 0 batch 0 at 2..2, but client 0 batch 1 at 0..1")


def less(one: dict[str, int], other: dict[str, int]) -> bool:
    return all(count <= other.get(process, 0) for process, count in one.items())


@given(seed=st.integers(0, 1000))
@settings(max_examples=10, deadline=None)
def test_clocks_grow_by_one_and_say_what_came_before_what(seed: int) -> None:
    made = drawn(seed)
    events = list(clocked(made))
    counts: dict[str, int] = defaultdict(int)
    for process, clock, _ in events:
        counts[process] += 1
        assert clock[process] == counts[process]
    steps = events[len(events) - made.last :]
    order = Order(made.system)
    order.begin(made.events[0])
    for event in made.events[1:]:
        order.push(event)
    for later, (process, clock, _) in enumerate(steps):
        for earlier, (other, before, _) in enumerate(steps[:later]):
            if order.past[later] >> earlier & 1 or process == other:
                assert less(before, clock)
            assert not less(clock, before)


def test_events_that_could_change_places_are_not_ordered() -> None:
    clocks = {text.split(":")[0]: clock for _, clock, text in clocked(run(INVERSION))}
    assert not less(clocks["step 1"], clocks["step 5"])  # the two polls of two scanners
    assert less(clocks["step 9"], clocks["step 10"])  # the two fetch_adds on one word


# --- the page ---


def opened(path: Path, folder: Path, fragment: str = "") -> str:
    """Return the page as a browser without a network has it after its scripts ran."""
    return dumped(f"file://{path}{fragment}", folder)


@pytest.fixture
def page_path(tmp_path: Path) -> Path:
    path = tmp_path / "run.html"
    write_export(STALE, "html", path)
    return path


def test_the_page_needs_no_network(page_path: Path) -> None:
    text = page_path.read_text()
    assert not re.findall(r"https?:|//[a-z]+\.|\bsrc=|@import|<link|url\(", text)
    assert "&lt;flag&gt;" in text
    assert "<flag>" not in text
    assert "@" not in re.sub(r"@[a-z]+", "", text)  # no placeholder is left


def test_the_page_opens_at_a_step_and_shows_what_memory_holds(page_path: Path, tmp_path: Path) -> None:
    dom = opened(page_path, tmp_path, "#4")
    assert 'data-step="4"' in dom.split("<tbody>")[0]
    assert re.search(r'<ul id="main-memory">.*v1: d = 1', dom)
    assert len(re.findall(r"<tr data-step=", dom)) == run(STALE).last + 1


def test_keys_step_through_the_page(page_path: Path, tmp_path: Path) -> None:
    keys = ["End", "ArrowUp", "ArrowUp", "Enter"]
    press = "".join(f'document.dispatchEvent(new KeyboardEvent("keydown", {{key: "{key}"}}));' for key in keys)
    text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page_path.read_text())  # for the keys
    page_path.write_text(text.replace("</body>", f"<script>{press}</script></body>"))
    dom = opened(page_path, tmp_path)
    assert f'<span id="step">{run(STALE).last - 1}</span>' in dom
    assert 'class="now"' in dom


def test_the_page_opens_at_the_conflict_with_its_steps_marked_and_linked(page_path: Path, tmp_path: Path) -> None:
    dom = opened(page_path, tmp_path)
    last = run(STALE).last
    assert f'data-step="{last}"' in dom.split("<tbody>")[0]
    conflict = cause(run(STALE)).steps
    for step, _ in conflict:
        assert re.search(rf'<tr data-step="{step}" class="[^"]*\bconflict\b', dom)
        assert f'<a href="#{step}">step {step}</a>' in dom
    assert dom.count("conflict") - dom.split("<table>")[0].count("conflict") >= len(conflict)
    assert len(re.findall(r'class="[^"]*\bconflict\b', dom)) == len(conflict)


def test_the_heads_of_columns_have_hosts(page_path: Path) -> None:
    heads = re.findall(r"<th>([^<]+)<br><small>([^<]+)</small></th>", page_path.read_text())
    assert heads == [("thread 0", "host 0"), ("thread 1", "host 1")]


UNFLUSHED = "name unflushed\nH0: W d 1; W f 1\nH1: R a f; R b d\nbad 1:a=1 & 1:b=0\n"


def rows_of(path: Path) -> list[str]:
    """Return the rows of a page, without markup."""
    body = path.read_text().split("<tbody>")[1].split("</tbody>")[0]
    return [re.sub(r"<[^>]+>", " ", row).strip() for row in body.strip().splitlines()]


def test_what_caches_did_of_themselves_has_rows_where_it_must_have_been(page_path: Path, tmp_path: Path) -> None:
    rows = rows_of(page_path)
    fetch = next(n for n, row in enumerate(rows) if row == "host 1&#x27;s cache, of itself, fetches line d, d = 0:"
                 " step 8 finds it")  # fmt: skip
    assert rows[fetch - 1].startswith("3 ")  # the host's own flush of the line came before it
    assert rows[fetch + 1].startswith("4 ")  # and the write-back of the newer value after it
    other = tmp_path / "unflushed.html"
    write_export(trace_of(explore(litmus_file(parse_test(UNFLUSHED), "ncx"))), "html", other)
    assert any("host 0&#x27;s cache, of itself, writes line f back, f = 1" in row for row in rows_of(other))


def test_a_run_without_evictions_has_no_such_rows(tmp_path: Path) -> None:
    flushed = "name flushed\nH0: W d 1; FO d; SF\nH1: R a d\nbad 1:a=1\n"
    path = tmp_path / "flushed.html"
    write_export(trace_of(explore(litmus_file(parse_test(flushed), "ncx-noevict"))), "html", path)
    assert 'class="cache"' not in path.read_text()


OWN = Path(__file__).parents[2] / "examples" / "own" / "cuts.py"


def test_a_trace_of_a_spec_without_programs_has_a_page_of_its_steps(tmp_path: Path) -> None:
    trace = next(each.trace for each in prove(f"{OWN}:PrimaryCuts") if each.trace is not None)
    path = tmp_path / "cuts.html"
    write_export(trace, "html", path)
    rows = rows_of(path)
    assert [row.split("  ", 1)[1].strip() for row in rows] == ["the start", *map(str, trace.steps)]
    assert f'<a href="#{len(trace.steps)}">step {len(trace.steps)}</a>: durable is violated' in path.read_text()
    dom = opened(path, tmp_path)
    assert f'data-step="{len(trace.steps)}"' in dom.split("<tbody>")[0]
    assert "<li>cut = 1</li>" in dom


# --- all of them ---


@pytest.mark.parametrize("kind", EXPORTS)
def test_an_export_is_the_same_every_time(kind: str, tmp_path: Path) -> None:
    for name in ("one", "other"):
        write_export(INVERSION, kind, tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()
    assert (tmp_path / "one").stat().st_size > 0


def test_a_spec_s_trace_without_programs_has_no_run_to_export(tmp_path: Path) -> None:
    trace = Trace(protocol("order5.highest_published"), "agreement", (), Instance(), "hand")
    with pytest.raises(InputError, match="no run of programs to show"):
        write_export(trace, "text", tmp_path / "nothing.txt")
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_export_is_refused_with_the_choices(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="unknown export 'pdf': expected one of text, chrome, shiviz, html, itf"):
        write_export(INVERSION, "pdf", tmp_path / "run.pdf")
