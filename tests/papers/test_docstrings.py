"""The examples in docstrings of public names: each has one, and it runs."""

import doctest
import inspect
from pathlib import Path
from typing import Any

import polars
import pytest

import fencepost
from fencepost.model.contract import Verdict
from fencepost.model.histories import History, Workload
from fencepost.model.litmus import parse_test
from fencepost.model.trace import Trace

ROOT = Path(__file__).parents[2]
WITHOUT = {"claims", "native_mutants"}  # they take minutes
NAMES: dict[str, Any] = {name: getattr(fencepost, name) for name in fencepost.__all__ if name not in WITHOUT}
NAMES |= {"History": History, "Trace": Trace, "Verdict": Verdict, "Workload": Workload}


def is_documented_by_example(value: Any) -> bool:
    is_exception = inspect.isclass(value) and issubclass(value, BaseException)
    return (inspect.isclass(value) or inspect.isfunction(value)) and not is_exception


@pytest.mark.parametrize("name", sorted(name for name, value in NAMES.items() if is_documented_by_example(value)))
def test_a_public_name_has_an_example_that_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    for each, value in NAMES.items():
        monkeypatch.setattr(fencepost, each, value, raising=False)
    names = {"fencepost": fencepost, "Path": Path, "parse_test": parse_test, "polars": polars}
    test = doctest.DocTestParser().get_doctest(inspect.getdoc(NAMES[name]) or "", names, name, None, 0)
    assert test.examples, f"{name} has no example"
    output: list[str] = []
    result = doctest.DocTestRunner().run(test, out=output.append)
    assert result.failed == 0, "".join(output)
