"""Files to begin with: each file of this folder is the template of one kind, named like it.

A template is itself a file that runs. `NewName` and `new_name` stand for the name that a user gives; a line that holds
four spaces and `fencepost`, after what makes it a comment, is a command to run; one that ends with one of `MARKS` is
the line to delete.
"""

import builtins
import io
import keyword
import re
import tokenize
from pathlib import Path

from fencepost.model.errors import InputError, unknown_choice
from fencepost.model.writing import store

FOLDER = Path(__file__).parent
CLASS, FILE = "NewName", "new_name"
MARKS = ("delete this line to see a counterexample", "delete this line to see a difference")
_RESERVED = {*keyword.kwlist, *dir(builtins)}
"""Words that a name in Python cannot be, or must not hide."""
_COMMAND = re.compile(r"(?://)? {4,}(fencepost .*)")


def kinds() -> dict[str, Path]:
    """Return the template of each kind."""
    found = sorted(path for path in FOLDER.iterdir() if path.is_file() and not path.name.startswith("_"))
    return {path.stem: path for path in found}


def new(kind: str, name: str, out: str | Path = ".") -> Path:
    """Write one commented file of a kind, such as "protocol", "program" or "cpp", that runs at once; return its path.

    >>> fencepost.new("protocol", "TwoReplicas").name
    'two_replicas.py'

    Raises InputError for a kind that there is not, a name that is no word or that means something else in the file, and
    a file that is there already.
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
    template, made = templates[kind].read_text(encoding="utf-8"), "".join(f"{w[0].upper()}{w[1:]}" for w in words)
    for each in {FILE: file, CLASS: made}.items():
        _refuse_taken(name, *each, template, path.suffix)
    text = template.replace(CLASS, made)
    try:
        store(path, text.replace(f"{FILE}{path.suffix}", str(path)).replace(FILE, file))
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}: expected a folder that can") from None
    return path


def _refuse_taken(name: str, stands: str, word: str, template: str, suffix: str) -> None:
    """Raise InputError where the word for a name, which stands in a template, means something else there."""
    tokens = _names_in(template, suffix)
    taken = tokens - {FILE, CLASS} | (_RESERVED if suffix == ".py" else set())
    if stands in tokens and word in taken:
        raise InputError(f"{name!r} cannot be the name: {word} means something else in the file; expected another")


def _names_in(template: str, suffix: str) -> set[str]:
    """Return the words of a template that are neither in comments nor in strings."""
    if suffix == ".py":
        read = tokenize.generate_tokens(io.StringIO(template).readline)
        return {each.string for each in read if each.type == tokenize.NAME}
    return set(re.findall(r"[A-Za-z_]\w*", re.sub(r'//.*|"[^"\n]*"|/\*.*?\*/', "", template)))


def commands_of(path: Path) -> list[str]:
    """Return the commands that a new file names."""
    matches = map(_COMMAND.fullmatch, path.read_text(encoding="utf-8").splitlines())
    return [match[1] for match in matches if match]


def marked_line_number(path: Path) -> int:
    """Return the number of the line of a new file to delete, from 1."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, start=1) if line.endswith(MARKS))
