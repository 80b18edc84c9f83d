"""What hostile senders can make a real receiver hold in memory."""

import contextlib
import re
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from meeting_etl_tests.receiver.served import SECRET, receiving

# Some systems have a /proc without the most that a process used.
_STATUS = Path("/proc/self/status")
HAS_FIGURES = _STATUS.exists() and "VmHWM:" in _STATUS.read_text()
CONNECTIONS = 160
BOUND_BYTES = 100_000_000
GET = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
POST = b"POST /webhooks/webex HTTP/1.1\r\nHost: x\r\nX-Spark-Signature: 0\r\n"
TINY = b"aa:bb\r\n"
ATTACKS = {
    "tiny headers after an answer": (GET + b"\r\n", GET + TINY * 564_000),
    "a complete head of 3.5 MB after an answer": (GET + b"\r\n", GET + TINY * 500_000 + b"\r\n"),
    "heads just within the bounds, then a slow body": (
        b"",
        POST + b"".join(b"X-%03d: %b\r\n" % (n, b"x" * 480) for n in range(125))
        + b"Content-Length: 1000000\r\n\r\n" + b"x" * 65_000,
    ),
    "tiny headers within the bounds, then a slow body": (
        b"",
        POST + TINY * 120 + b"Content-Length: 1000000\r\n\r\n" + b"x" * 900_000,
    ),
    "a head in one header without end": (b"", GET + b"X: " + b"x" * 60_000),
    "many requests at once": (b"", (GET + b"\r\n") * 200_000),
    "a trailer without end": (
        b"", POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX: " + b"x" * 4_000_000
    ),
}  # fmt: skip


def resident_bytes(process_id: int, name: str) -> int:
    status = Path(f"/proc/{process_id}/status").read_text()
    found = re.search(rf"{name}:\s+(\d+) kB", status)
    assert found
    return int(found[1]) * 1024


@contextlib.contextmanager
def attacking(port: int, first: bytes, then: bytes) -> Iterator[None]:
    """Many senders who send `first`, read the answer, send `then`, and wait."""
    connections: list[socket.socket] = []

    def send() -> None:
        with contextlib.suppress(OSError):
            connection = socket.create_connection(("127.0.0.1", port), timeout=5)
            connections.append(connection)
            if first:
                connection.sendall(first)
                connection.recv(1000)
            connection.sendall(then)

    threads = [threading.Thread(target=send) for _ in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    try:
        yield
    finally:
        for connection in connections:
            connection.close()


@pytest.mark.slow
@pytest.mark.skipif(not HAS_FIGURES, reason="memory is read from /proc")
def test_no_sender_makes_the_receiver_hold_100_mb_more(tmp_path: Path) -> None:
    with receiving(tmp_path, WEBEX_WEBHOOK_SECRET=SECRET) as (process, said):
        port = int(said.split("127.0.0.1:")[1].split("/")[0])
        with attacking(port, b"", GET + b"\r\n"):
            before = resident_bytes(process.pid, "VmRSS")
        for name, (first, then) in ATTACKS.items():
            with attacking(port, first, then):
                time.sleep(0.5)  # what was sent last is read
                more = resident_bytes(process.pid, "VmHWM") - before  # the most so far
            print(f"{name}: {more / 1e6:.1f} MB")
            assert more < BOUND_BYTES, name
        assert process.poll() is None
