"""Responses that break off, stall, drip or are not valid HTTP."""

import itertools
import socket
import struct

from meeting_etl_tests.webex.servers import Act, Handler, Reply


def trickle_head(handler: Handler) -> None:
    """An endless header, a byte now and then."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    drip(handler, b"a")


def reset(handler: Handler) -> None:
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()


TRANSIENT_FAULTS: list[Act] = [
    Reply({"message": "busy"}, 503),
    Reply({"message": "later"}, 429, {"Retry-After": "5"}),
    Reply(b"<html>maintenance</html>"),
    reset,
]


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
    drip(handler, b" ")


def trickle_chunk(handler: Handler) -> None:
    handler.start(200, {"Transfer-Encoding": "chunked"})
    handler.wfile.write(b"fffff\r\n")
    drip(handler, b" ")


def trickle_gzip(handler: Handler) -> None:
    """A gzip header with an endless file name: bytes arrive, content never does."""
    handler.start(200, {"Content-Encoding": "gzip", "Content-Length": "1000000"})
    handler.wfile.write(b"\x1f\x8b\x08\x08\0\0\0\0\0\x03")
    drip(handler, b"a")


def drip(handler: Handler, content: bytes) -> None:
    """Byte by byte, over and over."""
    try:
        for byte in itertools.cycle(content):
            if handler.server.stopping.wait(0.02):
                return
            handler.wfile.write(bytes([byte]))
            handler.wfile.flush()
    except OSError:
        return
