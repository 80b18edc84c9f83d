"""The server around the receiver.

Belongs here: `receive`: listening, saying so, ending well; the same beside other work. Does not:
what is answered (receiver/app.py), single connections (receiver/connections.py).
"""

import contextlib
import signal
import socket
import threading
from collections.abc import Iterator
from functools import partial

import uvicorn

from meeting_etl.cli import display
from meeting_etl.cli.listening import address, family, warn_of_others
from meeting_etl.errors import SettingsError
from meeting_etl.files import Files
from meeting_etl.receiver.app import PATH, Receiver
from meeting_etl.receiver.connections import Bounded
from meeting_etl.receiver.journal import Journal
from meeting_etl.settings import Etl

_END_SECONDS = 3


def serve_receiver(etl: Etl, host: str, port: int, *, insecure: bool) -> None:
    """Receive until interrupted. Raises SettingsError and StorageError before it listens."""
    secrets = etl.settings.webhook_secrets
    if not secrets and not insecure:
        raise SettingsError(
            "Set WEBEX_WEBHOOK_SECRET, the secret that the webhooks were created with; without one "
            "anybody could post events. To take unsigned events anyway, give --insecure."
        )
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with _listen(host, port) as listener:
        journal = Journal(Files(etl.logs_folder), etl.clock, display.say)
        journal.open()
        receiver = Receiver(journal, etl.clock, secrets, tell=display.say)
        place = address(host, listener.getsockname()[1])
        warn_of_others(host, "Let only the proxy that ends TLS reach it.")
        checked = "signatures are checked" if secrets else "signatures are NOT checked"
        display.say(
            f"Listening on http://{place}{PATH}; {checked}; events go to {etl.logs_folder}."
        )
        # uvicorn ends well at a signal and then raises it once more.
        with contextlib.suppress(KeyboardInterrupt):
            build_server(receiver).run([listener])
    journal.close()
    receiver.refusals.tell_rest()
    display.say(f"Ended; {receiver.accepted:,} events were stored.")


@contextlib.contextmanager
def receiver_beside(etl: Etl) -> Iterator[tuple[Receiver, str]]:
    """A receiver in a thread of its own, and the address at 127.0.0.1 to which events are posted.

    At the end everything that was taken is stored.
    """
    with _listen("127.0.0.1", 0) as listener:
        journal = Journal(Files(etl.logs_folder), etl.clock, display.say)
        journal.open()
        receiver = Receiver(journal, etl.clock, etl.settings.webhook_secrets, tell=display.say)
        server = build_server(receiver)
        thread = threading.Thread(
            target=server.run, args=([listener],), name="receiver", daemon=True
        )
        thread.start()
        try:
            yield receiver, f"http://127.0.0.1:{listener.getsockname()[1]}{PATH}"
        finally:
            server.should_exit = True
            thread.join()
            journal.close()


def build_server(receiver: Receiver, connections: type[Bounded] = Bounded) -> uvicorn.Server:
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
        timeout_graceful_shutdown=_END_SECONDS,
    )
    return uvicorn.Server(config)


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), family=family(host), backlog=1024)
    except OSError as error:
        reason = error.strerror or error
        raise SettingsError(f"{address(host, port)}: {reason}; see --host and --port.") from error
