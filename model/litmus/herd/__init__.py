"""herd's format: its X86 and X86_64 tests, read, written, and reported on as herd does."""

from fencepost.model.litmus.herd.final_states import HerdTest
from fencepost.model.litmus.herd.reader import parse_herd
from fencepost.model.litmus.herd.sections import is_herd
from fencepost.model.litmus.herd.writing import write_herd

__all__ = ["HerdTest", "is_herd", "parse_herd", "write_herd"]
