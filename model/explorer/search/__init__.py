"""Searches: every run, drawn runs, shortest runs; shared by processes, interrupted and resumed."""
