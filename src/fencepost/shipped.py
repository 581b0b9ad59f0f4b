"""The examples, which ship with the package: `src/fencepost/examples` is the folder of that name in a checkout."""

import os
from pathlib import Path

from fencepost.model.errors import InputError

EXAMPLES = Path(__file__).parent / "examples"
LEFT_OUT = ("produce.py", "__pycache__")  # the first writes the documents of a checkout


def copy_examples(folder: str | Path) -> list[Path]:
    """Copy the examples into a folder, which is made where there is none; return the files, in reading order.

    Raises InputError where a file is there already, before anything is copied, and where one cannot be written.

    >>> fencepost.copy_examples("fencepost-examples")[1].name
    '01_check_a_recording.py'
    """
    sources = sorted(
        path.relative_to(EXAMPLES)
        for path in EXAMPLES.rglob("*")
        if path.is_file() and not set(LEFT_OUT) & set(path.relative_to(EXAMPLES).parts)
    )
    targets = [Path(folder) / source for source in sources]
    for target in targets:
        if os.path.lexists(target):
            raise InputError(f"{target} is there already: expected a folder without the examples, such as a new one")
    try:
        for source, target in zip(sources, targets, strict=True):
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((EXAMPLES / source).read_bytes())
    except OSError as error:
        raise InputError(f"{error.filename} cannot be written: {error.strerror}: expected a folder that can") from None
    return targets
