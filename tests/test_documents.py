"""The documents: what README and the examples show is what the program prints today."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parent.parent


def load_produce() -> ModuleType:
    spec = importlib.util.spec_from_file_location("produce", ROOT / "examples" / "produce.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PRODUCE = load_produce()
BLOCKS = [(found[2], found[3]) for path in PRODUCE.documents() for found in PRODUCE.BLOCK.finditer(path.read_text())]


@pytest.mark.parametrize("example", PRODUCE.examples(), ids=lambda path: path.stem)
def test_an_example_prints_what_is_committed(example: Path) -> None:
    assert PRODUCE.example_output(example) == example.with_suffix(".out").read_text()


@pytest.mark.parametrize(("command", "shown"), BLOCKS, ids=[command for command, _ in BLOCKS])
def test_a_document_shows_what_the_command_prints(command: str, shown: str) -> None:
    assert PRODUCE.masked(PRODUCE.output_of(command)) == PRODUCE.masked(shown)


def test_readme_shows_at_least_the_main_job_and_a_refutation() -> None:
    assert {command for command, _ in BLOCKS} >= {
        "fencepost check --sequencer order4.claim",
        "fencepost check --sequencer order4.cas_then_reserve",
    }


def test_every_file_that_a_document_names_exists() -> None:
    for document in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"):
        for name in re.findall(r"`([\w./]+/[\w./]*|[\w/]+\.(?:py|md|hpp|cpp|toml))`", (ROOT / document).read_text()):
            assert (ROOT / name).exists() or list(ROOT.glob(f"*/**/{name}")), f"{document} names {name}"
