"""Free ports, for servers whose port has to be chosen before they start."""

import secrets
import socket
from contextlib import suppress

# Below what systems give to whoever asks for any port or connects to another, which starts at
# 32,768 at the latest: between the look and the start, seconds later, such a port may be taken by
# another test. The ports 10,000 above are not chosen either: SeaweedFS uses them, too.
_FIRST, _COUNT = 12_000, 10_000


def free_port() -> int:
    """A port of 127.0.0.1 that nobody uses at the moment."""
    while True:
        port = _FIRST + secrets.randbelow(_COUNT)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
