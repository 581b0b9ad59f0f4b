"""What `fencepost.compare` is made of.

search      examples drawn by Hypothesis in chunks, the failing one made as small as it gets
stepped     joint examples: workload and schedule, in the stepped native build and beside it in the model
reduction   a failing joint example made smaller by its run
attempts    a sequencer as a user drives it; accepted.py: the answers that the spec allows; sentences.py: what is wrong
attempted   such a session under a drawn schedule
raced       workloads raced by real threads through the production sequencers
kept        examples that failed, for the next time
alone       work in a process of its own, which may crash or never come back
ended       an example that did so, made smaller
modules     compiled modules, in whatever process
verdicts    what came of it
"""
