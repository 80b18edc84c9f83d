"""Summaries of a meeting: notes and action items, as plain text.

Endpoint: GET /meetingSummaries, or /admin/meetingSummaries for a compliance officer. Windows: none.
Rows: `meeting_summaries`, merged by id; a deleted one keeps the text that was fetched before.
Opened by: the meeting's end, where [fetch] summaries is switched on; for meetings that had ended
before that by pipeline/ledger/newly_enabled.py. Opens: nothing.
Final: with the first complete listing that is not empty, or with the last attempt.
"""

from collections.abc import Sequence
from contextlib import suppress

from meeting_etl import schemas
from meeting_etl.pipeline.fetch.spec import FetchSpec, Item, Target
from meeting_etl.pipeline.resources.meeting_rows import rows_of_meeting
from meeting_etl.pipeline.rows import Row, SchemaDrift, fold_last
from meeting_etl.webex.endpoints import Webex
from meeting_etl.webex.listings import Listing


def _request(webex: Webex, target: Target) -> Listing:
    return webex.summaries(target.meeting_id)


def _rows(items: Sequence[Item], target: Target, drift: SchemaDrift, ours: Row) -> list[Row]:
    plain = [_in_plain_text(item) for item in items]
    rows = rows_of_meeting(schemas.MEETING_SUMMARIES, plain, target, drift, ours)
    return fold_last(rows, "summary_id", drift)


def _in_plain_text(item: Item) -> Item:
    """A summary with notes and action items as text; values of another shape stay as they are."""
    # Every command imports this module, and few read HTML, for which the library takes 0.1 s.
    from meeting_etl.pipeline.resources.plain_text import plain_text

    notes, actions = item.get("notes"), item.get("actionItems")
    plain: Item = {}
    if isinstance(notes, dict) and isinstance(notes.get("content"), str):
        with suppress(ValueError):
            plain["notes"] = plain_text(notes["content"])
    if isinstance(actions, list) and all(isinstance(action, dict) for action in actions):
        plain["actionItems"] = [action.get("content") for action in actions]
    return item | plain


def _merged(stored: Row, new: Row) -> Row:
    """The new summary; one that was deleted meanwhile keeps the text that was fetched before."""
    return new | {name: new[name] or stored[name] for name in ("notes", "action_items")}


SUMMARIES = FetchSpec(schemas.MEETING_SUMMARIES, _request, _rows, merge=_merged)
