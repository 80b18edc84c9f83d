"""A small HTTP server on a real socket that answers, or misbehaves, as a test tells it."""

import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Seen:
    """A request as it came in. `connection` is the client's port: one value, one connection."""

    method: str
    path: str
    params: dict[str, str]
    headers: Message
    body: str
    connection: int

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body, keep_blank_values=True))


@dataclass(frozen=True)
class Reply:
    """A well-formed answer. A body that is not bytes is sent as JSON."""

    body: Any = field(default_factory=lambda: {"items": []})
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True
    server: "Server"

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_PUT(self) -> None:
        self._answer()

    def do_PATCH(self) -> None:
        self._answer()

    def do_DELETE(self) -> None:
        self._answer()

    def _answer(self) -> None:
        url = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
        params = dict(parse_qsl(url.query, keep_blank_values=True))
        seen = Seen(self.command, url.path, params, self.headers, body, int(self.client_address[1]))
        with self.server.noting:
            self.server.seen.append(seen)
        act = self.server.answer(seen)
        if isinstance(act, Reply):
            self.reply(act)
        else:
            self.close_connection = True
            act(self)

    def reply(self, reply: Reply) -> None:
        body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
        self.start(reply.status, {"Content-Length": str(len(body)), **reply.headers})
        self.wfile.write(body)

    def start(self, status: int, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name it has
        pass


Act = Reply | Callable[[Handler], None]
Answering = Callable[[Seen], Act]


class Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, answer: Answering) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer = answer
        self.seen: list[Seen] = []
        self.noting = threading.Lock()
        self.stopping = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is what some tests want."""


@contextmanager
def running(answer: Answering) -> Iterator[Server]:
    server = Server(answer)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.stopping.set()
        server.shutdown()
        thread.join()
        server.server_close()


def in_turn(*acts: Act) -> Answering:
    """Answer with these one after the other; the last one stays."""
    left = list(acts)
    taking = threading.Lock()

    def answer(seen: Seen) -> Act:
        with taking:
            return left.pop(0) if len(left) > 1 else left[0]

    return answer


def reset(handler: Handler) -> None:
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()


def hang_up(handler: Handler) -> None:
    handler.connection.shutdown(socket.SHUT_RDWR)


def cut_short(handler: Handler) -> None:
    handler.start(200, {"Content-Length": "1000"})
    handler.wfile.write(b'{"items": []}')


def in_chunks(handler: Handler) -> None:
    handler.start(200, {"Transfer-Encoding": "chunked"})
    handler.wfile.write(b'6\r\n{"id":\r\n5\r\n "m1"\r\n1\r\n}\r\n0\r\n\r\n')


def broken_chunks(handler: Handler) -> None:
    handler.start(200, {"Transfer-Encoding": "chunked"})
    handler.wfile.write(b'd\r\n{"items": []}\r\n')


def nonsense_chunks(handler: Handler) -> None:
    handler.start(200, {"Transfer-Encoding": "chunked"})
    handler.wfile.write(b'what?\r\n{"items": []}\r\n0\r\n\r\n')


def stall(handler: Handler) -> None:
    handler.start(200, {"Content-Length": "1000"})
    handler.wfile.write(b'{"items"')
    handler.wfile.flush()
    handler.server.stopping.wait()


def say_nothing(handler: Handler) -> None:
    handler.server.stopping.wait()


def trickle(handler: Handler) -> None:
    """A byte now and then for ever, each long before the read timeout."""
    handler.start(200, {"Content-Length": "1000000"})
    _drip(handler, b" ")


def trickle_chunk(handler: Handler) -> None:
    handler.start(200, {"Transfer-Encoding": "chunked"})
    handler.wfile.write(b"fffff\r\n")
    _drip(handler, b" ")


def trickle_gzip(handler: Handler) -> None:
    """The file name in a gzip header has no end: bytes come, content never does."""
    handler.start(200, {"Content-Encoding": "gzip", "Content-Length": "1000000"})
    handler.wfile.write(b"\x1f\x8b\x08\x08\0\0\0\0\0\x03")
    _drip(handler, b"a")


def _drip(handler: Handler, byte: bytes) -> None:
    try:
        while not handler.server.stopping.wait(0.02):
            handler.wfile.write(byte)
            handler.wfile.flush()
    except OSError:
        return
