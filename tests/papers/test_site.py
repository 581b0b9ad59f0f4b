"""The site: it builds with warnings as errors, asks nothing of the network, and its reference is the code's."""

import importlib.util
import inspect
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from browser import dumped

import fencepost
from fencepost.command_line import COMMANDS
from fencepost.model.contract import CONTRACT
from fencepost.model.memory.profiles import PROFILES
from fencepost.model.simulation.scenario import Scenario

ROOT = Path(__file__).parents[2]


def load_reference() -> ModuleType:
    spec = importlib.util.spec_from_file_location("reference", ROOT / "docs" / "reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


REFERENCE = load_reference()


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    found: dict[str, str] = REFERENCE.pages()
    return found


def build(configuration: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    pytest.importorskip("mkdocs", reason="mkdocs is not installed (the extra `docs`): the site was not built")
    command = [sys.executable, "-B", "-m", "mkdocs", "build", "--strict", "--config-file", str(configuration)]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    return subprocess.run([*command, "--site-dir", str(folder)], env=environment, capture_output=True, text=True,
                          check=False)  # fmt: skip


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    ran = build(ROOT / "mkdocs.yml", folder)
    assert ran.returncode == 0, ran.stderr
    assert "WARNING" not in ran.stderr
    return folder


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        ("[gone](gone.md)", "'gone.md', but the target is not found"),
        ("[gone](index.md#gone)", "does not contain an anchor '#gone'"),
    ],
)
def test_a_link_that_leads_nowhere_stops_the_site(text: str, warning: str, tmp_path: Path) -> None:
    """With --quiet no warning counts, and --strict passes whatever is wrong: the site was once built so."""
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    shutil.copy(ROOT / "mkdocs.yml", tmp_path)
    (tmp_path / "tests").symlink_to(ROOT / "tests")
    (tmp_path / "docs" / "new.md").write_text(f"# New\n\n{text}\n")
    ran = build(tmp_path / "mkdocs.yml", tmp_path / "site")
    assert ran.returncode == 1
    assert warning in ran.stderr
    assert "not included in the" not in ran.stderr  # a page without a place in the navigation gets one


def test_the_site_builds_without_a_warning_and_has_every_page(site: Path, pages: dict[str, str]) -> None:
    written = {path.relative_to(site).with_suffix(".md").as_posix() for path in site.rglob("*.html")}
    assert written >= {f"{path.stem}.md" for path in (ROOT / "docs").glob("*.md")} | set(pages)


def test_no_page_loads_anything_from_the_network(site: Path) -> None:
    for page in site.rglob("*.html"):
        loaded = re.findall(r'<(?:script|link|img|iframe)[^>]*(?:src|href)="?((?:https?:)?//[^"> ]+)', page.read_text())
        assert not loaded, f"{page.name} loads {loaded}"


def test_the_search_finds_commands_promises_and_sequencers(site: Path) -> None:
    index = json.loads((site / "search" / "search_index.json").read_text())
    text = "\n".join(f"{each['title']} {each['text']}" for each in index["docs"])
    for word in ("fencepost explore", "no-overwrite", "order4.claim", "reader_never_invalidates"):
        assert word in text


def test_the_search_works_from_a_file_system(site: Path) -> None:
    """Browsers refuse a Worker there; without the site's own script the search stays empty."""
    script = (site / "assets" / "worker.js").read_text()
    assert 'location.protocol === "file:"' in script
    for page in (site / "index.html", site / "reference" / "commands" / "check.html"):
        (source,) = re.findall(r'src="([^"]*worker\.js)"', page.read_text())
        assert (page.parent / source).resolve() == (site / "assets" / "worker.js").resolve()


def test_a_search_from_a_file_system_finds_a_page(site: Path, tmp_path: Path) -> None:
    dom = dumped(f"file://{site}/index.html?q=cas_then_reserve", tmp_path, budget_ms=10_000)
    assert re.search(r"\d+ matching documents", dom)
    assert "check.html?h=cas_then_reserve" in dom


def test_every_command_and_subcommand_has_its_help_on_a_page(pages: dict[str, str]) -> None:
    for command in COMMANDS:
        page = pages[f"reference/commands/{command.name}.md"]
        for option in (option for each in command.params for option in each.opts if option.startswith("--")):
            assert option in page
        for name in getattr(command, "commands", {}):
            assert f"## fencepost {command.name} {name}" in page


def test_every_public_name_is_on_the_python_page_with_what_it_says(pages: dict[str, str]) -> None:
    for name in fencepost.__all__:
        _, heading, section = pages["reference/python.md"].partition(f"\n## {name}\n")
        assert heading, name
        value, shown = getattr(fencepost, name), section.split("\n## ")[0]
        if inspect.isclass(value) or inspect.isfunction(value):
            assert (value.__doc__ or "").strip().splitlines()[0] in shown
        assert len(shown.strip()) > len(name)
    assert " at 0x" not in pages["reference/python.md"]


def test_the_reference_has_what_the_code_has(pages: dict[str, str]) -> None:
    for promise in CONTRACT:
        assert promise.promise in pages["reference/contract.md"].replace("\\", "")
    for profile in PROFILES.values():
        assert f"| `{profile.name}` | {profile.purpose}" in pages["reference/memory.md"]
    for key in Scenario.__struct_fields__:
        assert f"| `{key}` |" in pages["reference/scenario.md"]


def test_a_table_keeps_what_markdown_would_take_for_its_own() -> None:
    assert REFERENCE.cell("a | b_c <d>") == r"a \| b\_c \<d\>"
    assert REFERENCE.code("a | b") == "<code>a &#124; b</code>"
