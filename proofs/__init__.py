"""The proofs: the specs' own actions, decided by Z3."""

from fencepost.proofs.bounded import BoundedSearch, Found
from fencepost.proofs.induction import Induction, induct
from fencepost.proofs.verdicts import Proof, prove

__all__ = ["BoundedSearch", "Found", "Induction", "Proof", "induct", "prove"]
