"""A receiver that is really served, here or as a command, and what its senders need."""

import hmac
import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from meeting_etl.files import Files
from meeting_etl.receiver.app import PATH, Receiver
from meeting_etl.receiver.connections import BoundedProtocol
from meeting_etl.receiver.journal import Journal
from meeting_etl.receiver.server import build_server
from meeting_etl.times import Clock

SECRET = "the-harbour-is-closed-on-mondays"


def sign(body: bytes, secret: str = SECRET) -> dict[str, str]:
    return {"X-Spark-Signature": hmac.new(secret.encode(), body, "sha1").hexdigest()}


@dataclass(frozen=True)
class Answer:
    status: int
    text: str
    headers: dict[str, str]


@dataclass
class Served:
    """A receiver on a port of 127.0.0.1, that writes below `folder`."""

    port: int
    folder: Path
    journal: Journal

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: dict[str, str] | None = None,
        *,
        chunked: bool = False,
    ) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, headers or {}, encode_chunked=chunked)
            response = connection.getresponse()
            text = response.read().decode()
            names = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, text, names)
        finally:
            connection.close()

    def post(self, body: bytes, **headers: str) -> Answer:
        """A signed event."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.ask(
            "POST", PATH, body, {"Content-Type": "application/json"} | sign(body) | named
        )

    def figure(self, name: str) -> float:
        """A figure of /metrics, given with its labels."""
        lines = self.ask("GET", "/metrics").text.splitlines()
        full = f"meeting_etl_receiver_{name} "
        return next(float(line.removeprefix(full)) for line in lines if line.startswith(full))

    def raw(self, sent: bytes) -> socket.socket:
        """A connection on which these bytes were sent."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=60)
        connection.sendall(sent)
        return connection

    def logs(self) -> list[str]:
        return sorted(str(path.relative_to(self.folder)) for path in self.folder.rglob("*.jsonl"))

    def content(self) -> bytes:
        return b"".join((self.folder / name).read_bytes() for name in self.logs())

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.content().split(b"\n") if line]


@contextmanager
def served(
    folder: Path,
    *,
    secret: str | None = SECRET,
    previous: str | None = None,
    notify: Callable[[str], None] = lambda _: None,
    files: Files | None = None,
    clock: Clock | None = None,
    connections: type[BoundedProtocol] = BoundedProtocol,
    body_seconds: float = 10.0,
) -> Iterator[Served]:
    clock = clock or Clock()
    journal = Journal(files or Files(folder), clock)
    journal.open()
    secrets = [key for key in (secret, previous) if key]
    receiver = Receiver(journal, clock, secrets, body_seconds=body_seconds, notify=notify)
    server = build_server(receiver, connections)
    # Whatever does not end by itself is not cut off after some seconds, but keeps the thread.
    server.config.timeout_graceful_shutdown = None
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.005)
    try:
        yield Served(listener.getsockname()[1], folder, journal)
    finally:
        server.should_exit = True
        thread.join(60)
        assert not thread.is_alive()
        journal.close()


@contextmanager
def receiving(
    folder: Path, *arguments: str, **environ: str
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`meeting-etl receive` in a process of its own, and the line that says where it listens."""
    with subprocess.Popen(
        [sys.executable, "-m", "meeting_etl.cli.main", "receive", "--port", "0", *arguments],
        env={"PATH": os.environ["PATH"], "MEETING_ETL_DATA_DIR": str(folder), **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        try:
            yield process, process.stderr.readline()
        finally:
            process.kill()
