"""The simulation: programs under SimPy's clock."""

from fencepost.model.simulation.programs.costs import Costs
from fencepost.model.simulation.programs.run import Arrivals, Run, history_of, rings_of, simulate

__all__ = ["Arrivals", "Costs", "Run", "history_of", "rings_of", "simulate"]
