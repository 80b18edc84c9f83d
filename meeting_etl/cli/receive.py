"""The command `receive`.

Belongs here: which secrets it needs and what it prints. Does not: the server (receiver/server.py).
"""

import signal

from meeting_etl.cli import display
from meeting_etl.cli.listening import address, warn_of_others
from meeting_etl.errors import SettingsError
from meeting_etl.receiver.app import PATH
from meeting_etl.receiver.server import listen, open_receiver, serve
from meeting_etl.settings import Etl


def serve_receiver(etl: Etl, host: str, port: int, *, insecure: bool) -> None:
    """Receive until interrupted. Raises SettingsError and StorageError before it listens."""
    secrets = etl.settings.webhook_secrets
    if not secrets and not insecure:
        raise SettingsError(
            "Set WEBEX_WEBHOOK_SECRET, the secret that the webhooks were created with; without one "
            "anybody could post events. To take unsigned events anyway, give --insecure."
        )
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with (
        listen(host, port) as listener,
        open_receiver(etl.logs_folder, etl.clock, secrets, display.say) as receiver,
    ):
        place = address(host, listener.getsockname()[1])
        warn_of_others(host, "Let only the proxy that ends TLS reach it.")
        checked = "signatures are checked" if secrets else "signatures are NOT checked"
        display.say(
            f"Listening on http://{place}{PATH}; {checked}; events go to {etl.logs_folder}."
        )
        serve(receiver, listener)
    receiver.refusals.tell_rest()
    display.say(f"Ended; {receiver.accepted:,} events were stored.")
