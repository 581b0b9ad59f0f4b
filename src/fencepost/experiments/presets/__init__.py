"""Specs to begin with: each file of this folder is a preset, a commented spec that runs as it is.

A line that ends with `# smoke: VALUE` has that value in the preset's quick form, which shows only that all of it runs.
"""

from __future__ import annotations

import re
from pathlib import Path

from fencepost.model.errors import InputError, unknown_choice
from fencepost.model.writing import store

FOLDER = Path(__file__).parent
PRESETS = tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))
_QUICK = re.compile(r"^(\w+ = )(.*?)  +# smoke: (.*)$", re.MULTILINE)


def preset_text(preset: str, *, smoke: bool = False) -> str:
    """Return the spec of a preset, or its quick form. Raises InputError for an unknown one."""
    if preset not in PRESETS:
        raise unknown_choice("preset", preset, PRESETS)
    text = (FOLDER / f"{preset}.toml").read_text(encoding="utf-8")
    return _QUICK.sub(r"\1\3" if smoke else r"\1\2", text)


def sentence_of(preset: str) -> str:
    """Return the first line of a preset: the question that it answers."""
    return preset_text(preset).partition("\n")[0].lstrip("# ")


def new_experiment(preset: str, path: str | Path | None = None, *, smoke: bool = False) -> Path:
    """Write the spec of a preset, or its quick form, and return its path: without one, PRESET.toml here.

    >>> fencepost.new_experiment("mutex-or-claim").name
    'mutex-or-claim.toml'

    Raises InputError for an unknown preset, and where the file is there already.
    """
    text = preset_text(preset, smoke=smoke)
    target = Path(f"{preset}{'-smoke' if smoke else ''}.toml") if path is None else Path(path)
    if target.exists():
        raise InputError(f"{target} is there already: expected another name, with --out")
    store(target, text)
    return target
