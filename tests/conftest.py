"""What holds for all tests."""

import faulthandler
import os

import pytest

# What crashes in a fork is a finding, which a test looks at; pytest's handler would print a page about it.
os.register_at_fork(after_in_child=faulthandler.disable)


@pytest.hookimpl(optionalhook=True)  # of a plugin
def pytest_xdist_auto_num_workers() -> int:
    """Return how many processes share the tests: one more than there are cores, for some tests mostly wait."""
    return (os.cpu_count() or 1) + 1
