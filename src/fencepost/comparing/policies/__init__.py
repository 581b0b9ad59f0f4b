"""The policies of a comparison, each a way of driving a sequencer by drawn examples.

stepped     joint examples: workload and schedule, in the stepped native build and beside it in the model
reduction   a failing joint example made smaller by its run
attempts    a sequencer as a user drives it; accepted.py: the answers that the spec allows; sentences.py: what is wrong
attempted   such a session under a drawn schedule; calls.py: what a user's sequencer raises or answers
raced       workloads raced by real threads through the production sequencers
"""
