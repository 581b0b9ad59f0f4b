"""What `fencepost.compare` is made of.

search     examples drawn by Hypothesis in chunks, the failing one made as small as it gets
stepped    joint examples: workload and schedule, in the stepped native build and beside it in the model
raced      workloads raced by real threads through the production sequencers
verdicts   what came of it
"""
