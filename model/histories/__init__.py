"""What is sent, what was ordered, and whether that keeps the contract.

records   Workload and History: columns of exact integers
formats   both as CSV, NDJSON and Parquet files
log       a history as a log's engineers have it, and how it is read
beside    what was sent, acknowledged and read
rules     what is asked, and how a log numbers
verify    a history against what its log promises
streaming a file likewise, piece by piece
"""

from fencepost.model.histories.checks.beside import Beside, read_batches, read_readers
from fencepost.model.histories.checks.verify import Finding, NotExpressible, Verification, Witness, verify
from fencepost.model.histories.files.columns import Source
from fencepost.model.histories.files.formats import read_history, read_workload, write_history, write_workload
from fencepost.model.histories.files.log_reader import read_log
from fencepost.model.histories.log import Log
from fencepost.model.histories.records import Arrival, History, IntColumn, OrderedBatch, Workload
from fencepost.model.histories.rules import Rules

__all__ = [
    "Arrival",
    "Beside",
    "Finding",
    "History",
    "IntColumn",
    "Log",
    "NotExpressible",
    "OrderedBatch",
    "Rules",
    "Source",
    "Verification",
    "Witness",
    "Workload",
    "read_batches",
    "read_history",
    "read_log",
    "read_readers",
    "read_workload",
    "verify",
    "write_history",
    "write_workload",
]
