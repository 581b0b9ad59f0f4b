"""A signal is never a verdict: every verb, in every phase, says so at once, prints what it found, and leaves nothing.

The moments are drawn, so that many runs meet every phase of a verb: imports, solvers, native loops, pools, printing.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from statistics import median

import pytest

ROOT = Path(__file__).parents[2]
MESSAGE_SECONDS, SHARED_SECONDS = 0.25, 1.0
"""To the message: on a machine of its own; and where other tests run beside this one."""
END_SECONDS = 5.0
EARLY_SECONDS = 1.5
WORDS = {signal.SIGINT: b"fencepost: interrupted\n", signal.SIGTERM: b"fencepost: terminated\n"}

# Verb and phase: arguments, and the seconds between which the signal comes.
PHASES: dict[str, tuple[str, float, float]] = {
    "start": ("check", 0.1, 0.8),
    "check": ("check", 0.8, 9.0),
    "check-workload": ("check {workload} --level 4", 0.5, 6.0),
    "prove-z3": ("prove", 0.8, 4.0),
    "prove-search": ("prove order4.cas_then_reserve --depth 12", 0.8, 4.0),
    "prove-cvc5": ("prove order4.claim --solver cvc5", 0.8, 4.0),
    "prove-both": ("prove order4.owner --solver both", 0.8, 6.0),
    "prove-mutants": ("prove --mutants", 0.8, 6.0),
    "explore": ("explore order4.claim --batches 8 --roles receivers,subscribers", 0.7, 3.0),
    "explore-jobs": ("explore order4.claim --batches 8 --roles receivers,subscribers --jobs 2", 0.7, 6.0),
    "explore-random": ("explore order4.claim --strategy random --runs 1000000", 0.7, 3.0),
    "explore-native": ("explore order4.claim --batches 8 --engine native", 0.7, 3.0),
    "compare": ("compare --jobs 2 --examples 100000", 0.8, 5.0),
    "compare-race": ("compare --policy race --jobs 1 --examples 100000", 0.8, 5.0),
    "mutants-z3": ("mutants --engine z3 --jobs 1", 0.8, 6.0),
    "mutants-explorer": ("mutants --engine explorer --jobs 2", 0.8, 6.0),
    "mutants-hypothesis": ("mutants --engine explorer-drawn --jobs 2", 0.8, 6.0),
    "mutants-all": ("mutants --jobs 2", 0.8, 9.0),
    "mutants-native": ("mutants --native --jobs 2", 0.8, 9.0),
    "simulate": ("simulate", 0.8, 4.0),
    "simulate-operations": ("simulate --granularity operation", 0.8, 4.0),
    "simulate-jobs": ("simulate --granularity operation --jobs 2", 0.8, 4.0),
    "litmus": ("litmus", 0.6, 5.0),
    "litmus-z3": ("litmus --engine z3", 0.6, 5.0),
    "ablate": ("ablate {slots}", 0.6, 3.0),
    "verify": ("verify {history} {history} {history} {history} --level 5", 0.4, 3.0),
    "bench-floor": ("bench floor", 0.6, 4.0),
    "bench": ("bench", 0.6, 5.0),
}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Files that take some seconds to read or to decide."""
    folder = tmp_path_factory.mktemp("files")
    history, workload = folder / "history.csv", folder / "workload.csv"
    with history.open("w") as file:
        file.write("client_id,batch_seq,broker_id,ring_index,message_count,start_position,sent_ns,acked_ns\n")
        for at in range(300_000):
            file.write(f"{at % 100},{at // 100},{at % 4},{at // 4},1,{at},{at},{at + 9}\n")
    with workload.open("w") as file:
        file.write("client_id,batch_seq,broker_id,message_count,payload_bytes,arrival_ns\n")
        for at in range(5_000):
            file.write(f"{at % 100},{at // 100},{at % 4},1,64,{at}\n")
    return {"history": str(history), "workload": str(workload), "slots": "publication-8"}


class Stall:
    """How long this machine let a thread wait that wanted to run: others use it too."""

    seconds = 0.0

    def __init__(self) -> None:
        self._is_over = False
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while not self._is_over:
            began = time.monotonic()
            time.sleep(0.005)
            self.seconds = max(self.seconds, time.monotonic() - began - 0.005)

    def end(self) -> float:
        self._is_over = True
        return self.seconds


@contextmanager
def started(arguments: str, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "fencepost", *arguments.split()]
    environment = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache")}
    with (folder / "stdout").open("wb") as stdout, subprocess.Popen(
        command, stdout=stdout, stderr=subprocess.PIPE, cwd=folder, env=environment, start_new_session=True
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            process.kill()


def interrupted(arguments: str, number: signal.Signals, delay: float, folder: Path) -> tuple[float, int, str, str]:
    """Send the signal after a delay; return the seconds to the message, the exit code, stderr and stdout."""
    with started(arguments, folder) as process:
        assert process.stderr is not None
        told = bytearray()
        heard = [float("inf")]
        word = WORDS[number]

        def listen() -> None:
            assert process.stderr is not None
            while part := os.read(process.stderr.fileno(), 1 << 16):
                told.extend(part)
                if word in told and heard[0] == float("inf"):
                    heard[0] = time.monotonic()

        listener = threading.Thread(target=listen)
        listener.start()
        try:
            process.wait(timeout=delay)
        except subprocess.TimeoutExpired:
            stall, sent = Stall(), time.monotonic()
            process.send_signal(number)
            code = process.wait(timeout=60)
            ended = time.monotonic()
            listener.join(timeout=20)  # nothing that it started holds its stderr open
            assert not listener.is_alive()
            stalled = stall.end()
            assert ended - sent < END_SECONDS + 10 * stalled, f"it took {ended - sent:.2f} s to end"
            return (
                heard[0] - sent - stalled if word in told else float("inf"),
                code,
                told.decode(),
                (folder / "stdout").read_text(),
            )
        listener.join()
        return 0.0, process.returncode, told.decode() + word.decode(), (folder / "stdout").read_text()


def check_one(phase: str, number: signal.Signals, delay: float, folder: Path, files: dict[str, str]) -> float:
    arguments = PHASES[phase][0]
    seconds, code, told, said = interrupted(arguments.format(**files), number, delay, folder)
    context = f"{phase}, {number.name} after {delay:.3f} s:\n{said[-2000:]}\n{told[-3000:]}"
    if seconds == 0.0:
        assert code in (0, 1, 3), context  # it was over before
        return 0.0
    if seconds == float("inf") and code in (0, 1, 3):
        return 0.0  # it was over when the signal came
    assert code == 128 + number, context
    assert told.count(WORDS[number].decode()) == 1, context
    assert "Traceback" not in told, context
    assert "a bug in fencepost" not in told, context
    assert "ESCAPED" not in said, context
    assert "SURVIVE" not in said, context
    if verdict := re.search(r"^verdict=(\S+)", said, re.MULTILINE):
        is_violated = re.search(r"\bviolated \(|\bmissed=[1-9]", said)  # found before the signal came: that stands
        assert verdict[1] == ("violated" if is_violated else "unknown"), context
    return seconds


QUICK = (
    "start", "check", "prove-search", "prove-cvc5", "explore", "explore-jobs", "explore-native", "compare",
    "compare-race", "mutants-native", "simulate-jobs", "litmus", "ablate", "verify", "bench",
)  # fmt: skip
"""One phase of each kind: imports, a solver, Python and native loops, processes, a compiler, reading, measuring."""


@pytest.mark.parametrize(
    ("phase", "number"),
    [(phase, tuple(WORDS)[at % 2]) for at, phase in enumerate(QUICK)],
    ids=lambda each: each.name if isinstance(each, signal.Signals) else each,
)
def test_a_signal_is_said_at_once_and_is_never_a_verdict(
    phase: str, number: signal.Signals, tmp_path: Path, files: dict[str, str]
) -> None:
    """Early in the phase, by one of the signals; below, each phase at 40 moments by both."""
    _, earliest, latest = PHASES[phase]
    delay = Random(f"{phase} {number}").uniform(earliest, min(latest, earliest + EARLY_SECONDS))
    assert check_one(phase, number, delay, tmp_path, files) < SHARED_SECONDS


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("phase", PHASES)
def test_so_it_is_at_many_moments(phase: str, tmp_path: Path, files: dict[str, str]) -> None:
    taken = []
    for number in range(40):
        folder = tmp_path / str(number)
        folder.mkdir()
        chosen = signal.SIGTERM if number % 4 == 0 else signal.SIGINT
        delay = Random(f"{phase} {number}").uniform(*PHASES[phase][1:])
        taken.append(check_one(phase, chosen, delay, folder, files))
    assert median(taken) < MESSAGE_SECONDS
    assert max(taken) < SHARED_SECONDS
