"""The endpoints on recordings and transcripts.

Belongs here: what GET /recordings, /admin/recordings, /meetingTranscripts, their details, snippets
and downloads select, by docs/webex-api-notes.md. Does not: tokens, scopes and pages
(sandbox/sandbox.py).
"""

import re
from datetime import timedelta

from meeting_etl.sandbox.api.answers import Answer, Item, Listing, RequestContext, Text
from meeting_etl.sandbox.api.json_assets import (
    direct_links,
    recording,
    recording_status,
    snippet,
    transcript,
)
from meeting_etl.sandbox.api.json_values import Json
from meeting_etl.sandbox.api.meetings import refuse_personal_room
from meeting_etl.sandbox.layers import Refusal
from meeting_etl.sandbox.world.index import Recorded, Transcribed
from meeting_etl.sandbox.world.model import Meeting, Upload
from meeting_etl.sandbox.world.vtt import txt

_INSTANCE = re.compile(r"[0-9a-f]{32}_I_[0-9]+")
_FORMATS = ("MP4", "ARF")
_SERVICES = ("MeetingCenter", "EventCenter", "SupportCenter", "TrainingCenter")
_STATUSES = ("available", "deleted", "purged")
_LONGEST_ADMIN_WINDOW = timedelta(days=30)


def list_recordings(ask: RequestContext) -> Answer:
    """GET /recordings: hosted by or shared with the caller, newest first, of all sites.

    Without from and to it is the last seven days, also with meetingId (T33).
    """
    begin, end = ask.window()
    meeting_id = ask.query.get("meetingId")
    email = ask.host_email()
    site = None if meeting_id else ask.query.get("siteUrl")
    found = [
        pair
        for pair in _recordings(ask, meeting_id)
        if begin <= pair[0].created_at < end
        and site in (None, _site(pair))
        and (email is None or email == pair[1].host.email or email in pair[0].shared_with)
    ]
    return Listing(found, lambda pair: _recording(ask, pair))


def list_admin_recordings(ask: RequestContext) -> Answer:
    """GET /admin/recordings: all of one site, at most 30 days; of one meeting without bounds."""
    meeting_id = ask.query.get("meetingId")
    found = _recordings(ask, meeting_id)
    if meeting_id is None:
        begin, end = ask.window()
        if end - begin > _LONGEST_ADMIN_WINDOW:
            raise Refusal(400, "from and to must be within 30 days.")
        site = ask.query.get("siteUrl") or ask.caller.site_url
        found = [
            pair for pair in found if begin <= pair[0].created_at < end and _site(pair) == site
        ]
    return Listing(found, lambda pair: _admin_recording(ask, pair))


def _recordings(ask: RequestContext, meeting_id: str | None) -> list[Recorded]:
    """What status and the plain filters leave of a meeting's or the whole world's recordings."""
    status = ask.choice("status", _STATUSES) or "available"
    if status == "purged" and (ask.kind != "compliance" or meeting_id is None):
        raise Refusal(403, "Purged recordings are for compliance officers, one meeting at a time.")
    form = ask.choice("format", _FORMATS)
    service = ask.choice("serviceType", _SERVICES)
    topic = ask.query.get("topic", "").casefold()
    tag = ask.query.get("integrationTag")
    if meeting_id is not None and not ask.index.knows(meeting_id):
        raise Refusal(404, "There is no such meeting.")
    pairs = ask.index.recordings_of(meeting_id) if meeting_id else ask.index.recordings
    return [
        pair
        for pair in pairs
        if pair[0].available_at <= ask.now
        and recording_status(pair[0], ask.now) == status
        and form in (None, pair[0].format)
        and service in (None, pair[0].service_type)
        and topic in pair[0].topic.casefold()
        and (tag is None or tag in pair[0].integration_tags)
    ]


def get_recording(ask: RequestContext) -> Answer:
    """GET /recordings/{id}: with direct links, unless downloading is prevented (T36)."""
    pair = ask.index.recording.get(ask.path_id)
    if pair is None or pair[0].available_at > ask.now:
        raise Refusal(404, "There is no such recording.")
    one, owner = pair
    email = ask.host_email()
    if email is not None and email != owner.host.email and email not in one.shared_with:
        # An admin who names no or the wrong host just does not find it.
        status = 403 if ask.kind == "user" else 404
        raise Refusal(status, "The recording is not hosted by or shared with that user.")
    if recording_status(one, ask.now) == "purged" and ask.kind != "compliance":
        raise Refusal(404, "There is no such recording.")
    item = _recording(ask, pair)
    if ask.kind == "compliance" or not one.prevent_download:
        item["temporaryDirectDownloadLinks"] = direct_links(
            ask.media.kinds(one.id, ask.now),
            ask.tickets.query(one, ask.now),
            ask.port,
            ask.tickets.expires_at(ask.now),
        )
    return Item(item)


def _recording(ask: RequestContext, pair: Recorded) -> Json:
    one, owner = pair
    meeting = owner if isinstance(owner, Meeting) else None
    shared = ask.host_email() in one.shared_with
    size_bytes = ask.media.video_bytes(one)
    return recording(one, meeting, _site(pair), ask.now, size_bytes, share_to_me=shared)


def _admin_recording(ask: RequestContext, pair: Recorded) -> Json:
    """The schema has no password and shareToMe here, the official example has both: it has."""
    one, owner = pair
    meeting = owner if isinstance(owner, Meeting) else None
    host = {"hostDisplayName": owner.host.name, "hostEmail": owner.host.email}
    size_bytes = ask.media.video_bytes(one)
    return recording(one, meeting, _site(pair), ask.now, size_bytes, share_to_me=False) | host


def _site(pair: Recorded) -> str:
    owner = pair[1]
    return owner.host.site_url if isinstance(owner, Upload) else owner.site_url


def list_transcripts(ask: RequestContext) -> Answer:
    """GET /meetingTranscripts: of ended instances, on the preferred site unless siteUrl is given.

    Without from and to it is the last seven days, also with meetingId (T47). hostEmail needs
    meetingId (T44).
    """
    begin, end = ask.window()
    meeting_id = ask.query.get("meetingId")
    if meeting_id is not None:
        refuse_unless_ended(ask, meeting_id)
    elif ask.kind != "user" and "hostEmail" in ask.query:
        raise Refusal(400, "hostEmail is not supported without meetingId.")
    email = ask.host_email()
    site = ask.query.get("siteUrl") or ask.preferred_site()
    pairs = ask.index.transcripts_of(meeting_id) if meeting_id else ask.index.transcripts
    found = [
        pair
        for pair in pairs
        if begin <= pair[0].available_at < end
        and pair[0].available_at <= ask.now
        and not _deleted(ask, pair)
        and site == pair[1].site_url
        and email in (None, pair[1].host.email)
    ]
    return Listing(found, lambda pair: transcript(pair[0], pair[1], ask.now))


def list_admin_transcripts(ask: RequestContext) -> Answer:
    """GET /admin/meetingTranscripts: of one site, deleted ones too, newest first."""
    site = ask.query.get("siteUrl")
    if not site:
        raise Refusal(400, "siteUrl is required.")
    begin, end = ask.window()
    found = [
        pair
        for pair in ask.index.transcripts
        if begin <= pair[0].available_at < end
        and pair[0].available_at <= ask.now
        and site == pair[1].site_url
    ]
    return Listing(found, lambda pair: transcript(pair[0], pair[1], ask.now))


def refuse_unless_ended(ask: RequestContext, meeting_id: str) -> None:
    """Refuse what is not the id of an ended meeting instance."""
    meeting = ask.index.meetings.get(meeting_id)
    if meeting is None:
        refuse_personal_room(ask, meeting_id)
        if ask.index.knows(meeting_id) or not _INSTANCE.fullmatch(meeting_id):
            raise Refusal(400, "meetingId must be the id of an ended meeting instance.")
    if meeting is None or meeting.started_at > ask.now:
        raise Refusal(404, "There is no such meeting.")
    if meeting.ended_at > ask.now:
        raise Refusal(400, "The meeting has not ended.")


def list_snippets(ask: RequestContext) -> Answer:
    """GET /meetingTranscripts/{id}/snippets: the host's own, or a compliance officer's (T41)."""
    one, _ = _transcript(ask)
    if one.snippets_available_at is None:
        raise Refusal(404, "The transcript has no snippets.")
    ready = one.snippets_available_at <= ask.now
    return Listing(
        one.snippets if ready else (), lambda said: snippet(said, older=one.older_snippets)
    )


def download_transcript(ask: RequestContext) -> Answer:
    """GET /meetingTranscripts/{id}/download: VTT unless format=txt; admins name the host."""
    form = ask.choice("format", ("vtt", "txt")) or "vtt"
    one, _ = _transcript(ask)
    if form == "txt":
        return Text(txt(one), "text/plain")
    return Text(ask.media.vtt(one), "text/vtt")


def _transcript(ask: RequestContext) -> Transcribed:
    pair = ask.index.transcript.get(ask.path_id)
    gone = pair is None or pair[0].available_at > ask.now
    if pair is None or gone or (_deleted(ask, pair) and ask.kind != "compliance"):
        raise Refusal(404, "There is no such transcript.")
    if ask.host_email() not in (None, pair[1].host.email):
        status = 403 if ask.kind == "user" else 404
        raise Refusal(status, "The meeting is not hosted by that user.")
    return pair


def _deleted(ask: RequestContext, pair: Transcribed) -> bool:
    return pair[0].deleted_at is not None and pair[0].deleted_at <= ask.now
