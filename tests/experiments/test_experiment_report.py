"""The report of a run: one page that needs nothing else, can be read on any screen, and never hides what is missing."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from browser import dumped, photographed
from click.testing import CliRunner
from experiment_frames import ASKED, figure, frame, trial
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import fencepost
from fencepost.command_line import cli
from fencepost.experiments.figures import drawn
from fencepost.experiments.page import page
from fencepost.experiments.report import Written
from fencepost.experiments.run import Run
from fencepost.model.errors import InputError
from fencepost.model.writing import NotWritten

SPEC = """
[experiment]
name = "pages"
replications = 2

[[sweep]]
name = "load"
engine = "simulation"
sequencer = ["order4.claim", "order5.fetch_add"]
rate_batches_per_s = [20_000, 80_000]
duration_ms = 0.5

[[sweep]]
name = "bugs"
engine = "explorer"
sequencer = ["cas_then_reserve", "order4.claim"]
scenario = "uneven-rings"
strategy = ["random", "pct"]
runs = 30

[[figure]]
kind = "latency-load"
sweep = "load"
x = "offered_batches_per_s"
by = "sequencer"

[[figure]]
kind = "throughput-contention"
sweep = "load"
by = "sequencer"

[[figure]]
kind = "cdf"
sweep = "load"
by = "sequencer"

[[figure]]
kind = "paired-difference"
sweep = "load"
x = "rate_batches_per_s"
y = "latency_mean_us"
by = "sequencer"

[[figure]]
kind = "stages"
sweep = "load"
by = "sequencer"

[[figure]]
kind = "heat-map"
sweep = "load"
x = "rate_batches_per_s"
y = "sequencer"
by = "latency_p99_us"

[[figure]]
kind = "detection-matrix"
sweep = "bugs"
x = "strategy"
y = "sequencer"
title = "Which search finds $what$ & <b>which</b> does not"
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run of simulations and explorations, some of which find a bug."""
    folder = tmp_path_factory.mktemp("pages")
    (folder / "pages.toml").write_text(SPEC)
    made = fencepost.run_experiment(folder / "pages.toml", out=folder, backend="inline").run
    assert made is not None
    return made


@pytest.fixture(scope="module")
def written(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Written:
    return run.report(tmp_path_factory.mktemp("report") / "pages.html")


def text_of(written: Written) -> str:
    assert written.page is not None
    return written.page.read_text()


def test_the_page_needs_nothing_else(written: Written) -> None:
    text = text_of(written)
    assert "default-src 'none'; img-src data:" in text
    assert not re.findall(r"https?://|<script|<link|@import|url\(|\bon[a-z]+=", text)
    assert all(source.startswith("data:image/svg+xml;base64,") for source in re.findall(r'src="([^"]+)"', text))
    assert not re.findall(r"@[A-Z]+@", text)


def test_every_figure_of_the_spec_is_there_with_all_its_files(run: Run, written: Written) -> None:
    assert (len(written.figures), written.undrawn) == (len(run.spec.figures), ())
    assert text_of(written).count("<img ") == len(run.spec.figures)
    assert sorted(path.suffix for path in written.files) == sorted(
        (".pdf", ".svg", ".png", ".csv") * len(run.spec.figures)
    )
    assert all("n = 2 replications" in each.caption for each in written.figures[:-1])


def test_verdicts_counterexamples_and_what_made_the_trials_are_there(written: Written) -> None:
    text = text_of(written)
    assert re.search(r'<td>bugs</td><td>explorer</td><td class="violated">violated</td>', text)
    assert "<p>16/16 trials of 2 sweeps, 2 replications of each setting, seed 0.</p>" in text
    assert "trials violated a promise" in text
    assert "<th>scanner 0<br><small>host 0</small></th>" in text
    assert 'class="conflict' in text
    assert "client-order is violated at step" in text
    assert "fencepost replay " in text
    assert "session 1: fencepost 0.1.0, sources " in text
    assert "Which search finds $what$ &amp; &lt;b&gt;which&lt;/b&gt; does not" in text


def test_the_same_store_gives_the_same_bytes(
    run: Run, written: Written, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1")
    again = run.report(tmp_path / "pages.html")
    assert text_of(again) == text_of(written)
    for one, other in zip(written.files, again.files, strict=True):
        assert one.read_bytes() == other.read_bytes(), one.name


def test_traces_are_found_where_a_moved_store_has_them(run: Run, written: Written, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere"
    run.path.parent.rename(moved)
    try:
        text = text_of(Run.open(moved / "pages.db").report(tmp_path / "moved.html"))
    finally:
        moved.rename(run.path.parent)
    assert text == text_of(written)
    assert "cannot be shown" not in text


class Half(Run):
    """A run of which a sweep has finished in part, as a killed one has."""

    @property
    def total(self) -> int:
        return super().total + 4

    @property
    def missing(self) -> int:
        return 4


def test_means_over_missing_trials_are_refused_unless_asked_for_and_then_say_of_how_many(
    run: Run, tmp_path: Path
) -> None:
    half = Half(run.path, msgspec.structs.replace(run.spec, replications=3, figures=run.spec.figures[:1]), run.code)
    with pytest.raises(InputError, match=r"4 of \d+ trials are missing, .* experiment resume .*, or .* --partial"):
        half.report(tmp_path / "half.html")
    assert not list(tmp_path.iterdir())
    partial = half.report(tmp_path / "half.html", partial=True)
    assert partial.figures[0].caption.endswith("Partial: 8/12 trials.")
    assert "This is a partial report: 4 are missing." in text_of(partial)


def test_an_interrupted_run_has_a_partial_report_only(tmp_path: Path) -> None:
    (tmp_path / "pages.toml").write_text(SPEC)

    def stop(advance: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(fencepost.Interrupted):
        fencepost.run_experiment(tmp_path / "pages.toml", out=tmp_path, backend="inline", on_progress=stop)
    begun = Run.open(tmp_path / "pages.db")
    assert 0 < begun.finished < begun.total
    with pytest.raises(InputError, match="trials are missing"):
        begun.report()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotWritten)  # what compares two sequencers has but one yet
        assert f"{begun.finished}/{begun.total} trials of" in text_of(begun.report(partial=True))


def test_a_figure_that_cannot_be_drawn_is_said_on_the_page_and_the_others_are_there(run: Run, tmp_path: Path) -> None:
    wrong = msgspec.structs.replace(run.spec.figures[0], x="rat")
    spec = msgspec.structs.replace(run.spec, figures=(wrong, run.spec.figures[1]))
    with pytest.warns(NotWritten, match="unknown column of figure 'load latency load': 'rat'|'rat'"):
        made = Run(run.path, spec, run.code).report(tmp_path / "wrong.html")
    assert (len(made.figures), len(made.undrawn)) == (1, 1)
    assert "A figure that cannot be drawn" in text_of(made)


def test_claims_that_the_spec_names_are_settled_now_and_it_is_said(run: Run, tmp_path: Path) -> None:
    spec = msgspec.structs.replace(run.spec, figures=(), claims=("C11",))
    text = text_of(Run(run.path, spec, run.code).report(tmp_path / "claims.html"))
    assert "by evidence that was made then and not from the trials above" in text
    assert re.search(r'<tr class="refuted"><td>C11</td>', text)


def test_the_command_writes_it_and_ends_with_the_verdict_of_the_run(run: Run, tmp_path: Path) -> None:
    ran = CliRunner().invoke(cli, ["experiment", "report", str(run.path), "--out", str(tmp_path / "a.html"), "--quiet"])
    assert ran.exit_code == 1
    last = ran.stdout.splitlines()[-1]
    assert f"verdict=violated property=- seed=0 trace=- trials={run.total}/{run.total} figures=7 undrawn=0" in last
    assert (tmp_path / "a.html").exists()
    assert len(list((tmp_path / "a").iterdir())) == 28
    with pytest.raises(InputError, match="no such file: expected the store"):
        CliRunner().invoke(cli, ["experiment", "report", str(tmp_path / "none.db")], catch_exceptions=False)


def filled(word: str) -> str:
    """Return a page in which a text stands wherever a user's can."""
    row = trial(word, 1_000, verdict="violated", explanation=word)
    failed = trial(word, 2_000, status="error", explanation=word)
    trials = [row, trial(word, 3_000), failed]
    shown = drawn(figure("detection-matrix", **ASKED["detection-matrix"], title=word or "x"), frame(trials))
    verdicts = [{"sweep": word, "engine": word, "verdict": "violated", "bound": word, "why": word}]
    return page(
        word, word, verdicts, trials, [shown], total=3, undrawn=[word], manifest=[{"fencepost": word, word: word}]
    )


@settings(max_examples=10, deadline=None)
@given(
    st.sampled_from(["<script>x</script>", "</style>", '"><img src=x>', "@FIGURES@", "'&amp;", "a" * 300])
    | st.text(min_size=1)
)
def test_any_text_of_a_user_is_text_on_the_page(word: str) -> None:
    """Whatever it is, the page has the tags that it has with a harmless word: no more, none fewer."""
    tags = [re.findall(r"<(/?[a-z0-9]+)", re.sub(r"(?s)<svg.*?</svg>", "", filled(each))) for each in (word, "word")]
    assert tags[0] == tags[1]


# --- as a browser shows it ---


MEASURE = """<!doctype html><body style="margin: 0"><iframe id="page" style="border: 0; width: WIDTHpx"></iframe>
<script>
const frame = document.getElementById("page");
frame.onload = () => {
  const shown = frame.contentDocument;
  const rects = Array.from(shown.images).map(each => {
    const box = each.getBoundingClientRect();
    return {left: box.left, top: box.top, right: box.right, bottom: box.bottom, natural: each.naturalWidth};
  });
  const {scrollWidth, scrollHeight} = shown.documentElement;
  document.documentElement.textContent = JSON.stringify({width: scrollWidth, height: scrollHeight, rects});
};
frame.srcdoc = PAGE;
</script>"""


def measured(path: Path, folder: Path, width: int) -> dict[str, Any]:
    """Return where the images of a page lie, and how far it reaches: in a frame: windows are 500 wide at least."""
    page_text = json.dumps(path.read_text()).replace("</", "<\\/")
    wrapper = folder / f"measured-{width}.html"
    wrapper.write_text(MEASURE.replace("WIDTH", str(width)).replace("PAGE", page_text))
    found = re.search(r"\{.*\}", dumped(f"file://{wrapper}", folder), re.DOTALL)
    assert found is not None
    places: dict[str, Any] = json.loads(found[0])
    return places


@pytest.fixture(scope="module", params=[1_280, 400])
def shown(
    request: pytest.FixtureRequest, written: Written, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[int, dict[str, Any], Image.Image]]:
    folder, width = tmp_path_factory.mktemp("browser"), request.param
    assert written.page is not None
    places = measured(written.page, folder, width)
    with Image.open(photographed(written.page, folder, width, places["height"])) as picture:
        yield width, places, picture.convert("L")


def test_no_figure_is_empty_and_none_is_small(shown: tuple[int, dict[str, Any], Image.Image], written: Written) -> None:
    width, places, picture = shown
    assert len(places["rects"]) == len(written.figures)
    for box in places["rects"]:
        assert box["natural"] > 0
        assert box["right"] - box["left"] >= min(width - 60, 600)
        part = picture.crop((int(box["left"]), int(box["top"]), int(box["right"]), int(box["bottom"])))
        histogram = part.histogram()
        assert sum(histogram[:250]) / (part.width * part.height) > 0.02
        assert sum(histogram[:80]) > 50  # text: it is drawn, and dark


def test_nothing_is_cut_at_the_edge_of_the_window(shown: tuple[int, dict[str, Any], Image.Image]) -> None:
    width, places, picture = shown
    assert places["width"] <= width
    for box in places["rects"]:
        assert box["left"] >= 0
        assert box["right"] <= width
    for column in (0, 1, width - 2, width - 1):
        low, _ = picture.crop((column, 0, column + 1, picture.height)).getextrema()
        assert low >= 250, f"something reaches the edge at column {column}"  # type: ignore[operator]  # of one band
