"""Runs for other tools: Chrome's trace viewer and Perfetto, ShiViz, and a page of their own for any browser."""

from fencepost.model.explorer.exports.chrome import chrome_document
from fencepost.model.explorer.exports.page import Lanes, lanes, page, spec_lanes, spec_page
from fencepost.model.explorer.exports.shiviz import SHIVIZ_REGULAR_EXPRESSION, shiviz_log

__all__ = [
    "SHIVIZ_REGULAR_EXPRESSION", "Lanes", "chrome_document", "lanes", "page", "shiviz_log", "spec_lanes", "spec_page",
]  # fmt: skip
