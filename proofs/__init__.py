"""The proofs: the specs' own actions, decided by Z3."""

from fencepost.proofs.bounded import Found, shortest
from fencepost.proofs.happening import Happening
from fencepost.proofs.induction import Induction, induct
from fencepost.proofs.solving import Solving
from fencepost.proofs.verdicts import Proof, Theorem, prove

__all__ = ["Found", "Happening", "Induction", "Proof", "Solving", "Theorem", "induct", "prove", "shortest"]
