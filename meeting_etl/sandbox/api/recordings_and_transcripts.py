"""The endpoints on recordings and transcripts.

Belongs here: what GET /recordings, /admin/recordings, /meetingTranscripts, their details, snippets
and downloads select, by docs/webex-api-notes.md. Does not: tokens, scopes and pages
(sandbox/sandbox.py).
"""

import re
from datetime import timedelta

from meeting_etl.sandbox.api.context import RequestContext
from meeting_etl.sandbox.api.json_assets import (
    direct_links,
    recording,
    snippet,
    transcript,
)
from meeting_etl.sandbox.api.meetings import refuse_personal_room
from meeting_etl.sandbox.api.results import Item, Listing, Result, Text
from meeting_etl.sandbox.json_values import Json
from meeting_etl.sandbox.layers import Refusal
from meeting_etl.sandbox.world.index import Recorded, Transcribed
from meeting_etl.sandbox.world.model import Meeting, Upload
from meeting_etl.sandbox.world.vtt import txt

_INSTANCE = re.compile(r"[0-9a-f]{32}_I_[0-9]+")
_FORMATS = ("MP4", "ARF")
_SERVICES = ("MeetingCenter", "EventCenter", "SupportCenter", "TrainingCenter")
_STATUSES = ("available", "deleted", "purged")
_LONGEST_ADMIN_WINDOW = timedelta(days=30)


def list_recordings(context: RequestContext) -> Result:
    """GET /recordings: hosted by or shared with the caller, newest first, of all sites.

    Without from and to it is the last seven days, also with meetingId (T33).
    """
    begin, end = context.window()
    meeting_id = context.query.get("meetingId")
    email = context.host_email()
    site = None if meeting_id else context.query.get("siteUrl")
    found = [
        pair
        for pair in _recordings(context, meeting_id)
        if begin <= pair[0].created_at < end
        and site in (None, _site(pair))
        and (email is None or email == pair[1].host.email or email in pair[0].shared_with)
    ]
    return Listing(found, lambda pair: _recording(context, pair))


def list_admin_recordings(context: RequestContext) -> Result:
    """GET /admin/recordings: all of one site, at most 30 days; of one meeting without bounds."""
    meeting_id = context.query.get("meetingId")
    found = _recordings(context, meeting_id)
    if meeting_id is None:
        begin, end = context.window()
        if end - begin > _LONGEST_ADMIN_WINDOW:
            raise Refusal(400, "from and to must be within 30 days.")
        site = context.query.get("siteUrl") or context.caller.site_url
        found = [
            pair for pair in found if begin <= pair[0].created_at < end and _site(pair) == site
        ]
    return Listing(found, lambda pair: _admin_recording(context, pair))


def _recordings(context: RequestContext, meeting_id: str | None) -> list[Recorded]:
    """What status and the plain filters leave of a meeting's or the whole world's recordings."""
    status = context.choice("status", _STATUSES) or "available"
    if status == "purged" and (context.kind != "compliance" or meeting_id is None):
        raise Refusal(403, "Purged recordings are for compliance officers, one meeting at a time.")
    form = context.choice("format", _FORMATS)
    service = context.choice("serviceType", _SERVICES)
    topic = context.query.get("topic", "").casefold()
    tag = context.query.get("integrationTag")
    if meeting_id is not None and not context.index.knows(meeting_id):
        raise Refusal(404, "There is no such meeting.")
    pairs = context.index.recordings_of(meeting_id) if meeting_id else context.index.recordings
    return [
        pair
        for pair in pairs
        if pair[0].available_at <= context.now
        and pair[0].status(context.now) == status
        and form in (None, pair[0].format)
        and service in (None, pair[0].service_type)
        and topic in pair[0].topic.casefold()
        and (tag is None or tag in pair[0].integration_tags)
    ]


def get_recording(context: RequestContext) -> Result:
    """GET /recordings/{id}: with direct links, unless downloading is prevented (T36)."""
    pair = context.index.recording.get(context.path_id)
    if pair is None or pair[0].available_at > context.now:
        raise Refusal(404, "There is no such recording.")
    record, owner = pair
    email = context.host_email()
    if email is not None and email != owner.host.email and email not in record.shared_with:
        # For an admin who names no host or the wrong one it does not exist.
        status = 403 if context.kind == "user" else 404
        raise Refusal(status, "The recording is not hosted by or shared with that user.")
    if record.status(context.now) == "purged" and context.kind != "compliance":
        raise Refusal(404, "There is no such recording.")
    item = _recording(context, pair)
    if context.kind == "compliance" or not record.prevent_download:
        item["temporaryDirectDownloadLinks"] = direct_links(
            context.media.kinds(record.id, context.now),
            context.tickets.query(record, context.now),
            context.port,
            context.tickets.expires_at(context.now),
        )
    return Item(item)


def _recording(context: RequestContext, pair: Recorded) -> Json:
    record, owner = pair
    meeting = owner if isinstance(owner, Meeting) else None
    shared = context.host_email() in record.shared_with
    size_bytes = context.media.video_bytes(record)
    return recording(record, meeting, _site(pair), context.now, size_bytes, share_to_me=shared)


def _admin_recording(context: RequestContext, pair: Recorded) -> Json:
    """The schema has no password and shareToMe here, the official example has both: it has."""
    record, owner = pair
    meeting = owner if isinstance(owner, Meeting) else None
    host = {"hostDisplayName": owner.host.name, "hostEmail": owner.host.email}
    size_bytes = context.media.video_bytes(record)
    return (
        recording(record, meeting, _site(pair), context.now, size_bytes, share_to_me=False) | host
    )


def _site(pair: Recorded) -> str:
    owner = pair[1]
    return owner.host.site_url if isinstance(owner, Upload) else owner.site_url


def list_transcripts(context: RequestContext) -> Result:
    """GET /meetingTranscripts: of ended instances, on the preferred site unless siteUrl is given.

    Without from and to it is the last seven days, also with meetingId (T47). hostEmail needs
    meetingId (T44).
    """
    begin, end = context.window()
    meeting_id = context.query.get("meetingId")
    if meeting_id is not None:
        refuse_unless_ended(context, meeting_id)
    elif context.kind != "user" and "hostEmail" in context.query:
        raise Refusal(400, "hostEmail is not supported without meetingId.")
    email = context.host_email()
    site = context.query.get("siteUrl") or context.preferred_site()
    pairs = context.index.transcripts_of(meeting_id) if meeting_id else context.index.transcripts
    found = [
        pair
        for pair in pairs
        if begin <= pair[0].available_at < end
        and pair[0].available_at <= context.now
        and not _deleted(context, pair)
        and site == pair[1].site_url
        and email in (None, pair[1].host.email)
    ]
    return Listing(found, lambda pair: transcript(pair[0], pair[1], context.now))


def list_admin_transcripts(context: RequestContext) -> Result:
    """GET /admin/meetingTranscripts: of one site, deleted ones too, newest first."""
    site = context.query.get("siteUrl")
    if not site:
        raise Refusal(400, "siteUrl is required.")
    begin, end = context.window()
    found = [
        pair
        for pair in context.index.transcripts
        if begin <= pair[0].available_at < end
        and pair[0].available_at <= context.now
        and site == pair[1].site_url
    ]
    return Listing(found, lambda pair: transcript(pair[0], pair[1], context.now))


def refuse_unless_ended(context: RequestContext, meeting_id: str) -> None:
    """Refuse what is not the id of an ended meeting instance."""
    meeting = context.index.meetings.get(meeting_id)
    if meeting is None:
        refuse_personal_room(context, meeting_id)
        if context.index.knows(meeting_id) or not _INSTANCE.fullmatch(meeting_id):
            raise Refusal(400, "meetingId must be the id of an ended meeting instance.")
    if meeting is None or meeting.started_at > context.now:
        raise Refusal(404, "There is no such meeting.")
    if meeting.ended_at > context.now:
        raise Refusal(400, "The meeting has not ended.")


def list_snippets(context: RequestContext) -> Result:
    """GET /meetingTranscripts/{id}/snippets: the host's own, or a compliance officer's (T41)."""
    script, _ = _transcript(context)
    if script.snippets_available_at is None:
        raise Refusal(404, "The transcript has no snippets.")
    ready = script.snippets_available_at <= context.now
    return Listing(
        script.snippets if ready else (), lambda said: snippet(said, older=script.older_snippets)
    )


def download_transcript(context: RequestContext) -> Result:
    """GET /meetingTranscripts/{id}/download: VTT unless format=txt; admins name the host."""
    form = context.choice("format", ("vtt", "txt")) or "vtt"
    script, _ = _transcript(context)
    if form == "txt":
        return Text(txt(script), "text/plain")
    return Text(context.media.vtt(script), "text/vtt")


def _transcript(context: RequestContext) -> Transcribed:
    pair = context.index.transcript.get(context.path_id)
    gone = pair is None or pair[0].available_at > context.now
    if pair is None or gone or (_deleted(context, pair) and context.kind != "compliance"):
        raise Refusal(404, "There is no such transcript.")
    if context.host_email() not in (None, pair[1].host.email):
        status = 403 if context.kind == "user" else 404
        raise Refusal(status, "The meeting is not hosted by that user.")
    return pair


def _deleted(context: RequestContext, pair: Transcribed) -> bool:
    return pair[0].deleted_at is not None and pair[0].deleted_at <= context.now
