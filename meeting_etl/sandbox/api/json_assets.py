"""Recordings, transcripts and snippets on the wire.

Belongs here: which fields these objects have, and their links. Does not: who may see them and when
(recordings_and_transcripts.py), the files of a transcript (sandbox/world/vtt.py).
"""

from collections.abc import Collection
from datetime import datetime

from meeting_etl.sandbox.json_values import Json, present, stamp
from meeting_etl.sandbox.media.tickets import MEDIA_HOST, MEDIA_PATH, VIDEO_PATH
from meeting_etl.sandbox.world.model import SECRET_MARK, Meeting, Recording, Snippet, Transcript


def recording(
    record: Recording,
    meeting: Meeting | None,
    site: str,
    now: datetime,
    size_bytes: int,
    *,
    share_to_me: bool,
) -> Json:
    """A recording as GET /recordings shows it; uploads have no meeting (T38)."""
    item = {
        "id": record.id,
        "meetingId": meeting and meeting.id,
        "scheduledMeetingId": meeting and meeting.scheduled_id,
        "meetingSeriesId": meeting and meeting.series_id,
        "topic": record.topic,
        "createTime": stamp(record.created_at),
        "timeRecorded": record.recorded_at and stamp(record.recorded_at),
        "siteUrl": site,
        "downloadUrl": None
        if record.prevent_download
        else _site_link(site, "lsr", record.link_key),
        "playbackUrl": _site_link(site, "ldr", record.link_key),
        "password": record.password,
        "format": record.format,
        "serviceType": record.service_type,
        "durationSeconds": record.duration_seconds,
        "sizeBytes": size_bytes,
        "shareToMe": share_to_me,
        "integrationTags": list(record.integration_tags) or None,
        "status": None if record.guide_shape else record.status(now),
    }
    return present(item)


def direct_links(kinds: Collection[str], query: str, port: str, expires_at: datetime) -> Json:
    """The temporary links to files of these kinds, which need no token but the query."""
    base = f"http://{MEDIA_HOST}:{port}" if port else f"http://{MEDIA_HOST}"
    links = {"recordingDownloadLink": f"{base}{VIDEO_PATH}?{query}"}
    if "audio" in kinds:
        links["audioDownloadLink"] = f"{base}{MEDIA_PATH}?{query}&mediaType=1"
    if "transcript" in kinds:
        links["transcriptDownloadLink"] = f"{base}{MEDIA_PATH}?{query}&mediaType=2"
    return links | {"expiration": stamp(expires_at)}


def _site_link(site: str, page: str, key: str) -> str:
    return f"https://{site}/{site.split('.')[0]}/{page}.php?RCID={SECRET_MARK}{page}{key}"


def transcript(script: Transcript, meeting: Meeting, now: datetime) -> Json:
    """A transcript; its links lead to hosts that must never see the token (T46)."""
    item = {
        "id": script.id,
        "meetingId": meeting.id,
        "startTime": stamp(script.started_at),
        "vttDownloadLink": _transcript_link(script, meeting, "vtt"),
        "txtDownloadLink": _transcript_link(script, meeting, "txt"),
    }
    if script.guide_shape:
        return item
    return present(
        item
        | {
            "siteUrl": meeting.site_url,
            "meetingTopic": meeting.title,
            "scheduledMeetingId": meeting.scheduled_id,
            "meetingSeriesId": meeting.series_id,
            "hostUserId": meeting.host.user_id,
            "status": "deleted" if script.deleted_at and script.deleted_at <= now else "available",
        }
    )


def _transcript_link(script: Transcript, meeting: Meeting, form: str) -> str:
    path = f"/v1/meetingTranscripts/{script.id}/download"
    if script.guide_shape:
        return f"https://webexapis.com{path}?meetingId={meeting.id}&format={form}"
    return f"http://{meeting.site_url}{path}?format={form}"


def snippet(said: Snippet, *, older: bool) -> Json:
    """A snippet in the shape of the schema or in the older one; both are milliseconds (T42)."""
    offset, duration = (
        ("offset", "duration") if older else ("offsetMillisecond", "durationMillisecond")
    )
    item = {
        "id": said.id,
        "text": said.text,
        "personName": said.person_name,
        "personEmail": said.person_email,
        offset: said.offset_ms,
        duration: said.duration_ms,
    }
    return present(item)
