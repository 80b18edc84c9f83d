"""Transport: one request out, one complete response in.

Belongs here: HTTP as such, whatever the API: the connection pool, timeouts, size limits,
decompression, and the count of requests. Does not: what a response means (responses.py), retries
(client.py), nor the access token (auth.py).
"""

import logging
import threading
import uuid
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from urllib.parse import urlsplit

import requests
import urllib3
from requests.structures import CaseInsensitiveDict

from meeting_etl import __version__
from meeting_etl.errors import BadResponse, SettingsError
from meeting_etl.times import Clock
from meeting_etl.webex.network_errors import (
    NETWORK_ERRORS,
    ResponseTooLarge,
    describe_error,
    is_misconfiguration,
)
from meeting_etl.webex.network_settings import network_settings
from meeting_etl.webex.rate_limit import RateLimiter
from meeting_etl.webex.read_deadlines import Deadline, WatchedAdapter
from meeting_etl.webex.traffic import Traffic

# At DEBUG urllib3 logs every URL with its query, and ours carry e-mail addresses and cursors.
logging.getLogger("urllib3.connectionpool").setLevel(logging.INFO)
# It warns of odd headers with the whole URL, and download links work without a login.
logging.getLogger("urllib3.connection").setLevel(logging.ERROR)

_CHUNK_BYTES = 64 * 1024
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Limits:
    """Timeouts, sizes and attempts.

    - `connect_seconds`, `read_seconds`: one operation on the socket.
    - `response_seconds`, `response_bytes`: the whole response; its body after decompression.
    - `attempts`: how often a request is sent at most. A 429 is not counted as one; at most
      `rate_limit_retries` of those are waited for.
    - `backoff_seconds`: the longest first delay between attempts; it doubles with each attempt up
      to `longest_backoff_seconds`.
    - `outage_after`: after so many failed requests in a row Webex may be down as a whole.
    - `pages`: the most pages of one listing.
    """

    connect_seconds: float = 10
    read_seconds: float = 30
    response_seconds: float = 60
    response_bytes: int = 64 * 2**20
    attempts: int = 5
    rate_limit_retries: int = 20
    backoff_seconds: float = 1
    longest_backoff_seconds: float = 30
    outage_after: int = 10
    pages: int = 10_000


class TransientError(BadResponse):
    """A fault that a retry may not meet again.

    - `retry_after_seconds`: how long to wait before this request is retried; with `pauses_all`
      before any other request, too.
    - `consumes_attempt`: counts as one of the attempts.
    - `response_too_large`: a smaller page may succeed.
    - `not_processed`: Webex did nothing; after any other fault it may have done what was requested.
    """

    def __init__(
        self,
        message: str,
        http_status: int | None = None,
        *,
        retry_after_seconds: float | None = None,
        pauses_all: bool = False,
        consumes_attempt: bool = True,
        response_too_large: bool = False,
        not_processed: bool = False,
    ) -> None:
        super().__init__(message, http_status)
        self.retry_after_seconds = retry_after_seconds
        self.pauses_all = pauses_all
        self.consumes_attempt = consumes_attempt
        self.response_too_large = response_too_large
        self.not_processed = not_processed


@dataclass(frozen=True)
class Response:
    """A response. `request` is method and path, without the query; fit for a message.

    `truncated`: its body could not be read to the end and is empty here. Errors only: their head
    says all that matters.
    """

    request: str
    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    received_at: datetime
    tracking_id: str
    truncated: bool = False


def origin(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port of a URL, for comparison. Raises ValueError if it is not a URL."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or _DEFAULT_PORTS.get(parts.scheme)


class Transport:
    """The connections to one host, for any number of threads; `threads` of them are kept open.

    Redirects are not followed: they are returned like any other response.
    """

    def __init__(
        self,
        base_url: str,
        rate_limiter: RateLimiter,
        clock: Clock,
        *,
        threads: int,
        limits: Limits,
    ) -> None:
        self._rate_limiter = rate_limiter
        self._clock = clock
        self._limits = limits
        self._adapter = WatchedAdapter(
            lambda: Deadline(clock, limits.response_seconds), pool_maxsize=threads
        )
        # Read once, not for every request.
        self._network_settings = network_settings(base_url)
        self._timeout = (limits.connect_seconds, limits.read_seconds)
        self._headers = {
            "User-Agent": f"meeting_etl/{__version__}",
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
        }
        self.traffic = Traffic()
        self._thread = threading.local()

    def count_in(self, traffic: Traffic | None) -> None:
        """Count what the calling thread sends from now on in `traffic`, too."""
        self._thread.traffic = traffic

    def count(self, **counts: int) -> None:
        """Count in all traffic, and in that of the calling thread."""
        self.traffic.add(**counts)
        if own := getattr(self._thread, "traffic", None):
            own.add(**counts)

    def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> Response:
        """Send one request when the rate limit allows it, and read the response.

        Raises TransientError when no complete response arrives, unless its status says that it is
        an error anyway; ApiUnavailable when the rate limiter would wait for too long; SettingsError
        when this machine's proxy or certificates cannot be used.
        """
        tracking_id = f"METL_{uuid.uuid4()}"
        request = requests.PreparedRequest()
        request.method, request.url, request.body = method, url, body
        request.headers = CaseInsensitiveDict({**self._headers, "TrackingID": tracking_id})
        request.headers.update(headers)
        name = f"{method} {urlsplit(url).path}"
        self._rate_limiter.acquire()
        self.count(requests=1)
        response = None
        try:
            response = self._adapter.send(
                request, stream=True, timeout=self._timeout, **self._network_settings
            )
            content = self._read(response.raw)
            is_rate_limited = response.status_code == HTTPStatus.TOO_MANY_REQUESTS
            self.count(rate_limited=is_rate_limited, received_bytes=len(content))
            if response.headers.get("Content-Encoding", "").lower() == "gzip":
                content = self._decompress(content)
        except NETWORK_ERRORS as error:
            problem, too_large = describe_error(error), isinstance(error, ResponseTooLarge)
            misconfigured = is_misconfiguration(error)
        else:
            now = self._clock.now()
            return Response(name, response.status_code, response.headers, content, now, tracking_id)
        # Outside the except clause: the text of those errors has the whole URL in it and must not
        # stay attached to ours as its context.
        if misconfigured:
            raise SettingsError(f"Cannot send {name}: {problem}.")
        status, headers = None, {}
        if response is not None:
            status, headers = response.status_code, response.headers
        if status is not None and status >= 400:
            now = self._clock.now()
            return Response(name, status, headers, b"", now, tracking_id, truncated=True)
        message = f"{name} (TrackingID {tracking_id}) failed: {problem}"
        raise TransientError(message, status, response_too_large=too_large)

    def close(self) -> None:
        """Close all connections."""
        self._adapter.close()

    def _read(self, raw: urllib3.HTTPResponse) -> bytes:
        """The body as sent."""
        chunks: list[bytes] = []
        size = 0
        try:
            while chunk := raw.read1(_CHUNK_BYTES, decode_content=False):
                chunks.append(chunk)
                size += len(chunk)
                if size > self._limits.response_bytes:
                    raise ResponseTooLarge
        finally:
            raw.close()
        return b"".join(chunks)

    def _decompress(self, content: bytes) -> bytes:
        """All members: gzip may consist of several, one after the other."""
        plain, limit = b"", self._limits.response_bytes
        if not content:
            raise zlib.error
        while content:
            gunzip = zlib.decompressobj(wbits=31)
            plain += gunzip.decompress(content, limit + 1 - len(plain))
            if len(plain) > limit:
                raise ResponseTooLarge
            if not gunzip.eof:
                raise zlib.error
            content = gunzip.unused_data
        return plain
