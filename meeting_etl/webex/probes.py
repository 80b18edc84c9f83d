"""Probes: one harmless call for each thing that the pipeline asks, and the scope that it needs.

Belongs here: which calls show what a token may do, with the least that they can return, and what
their outcomes say of the kind of token. Does not: the calls that fetch (endpoints.py), nor what is
made of an outcome (cli/doctor).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from meeting_etl.times import format_timestamp
from meeting_etl.webex.client import Client, path_segment
from meeting_etl.webex.token_kind import TokenKind

MEETINGS = "/meetings"
PARTICIPANTS = "/meetingParticipants"
RECORDINGS = "/recordings"
ADMIN_RECORDINGS = "/admin/recordings"
ADMIN_TRANSCRIPTS = "/admin/meetingTranscripts"
WEBHOOKS = "/webhooks"
SNIPPETS = "/meetingTranscripts/{id}/snippets"

_COMPLIANCE = "spark-compliance:meetings_read"
_WINDOW = timedelta(hours=1)


@dataclass(frozen=True)
class Known:
    """Of what was fetched before: what makes calls possible that need an id.

    `was_read`: the participants of that meeting were read, so that they can be read again.
    """

    meeting_id: str | None = None
    host_email: str | None = None
    site_url: str | None = None
    transcript_id: str | None = None
    was_read: bool = False


@dataclass(frozen=True)
class Probe:
    """A GET that changes nothing and returns one item at most.

    `endpoint` is its path as it is documented, `scope` the one that allows it,
    empty where none is its own.
    `lacks` says why it cannot be made, and is empty when it can.
    """

    endpoint: str
    scope: str
    path: str = ""
    params: Mapping[str, str] = field(default_factory=dict, repr=False)
    lacks: str = ""

    @property
    def is_of_one(self) -> bool:
        """Whether it asks about one thing, which may be gone, and not for a list."""
        return "{id}" in self.endpoint or "meetingId" in self.params


def probes(kind: TokenKind, known: Known, now: datetime) -> list[Probe]:
    """What the pipeline asks with a token of that kind, one probe an endpoint.

    An administrator's snippets are not among them: no scope allows them.
    """
    return [*_fetching(kind, known, now), Probe(WEBHOOKS, "", WEBHOOKS, {"max": "1"})]


def _fetching(kind: TokenKind, known: Known, now: datetime) -> list[Probe]:
    if kind is TokenKind.USER:
        return [
            _listing(MEETINGS, "meeting:schedules_read", now, _ENDED),
            _participants(known, "meeting:participants_read", host=False),
            _listing(RECORDINGS, "meeting:recordings_read", now),
            _listing("/meetingTranscripts", "meeting:transcripts_read", now),
            _snippets(known, "meeting:transcripts_read"),
        ]
    if kind is TokenKind.ADMIN:
        return [
            _listing(MEETINGS, "meeting:admin_schedule_read", now, _ENDED),
            _participants(known, "meeting:admin_participants_read", host=True),
            _listing(ADMIN_RECORDINGS, "meeting:admin_recordings_read", now),
            _listing("/meetingTranscripts", "meeting:admin_transcripts_read", now),
        ]
    return [
        _meeting(known),
        _participants(known, _COMPLIANCE, host=True),
        _listing(ADMIN_RECORDINGS, _COMPLIANCE, now),
        _admin_transcripts(known, now),
        _snippets(known, _COMPLIANCE),
    ]


def further_probe(
    kind: TokenKind, allowed: Collection[str], denied: Collection[str], now: datetime
) -> Probe | None:
    """A call that the kind does not need and that shows whether it is another one; or None."""
    if kind is TokenKind.USER and {*allowed, *denied}:
        return _listing(ADMIN_RECORDINGS, "meeting:admin_recordings_read", now)
    if kind is TokenKind.COMPLIANCE and ADMIN_RECORDINGS in denied:
        return _listing(MEETINGS, "meeting:schedules_read", now, _ENDED)
    return None


def infer_kind(allowed: Collection[str], denied: Collection[str]) -> TokenKind | None:
    """The kind of token that may call some endpoints and not others; None when they do not tell."""
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


def ask(client: Client, probe: Probe) -> None:
    """Make the call, once; raises what `Client` raises."""
    client.get(probe.path, probe.params)


def token_expires_at(client: Client) -> datetime | None:
    """When the access token expires, from GET /authorizations/tokenExpiry: `exp`, in ms.

    None when the answer does not say. Raises what `Client` raises.
    """
    told = client.get("/authorizations/tokenExpiry").get("exp")
    try:
        return datetime.fromtimestamp(float(told or "") / 1000, UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return None


def site_urls(client: Client) -> list[str]:
    """Sites that the token's owner may use, the preferred one first; none when there is no list.

    From GET /meetingPreferences/sites, scope meeting:preferences_read. Raises what `Client` raises.
    """
    sites = client.get("/meetingPreferences/sites").get("sites")
    named = [
        site
        for site in (sites if isinstance(sites, list) else [])
        if isinstance(site, dict) and isinstance(site.get("siteUrl"), str)
    ]
    return [
        site["siteUrl"] for site in sorted(named, key=lambda site: site.get("default") is not True)
    ]


_ENDED = {"meetingType": "meeting", "state": "ended"}
_NO_MEETING = "no meeting is known yet to ask about"


def _listing(
    endpoint: str, scope: str, now: datetime, params: Mapping[str, str] | None = None
) -> Probe:
    """The first item of a list, over a narrow window."""
    window = {"from": format_timestamp(now - _WINDOW), "to": format_timestamp(now)}
    return Probe(endpoint, scope, endpoint, {"max": "1", **window, **(params or {})})


def _meeting(known: Known) -> Probe:
    endpoint = "/admin/meetings/{id}"
    if known.meeting_id is None:
        return Probe(endpoint, _COMPLIANCE, lacks=_NO_MEETING)
    return Probe(endpoint, _COMPLIANCE, f"/admin/meetings/{path_segment(known.meeting_id)}")


def _participants(known: Known, scope: str, *, host: bool) -> Probe:
    if known.meeting_id is None:
        return Probe(PARTICIPANTS, scope, lacks=_NO_MEETING)
    params = {"max": "1", "meetingId": known.meeting_id}
    if host and known.host_email:
        params["hostEmail"] = known.host_email
    return Probe(PARTICIPANTS, scope, PARTICIPANTS, params)


def _admin_transcripts(known: Known, now: datetime) -> Probe:
    if known.site_url is None:
        return Probe(ADMIN_TRANSCRIPTS, _COMPLIANCE, lacks="no site is known yet to ask about")
    return _listing(ADMIN_TRANSCRIPTS, _COMPLIANCE, now, {"siteUrl": known.site_url})


def _snippets(known: Known, scope: str) -> Probe:
    if known.transcript_id is None:
        return Probe(SNIPPETS, scope, lacks="no transcript is known yet to ask about")
    path = SNIPPETS.replace("{id}", path_segment(known.transcript_id))
    return Probe(SNIPPETS, scope, path, {"max": "1"})
