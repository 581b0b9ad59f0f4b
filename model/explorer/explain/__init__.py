"""A run in words: columns, changes of memory, stale reads, and the cause of a violation."""
