"""Meetings, series and participants on the wire.

Belongs here: which fields these objects have, and their secrets. Does not: who may see them and
when (meetings.py).
"""

from datetime import datetime

from meeting_etl.sandbox.json_values import Json, present, stamp, stamp_ms
from meeting_etl.sandbox.world.model import (
    SECRET_MARK,
    Device,
    Meeting,
    Participant,
    Person,
    Series,
)
from meeting_etl.times import EPOCH

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


def has_flags(meeting: Meeting, now: datetime) -> dict[str, bool]:
    """All has-flags. hasRecording stays true when the recording is deleted (T15).

    When they become true no source says; here it is with the asset itself.
    """
    flags = {name: feature in meeting.features for name, feature in _HAS.items()}
    flags["hasRecording"] = any(asset.available_at <= now for asset in meeting.recordings)
    flags["hasTranscription"] = any(asset.available_at <= now for asset in meeting.transcripts)
    return flags


def listed_meeting(meeting: Meeting, now: datetime) -> Json:
    """An instance as GET /meetings shows it."""
    flags = {
        name: flag for name, flag in has_flags(meeting, now).items() if name not in _NOT_IN_LISTS
    }
    return _instance(meeting, now) | present(
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
        **(has_flags(meeting, now) if meeting.ended_at <= now else {}),
    }
    hidden = {*_NOT_FOR_ADMINS, *_entry(meeting.host, meeting.site_url, meeting.web_link_key)}
    return present({name: value for name, value in item.items() if name not in hidden})


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
        # Instances held in a personal room are listed as ordinary meetings.
        "scheduledType": "webinar" if meeting.scheduled_type == "webinar" else "meeting",
        "integrationTags": list(meeting.integration_tags) or None,
        "roomId": meeting.room_id,
    }
    if not ended:
        item |= {
            "meetingNumber": meeting.number,
            **_entry(meeting.host, meeting.site_url, meeting.web_link_key),
        }
    return present(item)


def scheduled(series: Series, at: datetime, now: datetime, *, whole: bool) -> Json:
    """A series (`whole`) or the occurrence of it that begins at `at`."""
    ended = at + series.length <= now
    item = {
        "id": series.id if whole else series.occurrence_id(at),
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
        "enabledAutoRecordMeeting": series.auto_record,
    }
    return present(item)


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
    meeting: Meeting, person: Participant, now: datetime, *, org_id: str, phones: bool
) -> Json:
    """A participant; times are missing or 1970 until they are final (T26, T32).

    `phones`: phone numbers are shown, as they are to compliance officers (T30).
    """
    ongoing, final = now < meeting.ended_at, now >= meeting.participants_final_at
    first, last = person.joined_at, person.left_at
    return present(
        {
            "id": person.id,
            "orgId": org_id if ongoing else None,
            "host": person.host,
            "coHost": person.co_host,
            "spaceModerator": person.space_moderator,
            "email": person.email,
            "displayName": person.name,
            "invitee": person.invitee,
            "muted": person.muted,
            "meetingStartTime": stamp(meeting.started_at),
            "video": person.video,
            "state": "joined" if ongoing else "end",
            "joinedTime": stamp(first) if final else _unknown(person.id),
            "leftTime": stamp(last) if final else _unknown(person.id),
            "siteUrl": meeting.site_url,
            "meetingId": meeting.id,
            "hostEmail": meeting.host.email,
            "devices": [
                _device(device, final, phones and not ongoing) for device in person.devices
            ],
            "breakoutSessionsAttended": [
                {
                    "id": attended.id,
                    "name": attended.name,
                    "joinedTime": stamp(attended.joined_at),
                    "leftTime": stamp(attended.left_at),
                }
                for attended in (person.breakouts if final else ())
            ]
            or None,
            "sourceId": person.source_id,
        }
    )


def _device(device: Device, final: bool, phones: bool) -> Json:
    seconds = int((device.left_at - device.joined_at).total_seconds())
    return present(
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
    """A time that is not yet known, in one of two forms; an id always has the same form."""
    return stamp_ms(EPOCH) if key[-1] in "02468ace" else None
