"""Snippets of a transcript: what was said, by whom and when.

Endpoint: GET /meetingTranscripts/{id}/snippets, of one transcript. Windows: none.
Rows: `transcript_snippets`; a complete listing that is not empty replaces all of the transcript's.
Opened by: a transcript that was listed (transcripts.py). Opens: where the token may not read
snippets, or there are none, the words of the VTT file (vtt_snippets.py).
Final: with the first complete listing that is not empty.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from meeting_etl import schemas
from meeting_etl.pipeline.fetch.spec import FetchSpec, Item, Target
from meeting_etl.pipeline.ledger.work_item import VTT_SNIPPETS
from meeting_etl.pipeline.rows import Row, SchemaDrift, fold_last, to_row
from meeting_etl.webex.endpoints import Webex
from meeting_etl.webex.listings import Listing


def _request(webex: Webex, target: Target) -> Listing:
    return webex.snippets(target.work_item.resource_id)


def _rows(items: Sequence[Item], target: Target, drift: SchemaDrift, ours: Row) -> list[Row]:
    return snippet_rows(items, target, drift, ours | {"source": "snippets"})


def snippet_rows(items: Sequence[Item], target: Target, drift: SchemaDrift, ours: Row) -> list[Row]:
    """Rows of snippets from either source, with their index and start."""
    transcript_start: datetime | None = (target.parent or {}).get("started_at")
    ours = ours | {"meeting_id": target.meeting_id, "transcript_id": target.work_item.resource_id}
    rows = fold_last(
        (to_row(schemas.TRANSCRIPT_SNIPPETS, item, drift, **ours) for item in items),
        "snippet_id",
        drift,
    )
    for number, row in enumerate(rows):
        row["snippet_index"] = number
        if transcript_start is not None and row["offset_ms"] is not None:
            try:
                row["started_at"] = transcript_start + timedelta(milliseconds=row["offset_ms"])
            except OverflowError:
                drift.changed["offsetMillisecond"] += 1
    return rows


SNIPPETS = FetchSpec(
    schemas.TRANSCRIPT_SNIPPETS,
    _request,
    _rows,
    replaces="transcript_id",
    parent=schemas.TRANSCRIPTS,
    fallback=VTT_SNIPPETS,
    comes_after=(VTT_SNIPPETS,),
)
