"""A headless Chromium without a network: pages as it has them after their scripts ran, and as pictures."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest


def find_chromium() -> str:
    """Return the browser; a test that needs it is skipped where there is none."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    pytest.skip("no chromium, chromium-browser or google-chrome on PATH: the page was not opened")


def _browsed(address: str, folder: Path, *options: str) -> str:
    command = [
        find_chromium(), "--headless", "--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP * ~NOTFOUND",
        "--hide-scrollbars", f"--user-data-dir={folder / 'profile'}", *options, address,
    ]  # fmt: skip
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=500).stdout


def dumped(address: str, folder: Path, *, budget_ms: int = 2_000, width: int = 1_280) -> str:
    """Return the page at an address after its scripts ran."""
    return _browsed(address, folder, f"--virtual-time-budget={budget_ms}", f"--window-size={width},900", "--dump-dom")


def photographed(path: Path, folder: Path, width: int, height: int) -> Path:
    """Return a picture of a page in a window of a size."""
    picture = folder / f"{path.stem}-{width}.png"
    _browsed(f"file://{path}", folder, f"--window-size={width},{height}", f"--screenshot={picture}")
    return picture
