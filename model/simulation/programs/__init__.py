"""Single runs of the programs under SimPy's clock, held against their spec at every step."""
