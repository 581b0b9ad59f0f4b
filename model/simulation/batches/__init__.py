"""Simulations batch by batch: each sequencer's decisions, with the cost of its operations."""
