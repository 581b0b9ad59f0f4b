"""Simulations by name: replications, paired differences and plots."""
