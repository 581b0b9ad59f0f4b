"""Files of users that tests write, the commands that take them, and the error that each of these prints."""

from __future__ import annotations

import subprocess

COMMANDS = ("prove", "explore", "ablate", "check", "compare")
HEAD = "from fencepost.program import Program, fetch_add, load, store, thread\n"
STOP = "class Stop(BaseException): pass\n"
JUDGED = f"""{STOP}{HEAD}
def writes():
    yield store(("line", "word"), 1)
    THREAD

def judge(value):
    JUDGE

mine = Program("mine", [thread(writes)], judge)
"""


def options(command: str) -> tuple[str, ...]:
    return ("--level", "4") if command == "compare" else ()


def said(ran: subprocess.CompletedProcess[str]) -> str:
    """Return the error, which is the last line on stderr; nothing is said of a bug in fencepost."""
    assert "bug in fencepost" not in ran.stderr, ran.stderr
    assert "fencepost/model" not in ran.stderr, ran.stderr
    return ran.stderr.splitlines()[-1]
