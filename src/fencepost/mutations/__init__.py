"""Mutants of the native code: one line changed, compiled, and killed."""
