"""The prune floor: days before it were removed, and get no more work.

Belongs here: the small file with the floor. Does not: removing
(pipeline/prune.py), nor what is left out below the floor (ledger.py,
pipeline/meetings/fold.py, pipeline/reconcile/reconcile.py,
pipeline/reconcile/events_without_meeting.py).
"""

import json
from datetime import date

from meeting_etl.errors import StorageError
from meeting_etl.files import Files
from meeting_etl.lake.lake import Lake
from meeting_etl.pipeline.ledger.due_days import DUE_DAYS_LOCK

# In lake/, not in state/: after deleting the lake, all logs are to be ingested again.
FLOOR_FILE = "lake/pruned.json"


def floor(files: Files) -> date:
    """The first day that was never pruned; the first of all dates when none was."""
    content = files.read_bytes(FLOOR_FILE)
    if content is None:
        return date.min
    try:
        return date.fromisoformat(json.loads(content)["before"])
    except (ValueError, TypeError, KeyError) as error:
        raise StorageError(
            f"{files.path(FLOOR_FILE)} is damaged, so it is unknown which days were pruned: remove "
            "it and run `meeting-etl prune` again."
        ) from error


def raise_floor(lake: Lake, before: date) -> None:
    """Record that days before `before` were pruned. None of them gets news afterwards."""
    # Ledger.announce reads the floor under this lock.
    with lake.state.lock(DUE_DAYS_LOCK):
        if before > floor(lake.files):
            lake.files.replace_bytes(FLOOR_FILE, json.dumps({"before": str(before)}).encode())
