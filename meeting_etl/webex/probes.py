"""Probes: one harmless request for each thing that the pipeline fetches, with its scope.

Belongs here: which requests show what a token may do, with the smallest response, and what their
outcomes say about the kind of token. Does not: the requests that fetch (endpoints.py), nor findings
(cli/doctor/token_checks.py).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from meeting_etl.times import format_timestamp
from meeting_etl.webex.client import Client
from meeting_etl.webex.endpoints import ENDED_MEETINGS
from meeting_etl.webex.paths import path_segment
from meeting_etl.webex.token_kind import TokenKind

MEETINGS = "/meetings"
PARTICIPANTS = "/meetingParticipants"
INVITEES = "/meetingInvitees"
RECORDINGS = "/recordings"
ADMIN_RECORDINGS = "/admin/recordings"
TRANSCRIPTS = "/meetingTranscripts"
ADMIN_TRANSCRIPTS = "/admin/meetingTranscripts"
SNIPPETS = "/meetingTranscripts/{id}/snippets"
WEBHOOKS = "/webhooks"

_WINDOW = timedelta(hours=1)
_NO_MEETING = "no meeting is known yet"
# Lists of a meeting, which only its host and those who name the host may read.
_OF_A_MEETING = {"participants": PARTICIPANTS, "invitees": INVITEES}
OF_A_HOST = frozenset(_OF_A_MEETING.values())


@dataclass(frozen=True)
class ProbeTargets:
    """Stored ids, for requests that need one.

    `was_read`: the participants of that meeting were fetched, so they can be fetched again.
    """

    meeting_id: str | None = None
    host_email: str | None = None
    site_url: str | None = None
    transcript_id: str | None = None
    was_read: bool = False


@dataclass(frozen=True)
class Probe:
    """A GET that changes nothing and returns at most one item.

    `endpoint` is its path as documented, `scope` the scope that allows it, empty for webhooks.
    `missing` says why it cannot be sent; empty when it can.
    """

    endpoint: str
    scope: str
    path: str = ""
    params: Mapping[str, str] = field(default_factory=dict, repr=False)
    missing: str = ""

    @property
    def is_of_one(self) -> bool:
        """Whether it requests one item, which may have been deleted, and not a listing."""
        return "{id}" in self.endpoint or "meetingId" in self.params

    def send(self, client: Client) -> None:
        """Send the request once; raises what `Client` raises."""
        client.get(self.path, self.params)


def probes_of(
    kind: TokenKind, targets: ProbeTargets, now: datetime, off: Collection[str] = ()
) -> list[Probe]:
    """A probe for each resource that a token of that kind may read, but for those that are off."""
    resources = (resource for resource in kind.access.scopes if resource not in off)
    found = [_probe(kind, resource, targets, now) for resource in resources]
    return [*found, Probe(WEBHOOKS, "", WEBHOOKS, {"max": "1"})]


def further_probe(
    kind: TokenKind, allowed: Collection[str], denied: Collection[str], now: datetime
) -> Probe | None:
    """A request that this kind does not need and that shows whether it is another kind; or None."""
    if kind is TokenKind.USER and {*allowed, *denied}:
        return _probe(TokenKind.ADMIN, "recordings", ProbeTargets(), now)
    if kind is TokenKind.COMPLIANCE and ADMIN_RECORDINGS in denied:
        return _probe(TokenKind.USER, "meeting", ProbeTargets(), now)
    return None


def infer_kind(allowed: Collection[str], denied: Collection[str]) -> TokenKind | None:
    """The kind of token that may use some endpoints and not others; None if undecided."""
    if ADMIN_TRANSCRIPTS in allowed:
        return TokenKind.COMPLIANCE
    if ADMIN_RECORDINGS in allowed:
        if MEETINGS in denied:
            return TokenKind.COMPLIANCE
        if MEETINGS in allowed or ADMIN_TRANSCRIPTS in denied:
            return TokenKind.ADMIN
    if ADMIN_RECORDINGS in denied and {MEETINGS, RECORDINGS} & set(allowed):
        return TokenKind.USER
    return None


def token_expires_at(client: Client) -> datetime | None:
    """When the access token expires, from GET /authorizations/tokenExpiry: `exp`, in ms.

    None when the response does not say. Raises what `Client` raises.
    """
    expiry_ms = client.get("/authorizations/tokenExpiry").get("exp")
    try:
        return datetime.fromtimestamp(float(expiry_ms or "") / 1000, UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return None


def site_urls(client: Client) -> list[str]:
    """Sites that the token's owner may use, the preferred one first; none without a list.

    From GET /meetingPreferences/sites. Raises what `Client` raises.
    """
    listed = client.get("/meetingPreferences/sites").get("sites")
    sites: list[dict[str, Any]] = [
        site
        for site in (listed if isinstance(listed, list) else [])
        if isinstance(site, dict) and isinstance(site.get("siteUrl"), str)
    ]
    return [
        site["siteUrl"] for site in sorted(sites, key=lambda site: site.get("default") is not True)
    ]


def _probe(kind: TokenKind, resource: str, targets: ProbeTargets, now: datetime) -> Probe:
    """The probe for one resource, with the path that this kind of token uses."""
    access = kind.access
    scope = access.scopes[resource]
    can_list = resource in access.listings
    if resource == "meeting":
        if can_list:
            return _listing(MEETINGS, scope, now, ENDED_MEETINGS)
        endpoint = f"{access.prefix}{MEETINGS}/{{id}}"
        return _of_one(endpoint, scope, targets.meeting_id, {}, _NO_MEETING)
    if resource in _OF_A_MEETING:
        endpoint = _OF_A_MEETING[resource]
        if targets.meeting_id is None:
            return Probe(endpoint, scope, missing=_NO_MEETING)
        params = {"max": "1", "meetingId": targets.meeting_id}
        if access.is_org_wide and targets.host_email:
            params["hostEmail"] = targets.host_email
        return Probe(endpoint, scope, endpoint, params)
    if resource == "recordings":
        return _listing(f"{access.prefix}{RECORDINGS}", scope, now, {})
    if resource == "transcripts":
        if not can_list or not access.is_org_wide:
            return _listing(TRANSCRIPTS, scope, now, {})
        endpoint = f"{access.prefix}{TRANSCRIPTS}"
        if targets.site_url is None:
            return Probe(endpoint, scope, missing="no site is known yet")
        return _listing(endpoint, scope, now, {"siteUrl": targets.site_url})
    missing = "no transcript is known yet"
    return _of_one(SNIPPETS, scope, targets.transcript_id, {"max": "1"}, missing)


def _listing(endpoint: str, scope: str, now: datetime, params: Mapping[str, str]) -> Probe:
    """The first item of a listing, over a narrow window."""
    window = {"from": format_timestamp(now - _WINDOW), "to": format_timestamp(now)}
    return Probe(endpoint, scope, endpoint, {"max": "1", **window, **params})


def _of_one(
    endpoint: str, scope: str, identifier: str | None, params: Mapping[str, str], missing: str
) -> Probe:
    """One item by its id."""
    if identifier is None:
        return Probe(endpoint, scope, missing=missing)
    return Probe(endpoint, scope, endpoint.replace("{id}", path_segment(identifier)), params)
