"""Instructions, cache misses and mispredictions of single-threaded kernels, counted by a simulated processor.

A count of instructions has no noise: the same compiler, flags and headers give the same number on any machine, so that
a change of one percent is a change of the code. The kernels are the production headers (kernels.cpp), compiled here and
run under `valgrind --tool=callgrind` with two sizes; the difference is what the batches between cost.
"""

from fencepost.bench.kernels.counting import EVENTS, KERNELS, Kernel, Kernels, baseline_file, kernels

__all__ = ["EVENTS", "KERNELS", "Kernel", "Kernels", "baseline_file", "kernels"]
