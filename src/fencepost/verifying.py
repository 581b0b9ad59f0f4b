"""`verify_file` with the pass over rows in C++."""

from functools import partial

from fencepost.model.histories import streaming
from fencepost.native.history_pass import HistoryPass

verify_file = partial(streaming.verify_file, make_pass=HistoryPass)
verify_file.__doc__ = streaming.verify_file.__doc__
