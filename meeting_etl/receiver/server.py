"""The HTTP server of the receiver: a socket, uvicorn, and the journal that it writes to.

Belongs here: listening, serving until a signal or in a thread, closing the journal. Does not:
which responses are sent (app.py), single connections (connections.py), shipping logs (shipper.py),
what users are shown (cli/receive.py).
"""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import uvicorn

from meeting_etl.errors import SettingsError
from meeting_etl.files import Files
from meeting_etl.receiver.app import PATH, Receiver
from meeting_etl.receiver.connections import BoundedProtocol
from meeting_etl.receiver.journal import Journal, numbered_names, shipped_names
from meeting_etl.receiver.shipper import Shipper, shipping
from meeting_etl.times import Clock

_SHUTDOWN_SECONDS = 3


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises SettingsError when the address cannot be used."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        address = f"[{host}]:{port}" if family == socket.AF_INET6 else f"{host}:{port}"
        reason = error.strerror or error
        raise SettingsError(
            f"Cannot listen on {address}: {reason}. Choose another --port or --host."
        ) from error


@contextlib.contextmanager
def open_receiver(
    files: Files,
    clock: Clock,
    secrets: Sequence[str],
    notify: Callable[[str], None],
    shipper: Shipper | None = None,
) -> Iterator[Receiver]:
    """A receiver that appends to the logs in `files`. Raises StorageError if it cannot write there.

    `notify` is called with sentences for the user, also from another thread. With a shipper the
    logs are those that it ships.
    """
    journal = Journal(files, clock, notify, shipped_names if shipper else numbered_names)
    journal.open()
    try:
        with shipping(shipper, journal) if shipper else contextlib.nullcontext():
            yield Receiver(journal, clock, secrets, notify=notify, shipper=shipper)
    finally:
        journal.close()


def serve(receiver: Receiver, listener: socket.socket) -> None:
    """Serve until SIGINT or SIGTERM; events in progress are stored and answered first."""
    # uvicorn shuts down cleanly at a signal and then raises it once more.
    with contextlib.suppress(KeyboardInterrupt):
        build_server(receiver).run([listener])


@contextlib.contextmanager
def serve_in_thread(receiver: Receiver) -> Iterator[str]:
    """Serve in a thread, on a free port of 127.0.0.1; yields the URL that takes events."""
    with listen("127.0.0.1", 0) as listener:
        server = build_server(receiver)
        thread = threading.Thread(
            target=server.run, args=([listener],), name="receiver", daemon=True
        )
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}{PATH}"
        finally:
            server.should_exit = True
            thread.join()


def build_server(
    receiver: Receiver, connections: type[BoundedProtocol] = BoundedProtocol
) -> uvicorn.Server:
    """A server for the receiver, to be run with a listening socket."""
    config = uvicorn.Config(
        receiver.app(),
        http=partial(connections, receiver.refusals.add),  # type: ignore[arg-type]
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="error",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
    )
    return uvicorn.Server(config)
