"""Files of the cache: examples are read by a schema, and nothing that stands in a file is ever run."""

from __future__ import annotations

import ast
import hashlib
import os
import pickle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fencepost.comparing.kept import BYTES_MOST, KEPT_MOST, SCHEMA, keep, kept
from fencepost.comparing.modules import Native
from fencepost.comparing.policies.attempted import Attempted, Compiled
from fencepost.comparing.policies.raced import Raced
from fencepost.comparing.policies.stepped import Stepped
from fencepost.comparing.run import compare
from fencepost.comparing.search import Task
from fencepost.model.contract import Verdict
from fencepost.native import Mutant

ROOT = Path(__file__).parents[2]
NATIVE = Native("module", "file")
TASKS: tuple[Task, ...] = (
    Stepped("order4.claim", NATIVE),
    Attempted("mine", 4, Compiled(NATIVE)),
    Raced("order5.fetch_add", NATIVE),
)


def file_of(folder: Path, task: Task, suffix: str) -> Path:
    folder.mkdir(exist_ok=True)
    return folder / f"{hashlib.sha256(task.key.encode()).hexdigest()[:24]}.{suffix}"


class Shell:
    """What a crafted pickle is made of."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.target}",)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.policy)
def test_what_was_kept_is_read_again(task: Task, tmp_path: Path) -> None:
    @settings(max_examples=50, database=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(task.strategy(), max_size=3))
    def read_again(examples: list[Any]) -> None:
        keep(tmp_path, task, examples)
        assert kept(tmp_path, task) == examples

    read_again()
    assert KEPT_MOST > 3


@pytest.mark.parametrize("suffix", ["pickle", "json"])
@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.policy)
def test_a_crafted_file_runs_nothing(task: Task, suffix: str, tmp_path: Path) -> None:
    """A pickle that runs a shell command was read by an unpickler that took names for a part of an example."""
    target = tmp_path / "ran"
    dotted = b"cfencepost.comparing.modules\nsys.modules.__getitem__\n(S'os'\ntR"
    system = f"cfencepost.mutations.building\nos.system\n(S'touch {target}'\ntR.".encode()
    for crafted in (pickle.dumps([Shell(target)]), system, dotted):
        file_of(tmp_path / "kept", task, suffix).write_bytes(crafted)
        assert kept(tmp_path / "kept", task) == []
        assert not target.exists()


def test_a_crafted_file_of_the_user_s_cache_is_passed_over_by_compare(tmp_path: Path) -> None:
    target, task = tmp_path / "ran", Stepped("order5.fetch_add", Native.of(None))
    for suffix in ("pickle", "json"):
        crafted = f"cfencepost.mutations.building\nos.system\n(S'touch {target}'\ntR.".encode()
        file_of(tmp_path / "kept", task, suffix).write_bytes(crafted)
    found = compare("order5.fetch_add", policy="stepped", examples=5, kept_in=tmp_path / "kept")
    assert found.verdict is Verdict.NOT_FOUND
    assert not target.exists()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"schema": "fencepost/examples/2", "task": "KEY", "examples": []}',
        '{"schema": "SCHEMA", "task": "another", "examples": [{"rows": [], "picks": []}]}',
        '{"schema": "SCHEMA", "task": "KEY", "examples": [{"rows": [[0, 0, "os", 1]], "picks": []}]}',
        '{"schema": "SCHEMA", "task": "KEY", "examples": [{"rows": [], "picks": []}], "more": 1}',
        '{"schema": "SCHEMA", "task": "KEY", "examples": [{"picks": []}]}',
        "[" * 100_000,
        " " * (BYTES_MOST + 1),
    ],
)
def test_a_file_of_another_shape_keeps_nothing(text: str, tmp_path: Path) -> None:
    task = TASKS[1]
    file_of(tmp_path, task, "json").write_text(text.replace("SCHEMA", SCHEMA).replace("KEY", task.key))
    assert kept(tmp_path, task) == []


def test_a_kept_counterexample_with_its_steps_is_tried_first(tmp_path: Path) -> None:
    """One made smaller by its run holds steps, which the strategy does not draw."""
    wrong: dict[str, Any] = {"mutant": Mutant.RESERVE_BEFORE_CLAIM, "policy": "stepped", "kept_in": tmp_path}
    first = compare("order4.claim", examples=200, **wrong)
    again = compare("order4.claim", examples=200, **wrong)
    assert first.verdict is again.verdict is Verdict.VIOLATED
    assert again.rows[0].examples == 1


def test_nothing_is_unpickled_marshalled_or_evaluated_but_between_a_process_and_its_own_fork() -> None:
    """`model/processes.py` pickles into anonymous pipes and memory; `model/own.py` runs a file that its user names."""
    banned = {"pickle", "cPickle", "marshal", "shelve", "dill", "cloudpickle", "joblib", "jsonpickle", "yaml"}
    found = set()
    for folder in ("model", "proofs", "native", "src/fencepost"):
        for path in (ROOT / folder).rglob("*.py"):
            if any(each.is_symlink() for each in (path, *path.parents) if each != ROOT and ROOT in each.parents):
                continue
            for node in ast.walk(ast.parse(path.read_text())):
                names = set()
                if isinstance(node, ast.Import):
                    names = {alias.name.split(".")[0] for alias in node.names} & banned
                elif isinstance(node, ast.ImportFrom):
                    names = {(node.module or "").split(".")[0]} & banned
                elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                    names = {node.func.id} & {"eval", "exec", "compile", "__import__"}
                elif isinstance(node, ast.keyword) and node.arg == "allow_pickle":
                    names = {node.arg}
                found |= {(str(path.relative_to(ROOT)), name) for name in names}
    own = {("model/own.py", "compile"), ("model/own.py", "exec")}
    workers = ("src/fencepost/experiments/backends.py", "joblib")  # its pool of processes: no file is read by it
    # Works go to a Dask cluster that the user names, over its own connection, as its protocol has them; no file either.
    cluster = {(f"src/fencepost/cluster/{name}.py", "cloudpickle") for name in ("on_worker", "handing")}
    assert found == {("model/processes.py", "pickle"), workers, *own, *cluster}
