"""An exact search: is there an order of some operations that their model allows, each between call and return?

operations   what was asked of an object, when, and what came back
models       register, queue and log: what each operation does to them
search       Wing and Gong's search, with what was seen before remembered
reading      operations from tables, Jepsen's logs and EDN
"""

from fencepost.model.linearizability.models import MODELS, Model
from fencepost.model.linearizability.operations import UNKNOWN, Operation
from fencepost.model.linearizability.reading import read_operations
from fencepost.model.linearizability.search import Limits, verify_operations

__all__ = ["MODELS", "UNKNOWN", "Limits", "Model", "Operation", "read_operations", "verify_operations"]
