"""Senders of signed events: raw sockets that are kept open, a thread for each."""

import hmac
import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from meeting_etl.receiver.app import PATH
from meeting_etl_tests.receiver.served import SECRET
from meeting_etl_tests.webhook_logs.samples import SERIES_ID, ended

_LISTENING = re.compile(r"http://127\.0\.0\.1:(\d+)/")


def port_of(said: str) -> int:
    """The port that a receiver named when it started."""
    found = _LISTENING.search(said)
    assert found, said
    return int(found[1])


def event(number: int) -> bytes:
    """An event like no other; every seventh with line breaks."""
    payload = ended(id=f"{SERIES_ID}_I_{number}", title=f"Weekly of team {number}\n")
    return json.dumps(payload, indent=1 if number % 7 == 0 else None).encode()


def request(body: bytes) -> bytes:
    signature = hmac.new(SECRET.encode(), body, "sha1").hexdigest()
    return (
        f"POST {PATH} HTTP/1.1\r\nHost: hooks.corvane.example\r\nContent-Type: application/json\r\n"
        f"X-Spark-Signature: {signature}\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body


class Senders:
    """So many connections, each sending its events one after the other.

    `sent` and `acknowledged` are the numbers of events. An event that was not acknowledged is
    never sent again.
    """

    def __init__(self, port: int, connections: int, first: int) -> None:
        self.sent: set[int] = set()
        self.acknowledged: set[int] = set()
        self.refused: list[bytes] = []
        self._port = port
        self._ending = threading.Event()
        self._threads = [
            threading.Thread(target=self._send_all, args=(first + lane, connections), daemon=True)
            for lane in range(connections)
        ]

    @contextmanager
    def at_work(self) -> Iterator[None]:
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._ending.set()
            for thread in self._threads:
                thread.join(60)

    def _send_all(self, number: int, step: int) -> None:
        try:
            with socket.create_connection(("127.0.0.1", self._port), timeout=60) as connection:
                while not self._ending.is_set():
                    self.sent.add(number)
                    connection.sendall(request(event(number)))
                    answer = _answer(connection)
                    if not answer.startswith(b"HTTP/1.1 200 "):
                        self.refused += [answer] if answer else []
                        return
                    self.acknowledged.add(number)
                    number += step
        except OSError:
            return


def _answer(connection: socket.socket) -> bytes:
    """The whole answer; of one that breaks off the status line, if it came."""
    answer = connection.recv(4096)
    while answer and not answer.endswith(b"stored\n"):
        more = connection.recv(4096)
        if not more:
            break
        answer += more
    return answer


def wait_for(senders: Senders, count: int, seconds: float = 120) -> None:
    """Until so many events were acknowledged."""
    deadline = time.monotonic() + seconds
    while len(senders.acknowledged) < count:
        assert time.monotonic() < deadline, len(senders.acknowledged)
        time.sleep(0.002)
