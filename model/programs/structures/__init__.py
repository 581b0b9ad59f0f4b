"""The structures that sequencers share, each in a small program of two or three threads, operation by operation.

structure        what such a program is; how its waiting loops wait
ring             rings with laps, and the policies that publish in them
chain            export chains: the same rings with records, closed at their end
frontier         acknowledgements, of batches that stand in two chains
client_table     one word a client, inserted by threads of one host

Each is the counterpart of a template in `native/include/fencepost/`; the native build runs that template on the stepped
memory (`docs/lockstep.md`). What is wrong on purpose is a variant of the program, with a name of its own.
"""

from fencepost.model.programs.structures.chain import export_chain
from fencepost.model.programs.structures.client_table import client_table
from fencepost.model.programs.structures.frontier import ack_frontier
from fencepost.model.programs.structures.ring import POLICIES, lap_ring
from fencepost.model.programs.structures.structure import Returned, Structure

__all__ = ["POLICIES", "Returned", "Structure", "ack_frontier", "client_table", "export_chain", "lap_ring"]
