"""The programs: the sequencers operation by operation, and the machine that performs the operations.

operations   what a program may yield
receiver     fills a broker's ring
order5       the level-5 scanner
order4       the level-4 scanners: claim, mutex and one that is wrong
machine      the words, and the spec that watches them
threads      a run's threads and the schedules that drive them
"""

from fencepost.model.programs.machine import Machine
from fencepost.model.programs.operations import Attempted
from fencepost.model.programs.receiver import Arriving
from fencepost.model.programs.threads import SCANNERS, Rings, Thread, attempts, follow, threads

__all__ = ["SCANNERS", "Arriving", "Attempted", "Machine", "Rings", "Thread", "attempts", "follow", "threads"]
