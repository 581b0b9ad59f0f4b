"""One pass over rows in the order of their positions, piece by piece, and the witnesses of what it finds."""
