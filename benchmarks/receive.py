"""How many events a second the receiver stores, and how long each waits for its answer.

Receiver and load generator each in a process of its own, over loopback; each connection sends its
next event when the one before was answered. Beside it in the same run the same receiver on a disk
that it does not wait for, which tells what fsync costs.

    .venv/bin/python benchmarks/receive.py
"""

import argparse
import asyncio
import contextlib
import hmac
import io
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.measuring import here, in_process, median, runs_argument

KEY = "only-for-this-benchmark"
WARM_UP_SECONDS = 1.0


def serve(folder: Path, *, fsync: bool) -> None:
    """The receiver; prints its port, then serves until it is ended."""
    from meeting_etl.files import Files
    from meeting_etl.receiver.app import Receiver
    from meeting_etl.receiver.journal import Journal
    from meeting_etl.receiver.server import build_server
    from meeting_etl.times import Clock

    class Careless(Files):
        def append(self, file: io.FileIO, lines: bytes) -> None:
            os.write(file.fileno(), lines)

    journal = Journal((Files if fsync else Careless)(folder), Clock())
    journal.open()
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    print(listener.getsockname()[1], flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        build_server(Receiver(journal, Clock(), [KEY])).run([listener])
    journal.close()


class Sender(asyncio.Protocol):
    """One connection that always waits for one answer."""

    def __init__(self, number: int, latencies: list[float]) -> None:
        self._number = number
        self._latencies = latencies
        self._answer = b""
        self._sent_at = 0.0
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        self._answer += data
        if self._answer.endswith(b"stored\n"):
            assert self._answer.startswith(b"HTTP/1.1 200 "), self._answer
            self._latencies.append(time.perf_counter() - self._sent_at)
            self._send()

    def _send(self) -> None:
        self._number += 1
        self._answer = b""
        request = _request(self._number)
        self._sent_at = time.perf_counter()
        self._transport.write(request)


def _request(number: int) -> bytes:
    """A signed event of about 1 kB."""
    key = "Y2lzY29zcGFyazovL3VybjpURUFNOnVzLXdlc3QtMl9yL1dFQkhPT0sv" + "A" * 40
    body = (
        f'{{"id":"{key}","name":"Webhook of the meeting tables","targetUrl":'
        f'"https://hooks.sales.example/webhooks/webex","resource":"meetings","event":"ended",'
        f'"orgId":"{key}","createdBy":"{key}","appId":"{key}","ownedBy":"creator",'
        f'"status":"active","created":"2021-05-14T20:20:01.024Z","data":{{"id":'
        f'"501e995485e2460bb129410116757b13_I_{number}","meetingType":"meeting","timezone":"UTC",'
        f'"title":"Weekly pipeline review","start":"2026-03-02T09:00:00Z",'
        f'"end":"2026-03-02T09:45:00Z","hostUserId":"{key}","hostEmail":"dana@sales.example",'
        f'"siteUrl":"sales.webex.example"}}}}'
    ).encode()
    signature = hmac.new(KEY.encode(), body, "sha1").hexdigest()
    return (
        f"POST /webhooks/webex HTTP/1.1\r\nHost: hooks.sales.example\r\n"
        f"Content-Type: application/json\r\nX-Spark-Signature: {signature}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body


async def load(port: int, seconds: float, connections: int) -> None:
    """Send for so long, and say what was seen after the warming up."""
    loop, latencies = asyncio.get_running_loop(), list[float]()
    for lane in range(connections):
        sender = partial(Sender, lane * 10_000_000, latencies)
        await loop.create_connection(sender, "127.0.0.1", port)
    await asyncio.sleep(WARM_UP_SECONDS)
    latencies.clear()
    started = time.perf_counter()
    await asyncio.sleep(seconds)
    elapsed, seen = time.perf_counter() - started, sorted(latencies)
    said = {"rate": len(seen) / elapsed, "p50": _ms(seen, 50), "p99": _ms(seen, 99)}
    print(json.dumps(said))


def _ms(seen: list[float], percent: int) -> float:
    return statistics.quantiles(seen, n=100)[percent - 1] * 1000


@contextlib.contextmanager
def receiver(*, fsync: bool) -> Iterator[str]:
    """The port of a receiver in a process of its own."""
    way = "--serve" if fsync else "--serve-careless"
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, here("receive.py"), way, folder]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            try:
                yield process.stdout.readline().strip()
            finally:
                process.terminate()


def main(runs: int, seconds: float, connections: int) -> None:
    """Both in turn, then the figures."""
    said: dict[bool, list[dict[str, float]]] = {True: [], False: []}
    for _ in range(runs):
        for fsync, some in said.items():
            with receiver(fsync=fsync) as port:
                arguments = [here("receive.py"), "--load", port]
                arguments += ["--seconds", str(seconds), "--connections", str(connections)]
                some.append(in_process(arguments).output)
    print(f"{connections} connections, medians of {runs} (least–greatest)")
    for fsync, some in said.items():
        print("with fsync" if fsync else "without")
        for what, unit in (("rate", "events/s"), ("p50", "ms"), ("p99", "ms")):
            print(f"    {what:5} {median([result[what] for result in some])} {unit}")
    ratios = [one["rate"] / other["rate"] for one, other in zip(*said.values(), strict=True)]
    print(f"ratio of the rates {median(ratios)}")


if __name__ == "__main__":
    parser: argparse.ArgumentParser = runs_argument(__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each run")
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--serve-careless", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--load", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve or given.serve_careless:
        serve(given.serve or given.serve_careless, fsync=bool(given.serve))
    elif given.load:
        asyncio.run(load(given.load, given.seconds, given.connections))
    else:
        main(given.runs, given.seconds, given.connections)
