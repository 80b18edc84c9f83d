"""The routes: every endpoint and the token kinds that may use it.

Belongs here: paths, methods, kinds of token. Does not: what an endpoint does (meetings.py,
patching.py, invitees.py, recordings_and_transcripts.py, summaries.py, people.py, webhooks.py), nor
what every request meets (app.py).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from meeting_etl.sandbox.api import (
    invitees,
    meetings,
    oauth,
    patching,
    people,
    preferences,
    summaries,
    webhooks,
)
from meeting_etl.sandbox.api import recordings_and_transcripts as assets
from meeting_etl.sandbox.api.context import RequestContext
from meeting_etl.sandbox.api.results import Result
from meeting_etl.sandbox.world.model import Kind

RENEWAL_PATH = "/access_token"
SERVICE_APP_PATH = "/applications/{id}/token"
_ALL: tuple[Kind, ...] = ("user", "admin", "compliance")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A route and the token kinds whose scopes allow it (docs/webex-api-notes.md).

    `takes` is the content type of the body, of methods that have one.
    """

    path: str
    handler: Callable[[RequestContext], Result]
    kinds: tuple[Kind, ...] = _ALL
    method: str = "GET"
    takes: str = "application/json"

    def matches(self, path: str) -> bool:
        """Whether the path, without /v1, is one of this route."""
        return re.fullmatch(self.path.replace("{id}", "[^/]+"), path) is not None


ENDPOINTS = (
    Endpoint("/meetings", meetings.list_meetings, ("user", "admin")),
    Endpoint("/meetings/{id}", meetings.get_meeting, ("user", "admin")),
    Endpoint(
        "/meetings/{id}",
        patching.patch_meeting,
        ("user", "admin"),
        method="PATCH",
        takes="application/json-patch+json",
    ),
    Endpoint("/admin/meetings/{id}", meetings.get_admin_meeting, ("admin", "compliance")),
    Endpoint("/meetingPreferences/sites", preferences.list_sites, ("user", "admin")),
    Endpoint("/meetingParticipants", meetings.list_participants),
    Endpoint("/meetingInvitees", invitees.list_invitees, ("user", "admin")),
    Endpoint("/recordings", assets.list_recordings),
    Endpoint("/recordings/{id}", assets.get_recording),
    Endpoint("/admin/recordings", assets.list_admin_recordings, ("admin", "compliance")),
    Endpoint("/meetingTranscripts", assets.list_transcripts),
    Endpoint("/admin/meetingTranscripts", assets.list_admin_transcripts, ("compliance",)),
    Endpoint("/meetingTranscripts/{id}/snippets", assets.list_snippets, ("user", "compliance")),
    Endpoint("/meetingTranscripts/{id}/download", assets.download_transcript),
    Endpoint("/meetingSummaries", summaries.list_summaries, ("user",)),
    Endpoint("/admin/meetingSummaries", summaries.list_summaries, ("compliance",)),
    Endpoint("/authorizations/tokenExpiry", oauth.token_expiry),
    Endpoint("/people/me", people.get_me),
    Endpoint("/webhooks", webhooks.list_webhooks),
    Endpoint("/webhooks", webhooks.create_webhook, method="POST"),
    Endpoint("/webhooks/{id}", webhooks.get_webhook),
    Endpoint("/webhooks/{id}", webhooks.update_webhook, method="PUT"),
    Endpoint("/webhooks/{id}", webhooks.delete_webhook, method="DELETE"),
)
