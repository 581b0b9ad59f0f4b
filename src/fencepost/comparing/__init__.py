"""Comparisons by name: drawn examples, sequencers of one's own, and their compilation."""
