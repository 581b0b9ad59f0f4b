"""Bodies of trials for tests: workers import this module by its name, so that a body needs no test to be loaded."""

import os
import signal
import time

from fencepost.experiments.engines import Outcome
from fencepost.experiments.spec import Spec, parse_spec
from fencepost.experiments.trials import Trial

ODD_ONE = 3
"""The number of the trial of each spec that does what the others do not."""


def spec_of(count: int, *, engine: str = "simulation", limits: str = "", name: str = "test") -> Spec:
    """Return a spec of so many trials that pass the checks of an engine; a body of this module is what runs."""
    head = f'[experiment]\nname = "{name}"\nreplications = {count}\n{limits}\n'
    return parse_spec(f'{head}[[sweep]]\nname = "s"\nengine = "{engine}"\nsequencer = "order4.claim"\n')


def drawn(trial: Trial, folder: str | None) -> Outcome:
    """A figure that its seed and parameters decide."""
    return Outcome("done", {"drawn_count": trial.seed % 1000, "clients": trial.parameters.get("clients")}, "not found")


def of_a_millisecond(trial: Trial, folder: str | None) -> Outcome:
    """What takes a millisecond."""
    time.sleep(0.001)
    return drawn(trial, folder)


def crashes(trial: Trial, folder: str | None) -> Outcome:
    """One of the trials ends its process by a signal, each time."""
    if trial.number == ODD_ONE:
        os.kill(os.getpid(), signal.SIGSEGV)
    return drawn(trial, folder)


def hangs(trial: Trial, folder: str | None) -> Outcome:
    """One of the trials has no end."""
    while trial.number == ODD_ONE:
        pass
    return drawn(trial, folder)


def takes_memory(trial: Trial, folder: str | None) -> Outcome:
    """One of the trials asks for more memory than it may have."""
    if trial.number == ODD_ONE:
        bytearray(1 << 40)
    return drawn(trial, folder)


def raises(trial: Trial, folder: str | None) -> Outcome:
    """One of the trials raises."""
    if trial.number == ODD_ONE:
        raise ValueError("no such luck")
    return drawn(trial, folder)


def slow(trial: Trial, folder: str | None) -> Outcome:
    """What takes long enough for its worker to be killed meanwhile."""
    time.sleep(0.05)
    return drawn(trial, folder)
