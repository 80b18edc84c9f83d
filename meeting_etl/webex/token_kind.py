"""Token kinds: what a user's, an administrator's and a compliance officer's token may request.

Belongs here: path prefix, scopes, listings and webhooks of each kind, in one table. Does not:
sending requests (endpoints.py), nor finding out the kind of a token (probes.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class ListingScope(StrEnum):
    """What a listing by time covers: everything the token can see, or one site at a time."""

    EVERYTHING = "everything"
    ONE_SITE = "one site"


@dataclass(frozen=True)
class Access:
    """What tokens of one kind may request, by resource.

    - `prefix`: begins the paths of organization-wide requests; empty for a host's own token, which
      never names a host either.
    - `scopes`: the OAuth scope that allows reading each resource (docs/webex-api-notes.md).
    - `listings`: resources that can be listed by time, for many meetings at once.
    - `unreadable`: resources that no scope of this kind covers.
    - `can_schedule`: may read and change scheduled meetings.
    - `no_webhooks`: webhook resources that this kind has no scope for.
    """

    prefix: str
    scopes: Mapping[str, str]
    listings: Mapping[str, ListingScope]
    unreadable: frozenset[str] = frozenset()
    can_schedule: bool = True
    no_webhooks: frozenset[str] = frozenset()

    @property
    def is_org_wide(self) -> bool:
        """Whether requests cover all hosts of the organization, and may name one."""
        return bool(self.prefix)

    def can_register(self, resource: str, *, org: bool) -> bool:
        """Whether this kind of token may have webhooks on a resource.

        `org`: for the whole organization, not only for what the token's owner can see.
        """
        return resource not in self.no_webhooks and (self.is_org_wide or not org)


class TokenKind(StrEnum):
    """Whose token it is: a host's own, an administrator's, a compliance officer's."""

    USER = "user"
    ADMIN = "admin"
    COMPLIANCE = "compliance"

    @property
    def access(self) -> Access:
        """What tokens of this kind may request."""
        return _ACCESS[self]


_COMPLIANCE_SCOPE = "spark-compliance:meetings_read"

_ACCESS = {
    TokenKind.USER: Access(
        prefix="",
        scopes={
            "meeting": "meeting:schedules_read",
            "participants": "meeting:participants_read",
            "invitees": "meeting:schedules_read",
            "recordings": "meeting:recordings_read",
            "transcripts": "meeting:transcripts_read",
            "transcript_snippets": "meeting:transcripts_read",
        },
        listings={
            "meeting": ListingScope.EVERYTHING,
            "recordings": ListingScope.EVERYTHING,
            "transcripts": ListingScope.ONE_SITE,
        },
    ),
    TokenKind.ADMIN: Access(
        prefix="/admin",
        scopes={
            "meeting": "meeting:admin_schedule_read",
            "participants": "meeting:admin_participants_read",
            "invitees": "meeting:admin_schedule_read",
            "recordings": "meeting:admin_recordings_read",
            "transcripts": "meeting:admin_transcripts_read",
        },
        # Transcripts cannot be listed by time (docs/webex-api-notes.md T44).
        listings={"meeting": ListingScope.EVERYTHING, "recordings": ListingScope.ONE_SITE},
        unreadable=frozenset({"transcript_snippets", "meeting_summaries"}),
    ),
    TokenKind.COMPLIANCE: Access(
        prefix="/admin",
        scopes=dict.fromkeys(
            ("meeting", "participants", "recordings", "transcripts", "transcript_snippets"),
            _COMPLIANCE_SCOPE,
        ),
        listings={"recordings": ListingScope.ONE_SITE, "transcripts": ListingScope.ONE_SITE},
        unreadable=frozenset({"invitees"}),
        can_schedule=False,
        no_webhooks=frozenset({"meetings", "meetingParticipants"}),
    ),
}

LISTED_BY_SOME = frozenset(name for access in _ACCESS.values() for name in access.listings)
"""Resources that some kind of token can list by time."""
