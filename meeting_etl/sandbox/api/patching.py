"""PATCH /meetings/{id}: what may be changed, and what is refused (docs/webex-api-notes.md).

Belongs here: the fields it takes and the meetings it refuses. Does not: keeping what was changed
(changes.py), showing it (meetings.py).
"""

from datetime import datetime

from meeting_etl.sandbox.api.context import RequestContext
from meeting_etl.sandbox.api.meetings import asked_series, refuse_personal_room
from meeting_etl.sandbox.api.results import Item, Result
from meeting_etl.sandbox.layers import Refusal
from meeting_etl.sandbox.world.model import Series

TEXTS = frozenset(
    "title agenda password start end timezone recurrence unlockedMeetingJoinSecurity "
    "panelistPassword hostEmail".split()
)
FLAGS = frozenset(
    "enabledAutoRecordMeeting allowAnyUserToBeCoHost enabledJoinBeforeHost "
    "enableConnectAudioBeforeHost excludePassword publicMeeting enabledWebcastView "
    "enableAutomaticLock allowFirstUserToBeCoHost allowAuthenticatedDevices sendEmail "
    "enabledBreakoutSessions enabledAudioWatermark enabledVisualWatermark requireAttendeeLogin "
    "restrictToInvitees enabledLiveStream".split()
)
NUMBERS = frozenset(
    "joinBeforeHostMinutes reminderTime sessionTypeId automaticLockMinutes "
    "visualWatermarkOpacity".split()
)
OBJECTS = frozenset("meetingOptions attendeePrivileges audioConnectionOptions liveStream".split())
LISTS = frozenset({"integrationTags", "trackingCodes"})
FIELDS = TEXTS | FLAGS | NUMBERS | OBJECTS | LISTS
# All else is there or left out, but never null.
_NULLABLE = frozenset({"agenda", "recurrence", "trackingCodes"})
_TYPES: tuple[tuple[frozenset[str], tuple[type, ...]], ...] = (
    (TEXTS, (str,)),
    (FLAGS, (bool,)),
    (NUMBERS, (int, float)),
    (OBJECTS, (dict,)),
    (LISTS, (list,)),
)


def patch_meeting(context: RequestContext) -> Result:
    """PATCH /meetings/{id}: of series and scheduled meetings, by their host or an administrator.

    The status codes of the refusals in T23 are not documented; 400 is a guess.
    """
    _check(context)
    if "_I_" in context.path_id:
        raise Refusal(400, f"Meeting ID '{context.path_id}' is not allowed for this API.")
    refuse_personal_room(context, context.path_id)
    series, at = asked_series(context, _host_email(context))
    if series.ad_hoc:
        raise Refusal(400, "Ad-hoc meetings are not supported.")
    if _in_progress(series, at, context.now):
        raise Refusal(400, "Meeting is in progress.")
    context.changes.note(context.path_id, context.body)
    whole = at is None
    return Item(
        context.changes.shown(series, at or series.next_at(context.now), context.now, whole=whole)
    )


def _check(context: RequestContext) -> None:
    for name, value in context.body.items():
        if name not in FIELDS:
            raise Refusal(400, f"There is no field {name}.")
        if value is None and name in _NULLABLE:
            continue
        types = next(types for names, types in _TYPES if name in names)
        if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
            raise Refusal(400, f"{name} is of the wrong type.")


def _host_email(context: RequestContext) -> str | None:
    """Whose meeting it is: of an administrator's that of hostEmail, which nobody else may send."""
    given: str | None = context.body.get("hostEmail")
    if given is None or context.kind == "user":
        if given is not None:
            raise Refusal(400, "hostEmail is for administrators.")
        return context.caller.email
    if given not in context.index.people:
        raise Refusal(404, "No user with that hostEmail on the sites you manage.")
    return given


def _in_progress(series: Series, at: datetime | None, now: datetime) -> bool:
    starts = series.occurrences if at is None else (at,)
    return any(start <= now < start + series.length for start in starts)
