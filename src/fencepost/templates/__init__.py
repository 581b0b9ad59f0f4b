"""Files to begin with: each file of this folder is the template of one kind, named like it.

A template is itself a file that runs. `NewName` and `new_name` stand for the name that a user gives; a line that holds
four spaces and `fencepost`, after what makes it a comment, is a command to run; one that ends with one of `MARKS` is
the line to delete.
"""

import re
from pathlib import Path

from fencepost.model.errors import InputError, unknown_choice
from fencepost.model.writing import store

FOLDER = Path(__file__).parent
CLASS, FILE = "NewName", "new_name"
MARKS = ("delete this line to see a counterexample", "delete this line to see a difference")
_COMMAND = re.compile(r"(?://)? {4,}(fencepost .*)")


def kinds() -> dict[str, Path]:
    """Return the template of each kind."""
    found = sorted(path for path in FOLDER.iterdir() if path.is_file() and not path.name.startswith("_"))
    return {path.stem: path for path in found}


def new(kind: str, name: str, out: str | Path = ".") -> Path:
    """Write one commented file of a kind, such as "protocol", "program" or "cpp", that runs at once; return its path.

    >>> fencepost.new("protocol", "TwoReplicas").name
    'two_replicas.py'

    Raises InputError for a kind that there is not, a name that is no word, and a file that is there already.
    """
    templates = kinds()
    if kind not in templates:
        raise unknown_choice("template", kind, templates)
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name)
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", name) or not words:
        raise InputError(f"{name!r} is no name: expected letters, digits, _ and -, such as TwoReplicas or two-replicas")
    file = "_".join(word.lower() for word in words)
    path = Path(out) / f"{file}{templates[kind].suffix}"
    if path.exists():
        raise InputError(f"{path} is there already: expected another name, or another folder")
    text = templates[kind].read_text(encoding="utf-8").replace(CLASS, "".join(f"{w[0].upper()}{w[1:]}" for w in words))
    try:
        store(path, text.replace(f"{FILE}{path.suffix}", str(path)).replace(FILE, file))
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}: expected a folder that can") from None
    return path


def commands_of(path: Path) -> list[str]:
    """Return the commands that a new file names."""
    matches = map(_COMMAND.fullmatch, path.read_text(encoding="utf-8").splitlines())
    return [match[1] for match in matches if match]


def marked_line_number(path: Path) -> int:
    """Return the number of the line of a new file to delete, from 1."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, start=1) if line.endswith(MARKS))
