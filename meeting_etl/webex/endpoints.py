"""The endpoints: one method for each thing that we ask Webex, returning raw items.

Belongs here: paths, parameters and what each kind of token may ask. Does not: turning items into
rows (pipeline/rows.py), nor asking again and paging (client.py).
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Event
from typing import Any
from urllib.parse import quote

from meeting_etl.errors import BadResponse, MeetingEtlError
from meeting_etl.times import Clock, format_timestamp
from meeting_etl.webex.client import Client
from meeting_etl.webex.token_kind import ListingScope, TokenKind

_PAGE = {"max": "100"}
_ENDED = {"meetingType": "meeting", "state": "ended"}
_BEFORE_START = timedelta(days=1)
# /admin/recordings says so; clients report of other listings that a longer one is refused or cut
# without a word (docs/webex-api-notes.md T51).
_WIDEST_WINDOW = timedelta(days=30)
Window = tuple[datetime, datetime]
# Clocks differ; an event may come before what it is about is listed.
_AFTER_EVENT = timedelta(days=1)
# A year of them: no meeting costs more requests than that, whatever moment an event claims.
_MOST_WINDOWS = 12
_LISTED_AT_MOST = 10_000
_NARROWEST_SPLIT = timedelta(minutes=2)


@dataclass(frozen=True)
class Listing:
    """All pages of a listing, as raw items.

    `broken` are items that Webex sent with `errors`: what is missing in them is not known, so a
    listing with any is not the whole truth.
    """

    items: list[dict[str, Any]]
    broken: list[dict[str, Any]]


@dataclass(frozen=True)
class Owner:
    """Whom a token speaks for: e-mail addresses in lower case, and Webex's id of the org."""

    emails: frozenset[str]
    org_id: str | None


class Webex:
    """What one token of the given kind can read, and the webhooks that it can have.

    Every method that asks raises what `Client` raises. They send what the kind of token needs of
    what is known (`host_email` and `site_url` may be None): a host's own token never names a host.
    A listing without the host that it needs would come back empty; an unknown one is looked up.
    """

    def __init__(self, client: Client, kind: TokenKind, clock: Clock) -> None:
        self._client = client
        self._access = kind.access
        self._clock = clock

    def cancel_on(self, stop: Event) -> None:
        """In the calling thread, raise Stopped instead of waiting, once `stop` is set."""
        self._client.cancel_on(stop)

    def can_read(self, resource: str) -> bool:
        """Whether this kind of token may read a resource at all; costs no request.

        An administrator may read no summaries, and no snippets either, though the file of a
        transcript tells the same.
        """
        return resource not in self._access.unreadable

    @property
    def is_org_wide(self) -> bool:
        """Whether its listings are of all hosts rather than of its owner and who invited him."""
        return bool(self._access.prefix)

    @property
    def can_schedule(self) -> bool:
        """Whether this kind of token may read and change scheduled meetings; costs no request."""
        return self._access.can_schedule

    def listing_scope(self, resource: str) -> ListingScope | None:
        """What a listing of the resource by time covers; None where there is none."""
        return self._access.listings.get(resource)

    def recordings(
        self,
        meeting_id: str,
        *,
        started_at: datetime,
        site_url: str | None,
        event_at: datetime | None = None,
        expected: bool = False,
    ) -> Listing:
        """Available recordings of one meeting, from GET /recordings or /admin/recordings.

        /recordings covers all sites of the token's owner. /admin/recordings covers all hosts of one
        site, so it needs the site and no host. Which days are listed see `_of_a_meeting`.
        """
        params = {"meetingId": meeting_id}
        path = "/recordings"
        if self.is_org_wide:
            path, params = "/admin/recordings", params | _site(site_url)
        return self._of_a_meeting(path, params, started_at, event_at, expected=expected)

    def recordings_between(
        self, start: datetime, end: datetime, *, site_url: str | None, max_pages: int
    ) -> Listing | None:
        """Available recordings made from `start` on and before `end`, of all meetings.

        From GET /recordings for a host's own token, of all sites; from GET /admin/recordings, of
        one site, for others. None when there are more pages than `max_pages`.
        """
        path = "/admin/recordings" if self.is_org_wide else "/recordings"
        return self._list_some(path, _site(site_url), _windows(start, end), max_pages)

    def recording(self, recording_id: str, *, host_email: str | None) -> dict[str, Any]:
        """Details of one recording, with short-lived links, from GET /recordings/{id}.

        Raises BadResponse without a request when the host is needed and unknown: the resulting 404
        would look like a deletion.
        """
        if self.is_org_wide and not host_email:
            raise BadResponse(
                f"Recording {recording_id} cannot be asked for: its host is not known."
            )
        return self._client.get(f"/recordings/{segment(recording_id)}", self._host(host_email))

    def meeting_of_recording(self, recording_id: str, *, host_email: str | None) -> str | None:
        """Id of the meeting instance that a recording is of, from its details; None without one.

        Without its host an administrator may be refused, which says nothing of the recording.
        """
        found = self._client.get(f"/recordings/{segment(recording_id)}", self._host(host_email))
        meeting_id = found.get("meetingId")
        return meeting_id if isinstance(meeting_id, str) and meeting_id else None

    def participants(self, meeting_id: str, *, host_email: str | None) -> Listing:
        """Everybody who was in one meeting instance, from GET /meetingParticipants."""
        params = {"meetingId": meeting_id} | self._known_host(meeting_id, host_email)
        return self._list("/meetingParticipants", params)

    def transcripts(
        self,
        meeting_id: str,
        *,
        started_at: datetime,
        host_email: str | None,
        site_url: str | None,
        event_at: datetime | None = None,
        expected: bool = False,
    ) -> Listing:
        """Transcripts of one meeting instance, from GET /meetingTranscripts.

        It covers one site: the preferred one of the token's owner unless `site_url` is given. Which
        days are listed see `_of_a_meeting`.
        """
        params = {"meetingId": meeting_id}
        params |= self._known_host(meeting_id, host_email) | _site(site_url)
        return self._of_a_meeting(
            "/meetingTranscripts", params, started_at, event_at, expected=expected
        )

    def transcripts_between(
        self, start: datetime, end: datetime, *, site_url: str | None, max_pages: int
    ) -> Listing | None:
        """Transcripts of one site that came from `start` on and before `end`, of all meetings.

        From GET /meetingTranscripts for a host's own token; for a compliance officer from GET
        /admin/meetingTranscripts, where deleted ones are among them with that status. None when
        there are more pages than `max_pages`.
        """
        path = "/admin/meetingTranscripts" if self.is_org_wide else "/meetingTranscripts"
        return self._list_some(path, _site(site_url), _windows(start, end), max_pages)

    def snippets(self, transcript_id: str) -> Listing:
        """What was said, from GET /meetingTranscripts/{id}/snippets, which knows no hostEmail."""
        return self._list(f"/meetingTranscripts/{segment(transcript_id)}/snippets", {})

    def transcript_text(
        self, transcript_id: str, form: str, host_email: str | None, meeting_id: str
    ) -> bytes:
        """A transcript as a file, from GET /meetingTranscripts/{id}/download.

        `form` is vtt or txt. The links in a transcript lead to other hosts, which must not see the
        token (T46); this address is our own. For an administrator the file is not
        there unless he names the host.
        """
        params = {"format": form} | self._known_host(meeting_id, host_email)
        return self._client.text(f"/meetingTranscripts/{segment(transcript_id)}/download", params)

    def transcript_exists(self, transcript_id: str) -> bool:
        """Whether a transcript's snippets can still be had, from the first page of them.

        Raises NotFound or Gone when not, which proves something only where they were read before.
        """
        path = f"/meetingTranscripts/{segment(transcript_id)}/snippets"
        return bool(self._client.get(path, {"max": "1"}))

    def summaries(self, meeting_id: str) -> Listing:
        """Summaries of one ended meeting instance.

        From GET /meetingSummaries for a host's own token, from GET /admin/meetingSummaries for a
        compliance officer's, where deleted ones are among them. Neither has a window nor a `max`.
        """
        path = "/admin/meetingSummaries" if self.is_org_wide else "/meetingSummaries"
        pages = self._client.pages(path, {"meetingId": meeting_id})
        return _listing(item for page in pages for item in page)

    def ended_meetings(self, start: datetime, end: datetime) -> Listing:
        """Meeting instances that ended, `start` included and `end` not, from GET /meetings.

        For an administrator those of all hosts and sites, otherwise those that the token's owner
        hosted or was invited to. A listing ends at 10,000 meetings without a word; a window that is
        so full is asked for in halves, and a meeting may come twice then. Raises BadResponse when
        that is of no help.
        """
        listing = self._list("/meetings", _ENDED, _windows(start, end))
        if len(listing.items) + len(listing.broken) < _LISTED_AT_MOST:
            return listing
        if end - start < _NARROWEST_SPLIT:
            raise BadResponse(f"There are {_LISTED_AT_MOST} meetings at {format_timestamp(start)}.")
        middle = start + (end - start) / 2
        return _united([self.ended_meetings(start, middle), self.ended_meetings(middle, end)])

    def meetings_between(self, start: datetime, end: datetime, *, max_pages: int) -> Listing | None:
        """As `ended_meetings`; None when there are more pages than `max_pages`, or 10,000."""
        fewer = min(max_pages, _LISTED_AT_MOST // 100 - 1)
        return self._list_some("/meetings", _ENDED, _windows(start, end), fewer)

    def meeting(self, meeting_id: str) -> dict[str, Any]:
        """One meeting, from GET /meetings/{id}, or /admin/meetings/{id} for those beside the host.

        The latter needs no host and carries no secrets.
        """
        path = "/admin/meetings" if self.is_org_wide else "/meetings"
        return self._client.get(f"{path}/{segment(meeting_id)}")

    def owner(self) -> Owner:
        """Whose token it is, from GET /people/me, which needs the scope spark:people_read."""
        found = self._client.get("/people/me")
        emails, org_id = found.get("emails"), found.get("orgId")
        return Owner(
            frozenset(one.lower() for one in emails or () if isinstance(one, str))
            if isinstance(emails, list)
            else frozenset(),
            org_id if isinstance(org_id, str) else None,
        )

    def scheduled_meeting(self, meeting_id: str, *, host_email: str | None) -> dict[str, Any]:
        """A series or scheduled meeting, from GET /meetings/{id}; its passwords are in it."""
        params = self._known_host(meeting_id, host_email)
        return self._client.get(f"/meetings/{segment(meeting_id)}", params)

    def enable_auto_record(self, meeting_id: str, *, host_email: str | None) -> dict[str, Any]:
        """A series or scheduled meeting as it is then, by PATCH /meetings/{id}.

        Nobody gets mail, and nothing else of it is touched: a start, an end or a recurrence would
        cancel occurrences that were moved (docs/webex-api-notes.md T22, T24).
        """
        document: dict[str, Any] = {"enabledAutoRecordMeeting": True, "sendEmail": False}
        document |= self._known_host(meeting_id, host_email)
        return self._client.patch(f"/meetings/{segment(meeting_id)}", document)

    def can_register(self, resource: str, *, org: bool) -> bool:
        """Whether this kind of token may have webhooks on a resource; costs no request.

        `org`: for the whole organization, not only for what the token's owner can see.
        """
        return resource not in self._access.no_webhooks and (self.is_org_wide or not org)

    def webhooks(self, *, org: bool) -> Listing:
        """The token owner's webhooks, or those of the organization, from GET /webhooks.

        Each may carry its secret: what is kept or shown of an item must leave that out.
        """
        return self._list("/webhooks", {"ownedBy": "org"} if org else {})

    def create_webhook(self, document: Mapping[str, str]) -> dict[str, Any]:
        """The new webhook, from POST /webhooks: name, targetUrl, resource and event are needed.

        BadResponse says that it may have been created all the same: list before it is tried again.
        """
        with _unquoted(document.get("secret")):
            return self._client.post("/webhooks", document)

    def update_webhook(self, webhook_id: str, document: Mapping[str, str]) -> dict[str, Any]:
        """The webhook as it is then, from PUT /webhooks/{id}: name and targetUrl are needed.

        These, the secret and the status `active` can be set; all else stays as it was created.
        """
        with _unquoted(document.get("secret")):
            return self._client.put(f"/webhooks/{segment(webhook_id)}", document)

    def delete_webhook(self, webhook_id: str) -> None:
        """Remove a webhook, by DELETE /webhooks/{id}."""
        self._client.delete(f"/webhooks/{segment(webhook_id)}")

    def _of_a_meeting(
        self,
        path: str,
        params: Mapping[str, str],
        started_at: datetime,
        heard_at: datetime | None,
        *,
        expected: bool,
    ) -> Listing:
        """What one meeting has, from one day before its start on.

        What a meeting has is made within days of it, so its first 30 days are listed: one window.
        `heard_at` is when an event announced something; where that is later, the 30 days that
        follow are listed too, up to then. Where something is `expected`, for Webex's flags say so,
        and none of these windows shows it, those after them are listed until one does.
        """
        start, now = started_at - _BEFORE_START, max(self._clock.now(), started_at)
        first = min(now, start + _WIDEST_WINDOW)
        end = min(now, max(first, (heard_at or start) + _AFTER_EVENT))
        listing = self._list(path, params, _most(_windows(start, end)))
        if listing.items or listing.broken or not expected or end >= now:
            return listing
        for window in _most(_windows(end, now)):
            listing = self._list(path, params, [window])
            if listing.items or listing.broken:
                break
        return listing

    def _host(self, host_email: str | None) -> dict[str, str]:
        return {"hostEmail": host_email} if self.is_org_wide and host_email else {}

    def _known_host(self, meeting_id: str, host_email: str | None) -> dict[str, str]:
        if self.is_org_wide and not host_email:
            host_email = self.meeting(meeting_id).get("hostEmail")
            if not isinstance(host_email, str) or not host_email:
                raise BadResponse(f"Webex does not say who hosted meeting {meeting_id}.")
        return self._host(host_email)

    def _list(
        self, path: str, params: Mapping[str, str], windows: Sequence[Window] = ()
    ) -> Listing:
        return _listing(item for page in self._pages(path, params, windows) for item in page)

    def _list_some(
        self, path: str, params: Mapping[str, str], windows: Sequence[Window], max_pages: int
    ) -> Listing | None:
        items: list[dict[str, Any]] = []
        pages = self._pages(path, params, windows, max_pages + 1)
        for number, page in enumerate(pages, 1):
            if number > max_pages:
                return None
            items += page
        return _listing(items)

    def _pages(
        self,
        path: str,
        params: Mapping[str, str],
        windows: Sequence[Window],
        max_pages: int | None = None,
    ) -> Iterator[list[dict[str, Any]]]:
        """The pages of all windows, of each so many; what ignores its window comes once."""
        if not windows:
            yield from self._client.pages(path, {**_PAGE, **params}, max_pages=max_pages)
        seen: set[Any] = set()
        for window in windows:
            found: set[Any] = set()
            asked = {**_PAGE, **params, **_from_to(*window)}
            for page in self._client.pages(path, asked, max_pages=max_pages):
                yield [item for item in page if _id(item) is None or _id(item) not in seen]
                found |= {_id(item) for item in page}
            seen |= found


def _id(item: Mapping[str, Any]) -> str | None:
    identifier = item.get("id")
    return identifier if isinstance(identifier, str) else None


def _listing(items: Iterable[dict[str, Any]]) -> Listing:
    whole: list[dict[str, Any]] = []
    broken: list[dict[str, Any]] = []
    for item in items:
        (broken if item.get("errors") else whole).append(item)
    return Listing(whole, broken)


def _united(listings: Sequence[Listing]) -> Listing:
    """All items of some listings; what ignores its window comes more than once."""
    items = [item for listing in listings for item in listing.items]
    return Listing(items, [item for listing in listings for item in listing.broken])


def _windows(start: datetime, end: datetime) -> list[Window]:
    """Windows of 30 days at most, as few as cover the time, oldest first; at least one."""
    width = _WIDEST_WINDOW
    return [
        (start + number * width, min(end, start + (number + 1) * width))
        for number in range(max(1, math.ceil((end - start) / width)))
    ]


def _most(windows: list[Window]) -> list[Window]:
    """A year of windows: of more those in the middle are left out, for news lie in the last."""
    return windows if len(windows) <= _MOST_WINDOWS else [windows[0], *windows[1 - _MOST_WINDOWS :]]


@contextmanager
def _unquoted(secret: str | None) -> Iterator[None]:
    """Keep the secret out of errors: Webex's words may quote what was sent."""
    try:
        yield
    except MeetingEtlError as error:
        if secret:
            error.args = (str(error).replace(secret, "…"), *error.args[1:])
        raise


def segment(identifier: str) -> str:
    """The id as one segment of a path. Raises BadResponse for one that would leave the path."""
    if identifier in ("", ".", ".."):
        raise BadResponse(f"{identifier!r} is no id that Webex can be asked for.")
    return quote(identifier, safe="")


def _from_to(start: datetime, end: datetime) -> dict[str, str]:
    return {"from": format_timestamp(start), "to": format_timestamp(end)}


def _site(site_url: str | None) -> dict[str, str]:
    return {"siteUrl": site_url} if site_url else {}
