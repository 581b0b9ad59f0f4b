"""A Dask cluster for tests: a scheduler and workers that the coordinator did not start, as on other machines."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

TESTS = str(Path(__file__).parent)


class Cluster:
    """A scheduler and workers of its own, as on other machines: processes that the coordinator did not start."""

    def __init__(self, folder: Path) -> None:
        self.file, self._folder = folder / "scheduler.json", folder
        self._processes: list[subprocess.Popen[bytes]] = []
        self.scheduler = self._begin(
            "dask_scheduler", "--scheduler-file", self.file, "--host", "127.0.0.1", "--no-dashboard"
        )
        deadline = time.monotonic() + 60
        while not self.file.exists() and time.monotonic() < deadline:
            time.sleep(0.1)

    def add_worker(self, *more: object, path: str = TESTS) -> subprocess.Popen[bytes]:
        """Begin a worker that has one thread."""
        fixed = ("--nthreads", "1", "--no-dashboard", "--memory-limit", "0", "--host", "127.0.0.1")
        return self._begin("dask_worker", "--scheduler-file", self.file, *fixed, *more, path=path)

    def _begin(self, module: str, *words: object, path: str = TESTS) -> subprocess.Popen[bytes]:
        port = ("--port", "0") if module == "dask_scheduler" else ()
        process = subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.{module}", *map(str, (*port, *words))], cwd=self._folder,
            env={**os.environ, "PYTHONPATH": path}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self._processes.append(process)
        return process

    def end(self) -> None:
        for each in reversed(self._processes):
            for child in psutil.Process(each.pid).children(recursive=True) if each.poll() is None else ():
                child.kill()
            each.kill()
            each.wait()

    def at_work(self) -> list[psutil.Process]:
        """Return the processes in which workers run works: forks, in a group that their guard leads."""
        workers = [psutil.Process(each.pid) for each in self._processes[1:] if each.poll() is None]
        below = [each for worker in workers for each in worker.children(recursive=True)]
        of_workers = {os.getpgid(each.pid) for each in workers}
        return [each for each in below if os.getpgid(each.pid) not in (each.pid, *of_workers)]


@contextmanager
def cluster(folder: Path, worker_count: int) -> Iterator[Cluster]:
    made = Cluster(folder)
    try:
        for _ in range(worker_count):
            made.add_worker()
        yield made
    finally:
        made.end()
