"""What the sandbox saw, for tests and for the user of the command.

Belongs here: one record a request, and the counts. Does not: counting (sandbox/api/app.py,
sandbox/media/host.py, sandbox/faults/).
"""

import threading
from collections import Counter
from dataclasses import dataclass
from typing import NamedTuple

from meeting_etl.times import Clock


class Seen(NamedTuple):
    """One request: method, path with query, status of the answer, and whose token it had.

    Never the token itself; `owner` is an address, empty for an unknown token.
    """

    method: str
    url: str
    status: int
    owner: str = ""


@dataclass(slots=True)
class MediaSeen:
    """One request to the download host: never its query, which has the ticket.

    `range_start` is the first requested byte, None without a Range. `bytes_sent` are those
    of the body that were handed to the connection; it grows while they are sent. `recording_id` and
    `kind` (video, audio, transcript) are known where the ticket was good.
    """

    method: str
    path: str
    range_start: int | None
    status: int = 0
    bytes_sent: int = 0
    recording_id: str = ""
    kind: str = ""


class Counters:
    """What the sandbox saw, for tests and for the user. Safe to use from several threads.

    `by_route` counts (method, route template), `by_owner` requests by the owner of their token;
    `repeated_gets` are GETs of a URL that had been answered with success and undamaged before;
    `during_retry_after` were sent during a Retry-After; `tokens_elsewhere` brought the bearer token
    to another host; `injected` counts faults by name. `seconds` passed from the first answer to the
    last. A connection that was reset has status 0. `media_requests` are those to the download host,
    in the order in which they began; the other figures do not count them.
    """

    def __init__(self, clock: Clock) -> None:
        self._lock = threading.Lock()
        self._clock = clock
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        with self._lock:
            self.total = 0
            self.seconds = 0.0
            self._first_at = 0.0
            self.requests: list[Seen] = []
            self.by_route: Counter[tuple[str, str]] = Counter()
            self.by_owner: Counter[str] = Counter()
            self.repeated_gets = 0
            self.during_retry_after = 0
            self.tokens_elsewhere = 0
            self.injected: Counter[str] = Counter()
            self.media_requests: list[MediaSeen] = []
            self._answered: set[str] = set()

    def note(self, seen: Seen, route: str, *, complete: bool) -> None:
        """Count a request that was answered; `complete`: undamaged and with success."""
        with self._lock:
            now = self._clock.monotonic()
            self._first_at = self._first_at if self.total else now
            self.seconds = now - self._first_at
            self.total += 1
            self.requests.append(seen)
            self.by_route[seen.method, route] += 1
            self.by_owner[seen.owner] += 1
            if seen.method == "GET" and seen.url in self._answered:
                self.repeated_gets += 1
            if complete and seen.method == "GET":
                self._answered.add(seen.url)

    def note_media(self, seen: MediaSeen) -> None:
        """Remember a request to the download host."""
        with self._lock:
            self.media_requests.append(seen)

    def note_injected(self, name: str) -> None:
        """Count a fault."""
        with self._lock:
            self.injected[name] += 1

    def note_disobedience(self) -> None:
        """Count a request that was sent during a Retry-After."""
        with self._lock:
            self.during_retry_after += 1

    def note_token_elsewhere(self) -> None:
        """Count a request that brought the token to another host."""
        with self._lock:
            self.tokens_elsewhere += 1
