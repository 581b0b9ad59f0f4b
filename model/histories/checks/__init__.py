"""A search per property, over rows in memory."""
