"""What is fetched for a meeting: a FetchSpec for each resource.

Belongs here: MEETING, RECORDINGS, PARTICIPANTS, TRANSCRIPTS, SNIPPETS. Does not: when to ask
(settling.py), windows (sweeping.py), threads (asking.py), batches and commits (committing.py).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from meeting_etl import schemas
from meeting_etl.pipeline.deletions import UNLISTED, with_tombstone
from meeting_etl.pipeline.details import with_details, without_early_denials
from meeting_etl.pipeline.fetch_spec import (
    FetchSpec,
    Item,
    Sweep,
    Target,
    Window,
    named_instance,
    pairs_of,
    same_series,
)
from meeting_etl.pipeline.rows import Drift, Row, fold_last, fold_participants, to_row
from meeting_etl.pipeline.settling import DETAILS, Pair
from meeting_etl.schemas import Table
from meeting_etl.webex.endpoints import Listing, Webex


def _ask_meeting(webex: Webex, target: Target) -> Listing:
    return Listing([webex.meeting(target.meeting_id)], [])


def _meeting_rows(items: Sequence[Item], target: Target, drift: Drift, ours: Row) -> list[Row]:
    own = [item for item in items if item.get("id") == target.meeting_id]
    rows = [to_row(schemas.MEETINGS, item, drift, **ours) for item in own[-1:]]
    return [without_early_denials(row, target.final_at) for row in rows]


def _own(table: Table, items: Sequence[Item], target: Target, drift: Drift, ours: Row) -> list[Row]:
    """Rows of the meeting that was asked for; an answer may hold items of others."""
    return [
        to_row(table, item, drift, **ours | {"meeting_id": target.meeting_id})
        for item in items
        if target.meeting_id == named_instance(item, "meetingId")
        or (named_instance(item, "meetingId") is None and same_series(item, target))
    ]


def _ask_recordings(webex: Webex, target: Target) -> Listing:
    return webex.recordings(
        target.meeting_id,
        started_at=target.started_at,
        site_url=target.meeting["site_url"],
    )


def _sweep_recordings(webex: Webex, window: Window, most_pages: int) -> Listing | None:
    return webex.recordings_between(
        window.start, window.end, site_url=window.site_url, most_pages=most_pages
    )


def _look_at_recording(webex: Webex, row: Row) -> str:
    found = webex.recording(row["recording_id"], host_email=row["host_email"])
    status = found.get("status")
    return status if status in ("deleted", "purged") else UNLISTED


def _recording_rows(items: Sequence[Item], target: Target, drift: Drift, ours: Row) -> list[Row]:
    rows = _own(schemas.RECORDINGS, items, target, drift, ours)
    for row in rows:
        row["host_email"] = row["host_email"] or target.meeting["host_email"]
        row["host_email_domain"] = row["host_email_domain"] or target.meeting["host_email_domain"]
    return fold_last(rows, "recording_id", drift)


def _ask_participants(webex: Webex, target: Target) -> Listing:
    return webex.participants(target.meeting_id, host_email=target.meeting["host_email"])


def _participant_rows(items: Sequence[Item], target: Target, drift: Drift, ours: Row) -> list[Row]:
    rows = _own(schemas.PARTICIPANTS, items, target, drift, ours)
    for row in rows:
        row["device_count"] = len(row["devices"] or [])
    return fold_participants(rows, drift)


def _times_known(rows: Sequence[Row]) -> bool:
    """Webex fills join and leave times in after the meeting (webex-api.md T26)."""
    return all(row["joined_at"] and row["left_at"] for row in rows)


def _ask_transcripts(webex: Webex, target: Target) -> Listing:
    return webex.transcripts(
        target.meeting_id,
        started_at=target.started_at,
        host_email=target.meeting["host_email"],
        site_url=target.meeting["site_url"],
    )


def _sweep_transcripts(webex: Webex, window: Window, most_pages: int) -> Listing | None:
    return webex.transcripts_between(
        window.start, window.end, site_url=window.site_url, most_pages=most_pages
    )


def _look_at_transcript(webex: Webex, row: Row) -> str:
    # Some transcripts never have snippets: only of one that had them a 404 says something.
    if row["snippet_count"] is not None and webex.can_read(schemas.TRANSCRIPT_SNIPPETS.name):
        webex.transcript_exists(row["transcript_id"])
    return UNLISTED


def _onto_transcript(held: Row, new: Row) -> Row:
    return with_tombstone(held, new) | {"snippet_count": held["snippet_count"]}


def _transcript_rows(items: Sequence[Item], target: Target, drift: Drift, ours: Row) -> list[Row]:
    rows = _own(schemas.TRANSCRIPTS, items, target, drift, ours)
    return fold_last(rows, "transcript_id", drift)


def _recording_pairs(target: Target, rows: Sequence[Row]) -> list[Pair]:
    return pairs_of(target, rows, schemas.RECORDING_FILES.name, "recording_id")


def _transcript_pairs(target: Target, rows: Sequence[Row]) -> list[Pair]:
    """What is asked for of each transcript."""
    resources = (schemas.TRANSCRIPT_FILES.name, schemas.TRANSCRIPT_SNIPPETS.name)
    return [
        pair for resource in resources for pair in pairs_of(target, rows, resource, "transcript_id")
    ]


def _ask_snippets(webex: Webex, target: Target) -> Listing:
    return webex.snippets(target.pair.resource_id)


def _snippet_rows(items: Sequence[Item], target: Target, drift: Drift, ours: Row) -> list[Row]:
    begun: datetime | None = (target.parent or {}).get("started_at")
    ours = ours | {
        "meeting_id": target.meeting_id,
        "transcript_id": target.pair.resource_id,
        "source": "snippets",
    }
    rows = fold_last(
        (to_row(schemas.TRANSCRIPT_SNIPPETS, item, drift, **ours) for item in items),
        "snippet_id",
        drift,
    )
    for number, row in enumerate(rows):
        row["snippet_index"] = number
        if begun is not None and row["offset_ms"] is not None:
            try:
                row["started_at"] = begun + timedelta(milliseconds=row["offset_ms"])
            except OverflowError:
                drift.changed["offsetMillisecond"] += 1
    return rows


MEETING = FetchSpec(
    schemas.MEETINGS,
    _ask_meeting,
    _meeting_rows,
    name=DETAILS,
    sweep=Sweep(
        lambda webex, window, most: webex.meetings_between(
            window.start, window.end, most_pages=most
        ),
        key="id",
        late=False,
        proves=False,
        least=1,
    ),
    onto=with_details,
)
RECORDINGS = FetchSpec(
    schemas.RECORDINGS,
    _ask_recordings,
    _recording_rows,
    sweep=Sweep(_sweep_recordings),
    onto=with_tombstone,
    look=_look_at_recording,
    grows=True,
    opens=_recording_pairs,
    flag="has_recording",
)
PARTICIPANTS = FetchSpec(
    schemas.PARTICIPANTS,
    _ask_participants,
    _participant_rows,
    replaces="meeting_id",
    finished=_times_known,
)
TRANSCRIPTS = FetchSpec(
    schemas.TRANSCRIPTS,
    _ask_transcripts,
    _transcript_rows,
    sweep=Sweep(_sweep_transcripts),
    onto=_onto_transcript,
    look=_look_at_transcript,
    grows=True,
    opens=_transcript_pairs,
    flag="has_transcription",
)
SNIPPETS = FetchSpec(
    schemas.TRANSCRIPT_SNIPPETS,
    _ask_snippets,
    _snippet_rows,
    replaces="transcript_id",
    parent=schemas.TRANSCRIPTS,
)
# In the order in which they are fetched: flags before what they speak of, lists before their parts.
ALL = (MEETING, RECORDINGS, PARTICIPANTS, TRANSCRIPTS, SNIPPETS)
