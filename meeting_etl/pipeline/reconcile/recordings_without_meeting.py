"""Recordings whose events do not say of which meeting they are: looked up by their own id.

Belongs here: the queue of them, one small file each, which ingest fills before it commits how far a
log was read, and what becomes of each once it is asked for. Does not: recordings of meetings that
are known (pipeline/resources/recordings.py), meetings that events name
(events_without_meeting.py).
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, timedelta

from meeting_etl.errors import BadResponse, Refused
from meeting_etl.files import Files
from meeting_etl.lake.meeting_index import MeetingIndex
from meeting_etl.pipeline.fetch.context import FetchContext
from meeting_etl.pipeline.meetings.meeting_row import row_from_api
from meeting_etl.pipeline.paths import file_stem
from meeting_etl.pipeline.reconcile.listing import OwnMeetings
from meeting_etl.pipeline.reconcile.reconcile import add_meetings
from meeting_etl.pipeline.rows import SchemaDrift
from meeting_etl.schemas import RECORDINGS
from meeting_etl.times import format_timestamp, parse_timestamp, utc_day

_FOLDER = "lake/unowned_recordings"
# Asked again so long after each answer that does not say; then it is given up.
_AGAIN = (timedelta(minutes=15), timedelta(hours=6), timedelta(hours=24))


@dataclass(frozen=True)
class QueuedRecording:
    """A recording in the queue. Times as Webex writes them; `meeting_id` once it is known."""

    recording_id: str
    received_at: str | None
    host_email: str | None = None
    meeting_id: str | None = None
    attempts: int = 0
    next_attempt_at: str | None = None

    @property
    def file(self) -> str:
        """Where it waits."""
        return f"{_FOLDER}/{file_stem(self.recording_id)}.json"


def queue_recording(
    files: Files, recording_id: str, received_at: datetime | None, body: bytes
) -> None:
    """Put the recording of an event into the queue, unless it is there already."""
    host_email = json.loads(body)["data"].get("hostEmail")
    received = format_timestamp(received_at) if received_at else None
    one = QueuedRecording(
        recording_id, received, host_email if isinstance(host_email, str) else None
    )
    if files.read_bytes(one.file) is None:
        _keep(files, one)


def has_queued_recordings(files: Files) -> bool:
    """Whether any recording waits in the queue."""
    return bool(files.names(_FOLDER))


def has_due_recordings(files: Files, now: datetime) -> bool:
    """Whether the time of any recording in the queue has come."""
    return next(_due(files, now), None) is not None


def look_up_recordings(context: FetchContext) -> int:
    """Ask for those whose time has come; returns of how many the meeting is asked for again.

    Raises AuthError and ApiUnavailable; what was not asked for stays in the queue.
    """
    files, opened = context.lake.files, 0
    ours = OwnMeetings(context.webex)
    with files.lock("unowned_recordings"):
        for one in _due(files, context.clock.now()):
            known = _with_meeting(context, one)
            if known.meeting_id is not None and _open(context, known, ours):
                files.remove(known.file)
                opened += 1
            elif known.attempts < len(_AGAIN):
                moment = context.clock.now() + _AGAIN[known.attempts]
                again = format_timestamp(moment)
                _keep(files, replace(known, attempts=known.attempts + 1, next_attempt_at=again))
            else:
                files.remove(known.file)
    return opened


def _due(files: Files, now: datetime) -> Iterator[QueuedRecording]:
    for name in files.names(_FOLDER):
        content = files.read_bytes(f"{_FOLDER}/{name}") if name.endswith(".json") else None
        if content is None:
            continue
        try:
            one = QueuedRecording(**json.loads(content))
            at = parse_timestamp(one.next_attempt_at) if one.next_attempt_at else None
        except (TypeError, ValueError):
            continue  # damaged: the log still has it, and so has a listing of its meeting
        if at is None or at <= now:
            yield one


def _keep(files: Files, one: QueuedRecording) -> None:
    files.replace_bytes(one.file, json.dumps(asdict(one)).encode())


def _with_meeting(context: FetchContext, one: QueuedRecording) -> QueuedRecording:
    """The recording with the meeting that its details name."""
    if one.meeting_id is None:
        try:
            found = context.webex.meeting_of_recording(one.recording_id, host_email=one.host_email)
        except (Refused, BadResponse):
            return one
        return replace(one, meeting_id=found)
    return one


def _open(context: FetchContext, one: QueuedRecording, ours: OwnMeetings) -> bool:
    """Have the recordings of its meeting asked for, as the event would have with its id."""
    meeting_id = str(one.meeting_id)
    at = parse_timestamp(one.received_at) if one.received_at else None
    days = _days(context, meeting_id) or _added(context, meeting_id, ours)
    return any(
        context.ledger.open_by_event(day, meeting_id, RECORDINGS.name, at or context.clock.now())
        for day in sorted(days, reverse=True)
    )


def _days(context: FetchContext, meeting_id: str) -> set[date]:
    """The days on which the meeting was said to have ended."""
    mentions = MeetingIndex(context.lake).find([meeting_id])[meeting_id]
    return {one.date for one in mentions if one.date is not None}


def _added(context: FetchContext, meeting_id: str, ours: OwnMeetings) -> set[date]:
    """The day of the meeting, that no event announced, after it was asked for and added."""
    webex, now = context.webex, context.clock.now()
    try:
        item = webex.meeting(meeting_id)
        row = row_from_api(item, SchemaDrift(), run_id=context.run_id, fetched_at=now)
        if row is None or row["meeting_id"] != meeting_id or not ours.hosts(row):
            return set()
    except (Refused, BadResponse):
        return set()
    day = utc_day(row["ended_at"])
    add_meetings(context, day, {meeting_id: row}, ours)
    return {day}
