"""The documents: what README and the examples show is what the program prints today."""

import importlib.util
import re
import shutil
from pathlib import Path
from types import ModuleType
from typing import Any

import click
import pytest
from commands import run

from fencepost import program
from fencepost.command_line import EXIT_BAD_INPUT, EXIT_BUG, EXIT_INTERRUPTED, cli
from fencepost.model.contract import CONTRACT, Verdict
from fencepost.model.errors import InputError
from fencepost.model.litmus import parse_test
from fencepost.model.memory.program import Op
from fencepost.model.report import ENGINES

ROOT = Path(__file__).parents[2]


def load_produce() -> ModuleType:
    spec = importlib.util.spec_from_file_location("produce", ROOT / "examples" / "produce.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PRODUCE = load_produce()
NEEDED = {"13_record_a_redis_stream": "redis-server"}
"""Programs that an example cannot do without, beside Python."""
BLOCKS = [(found[2], found[3]) for path in PRODUCE.documents() for found in PRODUCE.BLOCK.finditer(path.read_text())]


@pytest.mark.parametrize("example", PRODUCE.examples(), ids=lambda path: path.stem)
def test_an_example_prints_what_is_committed(example: Path) -> None:
    program = NEEDED.get(example.stem)
    if program is not None and shutil.which(program) is None:
        pytest.skip(f"no {program} on this machine: Debian's package of that name has it")
    assert PRODUCE.example_output(example) == example.with_suffix(".out").read_text()


def forked(arguments: list[str], folder: Path) -> str:
    return run(*arguments, cwd=folder).stdout


@pytest.mark.parametrize(("command", "shown"), BLOCKS, ids=[command for command, _ in BLOCKS])
def test_a_document_shows_what_the_command_prints(command: str, shown: str) -> None:
    assert PRODUCE.masked(PRODUCE.output_of(command, forked)) == PRODUCE.masked(shown)


COMMAND_LINE = re.compile(r"(?:^ {4}|^\$ |^|`)fencepost ([a-z]+(?: [a-z]+)?)((?: [^`\n]*)?)", re.MULTILINE)


def options_of(verb: str) -> set[str]:
    """Return the options of a command, or of a command of a group, without loading what it runs."""
    command: Any = cli
    context = click.Context(cli)
    for word in verb.split():
        if not isinstance(command, click.Group):
            break
        command = command.get_command(context, word)
    if command.name == "bench":  # without a command it measures paths, or races two sides
        return options_of("bench paths") | options_of("bench race")
    return {name for each in command.params for name in (*each.opts, *each.secondary_opts)} | {"--help", "-h"}


def test_every_option_in_a_document_is_one_of_its_command() -> None:
    """A page told for a while to write a run by `replay --out`, which had become `--to`."""
    unknown = []
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        for verb, rest in COMMAND_LINE.findall(path.read_text()):
            if verb.split()[0] not in cli.commands:
                continue
            given = re.findall(r"(?<= )--?[a-z][a-z-]*", rest.partition("  ")[0].partition("|")[0].partition(" #")[0])
            unknown += [f"{path.name}: {verb} {each}" for each in given if each not in options_of(verb)]
    assert not unknown


def test_readme_shows_at_least_the_main_job_and_a_refutation() -> None:
    assert {command for command, _ in BLOCKS} >= {
        "fencepost check --sequencer order4.claim",
        "fencepost check --sequencer order4.cas_then_reserve",
    }


def test_readme_is_one_page_and_says_at_once_what_the_levels_promise() -> None:
    lines = (ROOT / "README.md").read_text().splitlines()
    assert len(lines) <= 150
    first_screen = "\n".join(lines[:24])
    assert "| level 4 | level 5 |" in first_screen
    assert "make test" in "\n".join(lines)  # what .ci/run calls


def test_the_architecture_is_one_page_with_a_line_for_every_room() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    assert len(text.splitlines()) <= 100
    rooms = [each for each in (ROOT / "model").iterdir() if each.is_dir() and (each / "__init__.py").exists()]
    for room in ("src/fencepost", "proofs", "native", *(f"model/{each.name}" for each in rooms)):
        assert f"| `{room}/` |" in text


# Of what a page has beside produced outputs. `bench.md` is one table of paths after the other.
LONGEST_PAGE, LONG = 150, {"bench.md": 250}


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=lambda page: page.stem)
def test_a_page_can_be_read_in_one_sitting(page: Path) -> None:
    written = re.sub(r"```text\n.*?```\n", "", page.read_text(), flags=re.DOTALL)
    assert len(written.splitlines()) <= LONG.get(page.name, LONGEST_PAGE)


@pytest.mark.parametrize("page", PRODUCE.documents(), ids=lambda page: page.name)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    text = page.read_text()
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)", text):
        linked = page.parent / target if target else page
        assert linked.exists(), f"{page.name} links to {target}"
        headings = re.findall(r"^#+ (.+)$", linked.read_text(), re.MULTILINE) if anchor else []
        slugs = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
        assert not anchor or anchor in slugs, f"{page.name} links to {target}#{anchor}"


def test_the_concepts_have_every_promise_verdict_engine_and_exit_code() -> None:
    text = (ROOT / "docs" / "concepts.md").read_text()
    for each in CONTRACT:
        assert f"| `{each.name}` | {', '.join(map(str, each.levels))} |" in text
    for word in (*Verdict, *ENGINES):
        assert f"| `{word}` |" in text
    for code in (0, 1, EXIT_BAD_INPUT, 3, EXIT_BUG):
        assert f"| {code} |" in text
    assert f"| {EXIT_INTERRUPTED}, 143 |" in text


def test_the_page_on_own_work_has_every_operation() -> None:
    text = (ROOT / "docs" / "own.md").read_text()
    for name in set(program.__all__) - {"Thread"}:  # the type that `thread` returns
        assert re.search(rf"`[^`]*\b{name}\b", text), name


def test_the_litmus_format_has_every_instruction_and_its_examples_parse() -> None:
    text = (ROOT / "docs" / "litmus-format.md").read_text()
    (example,) = re.findall(r"```litmus\n(.*?)```", text, re.DOTALL)
    assert parse_test(example).bad.text == "1:a=1 & 1:b=0"
    for operation in Op:
        assert re.search(rf"^\| `{operation.name}[ `]", text, re.MULTILINE), operation
    for word in ("name", "profile", "line", "init", "bad", "stale", "why", "expect"):
        assert re.search(rf"^\| `{word} ", text, re.MULTILINE), word


@pytest.mark.parametrize(
    ("instruction", "operands"),
    re.findall(r"^\| `([A-Z]+)((?: [a-z]+)*)` \|", (ROOT / "docs" / "litmus-format.md").read_text(), re.MULTILINE),
    ids=lambda part: part.strip() or None,
)
def test_an_instruction_of_the_litmus_format_is_written_as_the_page_says(instruction: str, operands: str) -> None:
    values = {"x": "d", "r": "a", "v": "1", "n": "0", "old": "0", "new": "1"}
    written = " ".join([instruction, *(values[each] for each in operands.split())])
    assert parse_test(f"H0: R a d; {written}\nbad 0:a=0").program.threads[0].instructions[1].op is Op[instruction]
    with pytest.raises(InputError, match="operands"):
        parse_test(f"H0: R a d; {written} d\nbad 0:a=0")


def test_every_file_that_a_document_names_exists() -> None:
    for document in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"):
        for name in re.findall(r"`([\w./]+/[\w./]*|[\w/]+\.(?:py|md|hpp|cpp|toml))`", (ROOT / document).read_text()):
            assert (ROOT / name).exists() or list(ROOT.glob(f"*/**/{name}")), f"{document} names {name}"
