"""Litmus tests: files, the explorer that decides them, and runs that can be shown."""

from fencepost.model.litmus.condition import Atom, Condition
from fencepost.model.litmus.parser import parse_test, read_test
from fencepost.model.litmus.test import Answer, LitmusTest

__all__ = ["Answer", "Atom", "Condition", "LitmusTest", "parse_test", "read_test"]
