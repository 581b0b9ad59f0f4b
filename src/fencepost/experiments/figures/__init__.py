"""Figures of an experiment: from its trials to what is plotted, and from that to a picture.

style          the one style, formats of files
scales         names with units, where values lie on an axis
trials         cells, estimates, series, captions
points, distribution, stages, grids   the kinds
drawn          one figure: its rows, its caption, its files
"""

from fencepost.experiments.figures.drawn import KINDS, Drawn, check_figure, drawn, write_figures

__all__ = ["KINDS", "Drawn", "check_figure", "drawn", "write_figures"]
