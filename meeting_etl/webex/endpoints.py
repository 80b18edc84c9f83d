"""The endpoints: one method for each Webex request, returning raw items.

Belongs here: paths, parameters, and which kind of token uses which of them. Does not: webhooks
(webhook_endpoints.py), what each kind of token may request (token_kind.py), windows and pages
(listings.py), retries (client.py), nor turning items into rows (pipeline/rows.py).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Event
from typing import TYPE_CHECKING, Any

from meeting_etl.errors import BadResponse
from meeting_etl.privacy.pseudonyms import is_replaced
from meeting_etl.times import Clock, format_timestamp
from meeting_etl.webex.listings import PAGE_SIZE, Listing, Listings, listing_of, windows_between
from meeting_etl.webex.paths import path_segment
from meeting_etl.webex.token_kind import ListingScope, TokenKind
from meeting_etl.webex.traffic import Traffic
from meeting_etl.webex.webhook_endpoints import WebhookEndpoints

# requests is loaded when a client is made.
if TYPE_CHECKING:
    from meeting_etl.webex.client import Client

ENDED_MEETINGS = {"meetingType": "meeting", "state": "ended"}
_MAX_LISTED_MEETINGS = 10_000
_MIN_SPLIT = timedelta(minutes=2)


@dataclass(frozen=True)
class Owner:
    """Whose token it is: e-mail addresses in lower case, and Webex's id of the organization."""

    emails: frozenset[str]
    org_id: str | None


class Webex:
    """The requests that one token of the given kind can make.

    Every method that sends a request raises what `Client` raises. Methods take all that is known of
    a meeting and send what the kind of token needs of it: a host's own token never names a host,
    others must, since a listing without its host comes back empty. A missing host is looked up.
    """

    def __init__(self, client: "Client", kind: TokenKind, clock: Clock) -> None:
        self._client = client
        self._listings = Listings(client, clock)
        self._access = kind.access
        self.webhooks = WebhookEndpoints(client, self._listings)

    def cancel_on(self, stop: Event) -> None:
        """In the calling thread, raise Stopped instead of waiting once `stop` is set."""
        self._client.cancel_on(stop)

    def count_in(self, traffic: Traffic | None) -> None:
        """Count what the calling thread sends from now on in `traffic`, too."""
        self._client.count_in(traffic)

    @property
    def is_org_wide(self) -> bool:
        """Whether it lists the data of all hosts, not only of the token's owner."""
        return self._access.is_org_wide

    @property
    def can_schedule(self) -> bool:
        """Whether this kind of token may read and change scheduled meetings; sends no request."""
        return self._access.can_schedule

    def can_read(self, resource: str) -> bool:
        """Whether this kind of token may read a resource at all; sends no request."""
        return resource not in self._access.unreadable

    def can_register(self, resource: str, *, org: bool) -> bool:
        """Whether this kind of token may have webhooks on a resource; sends no request.

        `org`: for the whole organization, not only for what the token's owner can see.
        """
        return self._access.can_register(resource, org=org)

    def listing_scope(self, resource: str) -> ListingScope | None:
        """What a listing of the resource by time covers; None where there is no such listing."""
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

        /recordings covers all sites of the token's owner; /admin/recordings covers all hosts of one
        site, so it needs the site and no host. See `Listings.of_meeting` for the days listed.
        """
        params = {"meetingId": meeting_id}
        if self.is_org_wide:
            params |= _site(site_url)
        path = f"{self._access.prefix}/recordings"
        return self._listings.of_meeting(path, params, started_at, event_at, expected=expected)

    def recordings_between(
        self, start: datetime, end: datetime, *, site_url: str | None, max_pages: int
    ) -> Listing | None:
        """Available recordings made from `start` on and before `end`, of all meetings.

        From GET /recordings, of all sites, or GET /admin/recordings, of one site. None when there
        are more pages than `max_pages`.
        """
        path = f"{self._access.prefix}/recordings"
        windows = windows_between(start, end)
        return self._listings.at_most(path, _site(site_url), windows, max_pages)

    def recording(self, recording_id: str, *, host_email: str | None) -> dict[str, Any]:
        """Details of one recording, with short-lived links, from GET /recordings/{id}.

        Raises BadResponse without a request when the host is needed and unknown: the resulting 404
        would look like a deletion.
        """
        if self.is_org_wide and not _is_known(host_email):
            raise BadResponse(f"Cannot request recording {recording_id}: its host is unknown.")
        return self._client.get(f"/recordings/{path_segment(recording_id)}", self._host(host_email))

    def meeting_of_recording(self, recording_id: str, *, host_email: str | None) -> str | None:
        """Id of the meeting instance of a recording, from its details; None without one.

        Without its host an administrator may be refused, which proves nothing about the recording.
        """
        details = self._client.get(
            f"/recordings/{path_segment(recording_id)}", self._host(host_email)
        )
        meeting_id = details.get("meetingId")
        return meeting_id if isinstance(meeting_id, str) and meeting_id else None

    def participants(self, meeting_id: str, *, host_email: str | None) -> Listing:
        """The participants of one meeting instance, from GET /meetingParticipants."""
        params = {"meetingId": meeting_id} | self._required_host(meeting_id, host_email)
        return self._listings.all("/meetingParticipants", params)

    def invitees(self, meeting_id: str, *, host_email: str | None) -> Listing:
        """Who was invited to one meeting instance, from GET /meetingInvitees."""
        params = {"meetingId": meeting_id} | self._required_host(meeting_id, host_email)
        return self._listings.all("/meetingInvitees", params)

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

        It covers one site: the preferred one of the token's owner unless `site_url` is given. See
        `Listings.of_meeting` for the days listed.
        """
        params = {"meetingId": meeting_id}
        params |= self._required_host(meeting_id, host_email) | _site(site_url)
        path = "/meetingTranscripts"
        return self._listings.of_meeting(path, params, started_at, event_at, expected=expected)

    def transcripts_between(
        self, start: datetime, end: datetime, *, site_url: str | None, max_pages: int
    ) -> Listing | None:
        """Transcripts of one site created from `start` on and before `end`, of all meetings.

        From GET /meetingTranscripts, or GET /admin/meetingTranscripts, which includes deleted ones
        with that status. None when there are more pages than `max_pages`.
        """
        path = f"{self._access.prefix}/meetingTranscripts"
        windows = windows_between(start, end)
        return self._listings.at_most(path, _site(site_url), windows, max_pages)

    def snippets(self, transcript_id: str) -> Listing:
        """The snippets of a transcript, from GET /meetingTranscripts/{id}/snippets.

        It accepts no hostEmail.
        """
        return self._listings.all(f"/meetingTranscripts/{path_segment(transcript_id)}/snippets", {})

    def transcript_text(
        self, transcript_id: str, form: str, host_email: str | None, meeting_id: str
    ) -> bytes:
        """A transcript as a file, from GET /meetingTranscripts/{id}/download.

        `form` is vtt or txt. The links in a transcript lead to other hosts, which must not see the
        token (docs/webex-api-notes.md T46); this path is the API's. An administrator gets 404
        unless the host is named.
        """
        params = {"format": form} | self._required_host(meeting_id, host_email)
        return self._client.text(
            f"/meetingTranscripts/{path_segment(transcript_id)}/download", params
        )

    def transcript_exists(self, transcript_id: str) -> bool:
        """Whether a transcript's snippets are still available, from the first page of them.

        Raises NotFound or Gone if not, which proves something only if they were read before.
        """
        path = f"/meetingTranscripts/{path_segment(transcript_id)}/snippets"
        return bool(self._client.get(path, {"max": "1"}))

    def summaries(self, meeting_id: str) -> Listing:
        """Summaries of one ended meeting instance.

        From GET /meetingSummaries, or GET /admin/meetingSummaries, which includes deleted ones.
        Neither has a window nor a `max`.
        """
        path = f"{self._access.prefix}/meetingSummaries"
        pages = self._client.pages(path, {"meetingId": meeting_id})
        return listing_of(item for page in pages for item in page)

    def ended_meetings(self, start: datetime, end: datetime) -> Listing:
        """Meeting instances that ended from `start` on and before `end`, from GET /meetings.

        For an administrator those of all hosts and sites, otherwise those that the token's owner
        hosted or was invited to. A listing ends at 10,000 meetings without notice; so full a window
        is listed in halves, and a meeting may be in both. Raises BadResponse when that does not
        help.
        """
        listing = self._listings.all("/meetings", ENDED_MEETINGS, windows_between(start, end))
        if len(listing.items) + len(listing.broken) < _MAX_LISTED_MEETINGS:
            return listing
        if end - start < _MIN_SPLIT:
            raise BadResponse(
                f"More than {_MAX_LISTED_MEETINGS:,} meetings ended at {format_timestamp(start)}, "
                "which Webex does not list."
            )
        middle = start + (end - start) / 2
        halves = self.ended_meetings(start, middle), self.ended_meetings(middle, end)
        return Listing(halves[0].items + halves[1].items, halves[0].broken + halves[1].broken)

    def meetings_between(self, start: datetime, end: datetime, *, max_pages: int) -> Listing | None:
        """As `ended_meetings`; None when there are more pages than `max_pages`, or 10,000."""
        limit = min(max_pages, _MAX_LISTED_MEETINGS // PAGE_SIZE - 1)
        windows = windows_between(start, end)
        return self._listings.at_most("/meetings", ENDED_MEETINGS, windows, limit)

    def meeting(self, meeting_id: str) -> dict[str, Any]:
        """One meeting, from GET /meetings/{id} or /admin/meetings/{id}.

        The latter needs no host and contains no secrets.
        """
        return self._client.get(f"{self._access.prefix}/meetings/{path_segment(meeting_id)}")

    def owner(self) -> Owner:
        """Whose token it is, from GET /people/me, which needs the scope spark:people_read."""
        person = self._client.get("/people/me")
        emails, org_id = person.get("emails"), person.get("orgId")
        texts = (
            [text for text in emails if isinstance(text, str)] if isinstance(emails, list) else []
        )
        return Owner(
            frozenset(text.lower() for text in texts), org_id if isinstance(org_id, str) else None
        )

    def scheduled_meeting(self, meeting_id: str, *, host_email: str | None) -> dict[str, Any]:
        """A series or scheduled meeting, with its passwords, from GET /meetings/{id}."""
        params = self._required_host(meeting_id, host_email)
        return self._client.get(f"/meetings/{path_segment(meeting_id)}", params)

    def enable_auto_record(self, meeting_id: str, *, host_email: str | None) -> dict[str, Any]:
        """The changed series or scheduled meeting, from PATCH /meetings/{id}.

        Nobody gets mail, and nothing else is changed: a start, an end or a recurrence would cancel
        occurrences that were moved (docs/webex-api-notes.md T22, T24).
        """
        document: dict[str, Any] = {"enabledAutoRecordMeeting": True, "sendEmail": False}
        document |= self._required_host(meeting_id, host_email)
        return self._client.patch(f"/meetings/{path_segment(meeting_id)}", document)

    def _host(self, host_email: str | None) -> dict[str, str]:
        return {"hostEmail": str(host_email)} if self.is_org_wide and _is_known(host_email) else {}

    def _required_host(self, meeting_id: str, host_email: str | None) -> dict[str, str]:
        if self.is_org_wide and not _is_known(host_email):
            host_email = self.meeting(meeting_id).get("hostEmail")
            if not isinstance(host_email, str) or not host_email:
                raise BadResponse(f"Webex did not return the host of meeting {meeting_id}.")
        return self._host(host_email)


def _is_known(host_email: str | None) -> bool:
    """Whether it is an address: Webex knows no pseudonyms, and would list nothing for one."""
    return bool(host_email) and not is_replaced(str(host_email))


def _site(site_url: str | None) -> dict[str, str]:
    return {"siteUrl": site_url} if site_url else {}
