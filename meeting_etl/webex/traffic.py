"""Traffic: requests and responses, counted in all and for each piece of work.

Belongs here: the counts, for any number of threads. Does not: what is counted as what
(transport.py, client.py).
"""

import threading


class Traffic:
    """Counts of one client, or of what some threads do for one day.

    `requests` were handed to the network, `retries` of them because an earlier one had failed.
    `rate_limited` are responses 429. `received_bytes` are bodies as sent, compressed or not.
    """

    def __init__(self) -> None:
        self.requests = 0
        self.retries = 0
        self.rate_limited = 0
        self.received_bytes = 0
        self._lock = threading.Lock()

    def add(
        self, *, requests: int = 0, retries: int = 0, rate_limited: int = 0, received_bytes: int = 0
    ) -> None:
        """Add these."""
        with self._lock:
            self.requests += requests
            self.retries += retries
            self.rate_limited += rate_limited
            self.received_bytes += received_bytes
