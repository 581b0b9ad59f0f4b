"""The ledger of claims: what the findings of 2026-01-26 say of Embarcadero at 09ae22d, each settled by fresh evidence.

claim         statement, evidence, rule, and what follows
obligations   evidence by proofs, explorations, litmus programs and counts
figures       evidence by measurement
profiles      evidence of where time goes
order5, order4, publication, machine   the claims
run, report   making the evidence; the screen, the document and the page
"""

from fencepost.ledger.claim import Answer, Claim, Evidence, Found, Measured, Row, settled
from fencepost.ledger.report import ClaimsReport, write_page
from fencepost.ledger.run import CLAIMS, claims

__all__ = [
    "CLAIMS", "Answer", "Claim", "ClaimsReport", "Evidence", "Found", "Measured", "Row", "claims", "settled",
    "write_page",
]  # fmt: skip
