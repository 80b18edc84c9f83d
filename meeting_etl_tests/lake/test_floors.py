"""Floors: what was pruned is not written again, whoever writes it."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from meeting_etl.files import Files
from meeting_etl.lake.arrow_rows import to_arrow
from meeting_etl.lake.floors import FLOOR_FILE
from meeting_etl.lake.lake import Lake
from meeting_etl.schemas import (
    MEETINGS,
    PARTICIPANTS,
    RECORDING_FILES,
    TRANSCRIPT_SNIPPETS,
    WEBHOOK_EVENTS,
    Table,
)

OLD, KEPT = date(2026, 3, 2), date(2026, 3, 3)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(Files(tmp_path))


def counts(lake: Lake, table: Table) -> list[int]:
    return [lake.count(table, day) for day in (OLD, KEPT)]


def test_rows_before_the_floor_of_their_table_are_not_written(lake: Lake) -> None:
    lake.floors.raise_to({"snippets": KEPT, "events": KEPT, "media": KEPT})
    row: dict[str, Any] = {"meeting_id": "m", "participant_id": "p"}
    event = {"log_id": "l", "byte_offset": 0}
    for day in (OLD, KEPT):
        lake.merge(TRANSCRIPT_SNIPPETS, day, [{"snippet_id": "s"}])
        lake.merge(PARTICIPANTS, day, [row])
        # Rows of files stay, and say that the file was removed.
        lake.merge(RECORDING_FILES, day, [{"recording_id": "r", "kind": "video"}])
        with lake.appending(WEBHOOK_EVENTS, day) as write:
            write(to_arrow(WEBHOOK_EVENTS, [event]))
    lake.merge(WEBHOOK_EVENTS, None, [event])
    assert counts(lake, TRANSCRIPT_SNIPPETS) == counts(lake, WEBHOOK_EVENTS) == [0, 1]
    assert counts(lake, PARTICIPANTS) == counts(lake, RECORDING_FILES) == [1, 1]
    assert lake.count(WEBHOOK_EVENTS) == 1
    for day in (OLD, KEPT):
        lake.replace(TRANSCRIPT_SNIPPETS, day, to_arrow(TRANSCRIPT_SNIPPETS, [{"snippet_id": "t"}]))
    assert counts(lake, TRANSCRIPT_SNIPPETS) == [0, 1]
    # What is stored from before can go.
    lake.floors.raise_to({"participants": KEPT})
    lake.merge(PARTICIPANTS, OLD, [row | {"participant_id": "q"}], replacing={"meeting_id": ["m"]})
    assert counts(lake, PARTICIPANTS) == [0, 1]


def test_the_floor_of_everything_is_one_of_every_table_and_never_falls(lake: Lake) -> None:
    # As an earlier version wrote it.
    lake.files.replace_bytes(FLOOR_FILE, json.dumps({"before": str(KEPT)}).encode())
    lake.floors.raise_to({"snippets": OLD, "meetings": OLD})
    assert lake.floors.all() == {"meetings": KEPT, "snippets": OLD}
    for table in (MEETINGS, TRANSCRIPT_SNIPPETS, RECORDING_FILES):
        assert lake.floors.of(table) == KEPT
        lake.merge(table, OLD, [dict.fromkeys(table.key, "x")])
        assert counts(lake, table) == [0, 0]


def test_a_floor_of_one_group_leaves_the_others_alone(lake: Lake) -> None:
    lake.floors.raise_to({"snippets": KEPT})
    # Earlier versions read it, too.
    assert json.loads(lake.files.read_bytes(FLOOR_FILE) or b"")["before"] == "0001-01-01"
    assert lake.floors.all() == {"snippets": KEPT}
    assert lake.floors.of(MEETINGS) == date.min


def test_a_floor_is_read_once_under_a_lock_and_anew_under_the_next(
    lake: Lake, tmp_path: Path
) -> None:
    """What is written meanwhile is removed by `prune`, which takes the lock afterwards."""
    pruning = Lake(Files(tmp_path))
    with lake.lock_days([OLD]):
        assert lake.floors.of(MEETINGS) == date.min
        pruning.floors.raise_to({"meetings": OLD})
        assert lake.floors.of(MEETINGS) == date.min
        # Of another day, which may be pruned already.
        with lake.lock_days([KEPT]):
            assert lake.floors.of(MEETINGS) == OLD
        lake.floors.raise_to({"meetings": KEPT})
        assert lake.floors.of(MEETINGS) == KEPT
    pruning.floors.raise_to({"meetings": date(2026, 3, 4)})
    assert lake.floors.of(MEETINGS) == date(2026, 3, 4)
