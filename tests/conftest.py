"""What holds for all tests."""

import faulthandler
import os

# What crashes in a fork is a finding, which a test looks at; pytest's handler would print a page about it.
os.register_at_fork(after_in_child=faulthandler.disable)
