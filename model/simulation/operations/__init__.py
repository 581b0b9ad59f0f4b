"""Simulations operation by operation: the programs themselves under the clock."""
