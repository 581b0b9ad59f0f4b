"""Experiments: a sweep of trials that survives its process, on one machine or a cluster.

spec, parameters   what is swept: a file of TOML, checked whole before anything runs
trials             the trials of a spec, their seeds and their keys
engines, native_engine   what one trial does
contained          a trial within its limits: a crash, a hang or too much memory is an outcome
store, run         one SQLite file a run: a row for each finished trial; frames, digests, what is missing
export             the rows as Parquet, CSV or NDJSON
backends, on_dask  where trials run: in turn here, on processes of this machine, on a cluster
running            a run from its spec to its report, begun or resumed
"""
