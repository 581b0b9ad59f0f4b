"""A profile as a picture: the stages of a batch as one stacked bar, in HTML and PNG."""

from __future__ import annotations

import html
from pathlib import Path

from fencepost.bench.profile import Profile, Stage
from fencepost.model.writing import store

COLOURS = ("#4477aa", "#ee9944", "#66aa55", "#aa4466")


def write_picture(profile: Profile, folder: Path) -> list[Path]:
    """Write stages.html, which needs nothing else, and stages.png; return the files."""
    page, image = folder / "stages.html", folder / "stages.png"
    store(page, _page(profile))
    _draw(profile, image)
    return [page, image]


def _label(stage: Stage) -> str:
    low, high = stage.share.interval or (0.0, 0.0)
    return f"{stage.name}: {stage.share.value or 0:.0%} ({low:.0%}..{high:.0%}), {(stage.time.value or 0) / 1e3:.3g} us"


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
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title></head>\n'
        f'<body style="font:15px system-ui,sans-serif;margin:2em"><h1>{html.escape(title)}</h1>\n'
        f'<svg width="600" height="48" role="img">{"".join(bars)}</svg>\n<ul>{"".join(legend)}</ul>\n'
        "<p>Median of the repetitions, 95 % interval of the median.</p></body></html>\n"
    )


def _draw(profile: Profile, path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.5, 2.6), layout="constrained")
    axes, left = figure.add_subplot(), 0.0
    for colour, stage in zip(COLOURS, profile.stages, strict=False):
        share = 100 * (stage.share.value or 0.0)
        axes.barh([0], [share], left=left, color=colour, label=_label(stage))
        left += share
    axes.set_yticks([])
    axes.set_xlabel("% of a batch's time")
    axes.set_title(f"{profile.sequencer}: where a batch's time goes", fontsize=10)
    axes.set_xlim(0, 100)
    figure.legend(loc="outside lower center", fontsize=8)
    figure.savefig(path, format="png", metadata={"Software": None}, dpi=120)
