"""The download host: files of recordings for a ticket, never for a token.

Belongs here: its responses, and counting what was sent. Does not: tickets (tickets.py), what the
files hold (files.py), sending them (streaming.py).
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from hashlib import blake2b
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from meeting_etl.sandbox.counters import Counters, MediaSeen
from meeting_etl.sandbox.layers import Layer, Refusal, unchanged
from meeting_etl.sandbox.media.files import Media, MediaKind
from meeting_etl.sandbox.media.ranges import Unsatisfiable, asked_start, part
from meeting_etl.sandbox.media.streaming import Stream
from meeting_etl.sandbox.media.tickets import MEDIA_HOST, MEDIA_PATH, VIDEO_PATH, Ticket, Tickets
from meeting_etl.sandbox.world.model import Recording
from meeting_etl.times import Clock

_KINDS: dict[tuple[str, str | None], MediaKind] = {
    (VIDEO_PATH, None): "video",
    (MEDIA_PATH, "1"): "audio",
    (MEDIA_PATH, "2"): "transcript",
}
_FORMS = {"audio": ("audio/mpeg", "mp3"), "transcript": ("text/vtt", "vtt")}
_VIDEO, _ARF = ("video/mp4", "mp4"), ("application/octet-stream", "arf")
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
_PAGE = "<!DOCTYPE html><html><head><title>Webex</title></head><body><p>{}</p></body></html>"


class MediaHost:
    """Everything between HTTP and the files, for one sandbox. It has no rate limit.

    `layer` is around what finds a file. `version_of` is for contents that differ by ticket.
    """

    def __init__(
        self,
        tickets: Tickets,
        media: Media,
        clock: Clock,
        counters: Counters,
        *,
        layer: Layer = unchanged,
        version_of: Callable[[Ticket], int] = lambda ticket: 0,
    ) -> None:
        self._tickets = tickets
        self._media = media
        self._clock = clock
        self._counters = counters
        self._found = layer(self._file)
        self._version_of = version_of

    def route(self) -> Route:
        """The route of all files."""
        return Route("/nbr/{rest:path}", self._serve, methods=list(_METHODS))

    async def _serve(self, request: Request) -> Response:
        """The response to one request, which is counted when it begins."""
        seen = MediaSeen(request.method, request.url.path, asked_start(request.headers))
        self._counters.note_media(seen)
        request.state.seen = seen
        try:
            response = await self._found(request)
        except Refusal as refusal:
            headers = {"Retry-After": refusal.retry_after} if refusal.retry_after else {}
            page = _PAGE.format(refusal.message)
            response = Response(page, refusal.status, headers, "text/html")
        return _Counted(response, seen)

    async def _file(self, request: Request) -> Response:
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
        ticket = self._tickets.check(request.query_params, now)
        if not isinstance(ticket, Ticket):
            raise Refusal(403, f"The ticket is {ticket}.")
        recording = ticket.recorded[0]
        seen = request.state.seen
        seen.recording_id, seen.kind = recording.id, kind
        is_purged = recording.status(now) == "purged"
        if kind not in self._media.kinds(recording.id, now) or is_purged:
            raise Refusal(404, "The file does not exist.")
        return self._response(request, ticket, kind)

    def _response(self, request: Request, ticket: Ticket, kind: MediaKind) -> Response:
        recording, version = ticket.recorded[0], self._version_of(ticket)
        size = self._media.size(recording.id, kind)
        headers = _headers(recording, kind, version, ticket)
        try:
            span = part(request.headers, size, headers["ETag"], headers["Last-Modified"])
        except Unsatisfiable:
            return Response(b"", 416, {"Content-Range": f"bytes */{size}"})
        begin, end = (0, size) if span is None else (span.start, span.end)
        headers |= {"Accept-Ranges": "bytes", "Content-Length": str(end - begin)}
        if span is not None:
            headers["Content-Range"] = f"bytes {begin}-{end - 1}/{size}"
        content = self._media.content(recording.id, kind, begin, end, version)
        return Stream(200 if span is None else 206, headers, content)


class _Counted(Response):
    """Sends `sent`, and notes its status and how many bytes of its body were sent."""

    def __init__(self, sent: Response, seen: MediaSeen) -> None:
        super().__init__(status_code=sent.status_code)
        self._sent = sent
        self._seen = seen

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""

        async def counted(message: Message) -> None:
            # Counted first, because the client may have it before this goes on.
            if message["type"] == "http.response.start":
                self._seen.status = message["status"]
            elif scope["method"] != "HEAD":
                self._seen.bytes_sent += len(message.get("body", b""))
            await send(message)

        await self._sent(scope, receive, counted)


def _headers(recording: Recording, kind: MediaKind, version: int, ticket: Ticket) -> dict[str, str]:
    content_type, ending = _FORMS.get(kind) or (_ARF if recording.format == "ARF" else _VIDEO)
    made = recording.created_at
    if version:
        made = datetime.fromtimestamp(ticket.issued_at_ms // 1000, UTC)
    etag = blake2b(f"{recording.id}|{kind}|{version}".encode(), digest_size=12).hexdigest()
    name = f"{recording.topic}.{ending}"
    plain = re.sub(r'[^ -~]|["\\]', "_", name)
    return {
        "Content-Type": content_type,
        "ETag": f'"{etag}"',
        "Last-Modified": format_datetime(made.astimezone(UTC), usegmt=True),
        "Content-Disposition": (
            f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, errors='replace')}"
        ),
    }
