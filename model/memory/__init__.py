"""Memory that is not coherent between hosts: the operational machine NCX, its profiles and its ordering matrices."""

from fencepost.model.memory.machine import Copy, Entry, Machine, State, Step
from fencepost.model.memory.ordering import MATRICES, MATRIX, Buffered, Matrix, matrix
from fencepost.model.memory.profiles import ASSUMPTIONS, PROFILE, PROFILES, Crash, Profile, profile
from fencepost.model.memory.program import Instruction, Line, Op, Operand, Program, Thread

__all__ = [
    "ASSUMPTIONS", "MATRICES", "MATRIX", "PROFILE", "PROFILES", "Buffered", "Copy", "Crash", "Entry", "Instruction",
    "Line", "Machine", "Matrix", "Op", "Operand", "Profile", "Program", "State", "Step", "Thread", "matrix", "profile",
]  # fmt: skip
