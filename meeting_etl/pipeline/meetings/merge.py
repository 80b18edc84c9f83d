"""What the API tells of a meeting, beside what its webhook events told.

Belongs here: which of the two counts for each column of `meetings`. Does not: folding events
(fold.py), what is asked and when (pipeline/resources/fetch_specs.py, pipeline/ledger/settling.py).
"""

import json
from datetime import datetime

from meeting_etl.pipeline.rows import Row

# Columns for which the API's latest answer counts, for no event or only an older one tells them.
# All others are the events' (rule 1), and filled from the API where these do not say.
_OF_THE_API = frozenset(
    """
    title scheduled_type host_display_name has_recording has_transcription scheduled_meeting_id
    run_id fetched_at
    """.split()
)


def with_details(held: Row, told: Row) -> Row:
    """The row of `meetings` that the lake holds, with what the API has told now."""
    row = held | {
        name: value
        for name, value in told.items()
        if value is not None and (name in _OF_THE_API or held[name] is None)
    }
    return row | {
        "duration_seconds": duration_seconds(row),
        "extra": merged_json(held["extra"], told["extra"]),
    }


def with_events(held: Row, folded: Row) -> Row:
    """The row that was folded from events, with what the lake's row knows beside."""
    of_the_api = _OF_THE_API if held["fetched_at"] else frozenset[str]()
    row = folded | {
        name: value
        for name, value in held.items()
        if value is not None and (name in of_the_api or folded.get(name) is None)
    }
    return row | {
        "duration_seconds": duration_seconds(row),
        "extra": merged_json(held["extra"], folded["extra"]),
    }


def without_early_false_flags(row: Row, final_at: datetime) -> Row:
    """The row as the API told it; before `final_at`, that there is nothing is not known yet."""
    if row["fetched_at"] >= final_at:
        return row
    return row | {name: row[name] or None for name in ("has_recording", "has_transcription")}


def duration_seconds(row: Row) -> int | None:
    """End less start, in seconds; None while the start is not known or comes after the end."""
    starts, ends = row["started_at"], row["ended_at"]
    return int((ends - starts).total_seconds()) if starts and starts <= ends else None


def merged_json(older: str | None, newer: str | None) -> str | None:
    """JSON text of the fields of both; the newer value counts."""
    if older is None or newer is None:
        return newer or older
    return json.dumps(json.loads(older) | json.loads(newer), ensure_ascii=False, sort_keys=True)
