"""The programs: the algorithms operation by operation, and what performs the operations.

operations    what a program may yield
layout        where the words lie, and who writes each line
receiver, delegation, scanner (order5, order4), subscriber, acknowledger, client    the sound programs
seed          the programs as they were at 09ae22d, defects included
structures    what they share, each structure in a small program of its own
pipeline      which thread runs which program, on which host, and what is sent
designs       the sequencers by name
machine, threads    one coherent memory, and schedules that drive threads on it
one_at_a_time       a run whose order other implementations can be given
"""

from fencepost.model.programs.designs import DESIGNS, design
from fencepost.model.programs.machine import Machine
from fencepost.model.programs.operations import Attempted
from fencepost.model.programs.pipeline import Design, Rings, Scenario
from fencepost.model.programs.roles.receiver import Arriving
from fencepost.model.programs.sequencers.one_at_a_time import attempts
from fencepost.model.programs.threads import Thread, follow, threads

__all__ = [
    "DESIGNS", "Arriving", "Attempted", "Design", "Machine", "Rings", "Scenario", "Thread", "attempts", "design",
    "follow", "threads",
]  # fmt: skip
