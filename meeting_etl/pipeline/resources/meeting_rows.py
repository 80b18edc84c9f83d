"""Items of a listing → rows of the meeting that was requested.

Belongs here: which items of a response are that meeting's. Does not: how an item becomes a row
(pipeline/rows.py), what is special about a resource (its own file).
"""

from collections.abc import Sequence

from meeting_etl.pipeline.fetch.ownership import named_instance, same_series
from meeting_etl.pipeline.fetch.spec import Item, Target
from meeting_etl.pipeline.rows import Row, SchemaDrift, to_row
from meeting_etl.schemas import Table


def rows_of_meeting(
    table: Table, items: Sequence[Item], target: Target, drift: SchemaDrift, ours: Row
) -> list[Row]:
    """Rows of the meeting that was requested; a response may have items of others."""
    return [
        to_row(table, item, drift, **ours | {"meeting_id": target.meeting_id})
        for item in items
        if target.meeting_id == named_instance(item, "meetingId")
        or (named_instance(item, "meetingId") is None and same_series(item, target))
    ]
