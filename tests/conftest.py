"""What holds for all tests."""

import faulthandler
import os

import pytest
import sizes
from hypothesis import settings

# What crashes in a fork is a finding, which a test looks at; pytest's handler would print a page about it.
os.register_at_fork(after_in_child=faulthandler.disable)


@pytest.hookimpl(optionalhook=True)  # of a plugin
def pytest_xdist_auto_num_workers() -> int:
    """Return how many processes share the tests: one more than there are cores, for some tests mostly wait."""
    return (os.cpu_count() or 1) + 1


def pytest_configure(config: pytest.Config) -> None:
    """Draw as many examples as the form that is asked for has."""
    sizes.is_full = config.getoption("markexpr") != "not slow"
    settings.register_profile("sized", max_examples=sizes.sized(100))
    settings.load_profile("sized")
