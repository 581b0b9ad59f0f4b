"""Record the history of a real log, a stream of a Redis server on this machine, and judge it.

Three clients append numbered batches to one stream, each waiting for the answer before its next; what they sent and
what was acknowledged is written beside. Then the stream is read back, and held against what it promises.

    python examples/13_record_a_redis_stream.py [FOLDER]

needs `redis-server` (Debian's package of that name) and starts one of its own, on a socket in the folder. With a folder
the recording stays there: `stream.csv` and `sent.csv`. Then one entry is taken out of it, as in a log that loses data,
and that is found.
"""

import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import fencepost
from fencepost import Rules, read_batches
from fencepost.model.histories import Beside

CLIENTS = 3
BATCHES = 200  # of each client
START_SECONDS = 30.0  # that the server is waited for
STREAM = "log"
LOST = "client-0,100"  # client and number of the entry that is taken out


class Connection:
    """A connection that speaks enough of Redis's protocol: commands as arrays, replies of every kind."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(str(path))
        self._replies = self._socket.makefile("rb")

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *error: object) -> None:
        self._replies.close()
        self._socket.close()

    def call(self, *words: str) -> object:
        parts = [f"${len(word.encode())}\r\n{word}\r\n" for word in words]
        self._socket.sendall(f"*{len(words)}\r\n{''.join(parts)}".encode())
        return self._reply()

    def _reply(self) -> object:
        line = self._replies.readline().rstrip(b"\r\n")
        kind, rest = line[:1], line[1:].decode()
        if kind == b"$":
            return None if rest == "-1" else self._replies.read(int(rest) + 2)[:-2].decode()
        if kind == b"*":
            return [self._reply() for _ in range(int(rest))]
        if kind == b"-":
            raise RuntimeError(rest)
        return int(rest) if kind == b":" else rest


def append(path: Path, client: str, sent: list[str]) -> None:
    """Append the batches of one client, and note of each when it was sent and acknowledged."""
    with Connection(path) as connection:
        for seq in range(BATCHES):
            sent_ns = time.monotonic_ns()
            connection.call("XADD", STREAM, "*", "client_id", client, "batch_seq", str(seq))
            sent.append(f"{client},{seq},{sent_ns},{time.monotonic_ns()},ok\n")


def record(folder: Path, server: Path) -> None:
    """Write `stream.csv`, the entries in their order, and `sent.csv`, what the clients saw."""
    sent: list[str] = []
    clients = [threading.Thread(target=append, args=(server, f"client-{n}", sent)) for n in range(CLIENTS)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    (folder / "sent.csv").write_text("client_id,batch_seq,sent_ns,acked_ns,outcome\n" + "".join(sent))
    times = {tuple(row.split(",")[:2]): row.split(",")[2:4] for row in sent}
    with Connection(server) as connection:
        entries = connection.call("XRANGE", STREAM, "-", "+")
    assert isinstance(entries, list)
    rows = ["id,client_id,batch_seq,sent_ns,acked_ns\n"]
    for identity, (_, client, _, seq) in entries:
        rows.append(",".join([identity, client, seq, *times[client, seq]]) + "\n")
    (folder / "stream.csv").write_text("".join(rows))


def judge(folder: Path) -> str:
    """Return the verdict on what was recorded."""
    columns = {"start_position": "id"}
    report = fencepost.verify(
        folder / "stream.csv",
        level=4,
        rules=Rules(allow_gaps=True),  # ids of milliseconds leave positions out
        beside=Beside(sent=read_batches(folder / "sent.csv")),
        columns=columns,
    )
    for finding in report.findings:
        print(f"    {finding.property:14} {finding.verdict}")
    return str(report.verdict)


def lose(folder: Path) -> str:
    """Take one entry out of the recording and return the verdict on the rest."""
    stream = folder / "stream.csv"
    lines = stream.read_text().splitlines(keepends=True)
    stream.write_text("".join(line for line in lines if f",{LOST}," not in line))
    try:
        return judge(folder)
    finally:
        stream.write_text("".join(lines))


def main(folder: Path) -> int:
    """Start a server, record and judge; return the exit code."""
    program = shutil.which("redis-server")
    if program is None:
        print("no redis-server on this machine: install Debian's package redis-server")
        return 2
    server = folder / "redis.sock"
    options = ["--port", "0", "--unixsocket", str(server), "--save", "", "--dir", str(folder)]
    running = subprocess.Popen([program, *options], stdout=subprocess.DEVNULL)
    try:
        until_s = time.monotonic() + START_SECONDS
        while not server.exists() and time.monotonic() < until_s:
            time.sleep(0.01)
        record(folder, server)
    finally:
        running.terminate()
        running.wait()
    print(f"{CLIENTS * BATCHES} entries of {CLIENTS} clients, held against level 4")
    recorded = judge(folder)
    print(f"as recorded: {recorded}\n")
    lossy = lose(folder)
    print(f"without {LOST}: {lossy}")
    return 0 if (recorded, lossy) == ("not found", "violated") else 1


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.exit(main(Path(sys.argv[1])))
    with tempfile.TemporaryDirectory() as made:
        sys.exit(main(Path(made)))
