"""Media: files from the download hosts that the direct links of recordings lead to.

Belongs here: one request for a file, or for what is missing of it, and what the host's answer
means. These hosts are not the API: they never see the token, and the pace does not count them. Does
not: which file it is and where it is kept (pipeline/), nor where links come from (endpoints.py).
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
from meeting_etl.errors import BadResponse, SettingsError
from meeting_etl.times import Clock
from meeting_etl.webex.read_deadlines import MinimumRate, WatchedAdapter
from meeting_etl.webex.responses import is_transient, retry_after_seconds
from meeting_etl.webex.transport import (
    FAULTS,
    Response,
    TransientError,
    describe_error,
    is_loopback,
    is_misconfigured,
    surroundings,
)

_TIMEOUT_SECONDS = (10, 30)
# A host that sends less is one that stalls: it would keep a thread, and its run, for days.
MIN_BYTES = 64 * 1024
MIN_BYTES_SECONDS = 60.0
_PIECE_BYTES = 256 * 1024
_PLAIN = ("", "identity")
# Pages and messages, which also come with status 200.
_NO_FILES = frozenset({"text/html", "application/json", "application/xml", "text/xml"})
_REDIRECTS = 5
_REDIRECTING = frozenset({301, 302, 303, 307, 308})
# No file has a size of more digits, and int() refuses thousands of them.
_SIZE = re.compile(r"[0-9]{1,18}")
_RANGE = re.compile(r"bytes\s+([0-9]{1,18})-[0-9]{1,18}/([0-9]{1,18}|\*)", re.IGNORECASE)


class LinkRefused(BadResponse):
    """The link leads to no file (any more): direct links expire three hours after they were given.

    Source: docs/webex-api-notes.md T36.
    """


class RangeChanged(BadResponse):
    """The host has no rest for what is here already: the file is another one by now."""


@dataclass(frozen=True)
class ByteRange:
    """What a host sends: a file from byte `start` on.

    `total_bytes` is the size of the whole file, None where the host does not say; `version` is the
    same as long as the file is the same, None where the host tells none. `pieces` raises Passing
    when the connection breaks.
    """

    start: int
    total_bytes: int | None
    version: str | None
    media_type: str
    pieces: Iterator[bytes]


class MediaClient:
    """Asks download hosts, for any number of threads.

    Links must be https. Where the API is on this machine, as the sandbox is, those to this machine
    may be http, too.
    """

    def __init__(self, base_url: str, clock: Clock) -> None:
        self._loopback = is_loopback(urlsplit(base_url).hostname or "")
        self._clock = clock

    @contextmanager
    def open(self, link: str, *, start: int = 0, version: str | None = None) -> Iterator[ByteRange]:
        """Ask for a file from byte `start` on, of that version; it may begin at 0 all the same.

        Raises LinkRefused for a link that does not lead to a file, Outdated when the file has no
        byte `start`, Passing for what may go well another time. The link is in none of them.
        """
        headers = {"User-Agent": f"meeting_etl/{__version__}", "Accept-Encoding": "identity"}
        if start:
            headers["Range"] = f"bytes={start}-"
            if version:
                headers["If-Range"] = version
        watch = MinimumRate(self._clock, MIN_BYTES, MIN_BYTES_SECONDS)
        with closing(WatchedAdapter(lambda: watch, pool_maxsize=1)) as adapter:
            with _explained():
                response = self._followed(adapter, link, headers)
            try:
                yield self._stretch(response, start)
            finally:
                response.raw.close()

    def _followed(
        self, adapter: HTTPAdapter, link: str, headers: dict[str, str]
    ) -> requests.Response:
        """The answer at the end of the redirects; no more than the link goes along."""
        for _ in range(_REDIRECTS + 1):
            request = self._request(link, headers)
            response = adapter.send(
                request, stream=True, timeout=_TIMEOUT_SECONDS, **surroundings(link)
            )
            if response.status_code not in _REDIRECTING:
                return response
            response.raw.close()
            link = _joined(str(request.url), response.headers.get("Location", ""))
        raise LinkRefused("The link to the file leads from one address to the next.")

    def _request(self, link: str, headers: dict[str, str]) -> requests.PreparedRequest:
        request = requests.PreparedRequest()
        try:
            # What is in links is up to others; this quotes what cannot be sent.
            request.prepare_url(link, None)
            parts = urlsplit(request.url or "")
        except (ValueError, requests.RequestException):
            parts = urlsplit("")
        host = str(parts.hostname or "")
        is_safe = parts.scheme == "https" or (
            parts.scheme == "http" and self._loopback and is_loopback(host)
        )
        if not is_safe or not host:
            raise LinkRefused("The link to the file is no address that may be asked.")
        request.method, request.headers = "GET", CaseInsensitiveDict(headers)
        return request

    def _stretch(self, response: requests.Response, start: int) -> ByteRange:
        status, headers = response.status_code, response.headers
        if status == 416:
            raise RangeChanged("The download host has less of the file than is here.", status)
        if is_transient(status):
            answer = Response("", status, headers, b"", self._clock.now(), "")
            hold = retry_after_seconds(answer, default=None)
            raise TransientError(
                f"The download host answered {status}", status, retry_after_seconds=hold
            )
        media_type = headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if status not in (200, 206) or media_type in _NO_FILES:
            kind = "with a page" if status < 300 else str(status)
            raise LinkRefused(f"The download host answered {kind}: the link expired?", status)
        told = headers.get("Content-Length", "").strip()
        length = int(told) if _SIZE.fullmatch(told) else None
        if (encoding := headers.get("Content-Encoding", "").strip().lower()) not in _PLAIN:
            # Not what was asked for: it can be read as a whole only, and its length says nothing.
            if status == 206:
                raise RangeChanged("The download host sends the rest in another form.", status)
            if encoding != "gzip":
                raise TransientError("The download host sent a form that was not asked for", status)
            return ByteRange(0, None, None, media_type, _gunzipped(_pieces(response.raw, length)))
        total = length
        if status == 206:
            found = _RANGE.fullmatch(headers.get("Content-Range", "").strip())
            if found is None or int(found[1]) != start:
                raise TransientError(
                    "The download host sent another part than it was asked for", status
                )
            total = int(found[2]) if found[2] != "*" else None
        begin = start if status == 206 else 0
        return ByteRange(
            begin, total, _version(response), media_type, _pieces(response.raw, length)
        )


def _joined(link: str, location: str) -> str:
    """Where a redirect leads; nowhere when that is no address."""
    try:
        return urljoin(link, location)
    except ValueError:
        return ""


def _version(response: requests.Response) -> str | None:
    """What can stand in If-Range: a strong ETag or a date."""
    tag = response.headers.get("ETag", "").strip()
    if tag and not tag.startswith("W/"):
        return tag
    return response.headers.get("Last-Modified", "").strip() or None


def _pieces(raw: urllib3.HTTPResponse, length: int | None) -> Iterator[bytes]:
    received = 0
    with _explained():
        # read1 returns what is there: of a slow file, too, what came before a kill is here.
        while piece := raw.read1(_PIECE_BYTES, decode_content=False):
            received += len(piece)
            yield piece
    if length is not None and received < length:
        raise TransientError("The file is cut off")


def _gunzipped(pieces: Iterator[bytes]) -> Iterator[bytes]:
    gunzip = zlib.decompressobj(wbits=31)
    with _explained():
        for piece in pieces:
            left = piece
            while left:
                if gunzip.eof:  # gzip may come in several members, one behind the other
                    gunzip = zlib.decompressobj(wbits=31)
                yield gunzip.decompress(left, _PIECE_BYTES)
                left = gunzip.unused_data if gunzip.eof else gunzip.unconsumed_tail
    if not gunzip.eof:
        raise TransientError("The file is cut off")


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except FAULTS as error:
        problem, misconfigured = describe_error(error), is_misconfigured(error)
    else:
        return
    # Outside of the except clause: the text of those errors has the whole link in it.
    if misconfigured:
        raise SettingsError(f"Recordings cannot be downloaded: {problem}.")
    raise TransientError(f"The download failed: {problem}")
