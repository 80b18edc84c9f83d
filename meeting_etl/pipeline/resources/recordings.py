"""Recordings of a meeting: what Webex lists of them, not their files.

Endpoint: GET /recordings, or /admin/recordings for tokens that read for other hosts.
Windows: the same paths list many meetings by the time at which recordings were made, up to days
after the meeting; an administrator's one site at a time.
Rows: `recordings`, merged by id; one that is no longer listed becomes unlisted, and is requested by
id for a proof of its deletion.
Opened by: the meeting's end, and webhook events of `recordings`. Opens: a work item of
recording_files for each (recording_files.py).
Final: with the last attempt of the schedule; until then more may follow.
"""

from collections.abc import Sequence

from meeting_etl import schemas
from meeting_etl.pipeline.deletions.tombstones import DELETED_STATUSES, UNLISTED, with_tombstone
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
    return webex.recordings(
        target.meeting_id,
        started_at=target.started_at,
        site_url=target.meeting["site_url"],
        event_at=work_item.opened_at if work_item.opened_by == "event" else None,
        expected=target.flagged is True,
    )


def _list_window(webex: Webex, window: Window, max_pages: int) -> Listing | None:
    return webex.recordings_between(
        window.start, window.end, site_url=window.site_url, max_pages=max_pages
    )


def _rows(items: Sequence[Item], target: Target, drift: SchemaDrift, ours: Row) -> list[Row]:
    rows = rows_of_meeting(schemas.RECORDINGS, items, target, drift, ours)
    for row in rows:
        row["host_email"] = row["host_email"] or target.meeting["host_email"]
        row["host_email_domain"] = row["host_email_domain"] or target.meeting["host_email_domain"]
    return fold_last(rows, "recording_id", drift)


def _status_by_id(webex: Webex, row: Row) -> str:
    found = webex.recording(row["recording_id"], host_email=row["host_email"])
    status = found.get("status")
    return status if status in DELETED_STATUSES else UNLISTED


def _opened(target: Target, rows: Sequence[Row]) -> list[WorkItem]:
    return items_for_rows(target, rows, schemas.RECORDING_FILES.name, "recording_id")


RECORDINGS = FetchSpec(
    schemas.RECORDINGS,
    _request,
    _rows,
    windows=WindowListing(_list_window),
    merge=with_tombstone,
    status_by_id=_status_by_id,
    grows=True,
    opened_by_event="recordings",
    opens=_opened,
    flag="has_recording",
)
