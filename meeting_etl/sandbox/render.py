"""How a world looks on the wire: one function for each object that the API answers with.

Belongs here: field names, which fields a given object has, the forms of times and links. Does not:
who may see it and when (meetings.py, assets.py). A field that is None is left out.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from meeting_etl.sandbox.model import (
    SECRET_MARK,
    Device,
    Meeting,
    Participant,
    Person,
    Recording,
    Series,
    Snippet,
    Transcript,
)
from meeting_etl.times import EPOCH

Json = dict[str, Any]

DIRECT_LINK_LIFE = timedelta(hours=3)
_HAS = {
    "hasChat": "chat",
    "hasClosedCaption": "closedCaption",
    "hasPolls": "polls",
    "hasQA": "qa",
    "hasSlido": "slido",
    "hasSummary": "summary",
}
_NOT_IN_LISTS = ("hasSummary",)
_NOT_FOR_ADMINS = ("agenda", "webLink", "hasSlido")


def stamp(moment: datetime) -> str:
    """`2021-05-14T20:26:54Z`, the form of most times."""
    return moment.replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def stamp_ms(moment: datetime) -> str:
    """`2021-05-14T20:26:54.000Z`, the form of device times and of the epoch."""
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def has_flags(meeting: Meeting) -> dict[str, bool]:
    """All has-flags. hasRecording stays true when the recording is deleted (T15)."""
    flags = {name: feature in meeting.features for name, feature in _HAS.items()}
    flags["hasRecording"] = bool(meeting.recordings)
    flags["hasTranscription"] = bool(meeting.transcripts)
    return flags


def listed_meeting(meeting: Meeting, now: datetime) -> Json:
    """An instance as GET /meetings shows it."""
    flags = {name: flag for name, flag in has_flags(meeting).items() if name not in _NOT_IN_LISTS}
    return _instance(meeting, now) | _present(
        {
            "meetingSeriesId": meeting.series_id,
            "scheduledMeetingId": meeting.scheduled_id,
            **(flags if meeting.ended_at <= now else {}),
        }
    )


def meeting_detail(meeting: Meeting, now: datetime) -> Json:
    """An instance as GET /meetings/{id} shows it: without series, scheduled id and has-flags."""
    return _instance(meeting, now)


def admin_meeting(meeting: Meeting, now: datetime) -> Json:
    """An instance as GET /admin/meetings/{id} shows it: without anything secret."""
    item = _instance(meeting, now) | {
        "meetingSeriesId": meeting.series_id,
        "scheduledMeetingId": meeting.scheduled_id,
        **has_flags(meeting),
    }
    hidden = {*_NOT_FOR_ADMINS, *_entry(meeting.host, meeting.site_url, meeting.web_link_key)}
    return _present({name: value for name, value in item.items() if name not in hidden})


def _instance(meeting: Meeting, now: datetime) -> Json:
    ended = meeting.ended_at <= now
    item = {
        "id": meeting.id,
        "title": meeting.title,
        "agenda": meeting.agenda,
        "meetingType": "meeting",
        "state": "ended" if ended else "inProgress",
        "timezone": meeting.timezone,
        "start": stamp(meeting.started_at),
        "end": stamp(meeting.ended_at) if ended else None,
        **_host(meeting.host),
        "siteUrl": meeting.site_url,
        "webLink": _web_link(meeting.site_url, meeting.web_link_key),
        # Instances held in a personal room are listed as ordinary meetings (webex-api.md 3).
        "scheduledType": "webinar" if meeting.scheduled_type == "webinar" else "meeting",
        "integrationTags": list(meeting.integration_tags) or None,
        "roomId": meeting.room_id,
    }
    if not ended:
        item |= {
            "meetingNumber": meeting.number,
            **_entry(meeting.host, meeting.site_url, meeting.web_link_key),
        }
    return _present(item)


def scheduled(series: Series, at: datetime, now: datetime, *, whole: bool) -> Json:
    """A series (`whole`) or the occurrence of it that begins at `at`."""
    ended = at + series.length <= now
    item = {
        "id": series.id if whole else occurrence_id(series, at),
        "meetingNumber": series.number,
        "title": series.title,
        "agenda": series.agenda,
        "meetingType": "meetingSeries" if whole else "scheduledMeeting",
        "state": "active" if whole else "ended" if ended else "ready",
        "timezone": series.timezone,
        "start": stamp(at),
        "end": stamp(at + series.length),
        "recurrence": series.recurrence if whole else None,
        **_host(series.host),
        "siteUrl": series.site_url,
        "webLink": _web_link(series.site_url, series.secret_key),
        "scheduledType": series.scheduled_type,
        **_entry(series.host, series.site_url, series.secret_key),
        "enabledAutoRecordMeeting": False,
    }
    return _present(item)


def occurrence_id(series: Series, at: datetime) -> str:
    """Id of the scheduled meeting that begins at `at`."""
    return f"{series.id}_{at:%Y%m%dT%H%M%SZ}"


def _host(host: Person) -> Json:
    return {"hostUserId": host.user_id, "hostDisplayName": host.name, "hostEmail": host.email}


def _web_link(site: str, key: str) -> str:
    return f"https://{site}/{site.split('.')[0]}/j.php?MTID={SECRET_MARK}m{key}"


def _entry(host: Person, site: str, key: str) -> Json:
    """What lets one enter a meeting; instances that ended have none of it."""
    return {
        "password": f"{SECRET_MARK}-Pw@{key[-4:]}",
        "phoneAndVideoSystemPassword": f"{SECRET_MARK}-73520{key[-3:]}",
        "hostKey": f"{SECRET_MARK}-{host.email[:2]}",
        "sipAddress": f"{SECRET_MARK}{key[-9:]}@{site}",
        "dialInIpAddress": "192.0.2.20",
        "telephony": {
            "accessCode": f"{SECRET_MARK}-{key[-6:]}",
            "callInNumbers": [
                {"label": "Toll", "callInNumber": "+1-555-0100", "tollType": "toll"},
            ],
            "links": [
                {
                    "rel": "globalCallinNumbers",
                    "href": f"/v1/meetings/{key}/globalCallinNumbers",
                    "method": "GET",
                }
            ],
        },
    }


def participant(
    meeting: Meeting, one: Participant, now: datetime, *, org_id: str, phones: bool
) -> Json:
    """A participant; times are missing or 1970 until they are final (T26, T32).

    `phones`: phone numbers are shown, as they are to compliance officers (T30).
    """
    ongoing, final = now < meeting.ended_at, now >= meeting.participants_final_at
    first, last = one.joined_at, one.left_at
    return _present(
        {
            "id": one.id,
            "orgId": org_id if ongoing else None,
            "host": one.host,
            "coHost": one.co_host,
            "spaceModerator": one.space_moderator,
            "email": one.email,
            "displayName": one.name,
            "invitee": one.invitee,
            "muted": one.muted,
            "meetingStartTime": stamp(meeting.started_at),
            "video": one.video,
            "state": "joined" if ongoing else "end",
            "joinedTime": stamp(first) if final else _unknown(one.id),
            "leftTime": stamp(last) if final else _unknown(one.id),
            "siteUrl": meeting.site_url,
            "meetingId": meeting.id,
            "hostEmail": meeting.host.email,
            "devices": [_device(device, final, phones and not ongoing) for device in one.devices],
            "breakoutSessionsAttended": [
                {
                    "id": attended.id,
                    "name": attended.name,
                    "joinedTime": stamp(attended.joined_at),
                    "leftTime": stamp(attended.left_at),
                }
                for attended in (one.breakouts if final else ())
            ]
            or None,
            "sourceId": one.source_id,
        }
    )


def _device(device: Device, final: bool, phones: bool) -> Json:
    seconds = int((device.left_at - device.joined_at).total_seconds())
    return _present(
        {
            "correlationId": device.correlation_id,
            "deviceType": device.device_type,
            "audioType": device.audio_type,
            "joinedTime": stamp_ms(device.joined_at) if final else _unknown(device.correlation_id),
            "leftTime": stamp_ms(device.left_at) if final else _unknown(device.correlation_id),
            "durationSecond": seconds if final else None,
            "callType": device.call_type,
            "phoneNumber": device.phone_number if phones else None,
        }
    )


def _unknown(key: str) -> str | None:
    """Both ways in which a time that is not yet known comes; one thing has always the same."""
    return stamp_ms(EPOCH) if key[-1] in "02468ace" else None


def recording(
    one: Recording, meeting: Meeting | None, site: str, now: datetime, *, share_to_me: bool
) -> Json:
    """A recording as GET /recordings shows it; uploads have no meeting (T38)."""
    item = {
        "id": one.id,
        "meetingId": meeting and meeting.id,
        "scheduledMeetingId": meeting and meeting.scheduled_id,
        "meetingSeriesId": meeting and meeting.series_id,
        "topic": one.topic,
        "createTime": stamp(one.created_at),
        "timeRecorded": one.recorded_at and stamp(one.recorded_at),
        "siteUrl": site,
        "downloadUrl": None if one.prevent_download else _site_link(site, "lsr", one.link_key),
        "playbackUrl": _site_link(site, "ldr", one.link_key),
        "password": one.password,
        "format": one.format,
        "serviceType": one.service_type,
        "durationSeconds": one.duration_seconds,
        "sizeBytes": one.size_bytes,
        "shareToMe": share_to_me,
        "integrationTags": list(one.integration_tags) or None,
        "status": None if one.guide_shape else recording_status(one, now),
    }
    return _present(item)


def recording_status(one: Recording, now: datetime) -> str:
    """available, deleted (in the recycle bin) or purged."""
    if one.purged_at and one.purged_at <= now:
        return "purged"
    return "deleted" if one.deleted_at and one.deleted_at <= now else "available"


def direct_links(one: Recording, meeting: Meeting | None, site: str, now: datetime) -> Json:
    """temporaryDirectDownloadLinks: anyone who has them can download for three hours."""
    confid = meeting.id.rpartition("_")[2] if meeting else "0"
    query = (
        f"siteid=13867087&recordid=220437037&confid={confid}&language=en_US&userid=600686172"
        f"&serviceRecordID=220441022&ticket={SECRET_MARK}%2B{one.link_key}%3D%3D"
        f"&timestamp={int(now.timestamp() * 1000)}&islogin=yes&isprevent=no&ispwd=yes"
    )
    base = f"https://nbr.{site}/nbr/"
    links = {
        "recordingDownloadLink": f"{base}MultiThreadDownloadServlet?{query}",
        "audioDownloadLink": f"{base}downloadMedia.do?{query}&mediaType=1",
        "expiration": stamp(now + DIRECT_LINK_LIFE),
    }
    if meeting and meeting.transcripts:
        links["transcriptDownloadLink"] = f"{base}downloadMedia.do?{query}&mediaType=2"
    return links


def _site_link(site: str, page: str, key: str) -> str:
    return f"https://{site}/{site.split('.')[0]}/{page}.php?RCID={SECRET_MARK}{page}{key}"


def transcript(one: Transcript, meeting: Meeting, now: datetime) -> Json:
    """A transcript; its links lead to hosts that must never see the token (T46)."""
    item = {
        "id": one.id,
        "meetingId": meeting.id,
        "startTime": stamp(one.started_at),
        "vttDownloadLink": _transcript_link(one, meeting, "vtt"),
        "txtDownloadLink": _transcript_link(one, meeting, "txt"),
    }
    if one.guide_shape:
        return item
    return _present(
        item
        | {
            "siteUrl": meeting.site_url,
            "meetingTopic": meeting.title,
            "scheduledMeetingId": meeting.scheduled_id,
            "meetingSeriesId": meeting.series_id,
            "hostUserId": meeting.host.user_id,
            "status": "deleted" if one.deleted_at and one.deleted_at <= now else "available",
        }
    )


def _transcript_link(one: Transcript, meeting: Meeting, form: str) -> str:
    path = f"/v1/meetingTranscripts/{one.id}/download"
    if one.guide_shape:
        return f"https://webexapis.com{path}?meetingId={meeting.id}&format={form}"
    return f"http://{meeting.site_url}{path}?format={form}"


def snippet(one: Snippet, *, older: bool) -> Json:
    """A snippet in the shape of the schema or in the older one; both are milliseconds (T42)."""
    offset, duration = (
        ("offset", "duration") if older else ("offsetMillisecond", "durationMillisecond")
    )
    item = {
        "id": one.id,
        "text": one.text,
        "personName": one.person_name,
        "personEmail": one.person_email,
        offset: one.offset_ms,
        duration: one.duration_ms,
    }
    return _present(item)


def vtt(one: Transcript) -> str:
    """The transcript as WebVTT, without speakers as in the official sample."""
    return "\n".join(["WEBVTT", "", *_cues(one)])


def _cues(one: Transcript) -> Iterator[str]:
    for number, said in enumerate(one.snippets, start=1):
        begin, end = said.offset_ms, said.offset_ms + said.duration_ms
        yield f"{number}\n{_cue_time(begin)} --> {_cue_time(end)}\n{said.text}\n"


def _cue_time(milliseconds: int) -> str:
    seconds, rest = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{rest:03}"


def txt(one: Transcript) -> str:
    """The transcript as plain text, a line for each thing said."""
    return "\n".join(f"{said.person_name}: {said.text}" for said in one.snippets) + "\n"


def _present(item: Json) -> Json:
    return {name: value for name, value in item.items() if value is not None}
