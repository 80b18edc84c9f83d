"""A proxy before the S3 server, which counts requests and spoils some."""

import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

Matches = Callable[[str, str], bool]


class Proxy:
    """What it has seen, as method and path with query, and which requests it spoils."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []
        # Requests whose answers are lost: the server has done them, the client gets a 500.
        self.loses: Matches = lambda method, path: False
        # Requests that are answered with a 503 without reaching the server.
        self.refuses: Matches = lambda method, path: False


@contextmanager
def s3_proxy(endpoint: str) -> Iterator[tuple[Proxy, str]]:
    """The proxy and its own endpoint."""
    proxy, host = Proxy(), urlsplit(endpoint).netloc

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            proxy.seen.append((self.command, self.path))
            if proxy.refuses(self.command, self.path):
                return self._answer(503, [], b"")
            # With the client's headers, the host among them, which the signature is of.
            connection = http.client.HTTPConnection(host, timeout=60)
            connection.putrequest(
                self.command, self.path, skip_host=True, skip_accept_encoding=True
            )
            for name, value in self.headers.items():
                connection.putheader(name, value)
            connection.endheaders(body)
            response = connection.getresponse()
            headers, content = response.getheaders(), response.read()
            connection.close()
            if proxy.loses(self.command, self.path):
                return self._answer(500, [], b"")
            return self._answer(response.status, headers, content)

        do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = do  # noqa: N815

        def _answer(self, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
            self.send_response_only(status)
            names = {name.lower() for name, _ in headers}
            for name, value in headers:
                if name.lower() not in ("transfer-encoding", "connection"):
                    self.send_header(name, value)
            if "content-length" not in names:
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield proxy, f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
