"""The endpoints on meetings and participants.

Belongs here: what GET /meetings, /meetings/{id}, /admin/meetings/{id} and /meetingParticipants
select, by docs/webex-api-notes.md. Does not: tokens, scopes and pages (sandbox/sandbox.py).
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from meeting_etl.sandbox.api.context import RequestContext
from meeting_etl.sandbox.api.json_meetings import (
    admin_meeting,
    has_flags,
    listed_meeting,
    meeting_detail,
    participant,
)
from meeting_etl.sandbox.api.results import Item, Listing, Result
from meeting_etl.sandbox.json_values import Json
from meeting_etl.sandbox.layers import Refusal
from meeting_etl.sandbox.world.model import LISTING_LAG, Meeting, Participant, Series

_EXCLUSIVE = ("meetingNumber", "webLink", "roomId")
_TYPES = ("meetingSeries", "scheduledMeeting", "meeting")
_STATES = tuple("active scheduled ready lobby inProgress ended missed expired".split())
_SCHEDULED_TYPES = ("meeting", "webinar", "personalRoomMeeting")
_FLAGS = tuple(
    f"has{what}"
    for what in "Chat Recording Transcription Summary ClosedCaption Polls QA Slido".split()
)
_MOST_INSTANCES = 10_000
_SERIES_LIFE = timedelta(days=180)
_LONGEST_JOIN_WINDOW = timedelta(days=90)
_START_WINDOW = timedelta(days=30)


def list_meetings(context: RequestContext) -> Result:
    """GET /meetings: series of the next seven days unless meetingType says otherwise (T11)."""
    keys = [name for name in _EXCLUSIVE if name in context.query]
    if len(keys) > 1:
        raise Refusal(400, f"{' and '.join(keys)} are mutually exclusive.")
    if keys:
        return _by_key(context, keys[0])
    kind = context.choice("meetingType", _TYPES) or "meetingSeries"
    state = context.choice("state", _STATES)
    wanted = {name: flag for name in _FLAGS if (flag := context.flag(name)) is not None}
    if wanted and (kind != "meeting" or state != "ended"):
        raise Refusal(400, "has-filters need meetingType=meeting and state=ended.")
    if kind == "meeting":
        return _instances(context, state, wanted)
    return _scheduled_meetings(context, state, kind)


def _instances(context: RequestContext, state: str | None, wanted: dict[str, bool]) -> Listing:
    begin, end = context.window()
    form = context.choice("scheduledType", _SCHEDULED_TYPES)
    series_id = context.query.get("meetingSeriesId")
    site = context.query.get("siteUrl")
    tag = context.query.get("integrationTag")
    found = [
        meeting
        for meeting in context.index.world.meetings
        if begin <= meeting.started_at < end
        and _shown(meeting, context.now)
        and state in (None, _state(meeting, context.now))
        and form in (None, "webinar" if meeting.scheduled_type == "webinar" else "meeting")
        and series_id in (None, meeting.series_id)
        and site in (None, meeting.site_url)
        and (tag is None or tag in meeting.integration_tags)
        and _concerns(context, meeting)
        and wanted.items() <= has_flags(meeting, context.now).items()
    ]
    return Listing(found[:_MOST_INSTANCES], lambda meeting: listed_meeting(meeting, context.now))


def _concerns(context: RequestContext, meeting: Meeting) -> bool:
    """Users and hostEmail see what they host or are invited to; an admin without it sees all."""
    if context.kind == "admin" and "hostEmail" not in context.query:
        return True
    email = context.host_email()
    return email is None or meeting.involves(email)


def _state(meeting: Meeting, now: datetime) -> str:
    return "ended" if meeting.ended_at <= now else "inProgress"


def _shown(meeting: Meeting, now: datetime) -> bool:
    """Both starting and ending take a quarter of an hour to be noticed (T13)."""
    if meeting.ended_at <= now:
        return meeting.listed_at <= now
    return meeting.started_at + LISTING_LAG <= now


def _scheduled_meetings(context: RequestContext, state: str | None, kind: str) -> Listing:
    begin, end = context.moment("from"), context.moment("to")
    if begin is None:
        begin = end - timedelta(days=7) if end else context.now
    end = end or begin + timedelta(days=7)
    if begin > end:
        raise Refusal(400, "from cannot be after to.")
    form = context.choice("scheduledType", _SCHEDULED_TYPES)
    series_id = context.query.get("meetingSeriesId")
    current = context.flag("current") is not False
    items = [
        item
        for series in context.index.world.series
        if form in (None, series.scheduled_type)
        and series_id in (None, series.id)
        and not _expired(series, context.now)
        and _may_see_series(context, series)
        for at, item in _occurrences(context, series, kind, current)
        if begin <= at < end and state in (None, item["state"])
    ]
    return Listing(items, dict)


def _occurrences(
    context: RequestContext, series: Series, kind: str, current: bool
) -> Iterator[tuple[datetime, Json]]:
    """What a series contributes to a listing: each occurrence, the next one, or itself."""
    if kind == "scheduledMeeting":
        for at in series.occurrences:
            yield at, context.changes.shown(series, at, context.now, whole=False)
        return
    coming = [at for at in series.occurrences if at + series.length > context.now]
    if coming:
        yield coming[0], context.changes.shown(series, coming[0], context.now, whole=not current)


def _expired(series: Series, now: datetime) -> bool:
    """Series are deleted 180 days after the end of the last occurrence (T17)."""
    return max(series.occurrences) + series.length + _SERIES_LIFE <= now


def _may_see_series(context: RequestContext, series: Series) -> bool:
    if context.kind == "admin" and "hostEmail" not in context.query:
        return True
    return context.host_email() in (None, series.host.email)


def _by_key(context: RequestContext, key: str) -> Listing:
    """By number, link or space; all other filters are ignored."""
    value = context.query[key]
    if key == "roomId":
        found = [
            listed_meeting(meeting, context.now)
            for meeting in context.index.world.meetings
            if meeting.room_id == value
            and _shown(meeting, context.now)
            and _concerns(context, meeting)
        ]
    else:
        found = [
            item
            for series in context.index.world.series
            if _may_see_series(context, series) and not _expired(series, context.now)
            for _, item in _occurrences(context, series, "meetingSeries", current=True)
            if item[key] == value
        ]
    return Listing(found, dict)


def get_meeting(context: RequestContext) -> Result:
    """GET /meetings/{id}: of instances only 15 minutes after their start or end."""
    if meeting := context.index.meetings.get(context.path_id):
        if not _shown(meeting, context.now):
            raise Refusal(404, "There is no such meeting.")
        if context.kind == "user" and not meeting.involves(context.caller.email):
            raise Refusal(403, "Only the host and invitees may see the meeting.")
        if context.kind == "admin" and meeting.host.email != context.host_email():
            raise Refusal(404, "That host has no such meeting.")
        return Item(meeting_detail(meeting, context.now))
    series, at = asked_series(context, context.host_email())
    whole = at is None and context.flag("current") is not True
    return Item(
        context.changes.shown(series, at or series.next_at(context.now), context.now, whole=whole)
    )


def asked_series(context: RequestContext, host_email: str | None) -> tuple[Series, datetime | None]:
    """The host's series of that id, and the start of the occurrence if it is the id of one."""
    series, at = context.index.occurrences.get(context.path_id, (None, None))
    series = series or context.index.series.get(context.path_id)
    if series is None or _expired(series, context.now) or series.host.email != host_email:
        raise Refusal(404, "There is no such meeting.")
    return series, at


def get_admin_meeting(context: RequestContext) -> Result:
    """GET /admin/meetings/{id}: any instance, without hostEmail and without secrets."""
    meeting = context.index.meetings.get(context.path_id)
    if meeting is None or not _shown(meeting, context.now):
        raise Refusal(404, "There is no such meeting.")
    return Item(admin_meeting(meeting, context.now))


def list_participants(context: RequestContext) -> Result:
    """GET /meetingParticipants: of an instance, or of the last one of a series (T27)."""
    meeting_id = context.query.get("meetingId")
    if not meeting_id:
        raise Refusal(400, "meetingId is required.")
    joined = _join_window(context)
    meeting = _attended(context, meeting_id)
    if meeting is None:
        return Listing((), dict)
    if context.kind == "user" and meeting.host.email != context.caller.email:
        raise Refusal(403, "Only the host may list the participants.")
    if (
        "hostEmail" in context.query
        and context.kind != "user"
        and meeting.host.email != context.host_email()
    ):
        raise Refusal(404, "That host has no such meeting.")
    session = context.query.get("breakoutSessionId")
    found = [
        person
        for person in meeting.participants
        if _present(meeting, person, context.now)
        and (joined is None or joined[0] <= person.joined_at < joined[1])
        and (session is None or session in {attended.id for attended in person.breakouts})
    ]
    phones = context.kind == "compliance"
    org_id = context.index.world.org_id
    return Listing(
        found,
        lambda person: participant(meeting, person, context.now, org_id=org_id, phones=phones),
    )


def _present(meeting: Meeting, person: Participant, now: datetime) -> bool:
    """Whether a participant is listed: while the meeting is in progress only if present (T32)."""
    if meeting.ended_at <= now:
        return True
    return any(device.joined_at <= now < device.left_at for device in person.devices)


def _attended(context: RequestContext, meeting_id: str) -> Meeting | None:
    """The instance that is meant; None when there was none in the window of starts."""
    meeting = context.index.meetings.get(meeting_id)
    if meeting is not None and meeting.started_at <= context.now:
        return meeting
    if meeting is not None or not context.index.knows(meeting_id):
        raise Refusal(404, "There is no such meeting.")
    refuse_personal_room(context, meeting_id)
    end = context.moment("meetingStartTimeTo")
    begin = context.moment("meetingStartTimeFrom") or (end or context.now) - _START_WINDOW
    end = end or min(begin + _START_WINDOW, context.now)
    past = [
        instance
        for instance in context.index.instances.get(meeting_id, [])
        if begin < instance.started_at < end and instance.started_at <= context.now
    ]
    return past[-1] if past else None


def refuse_personal_room(context: RequestContext, meeting_id: str) -> None:
    """Ids of scheduled personal-room meetings are not supported; ids of instances are."""
    series = context.index.series.get(meeting_id.partition("_")[0])
    if series is not None and series.scheduled_type == "personalRoomMeeting":
        raise Refusal(400, "Ids of scheduled personal room meetings are not supported.")


def _join_window(context: RequestContext) -> tuple[datetime, datetime] | None:
    """JoinTimeFrom and joinTimeTo; None when both are left out (T31)."""
    if "joinTimeFrom" not in context.query and "joinTimeTo" not in context.query:
        return None
    begin, end = context.window(("joinTimeFrom", "joinTimeTo"))
    if end - begin > _LONGEST_JOIN_WINDOW:
        raise Refusal(400, "joinTimeFrom and joinTimeTo must be within 90 days.")
    return begin, end
