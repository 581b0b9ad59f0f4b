"""How clients are divided: over the workers of order4.owner, over the shards of order4.sharded_mutex."""

_WORD = 2**64 - 1


def mixed(client: int) -> int:
    """Return the client's id with every bit made to matter: the finalizer of SplitMix64."""
    bits = (client + 0x9E3779B97F4A7C15) & _WORD
    bits = (bits ^ bits >> 30) * 0xBF58476D1CE4E5B9 & _WORD
    bits = (bits ^ bits >> 27) * 0x94D049BB133111EB & _WORD
    return bits ^ bits >> 31


def owner_of(client: int, worker_count: int) -> int:
    """Return which of so many workers, or shards, a client belongs to; it is always the same one."""
    return (mixed(client) >> 32) * worker_count >> 32
