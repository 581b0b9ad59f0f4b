"""Tables of rows as users have them: formats, columns, and the names that logs give them."""
