"""Recordings whose events do not name their meeting: looked up by the recording's id.

Belongs here: the queue of such recordings, one small file each, which ingest fills before it
commits how far a log was read; looking them up and opening their work items. Does not: recordings
of known meetings (pipeline/resources/recordings.py), meetings that events name
(events_without_meeting.py).
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, timedelta

from meeting_etl.errors import BadResponse, Refused
from meeting_etl.lake.lake import Lake
from meeting_etl.lake.meeting_index import MeetingIndex
from meeting_etl.pipeline.fetch.context import FetchContext
from meeting_etl.pipeline.ledger.work_item import DETAILS
from meeting_etl.pipeline.meetings.meeting_row import row_from_api
from meeting_etl.pipeline.paths import file_stem
from meeting_etl.pipeline.reconcile.own_meetings import OwnMeetings
from meeting_etl.pipeline.reconcile.reconcile import add_meetings
from meeting_etl.pipeline.rows import SchemaDrift
from meeting_etl.schemas import RECORDINGS
from meeting_etl.storage import Storage
from meeting_etl.times import format_timestamp, parse_timestamp, utc_day
from meeting_etl.webex.accounts import Account

_FOLDER = "lake/unowned_recordings"
# Delays before the next attempts after a look-up without result; then the recording is given up.
_RETRY_DELAYS = (timedelta(minutes=15), timedelta(hours=6), timedelta(hours=24))


@dataclass(frozen=True)
class QueuedRecording:
    """A recording in the queue. Times are text as in Webex's JSON; `meeting_id` once known."""

    recording_id: str
    received_at: str | None
    host_email: str | None = None
    meeting_id: str | None = None
    attempts: int = 0
    next_attempt_at: str | None = None

    @property
    def file(self) -> str:
        """Path of its file in the queue."""
        return f"{_FOLDER}/{file_stem(self.recording_id)}.json"


def queue_recording(
    lake: Lake, recording_id: str, received_at: datetime | None, body: bytes
) -> None:
    """Put the recording of an event into the queue, unless it is there already."""
    files, host_email = lake.storage, json.loads(body)["data"].get("hostEmail")
    if not isinstance(host_email, str) or lake.privacy.erasures.of_address(host_email):
        host_email = None
    else:
        host_email = lake.privacy.treated("host_email", host_email)
        lake.privacy.hosts.save()
    received = format_timestamp(received_at) if received_at else None
    recording = QueuedRecording(recording_id, received, host_email)
    if files.read_bytes(recording.file) is None:
        _store(files, recording)


def forget_recordings(lake: Lake) -> None:
    """Remove erased meetings from the queue, and the addresses of erased hosts."""
    erasures, files = lake.privacy.erasures, lake.storage
    with lake.state.lock("unowned_recordings"):
        for queued in _queued(files):
            if erasures.of_meeting(queued.meeting_id):
                files.remove(queued.file)
            elif queued.host_email and erasures.of_address(queued.host_email):
                _store(files, replace(queued, host_email=None))


def has_queued_recordings(files: Storage) -> bool:
    """Whether any recording waits in the queue."""
    return bool(files.names(_FOLDER))


def has_due_recordings(files: Storage, now: datetime) -> bool:
    """Whether any recording in the queue is due."""
    return next(_due(files, now), None) is not None


def look_up_recordings(context: FetchContext) -> int:
    """Look up the due recordings; returns for how many their meeting's work item was opened.

    Raises AuthError and ApiUnavailable; what was not looked up stays in the queue.
    """
    files, opened = context.lake.storage, 0
    own = OwnMeetings()
    with context.lake.state.lock("unowned_recordings"):
        for queued in _due(files, context.clock.now()):
            recording = _with_meeting(context, queued)
            if context.lake.privacy.erasures.of_meeting(recording.meeting_id):
                files.remove(recording.file)
            elif recording.meeting_id is not None and _open(context, recording, own):
                files.remove(recording.file)
                opened += 1
            elif recording.attempts < len(_RETRY_DELAYS):
                delay = _RETRY_DELAYS[recording.attempts]
                next_attempt_at = format_timestamp(context.clock.now() + delay)
                # An account that cannot be used is waited for.
                attempts = recording.attempts + (not context.accounts.set_aside)
                _store(
                    files,
                    replace(recording, attempts=attempts, next_attempt_at=next_attempt_at),
                )
            else:
                files.remove(recording.file)
    return opened


def _due(files: Storage, now: datetime) -> Iterator[QueuedRecording]:
    for recording in _queued(files):
        text = recording.next_attempt_at
        at = parse_timestamp(text) if text else None
        if at is None or at <= now:
            yield recording


def _queued(files: Storage) -> Iterator[QueuedRecording]:
    for name in files.names(_FOLDER):
        content = files.read_bytes(f"{_FOLDER}/{name}") if name.endswith(".json") else None
        if content is None:
            continue
        try:
            recording = QueuedRecording(**json.loads(content))
            parse_timestamp(recording.next_attempt_at or "1970-01-01T00:00:00Z")
        except (TypeError, ValueError):
            continue  # damaged; the log still has the event, and listings find the recording
        yield recording


def _store(files: Storage, recording: QueuedRecording) -> None:
    files.replace_bytes(recording.file, json.dumps(asdict(recording)).encode())


def _with_meeting(context: FetchContext, recording: QueuedRecording) -> QueuedRecording:
    """The recording with the meeting id from its details."""
    if recording.meeting_id is not None:
        return recording
    host_email = context.lake.privacy.hosts.clear(recording.host_email)

    def request(account: Account) -> str | None:
        return account.webex.meeting_of_recording(recording.recording_id, host_email=host_email)

    meeting_id, _ = context.accounts.ask(RECORDINGS.name, {"host_email": host_email}, request)
    return replace(recording, meeting_id=meeting_id)


def _open(context: FetchContext, recording: QueuedRecording, own: OwnMeetings) -> bool:
    """Open the work item of its meeting's recordings, as the event would have with its id."""
    meeting_id = str(recording.meeting_id)
    at = parse_timestamp(recording.received_at) if recording.received_at else None
    days = _ended_days(context, meeting_id) or _add_meeting(context, recording, own)
    return any(
        context.ledger.open_by_event(day, meeting_id, RECORDINGS.name, at or context.clock.now())
        for day in sorted(days, reverse=True)
    )


def _ended_days(context: FetchContext, meeting_id: str) -> set[date]:
    """The days on which the meeting was reported to have ended."""
    mentions = MeetingIndex(context.lake).find([meeting_id])[meeting_id]
    return {mention.date for mention in mentions if mention.date is not None}


def _add_meeting(context: FetchContext, recording: QueuedRecording, own: OwnMeetings) -> set[date]:
    """Fetch a meeting without an ended event and add it; returns its day if it has ended."""
    now, accounts, meeting_id = context.clock.now(), context.accounts, str(recording.meeting_id)
    host = {"host_email": context.lake.privacy.hosts.clear(recording.host_email)}
    item, account = accounts.ask(DETAILS, host, lambda each: each.webex.meeting(meeting_id))
    if item is None or account is None:
        return set()
    row = row_from_api(item, SchemaDrift(), run_id=context.run_id, fetched_at=now)
    try:
        if row is None or row["meeting_id"] != meeting_id:
            return set()
        if not own.includes_for_any(row, accounts, account):
            return set()
    except (Refused, BadResponse):
        return set()
    day = utc_day(row["ended_at"])
    add_meetings(context, day, {meeting_id: (row, account)}, own)
    return {day}
