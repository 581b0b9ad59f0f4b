"""Write the examples' outputs (`name.out`) and the outputs that README.md and docs/ show. Run it by `make readme`.

In a document, a block that follows `<!-- output of: COMMAND -->` is what COMMAND prints; with `| head -N` behind it,
the first N lines of that. Figures that differ from run to run (times, what threads happened to do) are replaced by `_`
where outputs are compared.
A block that follows `<!-- measured by: COMMAND -->` is what COMMAND printed on one machine: it is compared with
nothing, and written only by `produce.py --measured`.
"""

import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BLOCK = re.compile(r"(<!-- output of: (.+?) -->\n```text\n)(.*?)(```)", re.DOTALL)
MEASURED = re.compile(BLOCK.pattern.replace("output of", "measured by"), re.DOTALL)
VARYING = re.compile(r"^(seconds|happened|real-time).*$|\d+\.\d+ s\b", re.MULTILINE)


def masked(text: str) -> str:
    """Return an output without what differs from run to run."""
    lines = (VARYING.sub("_", line).rstrip() for line in text.splitlines())
    return re.sub(r"[ ]{2,}", "  ", "\n".join(lines))


def in_a_process(arguments: list[str], folder: Path) -> str:
    """Return what `fencepost` with these arguments prints in a folder."""
    command = [sys.executable, "-m", "fencepost", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False).stdout


Runner = Callable[[list[str], Path], str]


def output_of(command: str, run: Runner = in_a_process) -> str:
    """Return what a `fencepost ...` command prints; behind `| head -N`, the first N lines of it."""
    command, _, head = command.partition(" | head -")
    return "".join(printed(command, run)[: int(head) if head else None])


@cache
def printed(command: str, run: Runner) -> list[str]:
    """Return the lines that a command prints, run in an empty folder beside links to the repository's."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("examples", "tests"):
            (Path(folder) / name).symlink_to(ROOT / name)
        said = run(command.removeprefix("fencepost ").split(), Path(folder))
    return [f"{line.rstrip()}\n" for line in said.splitlines()]


def example_output(example: Path) -> str:
    """Return what an example prints."""
    return subprocess.run([sys.executable, str(example)], capture_output=True, text=True, check=True).stdout


def examples() -> list[Path]:
    """Return the numbered examples, in reading order, and those of users' own work."""
    return [*sorted((ROOT / "examples").glob("[0-9][0-9]_*.py")), *sorted((ROOT / "examples" / "own").glob("*.py"))]


def documents() -> list[Path]:
    """Return the documents that show outputs."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def write_blocks(blocks: re.Pattern[str]) -> None:
    """Write the blocks of one kind anew, in every document."""
    for document in documents():
        text = blocks.sub(lambda found: f"{found[1]}{output_of(found[2])}{found[4]}", document.read_text())
        document.write_text(text)


def produce() -> None:
    """Write every output anew."""
    for example in examples():
        example.with_suffix(".out").write_text(example_output(example))
    write_blocks(BLOCK)


if __name__ == "__main__":
    write_blocks(MEASURED) if "--measured" in sys.argv else produce()
