"""The wire: one request out, one whole answer in.

Belongs here: everything that is about HTTP and not about Webex: the connection pool, proxies and
certificates, timeouts, the bounds on an answer, and the count of requests. Does not: what an answer
means and whether to ask again (client.py), nor which token goes along (auth.py).
"""

import http.client
import ipaddress
import logging
import ssl
import threading
import uuid
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3.exceptions
from requests.structures import CaseInsensitiveDict

from meeting_etl import __version__
from meeting_etl.errors import BadResponse, SettingsError
from meeting_etl.times import Clock
from meeting_etl.webex.rate_limit import RateLimiter
from meeting_etl.webex.read_deadlines import Deadline, TooSlow, WatchedAdapter

# At DEBUG urllib3 logs every URL with its query, and ours carry e-mail addresses and cursors.
logging.getLogger("urllib3.connectionpool").setLevel(logging.INFO)
# It warns of odd headers with the whole URL, and links to files are good without a login.
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
    """An answer. `asked` is the method and the path, without the query; fit for a message.

    `cut`: its body could not be read to the end, and is empty here. That is so for errors alone,
    which say all that matters in their head.
    """

    asked: str
    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    received_at: datetime
    tracking_id: str
    cut: bool = False


class _TooLarge(Exception):
    """An answer larger than its bound."""


# What sending and reading raises when no whole answer comes.
FAULTS = (
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    zlib.error,
    _TooLarge,
)


def origin(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port of a URL, comparable. Raises ValueError for what is not a URL."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or _DEFAULT_PORTS.get(parts.scheme)


class Transport:
    """The connections to one host, for any number of threads; `threads` of them are kept open.

    Redirects are not followed: an answer that is one comes back as it is.
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
        # Looked up once, not at every request.
        self._surroundings = surroundings(base_url)
        self._timeout = (limits.connect_seconds, limits.read_seconds)
        self._headers = {
            "User-Agent": f"meeting_etl/{__version__}",
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
        }
        self._counting = threading.Lock()
        self._requests_sent = 0

    @property
    def requests_sent(self) -> int:
        """Requests that were handed to the network, failed ones too."""
        return self._requests_sent

    def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> Response:
        """Send one request when the pace allows it and read the whole answer, whatever its status.

        Raises Passing when no whole answer comes, unless its head says that it is an error anyway;
        ApiUnavailable when the pace says "not now", SettingsError when the proxy or the
        certificates of the environment cannot be used.
        """
        tracking_id = f"METL_{uuid.uuid4()}"
        request = requests.PreparedRequest()
        request.method, request.url, request.body = method, url, body
        request.headers = CaseInsensitiveDict({**self._headers, "TrackingID": tracking_id})
        request.headers.update(headers)
        asked = f"{method} {urlsplit(url).path}"
        self._rate_limiter.acquire()
        with self._counting:
            self._requests_sent += 1
        response = None
        try:
            response = self._adapter.send(
                request, stream=True, timeout=self._timeout, **self._surroundings
            )
            content = self._read(response.raw)
            if response.headers.get("Content-Encoding", "").lower() == "gzip":
                content = self._decompressed(content)
        except FAULTS as error:
            problem, response_too_large = describe_error(error), isinstance(error, _TooLarge)
            misconfigured = is_misconfigured(error)
        else:
            now = self._clock.now()
            return Response(
                asked, response.status_code, response.headers, content, now, tracking_id
            )
        # Outside of the except clause: the text of those errors has the whole URL in it, and must
        # not hang on to ours as its context.
        if misconfigured:
            raise SettingsError(f"{asked} cannot be sent: {problem}.")
        if response is not None and response.status_code >= 400:
            status, headers, now = response.status_code, response.headers, self._clock.now()
            return Response(asked, status, headers, b"", now, tracking_id, cut=True)
        message = f"{asked} (TrackingID {tracking_id}) failed: {problem}"
        raise TransientError(
            message,
            None if response is None else response.status_code,
            response_too_large=response_too_large,
        )

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
                    raise _TooLarge
        finally:
            raw.close()
        return b"".join(chunks)

    def _decompressed(self, content: bytes) -> bytes:
        """All members of it: gzip may come in several, one behind the other."""
        plain, most = b"", self._limits.response_bytes
        if not content:
            raise zlib.error
        while content:
            gunzip = zlib.decompressobj(wbits=31)
            plain += gunzip.decompress(content, most + 1 - len(plain))
            if len(plain) > most:
                raise _TooLarge
            if not gunzip.eof:
                raise zlib.error
            content = gunzip.unused_data
        return plain


# Mistakes in the settings of the environment: they do not pass.
_MISCONFIGURED = (
    requests.exceptions.InvalidSchema,
    requests.exceptions.InvalidURL,  # and InvalidProxyURL
)
# What happened, by the kinds of error that may lie in the one that was raised; the first that is
# found counts. No error's own text: URLs are in it.
_WORDS: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], str], ...] = (
    (
        requests.exceptions.InvalidSchema,
        "the proxy is one of SOCKS, which needs PySocks: install it, or change HTTPS_PROXY",
    ),
    (requests.exceptions.InvalidURL, "the address of the proxy is not valid, check HTTPS_PROXY"),
    (
        ssl.SSLCertVerificationError,
        "its certificate is not trusted, or is not for this host (REQUESTS_CA_BUNDLE?)",
    ),
    ((requests.exceptions.SSLError, ssl.SSLError), "the TLS handshake failed"),
    (requests.exceptions.ProxyError, "the proxy does not let it through (HTTPS_PROXY?)"),
    (urllib3.exceptions.NameResolutionError, "the name of the host cannot be resolved (DNS)"),
    (ConnectionRefusedError, "the host refuses the connection"),
    (requests.exceptions.ConnectTimeout, "the host does not answer"),
    (TooSlow, "the answer has no end, or comes too slowly"),
    (requests.exceptions.Timeout, "no answer in time"),
    (urllib3.exceptions.ReadTimeoutError, "the answer stalled"),
    (urllib3.exceptions.NewConnectionError, "the host cannot be reached"),
    (_TooLarge, "the answer is too large"),
    (
        (ConnectionResetError, BrokenPipeError, http.client.RemoteDisconnected),
        "the connection was closed before the answer came",
    ),
    ((urllib3.exceptions.IncompleteRead, http.client.IncompleteRead), "the answer is cut off"),
    (zlib.error, "the answer cannot be decompressed"),
)


def describe_error(error: BaseException) -> str:
    """What happened, one of FAULTS, without the error's own text: URLs are in it."""
    errors = list(_all_of(error))
    words = (text for kind, text in _WORDS if any(isinstance(one, kind) for one in errors))
    return next(words, "the connection broke, or the answer breaks the rules of HTTP")


def is_misconfigured(error: BaseException) -> bool:
    """Whether one of FAULTS comes from the settings of this machine, and stays until they change.

    Redirects are not followed and our own addresses are checked, so that a bad address is a
    proxy's.
    """
    return isinstance(error, _MISCONFIGURED)


def _all_of(error: BaseException) -> Iterator[BaseException]:
    """An error and all that it was raised for; requests and urllib3 wrap each other's."""
    found, left = set[int](), [error]
    while left:
        error = left.pop()
        if id(error) in found:
            continue
        found.add(id(error))
        yield error
        inside = (*error.args, getattr(error, "reason", None), error.__cause__, error.__context__)
        left += [one for one in inside if isinstance(one, BaseException)]


def surroundings(url: str) -> dict[str, Any]:
    """Proxies and certificates that the environment has for a host, as keywords of `send`.

    Raises SettingsError when it names certificates that cannot be used.
    """
    with requests.Session() as session:
        found = session.merge_environment_settings(url, {}, None, None, None)
    if is_loopback(urlsplit(url).hostname or ""):
        found["proxies"] = {}  # no proxy leads to this machine; the sandbox lives there
    if isinstance(found["verify"], str) and (problem := _bundle_problem(Path(found["verify"]))):
        raise SettingsError(
            f"REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE names {found['verify']}, {problem}; set it to "
            "the file of certificates that this machine is to trust."
        )
    return {name: found[name] for name in ("proxies", "verify", "cert")}


def _bundle_problem(path: Path) -> str | None:
    """What keeps a file or folder of trusted certificates from being used, if anything does."""
    if path.is_dir():
        return None
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
    except ssl.SSLError:  # an OSError, too
        return "which has no certificates in PEM form"
    except FileNotFoundError:
        return "which is not there"
    except OSError as error:
        return f"which cannot be read ({error.strerror})"
    return None


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
