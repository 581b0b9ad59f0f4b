"""A profile as a picture: the stages of a batch as one stacked bar, in HTML and PNG."""

from __future__ import annotations

import html
from dataclasses import replace
from functools import partial
from pathlib import Path

from fencepost.bench.decisions.profile import Profile, Stage
from fencepost.experiments.figures.stages import stack
from fencepost.experiments.figures.style import COLOURS, WIDTH_INCHES, caption_below, drawing, encoded, title_above
from fencepost.model.page_policy import NO_SCRIPT
from fencepost.model.writing import kept, store

LONGEST_NAME = 30  # characters in the picture; the page has names whole


def write_picture(profile: Profile, folder: Path) -> list[Path]:
    """Write stages.html, which needs nothing else, and stages.png; return the files that could be written."""
    page = kept(folder / "stages.html", partial(store, data=_page(profile)))
    image = kept(folder / "stages.png", partial(_draw, profile))
    return [path for path in (page, image) if path is not None]


def _label(stage: Stage) -> str:
    low, high = stage.share.interval or (0.0, 0.0)
    share = f"{_percent(stage.share.value or 0.0)} ({_percent(low)}..{_percent(high)})"
    return f"{stage.name}: {share}, {(stage.time.value or 0) / 1e3:.3g} us"


def _cut(name: str) -> str:
    """Return a name as a picture has room for it: beside one of any length nothing would be left of the bar."""
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"


def _percent(share: float) -> str:
    """Return a share with two digits: a lock takes some hundredths of a per cent of a batch's way, and not none."""
    return f"{share:.0%}" if share >= 0.1 else f"{100 * share:.2g}%"


def _page(profile: Profile) -> str:
    total = sum(each.share.value or 0.0 for each in profile.stages)
    bars, legend, left = [], [], 0.0
    for colour, stage in zip(COLOURS, profile.stages, strict=False):
        width = 600 * (stage.share.value or 0.0) / total
        bars.append(f'<rect x="{left:.1f}" y="0" width="{width:.1f}" height="48" fill="{colour}"/>')
        legend.append(f'<li><span style="color:{colour}">&#9632;</span> {html.escape(_label(stage))}</li>')
        left += width
    title = f"{profile.sequencer}: where a batch's time goes"
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">{NO_SCRIPT}'
        f"<title>{html.escape(title)}</title></head>\n"
        f'<body style="font:15px system-ui,sans-serif;margin:2em"><h1>{html.escape(title)}</h1>\n'
        f'<svg width="600" height="48" role="img">{"".join(bars)}</svg>\n<ul>{"".join(legend)}</ul>\n'
        "<p>Median of the repetitions, 95 % interval of the median.</p></body></html>\n"
    )


def _draw(profile: Profile, path: Path) -> None:
    # A line of the legend for each stage, as each has its interval; below it the bar.
    with drawing((WIDTH_INCHES, 1.4 + 0.25 * len(profile.stages))) as figure:
        axes = figure.add_subplot()
        shares = [100 * (stage.share.value or 0.0) for stage in profile.stages]
        labels = [_label(replace(stage, name=_cut(stage.name))) for stage in profile.stages]
        stack(figure, axes, [_cut(profile.sequencer)], labels, [shares])
        axes.set_xlabel("% of a batch's time")
        title_above(figure, f"{_cut(profile.sequencer)}: where a batch's time goes")
        count = profile.stages[0].time.n if profile.stages else 0
        caption_below(
            figure, f"Median of n = {count} races; behind each stage the 95 % interval of its share's median."
        )
        store(path, encoded(figure, "png"))
