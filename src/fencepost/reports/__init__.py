"""What each verb returns: its `Report`, with the verb's own details, and the text that the command prints.

`check` has its screen beside its engines (`fencepost.checking.screen`), `prove` and `simulate` theirs beside the verb.
"""
