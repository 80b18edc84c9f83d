"""What can be made to go wrong, and what is counted.

Belongs here: Faults, the knobs, and Counters, what the sandbox saw. Does not: doing it
(injection.py).
"""

import threading
from collections import Counter
from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True)
class Faults:
    """Every knob; the defaults are a Webex in good health."""

    # Milliseconds that every answer takes.
    latency_ms: int = 0
    # About one in so many follow-up pages is preceded by an empty page with a next link, as the
    # real API may do; 0 = never.
    empty_page_every: int = 5
    # Lifetime of an access token, in seconds.
    access_token_seconds: int = 1_209_600


class Seen(NamedTuple):
    """One request: method, path with query, status of the answer. Never the bearer token."""

    method: str
    url: str
    status: int


class Counters:
    """What the sandbox saw, for tests and for the user. Safe to use from several threads.

    `by_route` counts (method, route template); `repeated_gets` are GETs of a URL that had been
    answered with success before; `during_retry_after` came while a Retry-After ran;
    `tokens_elsewhere` brought the bearer token to another host; `injected` counts faults by name.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        with self._lock:
            self.total = 0
            self.requests: list[Seen] = []
            self.by_route: Counter[tuple[str, str]] = Counter()
            self.repeated_gets = 0
            self.during_retry_after = 0
            self.tokens_elsewhere = 0
            self.injected: Counter[str] = Counter()
            self._answered: set[str] = set()

    def note(self, seen: Seen, route: str, *, complete: bool) -> None:
        """Count a request that was answered; `complete`: undamaged and with success."""
        with self._lock:
            self.total += 1
            self.requests.append(seen)
            self.by_route[seen.method, route] += 1
            if seen.method == "GET" and seen.url in self._answered:
                self.repeated_gets += 1
            if complete:
                self._answered.add(seen.url)
