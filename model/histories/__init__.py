"""What is sent, what was ordered, and whether that keeps the contract.

records   Workload and History: columns of exact integers
formats   both as CSV, NDJSON and Parquet files
verify    a history against the promises of a level
"""

from fencepost.model.histories.formats import read_history, read_workload, write_history, write_workload
from fencepost.model.histories.records import Arrival, History, IntColumn, OrderedBatch, Workload
from fencepost.model.histories.verify import Finding, NotExpressible, Verification, Witness, verify

__all__ = [
    "Arrival",
    "Finding",
    "History",
    "IntColumn",
    "NotExpressible",
    "OrderedBatch",
    "Verification",
    "Witness",
    "Workload",
    "read_history",
    "read_workload",
    "verify",
    "write_history",
    "write_workload",
]
