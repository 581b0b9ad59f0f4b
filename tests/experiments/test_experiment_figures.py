"""Figures of an experiment: what is plotted is what trials gave; every picture can be read and is always the same."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import polars
import pytest
from experiment_frames import ASKED, RATES, SEQUENCERS, figure, frame, trial
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from sizes import sized

from fencepost.experiments.engines import run_trial
from fencepost.experiments.figures import KINDS, Drawn, drawn, write_figures
from fencepost.experiments.figures.names import is_figure
from fencepost.experiments.figures.scales import label_of, scale_of
from fencepost.experiments.figures.style import drawing
from fencepost.experiments.presets import PRESETS, new_experiment
from fencepost.experiments.spec import parse_spec, read_spec
from fencepost.experiments.trials import Trial
from fencepost.model.errors import InputError
from fencepost.model.simulation.intervals import interval
from fencepost.model.simulation.scenario import Scenario
from fencepost.reports.simulate import Simulation
from fencepost.simulating.plots import in_intervals, write_plots
from fencepost.simulating.run import simulate


def made(kind: str, trials: polars.DataFrame | None = None, **changed: Any) -> Drawn:
    return drawn(figure(kind, **{**ASKED[kind], **changed}), frame() if trials is None else trials)


def dark_share(png: bytes) -> float:
    """Return which share of a picture's pixels is not white."""
    picture = Image.open(io.BytesIO(png)).convert("L")
    dark = sum(picture.histogram()[:250])
    return float(dark) / (picture.width * picture.height)


def edges_are_white(png: bytes) -> bool:
    """Say whether nothing touches the edge of a picture, as text that is cut would."""
    picture = Image.open(io.BytesIO(png)).convert("L")
    width, height = picture.size
    edges = [(0, 0, width, 1), (0, height - 1, width, height), (0, 0, 1, height), (width - 1, 0, width, height)]
    return all((picture.crop(edge).getextrema()[0] or 0) >= 250 for edge in edges)  # type: ignore[operator]  # of one band


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_all_its_files_and_no_picture_is_empty_or_cut(kind: str, tmp_path: Path) -> None:
    files = write_figures([made(kind)], tmp_path)
    assert [path.suffix for path in files] == [".pdf", ".svg", ".png", ".csv"]
    png = files[2].read_bytes()
    assert dark_share(png) > 0.02
    assert edges_are_white(png)
    assert dark_share(made(kind).picture("png", is_bare=True)) > 0.02


@pytest.mark.parametrize("kind", [pytest.param(each, marks=[pytest.mark.slow] * (each != "cdf")) for each in KINDS])
def test_the_same_trials_give_the_same_bytes(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_figures([made(kind)], tmp_path / "one")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1")
    monkeypatch.setenv("TZ", "Pacific/Kiritimati")
    write_figures([made(kind)], tmp_path / "other")
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "other" / path.name).read_bytes(), path.name


def test_what_is_plotted_is_the_mean_of_the_replications_with_its_interval() -> None:
    rows = made("latency-load").rows
    assert len(rows) == len(SEQUENCERS) * len(RATES) * 2
    for row in rows:
        values = [
            trial(row["series"], row["rate_batches_per_s"], replication)[row["metric"]] for replication in range(3)
        ]
        expected = interval(row["metric"], values)
        assert (row["value"], row["low"], row["high"], row["n"]) == (
            expected.value,
            expected.low,
            expected.high,
            3,
        )


def test_the_data_file_has_what_is_plotted(tmp_path: Path) -> None:
    shown = made("paired-difference")
    shown.write(tmp_path)
    read = list(csv.DictReader((tmp_path / f"{shown.name}.csv").read_text().splitlines()))
    assert [float(row["value"]) for row in read] == [row["value"] for row in shown.rows]
    assert {row["against"] for row in read} == {"order4.claim"}


def test_a_difference_is_of_pairs_with_equal_seeds() -> None:
    """The replications differ by far more than the two sides do; between pairs the difference is always 10 %."""
    rows = []
    for replication, base_us in enumerate((10.0, 100.0, 1_000.0)):
        rows.append(trial("order4.claim", 1_000, replication, latency_p50_us=base_us))
        rows.append(trial("order4.mutex", 1_000, replication, latency_p50_us=1.1 * base_us))
    (row,) = made("paired-difference", frame(rows)).rows
    assert (row["value"], row["low"], row["high"]) == pytest.approx((10.0, 10.0, 10.0))


def test_the_caption_says_n_what_failed_and_what_was_left_out() -> None:
    rows = [trial(name, rate, k) for name in SEQUENCERS for rate in RATES for k in range(3)]
    rows[0] = trial(SEQUENCERS[0], RATES[0], 0, status="timeout")
    rows[4] = trial(SEQUENCERS[0], RATES[1], 1, verdict="violated")
    caption = made("latency-load", frame(rows)).caption
    assert "n = 2 to 3 replications" in caption
    assert "1 of 18 trials ended without figures (1 timeout)" in caption
    assert "Trials that violated a promise are hollow and crossed." in caption
    assert "Warm-up, up to 12 µs, is left out." in caption
    assert "n = 1 trial a point, so without intervals" in made("latency-load", frame(replications=1)).caption


def test_a_point_whose_trials_all_failed_is_marked_and_not_a_number() -> None:
    rows = [trial("order4.claim", rate, k) for rate in RATES for k in range(2)]
    rows += [trial("order4.claim", 99_000, k, status="oom") for k in range(2)]
    shown = made("latency-load", frame(rows))
    lost = [row for row in shown.rows if row["rate_batches_per_s"] == 99_000]
    assert {row["value"] for row in lost} == {None}
    assert "A cross at the foot" in shown.caption
    without = made("latency-load", frame([row for row in rows if row["status"] == "done"]))
    assert shown.picture("png", is_bare=True) != without.picture("png", is_bare=True)


def test_a_violated_trial_is_marked_in_every_kind_that_draws_figures() -> None:
    rows = [trial(name, rate, k) for name in SEQUENCERS for rate in RATES for k in range(3)]
    wrong = [{**row, "verdict": "violated"} if row["rate_batches_per_s"] == RATES[1] else row for row in rows]
    for kind in KINDS:
        right, marked = (made(kind, frame(each)).picture("png", is_bare=True) for each in (rows, wrong))
        assert right != marked, kind


def test_an_unknown_trial_is_no_pass_and_is_marked_and_said() -> None:
    """Of a publication policy that is refuted elsewhere a simulation violates nothing, and is never a pass."""
    rows = [trial(name, rate, k) for name in SEQUENCERS for rate in RATES for k in range(3)]
    open_rows = [{**row, "verdict": "unknown"} if row["sequencer"] == "order4.mutex" else row for row in rows]
    sure, unknown = (made("latency-load", frame(each)) for each in (rows, open_rows))
    assert "9 of 18 trials are unknown, no pass." in unknown.caption
    assert sure.picture("png", is_bare=True) != unknown.picture("png", is_bare=True)


def test_one_violated_trial_decides_a_cell_and_a_failed_one_is_no_pass() -> None:
    rows = [trial("order4.claim", 1_000, k) for k in range(3)]
    rows += [trial("order4.claim", 10_000, k, verdict="violated" if k == 1 else "not found") for k in range(3)]
    rows += [trial("order4.claim", 50_000, k, status="signal" if k == 1 else "done") for k in range(3)]
    cells = made("detection-matrix", frame(rows)).rows
    assert [(row["value"], row["of"], row["n"]) for row in cells] == [
        ("not found", 3, 3), ("violated", 1, 3), ("unknown", 1, 3),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "changed", "message"),
    [
        ("latency-load", {"x": "rate"}, "unknown column of figure .*'rate'.*did you mean"),
        ("latency-load", {"y": "sequencer"}, "unknown column of figure .*'sequencer'"),
        ("latency-load", {"x": None}, "unknown column of figure .*'offered_batches_per_s'"),
        ("detection-matrix", {"x": None}, "has no x: expected a parameter such as sequencer"),
        ("paired-difference", {"by": "engine"}, "engine has only the value 'simulation'"),
        ("heat-map", {"y": "latency_p50_us"}, "latency_p50_us is measured, expected a parameter"),
        ("heat-map", {"y": None}, "has no y"),
    ],
)
def test_a_figure_that_cannot_be_drawn_says_why(kind: str, changed: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        made(kind, **changed)


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(InputError, match="unknown kind of figure 'histogram'"):
        drawn(figure("histogram"), frame())


def many(counts: dict[str, int]) -> polars.DataFrame:
    names = [f"design {index}" for index in range(counts["sequencer"])]
    return frame([trial(name, 100 * rate + 1) for name in names for rate in range(counts["rate"])])


def test_nothing_is_averaged_over_in_silence() -> None:
    """What varies beside x and `by` tells series apart, else panels, else the figure is refused."""
    few = made("cdf", many({"sequencer": 2, "rate": 2}), by="sequencer")
    assert (len({row["series"] for row in few.rows}), {row["panel"] for row in few.rows}) == (4, {""})
    panels = made("cdf", many({"sequencer": 4, "rate": 5}), by="sequencer")
    assert (len({row["series"] for row in panels.rows}), len({row["panel"] for row in panels.rows})) == (4, 5)
    with pytest.raises(InputError, match="would have 36 series, one for each sequencer and rate_batches_per_s"):
        made("cdf", many({"sequencer": 9, "rate": 4}), by="sequencer")
    with pytest.raises(InputError, match="would have 30 bars: expected at most 24"):
        made("stages", many({"sequencer": 5, "rate": 6}))


def test_bars_are_grouped_by_what_is_asked_and_no_two_have_one_name() -> None:
    """Names were cut at 40 columns, so that three bars had one; and the spec's first axis grouped them, not `by`."""
    rows = [
        trial(name, 1_000, 0, policy=policy, messages_per_batch=size)
        for name in ("order4.claim.of.a.long.name", "order4.mutex.of.a.long.name")
        for policy in ("per_message", "per_batch")
        for size in (1, 8, 32)
    ]
    names = ["sweep", "engine", "sequencer", "policy", "messages_per_batch", "rate_batches_per_s", "replication"]
    trials = frame(rows).select(*names, polars.exclude(*names))
    shown = made("stages", trials, by="policy")
    bars = list(dict.fromkeys(row["series"] for row in shown.rows))
    assert [bar.split(",")[0] for bar in bars] == ["per_message"] * 6 + ["per_batch"] * 6
    with drawing(KINDS["stages"].size(shown.rows)) as picture:
        KINDS["stages"].draw(picture, shown.rows, "")
        labels = [label.get_text() for label in picture.axes[0].get_yticklabels()]
    assert [" ".join(label.split()) for label in labels] == bars
    assert edges_are_white(shown.picture("png"))


def test_an_interval_that_leaves_the_axes_in_x_is_said() -> None:
    rows = [trial("order4.claim", 1_000, k, contended_per_s=(0.1, 1e6)[k]) for k in (0, 1)]
    assert "Some intervals reach beyond the axes" in made("throughput-contention", frame(rows)).caption


def test_overload_is_ringed_and_said_and_a_rate_is_of_each_client() -> None:
    rows = [
        trial("order4.claim", rate, k, clients=4, offered_batches_per_s=4.0 * rate * (1 + (rate > 10_000)))
        for rate in RATES
        for k in range(3)
    ]
    names = ["sweep", "engine", "sequencer", "clients", "rate_batches_per_s", "replication"]
    trials = frame(rows).select(*names, polars.exclude(*names))
    shown = made("latency-load", trials)
    assert {row["rate_batches_per_s"] for row in shown.rows if row["overloaded"]} == {50_000}
    assert "Ringed: less was ordered than offered" in shown.caption
    assert "The rate is that of each client, of 4." in shown.caption
    assert label_of("rate_batches_per_s") == "rate of each client, batches/s"
    within = made("latency-load", trials.filter(polars.col("rate_batches_per_s") < 50_000))
    assert "Ringed" not in within.caption
    assert "The number at a point is what was offered" in made("throughput-contention", trials).caption


def test_series_on_the_same_points_are_all_seen() -> None:
    rows = [trial(name, rate, k, latency_p50_us=9.0) for name in SEQUENCERS for rate in RATES for k in range(2)]
    shown = made("latency-load", frame(rows), y="latency_p50_us")
    with drawing() as picture:
        KINDS["latency-load"].draw(picture, shown.rows, "rate_batches_per_s")
        widths = [line.get_linewidth() for line in picture.axes[0].lines if len(line.get_xdata()) == len(RATES)]  # type: ignore[arg-type]
    assert max(widths) > 2 * min(widths)


SPEC = """
[experiment]
name = "checked"
[[sweep]]
name = "load"
engine = "simulation"
clients = [{clients}]
rate_batches_per_s = [10, 20, 30]
[[figure]]
sweep = "load"
{figure}
"""


@pytest.mark.parametrize(
    ("clients", "asked", "message"),
    [
        ("1, 2, 3, 4, 5, 6, 7, 8, 9", 'kind = "cdf"', r"\$\.figure\[0\]: figure 'load cdf' would have 27 series"),
        ("1, 2, 3, 4, 5, 6, 7, 8, 9", 'kind = "stages"', "would have 27 bars"),
        ("1, 2", 'kind = "heat-map"\nx = "clients"', "has no y"),
        ("1, 2", 'kind = "heat-map"\nx = "clients"\ny = "latency_p99_us"', "is measured, expected a parameter"),
        ("1, 2", 'kind = "latency-load"\nx = "rat"', "'rat': expected one of clients, rate_batches_per_s"),
        ("1, 2", 'kind = "paired-difference"\nby = "sequencer"', "sequencer"),
        ("1, 2", 'kind = "latency-load"\ny = "latency_order_men_us"', "did you mean latency_order_mean_us"),
        ("1, 2", 'kind = "throughput-contention"\nx = "contendd_per_s"', "did you mean .*contended_per_s"),
        (
            "1, 2",
            'kind = "heat-map"\nx = "clients"\ny = "rate_batches_per_s"\nby = "time_us"',
            "unknown figure of engine",
        ),
    ],
)
def test_a_figure_that_cannot_be_drawn_is_refused_before_anything_runs(clients: str, asked: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_spec(SPEC.format(clients=clients, figure=asked))
    parse_spec(SPEC.format(clients="1, 2", figure='kind = "latency-load"\nby = "clients"'))


@pytest.mark.parametrize(
    ("engine", "parameters"),
    [
        ("simulation", {"sequencer": "order4.mutex", "duration_ms": 0.5, "granularity": "operation"}),
        ("simulation", {"sequencer": "order4.claim", "duration_ms": 0.5}),
        ("native", {"sequencer": "order4.claim", "batches": 50}),
    ],
)
def test_every_figure_that_an_engine_returns_is_known_by_name(engine: str, parameters: dict[str, Any]) -> None:
    found = run_trial(Trial(0, "sweep", engine, parameters, 0, 1, 60.0, 1024)).figures
    assert found
    assert [name for name in found if not is_figure(engine, name)] == []
    assert not is_figure(engine, "latency_order_men_us")


@pytest.mark.parametrize("smoke", [True, False])
@pytest.mark.parametrize("preset", PRESETS)
def test_every_figure_of_every_preset_can_be_drawn(preset: str, smoke: bool, tmp_path: Path) -> None:
    assert read_spec(new_experiment(preset, tmp_path / "spec.toml", smoke=smoke)).figures


def test_an_interval_that_would_squash_the_rest_is_said_to_leave_the_axes() -> None:
    rows = [trial("order4.claim", rate, k, throughput_batches_per_s=10.0 ** (2 * k)) for rate in RATES for k in (0, 1)]
    assert "Some intervals reach beyond the axes" in made("throughput-contention", frame(rows)).caption
    assert "beyond" not in made("throughput-contention").caption


@settings(max_examples=sized(30), deadline=None)
@given(st.lists(st.floats(0, 1e9).filter(lambda value: value == 0 or value > 1e-3), min_size=2, max_size=6))
def test_points_lie_within_the_axes_whatever_was_measured(contended: list[float]) -> None:
    """An axis of a metric once began at 1e-300, where one series never contended and another always did."""
    names = [f"design {index}" for index in range(len(contended))]
    rows = [
        trial(name, 1_000, k, contended_per_s=value * (1 + k / 100))
        for name, value in zip(names, contended, strict=True)
        for k in range(3)
    ]
    shown = made("throughput-contention", frame(rows))
    with drawing() as picture:
        KINDS["throughput-contention"].draw(picture, shown.rows, "")
        (axes,) = picture.axes
        low, high = axes.get_xlim()
        found = [row["contended_per_s"] for row in shown.rows]
        assert all(low <= value <= high for value in found)
        places = [axes.transAxes.inverted().transform(axes.transData.transform((value, 1.0)))[0] for value in found]
        assert all(-0.01 <= place <= 1.01 for place in places)
        if max(found) > 2 * min(found):
            assert max(places) - min(places) > 0.1, "the axis is about something else"


@settings(max_examples=sized(25), deadline=None)
@given(st.text(max_size=80), st.text(min_size=1, max_size=80))
def test_any_text_of_a_user_is_drawn_as_text(title: str, name: str) -> None:
    """`$` begins no formula, markup is no markup, and what no file can hold is replaced."""
    rows = frame([trial(name, rate, k) for rate in RATES for k in (0, 1)])
    shown = drawn(figure("latency-load", x="rate_batches_per_s", title=f"{title} $\\frac{{1}}$"), rows)
    svg = shown.picture("svg")
    text = "".join(ElementTree.fromstring(svg).itertext())
    assert "$\\frac{1}$" in "".join(text.split("\n")) or len(title) > 40
    assert dark_share(shown.picture("png")) > 0.02


def test_labels_have_units_and_quantities_lie_where_they_belong() -> None:
    assert label_of("throughput_batches_per_s") == "throughput, batches/s"
    assert label_of("latency_p99_us") == "latency p99, µs"
    assert label_of("clients") == "clients"
    scale = scale_of(["1 ms", "20 us", "50 us"])
    assert (scale.unit, scale["20 us"], scale["1 ms"], scale.is_of_words) == ("µs", 20.0, 1000.0, False)
    assert scale_of(["order4.claim", 3]).is_of_words


# --- the plots of simulate are of the same style ---


SERIES = st.lists(st.tuples(st.integers(0, 999), st.integers(0, 9)), min_size=1, max_size=30).map(
    lambda rows: sorted(dict(rows).items())
)


@given(SERIES, st.integers(1, 300))
def test_the_occupancy_of_intervals_adds_up_to_that_of_the_series(series: list[tuple[int, int]], width_ns: int) -> None:
    mean, most = in_intervals(series, width_ns, 1_000)
    ends = [*(at for at, _ in series[1:]), 1_000]
    area = sum(used * (end - begin) for (begin, used), end in zip(series, ends, strict=True))
    assert sum(mean) * width_ns == pytest.approx(area)
    assert max(most) == max(used for _, used in series)
    assert all(least <= highest for least, highest in zip(mean, most, strict=True))


@pytest.fixture(scope="module")
def crashing() -> Simulation:
    text = Path(__file__).parents[2] / "examples" / "scenarios" / "broker-crash.toml"
    return simulate(text, with_loads=True)


def test_occupancy_has_a_strip_a_ring_with_faults_and_warm_up_marked(crashing: Simulation, tmp_path: Path) -> None:
    shown = crashing.plot("occupancy")
    assert len(shown.axes) == crashing.scenario.brokers.count
    assert all(len(axes.lines) >= len(crashing.scenario.faults) for axes in shown.axes)
    warm = simulate(Scenario().with_(duration="2 ms", warmup="1 ms", replications=2))
    assert all(axes.patches for axes in warm.plot("occupancy").axes)
    for path in (*write_plots(crashing, tmp_path / "crash"), *write_plots(warm, tmp_path / "warm")):
        if path.suffix == ".png":
            assert dark_share(path.read_bytes()) > 0.02
            assert edges_are_white(path.read_bytes()), path.name


def test_of_many_rings_the_fullest_are_drawn_and_it_is_said(tmp_path: Path) -> None:
    wide = simulate(Scenario().with_(duration="200 us", replications=2, brokers={"count": 12}))
    assert len(wide.plot("occupancy").axes) == 8
    write_plots(wide, tmp_path)
    text = " ".join(" ".join(ElementTree.fromstring((tmp_path / "occupancy.svg").read_text()).itertext()).split())
    assert "the 8 fullest of 12 rings" in text
