"""The machine that is measured: its facts, its counters and its floor."""
