"""Layouts of shared structures: what a description and the compiler's debug info say, and what is wrong with it.

description   a TOML file: structures, fields, who writes and reads them, what vouches for what, what is counted
debug_info    sizes, offsets and types that a compiler gave, from DWARF
findings      what two hosts, a cache line or a counter's width make of a layout
assertions    a description as static assertions, so that a compiler holds the code to it
"""
