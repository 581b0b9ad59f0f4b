"""The table of mutations: lines of the native headers, changed on purpose."""
