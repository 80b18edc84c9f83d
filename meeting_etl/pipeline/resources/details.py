"""Details of a meeting: title, host and flags, which no webhook event has.

Endpoint: GET /meetings/{id}, or /admin/meetings/{id} for tokens that read for other hosts.
Windows: GET /meetings lists many meetings by their own time; one that is not listed is requested by
its id before it counts as absent.
Rows: one in `meetings`, merged with what the events say (pipeline/meetings/merge.py).
Opened by: the meeting's end. Opens: nothing, but its flags say whether recordings and transcripts
are to be expected.
Final: with the first row that has them.
"""

from collections.abc import Sequence

from meeting_etl import schemas
from meeting_etl.pipeline.fetch.spec import FetchSpec, Item, Target, Window, WindowListing
from meeting_etl.pipeline.ledger.work_item import DETAILS
from meeting_etl.pipeline.meetings.merge import with_details, without_early_false_flags
from meeting_etl.pipeline.rows import Row, SchemaDrift, to_row
from meeting_etl.webex.endpoints import Webex
from meeting_etl.webex.listings import Listing


def _request(webex: Webex, target: Target) -> Listing:
    return Listing([webex.meeting(target.meeting_id)], [])


def _list_window(webex: Webex, window: Window, max_pages: int) -> Listing | None:
    return webex.meetings_between(window.start, window.end, max_pages=max_pages)


def _rows(items: Sequence[Item], target: Target, drift: SchemaDrift, ours: Row) -> list[Row]:
    own = [item for item in items if item.get("id") == target.meeting_id]
    rows = [to_row(schemas.MEETINGS, item, drift, **ours) for item in own[-1:]]
    return [without_early_false_flags(row, target.final_at) for row in rows]


MEETING_DETAILS = FetchSpec(
    schemas.MEETINGS,
    _request,
    _rows,
    name=DETAILS,
    windows=WindowListing(_list_window, key="id", late=False, proves=False, min_targets=1),
    merge=with_details,
)
