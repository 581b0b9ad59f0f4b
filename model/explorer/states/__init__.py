"""The system that is explored: threads, memory, the transitions of a state, and the words for them."""
