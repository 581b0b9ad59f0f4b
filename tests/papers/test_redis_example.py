"""A stream of a real Redis server is recorded and judged; what is planted in the recording is found."""

import importlib.util
import shutil
from pathlib import Path
from types import ModuleType

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "13_record_a_redis_stream.py"


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("redis_stream", EXAMPLE)
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
    assert example.judge(tmp_path) == "not found"  # the recording that stays is whole
    stream.write_text("".join(lines[:300] + lines[301:]))
    assert example.judge(tmp_path) == "violated"


def test_without_a_server_the_example_says_which_package_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert load().main(tmp_path) == 2
    assert "install Debian's package redis-server" in capsys.readouterr().out


def test_continuous_integration_installs_the_server() -> None:
    programs = (EXAMPLE.parent.parent / ".ci" / "programs").read_text()
    assert "redis-server" in programs.split("for program in ", 1)[1].splitlines()[0]
