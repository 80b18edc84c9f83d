"""The download host: files of recordings for whoever has a ticket, and for nobody's token.

Belongs here: the order in which a request to it is judged, and its answers. Does not: tickets
(tickets.py), what the files hold (files.py), sending them (streaming.py).
"""

import re
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from hashlib import blake2b
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from meeting_etl.sandbox.api.answers import Refusal
from meeting_etl.sandbox.api.json_assets import MEDIA_HOST, MEDIA_PATH, VIDEO_PATH, recording_status
from meeting_etl.sandbox.counters import Counters, MediaSeen
from meeting_etl.sandbox.faults.broken_connections import Connections
from meeting_etl.sandbox.faults.faults import Faults
from meeting_etl.sandbox.faults.injection import Streaks
from meeting_etl.sandbox.media.files import Media, MediaKind
from meeting_etl.sandbox.media.ranges import Span, Unsatisfiable, asked_start, part
from meeting_etl.sandbox.media.streaming import Stream
from meeting_etl.sandbox.media.tickets import Ticket, Tickets
from meeting_etl.sandbox.world.model import Recording, dice
from meeting_etl.times import Clock

_KINDS: dict[tuple[str, str | None], MediaKind] = {
    (VIDEO_PATH, None): "video",
    (MEDIA_PATH, "1"): "audio",
    (MEDIA_PATH, "2"): "transcript",
}
_FORMS = {"audio": ("audio/mpeg", "mp3"), "transcript": ("text/vtt", "vtt")}
_VIDEO, _ARF = ("video/mp4", "mp4"), ("application/octet-stream", "arf")
_PAGE = "<!DOCTYPE html><html><head><title>Webex</title></head><body><p>{}</p></body></html>"


class Downloads:
    """Everything between HTTP and the files, for one sandbox. It has no pace and no rate limit."""

    def __init__(
        self,
        tickets: Tickets,
        media: Media,
        clock: Clock,
        faults: Faults,
        counters: Counters,
        connections: Connections,
        closing: Callable[[], bool],
    ) -> None:
        self._tickets = tickets
        self._media = media
        self._clock = clock
        self._faults = faults
        self._counters = counters
        self._connections = connections
        self._closing = closing
        self._streaks = Streaks(faults)
        self._asked: Counter[str] = Counter()

    async def serve(self, request: Request) -> Response:
        """The answer to one request, which is counted when it begins."""
        seen = MediaSeen(request.method, request.url.path, asked_start(request.headers))
        self._counters.note_media(seen)
        try:
            return self._judge(request, seen)
        except Refusal as refusal:
            headers = {"Retry-After": refusal.retry_after} if refusal.retry_after else {}
            page = _PAGE.format(refusal.message).encode()
            seen.status = refusal.status
            seen.bytes_sent = 0 if request.method == "HEAD" else len(page)
            return Response(page, refusal.status, headers, "text/html")

    def _judge(self, request: Request, seen: MediaSeen) -> Response:
        if "Authorization" in request.headers:
            self._counters.note_token_elsewhere()
            raise Refusal(400, "This host takes no tokens.")
        if request.headers.get("Host", "").partition(":")[0] != MEDIA_HOST:
            raise Refusal(404, "There is nothing of that kind.")
        if request.method != "GET":
            raise Refusal(405, "Only GET is supported.")
        kind = _KINDS.get((request.url.path, request.query_params.get("mediaType")))
        if kind is None:
            raise Refusal(404, "There is nothing of that kind.")
        now = self._clock.now()
        ticket = self._ticket(request, now)
        one = ticket.recorded[0]
        seen.recording_id, seen.kind = one.id, kind
        if kind not in self._media.kinds(one.id, now) or recording_status(one, now) == "purged":
            raise Refusal(404, "The file does not exist.")
        return self._answer(request, ticket, kind, seen)

    def _ticket(self, request: Request, now: datetime) -> Ticket:
        ticket = self._tickets.check(request.query_params, now)
        if isinstance(ticket, Ticket):
            return ticket
        # As login pages are: in the eyes of HTTP all is well.
        if self._faults.media_html:
            self._counters.note_injected("media_html")
            raise Refusal(200, "Please sign in to continue.")
        raise Refusal(403, f"The ticket is {ticket}.")

    def _answer(
        self, request: Request, ticket: Ticket, kind: MediaKind, seen: MediaSeen
    ) -> Response:
        one = ticket.recorded[0]
        key = f"{one.id} {kind}"
        self._asked[key] += 1
        fault = self._streaks.choose(key, self._faults.download_shares())
        if fault is not None:
            self._counters.note_injected(fault)
        if fault == "refused_media":
            raise Refusal(503, "The service is busy.", retry_after="1")
        version = ticket.issued_at_ms if self._faults.changed_media else 0
        size = self._media.size(one.id, kind)
        headers = _headers(one, kind, version, ticket)
        try:
            span = self._part(request, key, size, headers)
        except Unsatisfiable:
            seen.status = 416
            return Response(b"", 416, {"Content-Range": f"bytes */{size}"})
        begin, end = (0, size) if span is None else (span.start, span.end)
        headers["Content-Length"] = str(end - begin)
        if span is not None:
            headers["Content-Range"] = f"bytes {begin}-{end - 1}/{size}"
        seen.status = 200 if span is None else 206
        broken = fault is not None and end > begin
        if broken:
            end = dice(self._faults.seed, key, "broken", self._asked[key]).randrange(begin, end)
        return Stream(
            seen.status,
            headers,
            self._media.content(one.id, kind, begin, end, version),
            seen,
            self._connections,
            self._closing,
            broken=broken,
            stall_seconds=self._faults.stall_seconds if fault == "stalled_media" else 0.0,
            bytes_per_second=self._faults.slow_media,
        )

    def _part(self, request: Request, key: str, size: int, headers: dict[str, str]) -> Span | None:
        """The part of the file to send; None = all, also where Range is ignored on purpose."""
        chance = dice(self._faults.seed, key, "no_range", self._asked[key])
        if "Range" in request.headers and chance.random() < self._faults.no_range:
            self._counters.note_injected("no_range")
            return None
        headers["Accept-Ranges"] = "bytes"
        return part(request.headers, size, headers["ETag"], headers["Last-Modified"])


def _headers(one: Recording, kind: MediaKind, version: int, ticket: Ticket) -> dict[str, str]:
    content_type, ending = _FORMS.get(kind) or (_ARF if one.format == "ARF" else _VIDEO)
    made = one.created_at
    if version:
        made = datetime.fromtimestamp(ticket.issued_at_ms // 1000, UTC)
    etag = blake2b(f"{one.id}|{kind}|{version}".encode(), digest_size=12).hexdigest()
    name = f"{one.topic}.{ending}"
    plain = re.sub(r'[^ -~]|["\\]', "_", name)
    return {
        "Content-Type": content_type,
        "ETag": f'"{etag}"',
        "Last-Modified": format_datetime(made.astimezone(UTC), usegmt=True),
        "Content-Disposition": (
            f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, errors='replace')}"
        ),
    }
