"""A stream of a real Redis server is recorded and judged; what is planted in the recording is found."""

import importlib.util
import shutil
from pathlib import Path
from types import ModuleType

import pytest

EXAMPLE = Path(__file__).parent.parent / "examples" / "redis_streams.py"


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("redis_streams", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.skipif(shutil.which("redis-server") is None, reason="no redis-server on this machine")
def test_a_stream_of_a_real_server_holds_and_a_lost_entry_is_found(tmp_path: Path) -> None:
    example = load()
    assert example.main(tmp_path) == 0
    stream = tmp_path / "stream.csv"
    lines = stream.read_text().splitlines(keepends=True)
    assert len(lines) == example.CLIENTS * example.BATCHES + 1
    stream.write_text("".join(lines[:300] + lines[301:]))
    assert example.judge(tmp_path) == "violated"
