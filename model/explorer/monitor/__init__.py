"""The contract and the spec, held against a run while it happens."""
