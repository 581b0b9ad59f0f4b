"""The examples, which ship with the package: `src/fencepost/examples` is the folder of that name in a checkout."""

import os
from pathlib import Path

from fencepost.model.errors import InputError
from fencepost.model.writing import store

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
    written: list[Path] = []
    try:
        for source, target in zip(sources, targets, strict=True):
            store(target, (EXAMPLES / source).read_bytes())
            written.append(target)
    except InputError as error:
        for target in written:  # some of the examples are of no use
            target.unlink()
        raise InputError(f"{error}: expected a folder that can") from None
    return targets
