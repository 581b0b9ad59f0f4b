"""The simulation: programs under SimPy's clock."""

from fencepost.model.simulation.costs import Costs
from fencepost.model.simulation.run import Run, history_of, rings_of, simulate

__all__ = ["Costs", "Run", "history_of", "rings_of", "simulate"]
