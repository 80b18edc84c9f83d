"""Transcripts of a meeting: which there are, not what was said.

Endpoint: GET /meetingTranscripts, of one site.
Windows: the same path lists many meetings, one site at a time; for a compliance officer
/admin/meetingTranscripts. Transcripts appear up to days after the meeting.
Rows: `transcripts`, merged by id; one that is no longer listed becomes unlisted, and its snippets
are requested for a proof of its deletion.
Opened by: the meeting's end, and webhook events of `meetingTranscripts`, which is how a late one
comes in. Opens: for each a work item of transcript_snippets (snippets.py) and of transcript_files
(transcript_files.py).
Final: with the last attempt of the schedule; until then more may follow.
"""

from collections.abc import Sequence

from meeting_etl import schemas
from meeting_etl.errors import NotFound
from meeting_etl.pipeline.deletions.tombstones import UNLISTED, with_tombstone
from meeting_etl.pipeline.fetch.spec import (
    FetchSpec,
    Item,
    Target,
    Window,
    WindowListing,
    items_for_rows,
)
from meeting_etl.pipeline.ledger.work_item import WorkItem
from meeting_etl.pipeline.resources.meeting_rows import rows_of_meeting
from meeting_etl.pipeline.rows import Row, SchemaDrift, fold_last
from meeting_etl.webex.endpoints import Webex
from meeting_etl.webex.listings import Listing


def _request(webex: Webex, target: Target) -> Listing:
    work_item = target.work_item
    return webex.transcripts(
        target.meeting_id,
        started_at=target.started_at,
        host_email=target.meeting["host_email"],
        site_url=target.meeting["site_url"],
        event_at=work_item.opened_at if work_item.opened_by == "event" else None,
        expected=target.flagged is True,
    )


def _list_window(webex: Webex, window: Window, max_pages: int) -> Listing | None:
    return webex.transcripts_between(
        window.start, window.end, site_url=window.site_url, max_pages=max_pages
    )


def _rows(items: Sequence[Item], target: Target, drift: SchemaDrift, ours: Row) -> list[Row]:
    rows = rows_of_meeting(schemas.TRANSCRIPTS, items, target, drift, ours)
    return fold_last(rows, "transcript_id", drift)


def _merged(stored: Row, new: Row) -> Row:
    return with_tombstone(stored, new) | {"snippet_count": stored["snippet_count"]}


def _status_by_id(webex: Webex, row: Row) -> str:
    # Some transcripts never have snippets: a 404 says something only where there were some.
    if row["snippet_count"] is not None and webex.can_read(schemas.TRANSCRIPT_SNIPPETS.name):
        try:
            webex.transcript_exists(row["transcript_id"])
        except NotFound:
            # Nor does it where the rows are from the VTT file and that is still there.
            webex.transcript_text(row["transcript_id"], "vtt", None, row["meeting_id"])
    return UNLISTED


def _opened(target: Target, rows: Sequence[Row]) -> list[WorkItem]:
    resources = (schemas.TRANSCRIPT_FILES.name, schemas.TRANSCRIPT_SNIPPETS.name)
    return [
        work_item
        for resource in resources
        for work_item in items_for_rows(target, rows, resource, "transcript_id")
    ]


TRANSCRIPTS = FetchSpec(
    schemas.TRANSCRIPTS,
    _request,
    _rows,
    windows=WindowListing(_list_window),
    merge=_merged,
    status_by_id=_status_by_id,
    grows=True,
    opened_by_event="meetingTranscripts",
    opens=_opened,
    flag="has_transcription",
)
