"""Arguments from Python: every verb names what it refuses, and a folder is text or a path."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from inspect import signature
from pathlib import Path
from typing import Any

import pytest

import fencepost
from fencepost.arguments import SECONDS, WHOLE
from fencepost.model.errors import InputError

TARGETS: dict[str, object] = {
    "ablate": "publication", "check": "order5.fetch_add", "claims": ["C11"], "compare": "order5.fetch_add",
    "explore": "order5.fetch_add", "litmus": "examples/herd/SB.litmus", "mutants": "no_wrap",
    "native_mutants": None, "prove": "order5.fetch_add", "simulate": None,
    "run_experiment": "src/fencepost/experiments/presets/smoke.toml",
    "verify": "examples/data/redis-order4-history.csv",
}  # fmt: skip
PATHS = ("out", "html", "kept_in", "calibrate")
WRONG: dict[str, tuple[object, ...]] = {name: (-1, "2", 1.5, True, float("nan"), 10**30) for name in WHOLE}
WRONG |= {name: (-1, "x", float("nan"), True, [1]) for name in SECONDS}
WRONG |= {name: (5, b"folder", "", ["folder"]) for name in PATHS}


def verbs() -> Iterator[tuple[str, Callable[..., Any]]]:
    for name in fencepost.__all__:
        verb = getattr(fencepost, name)
        if name in TARGETS:
            yield name, verb


def taken(verb: Callable[..., Any]) -> set[str]:
    return set(signature(verb).parameters)


def test_every_verb_with_such_an_argument_is_walked() -> None:
    known = {*WRONG} - {"seed", "out"}  # of those, `race` draws by a seed of 64 bits and `new` writes beside others
    for name in fencepost.__all__:
        verb = getattr(fencepost, name)
        if callable(verb) and not isinstance(verb, type) and taken(verb) & known:
            assert name in TARGETS, name


@pytest.mark.parametrize("name", [name for name, _ in verbs()])
def test_every_verb_refuses_a_wrong_argument_by_its_name_and_value(name: str) -> None:
    verb = getattr(fencepost, name)
    for argument in taken(verb) & {*WRONG}:
        for value in WRONG[argument]:
            with pytest.raises(InputError) as refused:
                verb(TARGETS[name], **{argument: value})
            assert f"{argument} is {value!r}: expected " in str(refused.value)


@pytest.mark.parametrize("name", ["explore", "check", "mutants", "compare", "simulate", "claims", "native_mutants"])
def test_no_jobs_are_refused(name: str) -> None:
    with pytest.raises(InputError, match="jobs is 0: expected a whole number of 1"):
        getattr(fencepost, name)(TARGETS[name], jobs=0)


@pytest.mark.parametrize("target", [[], (), 5, 0, b"order5.fetch_add", ["order5.fetch_add", "order4.claim"], ""])
def test_check_refuses_what_is_no_target(target: Any) -> None:
    with pytest.raises(InputError, match="expected"):
        fencepost.check(target)


def test_no_states_are_refused() -> None:
    with pytest.raises(InputError, match="states is 0: expected a whole number of 1"):
        fencepost.litmus("examples/herd/SB.litmus", states=0)


PROGRAM = """from fencepost.program import *

def writes(value):
    yield store(("x", "word"), value)
    yield optional(store_fence())
    ensure(value, "0 was stored")

mine = Program("mine", [thread(writes, 0)])
"""


WRITES: dict[str, Callable[[Any, Path], Any]] = {
    "explore": lambda out, program: fencepost.explore(program, out=out),
    "ablate": lambda out, program: fencepost.ablate(program, out=out),
    "check": lambda out, program: fencepost.check(program, out=out),
    "prove": lambda out, program: fencepost.prove("order5.highest_published", out=out),
    "mutants": lambda out, program: fencepost.mutants("no_wrap", engine="explorer-exhaustive", timeout=1, out=out),
    "simulate": lambda out, program: fencepost.simulate(fencepost.parse_scenario('duration = "1 ms"'), out=out),
    "verify": lambda out, program: fencepost.verify(
        "examples/data/redis-order4-history.csv",
        level=4,
        html=out + "/page.html" if isinstance(out, str) else out / "page.html"
    ),
    "write_export": lambda out, program: fencepost.write_export(
        fencepost.read_trace(Path("examples/data/inversion.itf.json")), "html", f"{out}/page.html"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRITES)
def test_a_folder_is_text_or_a_path(name: str, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(PROGRAM)
    text, path = tmp_path / "text", tmp_path / "path"
    WRITES[name](str(text), tmp_path / "mine.py")
    WRITES[name](path, tmp_path / "mine.py")
    assert sorted(each.name for each in text.iterdir()) == sorted(each.name for each in path.iterdir()) != []


def test_compare_takes_its_folders_as_text(tmp_path: Path) -> None:
    out, kept_in = str(tmp_path / "out"), str(tmp_path / "kept")
    report = fencepost.compare("order5.fetch_add", policy="stepped", examples=5, out=out, kept_in=kept_in)
    assert str(report.verdict) == "not found"
