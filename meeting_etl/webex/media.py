"""Media: files from the download hosts that the direct links of recordings lead to.

Belongs here: one request for a file or for the rest of it, and what the host's response means.
These hosts are not the API: they never see the token and do not count for the rate limit. Does not:
which file it is and where it is stored (pipeline/), nor where links come from (endpoints.py).
"""

import re
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict

from meeting_etl import __version__
from meeting_etl.addresses import is_loopback
from meeting_etl.errors import BadResponse, SettingsError
from meeting_etl.times import Clock
from meeting_etl.webex.network_errors import NETWORK_ERRORS, describe_error, is_misconfiguration
from meeting_etl.webex.network_settings import network_settings
from meeting_etl.webex.read_deadlines import MinimumRate, WatchedAdapter
from meeting_etl.webex.responses import is_transient, retry_after_seconds
from meeting_etl.webex.transport import Response, TransientError

_TIMEOUT_SECONDS = (10, 30)
# A slower host would keep a thread, and its run, for days.
MIN_BYTES = 64 * 1024
MIN_BYTES_SECONDS = 60.0
_CHUNK_BYTES = 256 * 1024
_IDENTITY = ("", "identity")
# Web pages and error messages, which are sent with status 200, too.
_NOT_FILES = frozenset({"text/html", "application/json", "application/xml", "text/xml"})
_MAX_REDIRECTS = 5
_REDIRECT_STATUSES = frozenset({301, 302, 303, 307, 308})
# No file has a size of more digits, and int() refuses thousands of them.
_SIZE = re.compile(r"[0-9]{1,18}")
_RANGE = re.compile(r"bytes\s+([0-9]{1,18})-[0-9]{1,18}/([0-9]{1,18}|\*)", re.IGNORECASE)


class LinkRefused(BadResponse):
    """The link leads to no file (any more): direct links expire three hours after they were given.

    Source: docs/webex-api-notes.md T36.
    """


class RangeChanged(BadResponse):
    """The host cannot continue the partial file: the file has changed."""


@dataclass(frozen=True)
class ByteRange:
    """A file from byte `start` to its end.

    `total_bytes` is the size of the whole file, `version` changes with its content; both are None
    where the host does not send them. `pieces` raises TransientError when the connection breaks.
    """

    start: int
    total_bytes: int | None
    version: str | None
    media_type: str
    pieces: Iterator[bytes]


class MediaClient:
    """Sends requests to download hosts, for any number of threads.

    Links must be https. Where the API is on this machine, as the sandbox is, links to this machine
    may be http, too.
    """

    def __init__(self, base_url: str, clock: Clock) -> None:
        self._loopback = is_loopback(urlsplit(base_url).hostname or "")
        self._clock = clock

    @contextmanager
    def open(self, link: str, *, start: int = 0, version: str | None = None) -> Iterator[ByteRange]:
        """Request a file of that version from byte `start` on; the response may begin at 0 anyway.

        Raises LinkRefused for a link that does not lead to a file, RangeChanged when the file has
        no byte `start`, TransientError for what a retry may not meet again. None of them has the
        link in its text.
        """
        headers = {"User-Agent": f"meeting_etl/{__version__}", "Accept-Encoding": "identity"}
        if start:
            headers["Range"] = f"bytes={start}-"
            if version:
                headers["If-Range"] = version
        watch = MinimumRate(self._clock, MIN_BYTES, MIN_BYTES_SECONDS)
        with closing(WatchedAdapter(lambda: watch, pool_maxsize=1)) as adapter:
            with _translate_errors():
                response = self._follow(adapter, link, headers)
            try:
                yield self._byte_range(response, start)
            finally:
                response.raw.close()

    def _follow(
        self, adapter: HTTPAdapter, link: str, headers: dict[str, str]
    ) -> requests.Response:
        """The response at the end of the redirects; only the link is taken along."""
        for _ in range(_MAX_REDIRECTS + 1):
            request = self._request(link, headers)
            response = adapter.send(
                request, stream=True, timeout=_TIMEOUT_SECONDS, **network_settings(link)
            )
            if response.status_code not in _REDIRECT_STATUSES:
                return response
            response.raw.close()
            link = _joined(str(request.url), response.headers.get("Location", ""))
        raise LinkRefused("The link to the file is redirected too often.")

    def _request(self, link: str, headers: dict[str, str]) -> requests.PreparedRequest:
        request = requests.PreparedRequest()
        try:
            # This quotes what cannot be sent as it is.
            request.prepare_url(link, None)
            parts = urlsplit(request.url or "")
        except (ValueError, requests.RequestException):
            parts = urlsplit("")
        host = str(parts.hostname or "")
        is_safe = parts.scheme == "https" or (
            parts.scheme == "http" and self._loopback and is_loopback(host)
        )
        if not is_safe or not host:
            raise LinkRefused("The link to the file is not an allowed https URL.")
        request.method, request.headers = "GET", CaseInsensitiveDict(headers)
        return request

    def _byte_range(self, response: requests.Response, start: int) -> ByteRange:
        status, headers = response.status_code, response.headers
        if status == 416:
            raise RangeChanged("The file is now shorter than its partial download.", status)
        if is_transient(status):
            head = Response("", status, headers, b"", self._clock.now(), "")
            raise TransientError(
                f"The download host responded {status}",
                status,
                retry_after_seconds=retry_after_seconds(head, default=None),
            )
        media_type = headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if status not in (200, 206) or media_type in _NOT_FILES:
            what = "with a page instead of a file" if status < 300 else str(status)
            raise LinkRefused(
                f"The download host responded {what}: the link may have expired.", status
            )
        content_length = headers.get("Content-Length", "").strip()
        length = int(content_length) if _SIZE.fullmatch(content_length) else None
        if (encoding := headers.get("Content-Encoding", "").strip().lower()) not in _IDENTITY:
            # Not what was requested: it can be read as a whole only, and its length says nothing.
            if status == 206:
                raise RangeChanged("The download host sent the rest with another encoding.", status)
            if encoding != "gzip":
                raise TransientError(
                    "The download host sent an encoding that was not requested", status
                )
            return ByteRange(0, None, None, media_type, _gunzipped(_pieces(response.raw, length)))
        total = length
        if status == 206:
            found = _RANGE.fullmatch(headers.get("Content-Range", "").strip())
            if found is None or int(found[1]) != start:
                raise TransientError("The download host sent another range than requested", status)
            total = int(found[2]) if found[2] != "*" else None
        begin = start if status == 206 else 0
        return ByteRange(
            begin, total, _version(response), media_type, _pieces(response.raw, length)
        )


def _joined(link: str, location: str) -> str:
    """The target of a redirect; empty when it is not a URL."""
    try:
        return urljoin(link, location)
    except ValueError:
        return ""


def _version(response: requests.Response) -> str | None:
    """The value for If-Range: a strong ETag or a date."""
    tag = response.headers.get("ETag", "").strip()
    if tag and not tag.startswith("W/"):
        return tag
    return response.headers.get("Last-Modified", "").strip() or None


def _pieces(raw: urllib3.HTTPResponse, length: int | None) -> Iterator[bytes]:
    received = 0
    with _translate_errors():
        # read1 returns what has arrived: of a slow file, too, nothing is lost by a kill.
        while piece := raw.read1(_CHUNK_BYTES, decode_content=False):
            received += len(piece)
            yield piece
    if length is not None and received < length:
        raise TransientError("The file is truncated")


def _gunzipped(pieces: Iterator[bytes]) -> Iterator[bytes]:
    gunzip = zlib.decompressobj(wbits=31)
    with _translate_errors():
        for piece in pieces:
            left = piece
            while left:
                if gunzip.eof:  # gzip may consist of several members, one after the other
                    gunzip = zlib.decompressobj(wbits=31)
                yield gunzip.decompress(left, _CHUNK_BYTES)
                left = gunzip.unused_data if gunzip.eof else gunzip.unconsumed_tail
    if not gunzip.eof:
        raise TransientError("The file is truncated")


@contextmanager
def _translate_errors() -> Iterator[None]:
    try:
        yield
    except NETWORK_ERRORS as error:
        problem, misconfigured = describe_error(error), is_misconfiguration(error)
    else:
        return
    # Outside the except clause: the text of those errors has the whole link in it.
    if misconfigured:
        raise SettingsError(f"Cannot download recordings: {problem}.")
    raise TransientError(f"The download failed: {problem}")
