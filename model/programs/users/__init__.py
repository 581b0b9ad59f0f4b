"""Programs of one's own: threads, marks, and errors that point at the user's line."""
