"""Sizes of tests: the quick form of each always runs, and the full one where slow tests are asked for, too."""

is_full = False
"""Set where the command line of pytest is read, before any test is."""


def sized(full: int) -> int:
    """Return how many examples are drawn: a quarter of the full number, and 10 at least, where the quick form runs."""
    return full if is_full else min(full, max(10, full // 4))
