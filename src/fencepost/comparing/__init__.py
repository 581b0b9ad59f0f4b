"""Comparisons: drawn examples by policy, sequencers of one's own, and their compilation.

run         the verb: which targets are compared, by which policies
search      examples drawn by Hypothesis in chunks, the failing one made as small as it gets
kept        examples that failed, for the next time
ended       an example that crashed or never came back, made smaller
modules     compiled modules, in whatever process
verdicts    what came of it
"""
