"""Layouts of shared structures, by descriptions and by the debug info of compilers, and their faults.

description   a TOML file: structures, fields, their writers and readers, guards, flushes and counts
debug_info    sizes, offsets and types that a compiler gave, from DWARF
findings      what two hosts, a cache line or a counter's width make of a layout
assertions    a description as static assertions, so that a compiler holds the code to it
"""
