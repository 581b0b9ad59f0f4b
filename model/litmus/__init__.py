"""Litmus tests: files, the explorer that decides them, and runs that can be shown."""

from fencepost.model.litmus.condition import Atom, Condition
from fencepost.model.litmus.linting import lints
from fencepost.model.litmus.parser import parse_test, read_test
from fencepost.model.litmus.test import ANY_MOMENT, AT_CRASH, Answer, LitmusTest

__all__ = [
    "ANY_MOMENT", "AT_CRASH", "Answer", "Atom", "Condition", "LitmusTest", "lints", "parse_test", "read_test",
]  # fmt: skip
