"""A small HTTP server on a real socket that responds or misbehaves as a test demands.

With a context of certificates.py it speaks TLS. It is a proxy, too: for plain HTTP it answers in
the place of every host, and CONNECT leads to the server that `running` is given.
"""

import http.client
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit


@dataclass(frozen=True)
class Seen:
    """A received request. `connection` is the client's port: one value, one connection."""

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
    """A well-formed response. A body that is not bytes is sent as JSON. `headers` may set Date."""

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

    def do_CONNECT(self) -> None:
        with self.server.noting:
            self.server.seen.append(
                Seen("CONNECT", self.path, {}, self.headers, "", int(self.client_address[1]))
            )
        self.close_connection = True
        if self.server.tunnel_to is None:
            self.reply(Reply(b"", 403, {"Connection": "close"}))
            return
        with socket.create_connection(
            ("127.0.0.1", self.server.tunnel_to.server_address[1])
        ) as upstream:
            self.start(200, {})
            self.wfile.flush()
            back = threading.Thread(target=_pour, args=(upstream, self.connection), daemon=True)
            back.start()
            _pour(self.connection, upstream)
            back.join()

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
        self.send_response_only(status)
        if "Date" not in headers:
            self.send_header("Date", self.date_time_string())
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

    def __init__(
        self,
        answer: Answering,
        tls: ssl.SSLContext | None = None,
        tunnel_to: "Server | None" = None,
    ) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer = answer
        self.tunnel_to = tunnel_to
        self._tls = tls
        self.seen: list[Seen] = []
        self.noting = threading.Lock()
        self.stopping = threading.Event()

    @property
    def url(self) -> str:
        scheme = "https" if self._tls else "http"
        return f"{scheme}://127.0.0.1:{self.server_address[1]}/v1"

    def finish_request(self, request: Any, client_address: Any) -> None:
        """In the thread of the connection, so that one client's handshake delays no other."""
        if self._tls:
            request = self._tls.wrap_socket(request, server_side=True)
        super().finish_request(request, client_address)
        if self._tls:
            request.close()  # wrapping took the socket away from the server, which closes the other

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Silent: some tests want clients that hang up."""


@contextmanager
def running(
    answer: Answering, *, tls: ssl.SSLContext | None = None, tunnel_to: Server | None = None
) -> Iterator[Server]:
    server = Server(answer, tls, tunnel_to)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.stopping.set()
        server.shutdown()
        thread.join()
        server.server_close()


def of_webex(answer: Answering) -> Answering:
    """Responds to /people/me as Webex does, and to everything else with `answer`."""

    def answered(seen: Seen) -> Act:
        if seen.path == "/v1/people/me":
            return Reply({"message": "No scope.", "errors": [], "trackingId": "ROUTER_0"}, 403)
        return answer(seen)

    return answered


def in_turn(*acts: Act) -> Answering:
    """Respond with these one after the other; the last one repeats."""
    left = list(acts)
    taking = threading.Lock()

    def answer(seen: Seen) -> Act:
        with taking:
            return left.pop(0) if len(left) > 1 else left[0]

    return answer


# Nobody can have this name (RFC 6761): what is looked up is not found, whatever the network is.
UNKNOWN_HOST = "no-such-host.invalid"


def not_webex(seen: Seen) -> Reply:
    """A host that is not Webex: a 404 page for every path."""
    page = b"<!DOCTYPE html><html><title>404 Not Found</title><h1>Not Found</h1></html>"
    return Reply(page, 404, {"Content-Type": "text/html"})


def cutting(
    base_url: str, *, keep_bytes: int = 20, cuts: Callable[[int], bool] = lambda status: True
) -> Answering:
    """A gateway to the API at `base_url` that cuts bodies: the head is whole, then little comes.

    `cuts` says of which statuses; other answers pass as they are.
    """
    target = urlsplit(base_url)

    def answer(seen: Seen) -> Act:
        connection = http.client.HTTPConnection(target.netloc, timeout=60)
        own = ("connection", "accept-encoding", "content-length")  # and links lead to us
        headers = {name: value for name, value in seen.headers.items() if name.lower() not in own}
        query = f"?{urlencode(seen.params)}" if seen.params else ""
        try:
            connection.request(seen.method, seen.path + query, seen.body.encode(), headers)
            response = connection.getresponse()
            body = response.read()
        finally:
            connection.close()
        kept = {
            name: value
            for name, value in response.getheaders()
            if name.lower() not in ("content-length", "transfer-encoding", "date", "server")
        }
        if not cuts(response.status):
            return Reply(body, response.status, kept)
        return cut_off(response.status, kept, body[:keep_bytes], len(body) + 1)

    return answer


def _pour(source: socket.socket, target: socket.socket) -> None:
    """Copy everything from one socket to another, until either ends."""
    try:
        while piece := source.recv(65_536):
            target.sendall(piece)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        return


def cut_off(
    status: int, headers: Mapping[str, str], begin: bytes = b"", declared_bytes: int = 1000
) -> Act:
    """A complete head, and the beginning of a body of `declared_bytes`."""

    def act(handler: Handler) -> None:
        handler.start(status, {**headers, "Content-Length": str(declared_bytes)})
        handler.wfile.write(begin)

    return act
