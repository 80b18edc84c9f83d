"""What merges added, changed and removed, as the metadata of a day shows it."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from meeting_etl.files import Files
from meeting_etl.lake.lake import Lake
from meeting_etl.lake.row_changes import RowChanges
from meeting_etl.schemas import FETCH_LEDGER, MEETINGS, PARTICIPANTS, TRANSCRIPT_SNIPPETS

DAY = date(2026, 3, 2)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(Files(tmp_path))


def participant(number: int, **more: Any) -> dict[str, Any]:
    return {"meeting_id": "m", "participant_id": f"p{number}", **more}


def test_new_changed_and_equal_rows_are_told_apart(lake: Lake) -> None:
    devices = [{"correlation_id": "c", "duration_seconds": 60}]
    lake.merge(PARTICIPANTS, DAY, [participant(1), participant(2), participant(3, devices=devices)])
    assert lake.changes.take(PARTICIPANTS, DAY) == RowChanges(added=3)
    longer = [{"correlation_id": "c", "duration_seconds": 90}]
    lake.merge(
        PARTICIPANTS,
        DAY,
        [participant(1), participant(2, host=True), participant(3, devices=longer), participant(4)],
    )
    assert lake.changes.take(PARTICIPANTS, DAY) == RowChanges(added=1, changed=2)


def test_a_row_that_was_only_fetched_again_did_not_change(lake: Lake) -> None:
    for run, hour in (("first", 9), ("second", 10)):
        fetched_at = datetime(2026, 3, 3, hour, tzinfo=UTC)
        lake.merge(PARTICIPANTS, DAY, [participant(1, run_id=run, fetched_at=fetched_at)])
    assert lake.read(PARTICIPANTS, DAY)["run_id"].to_pylist() == ["second"]
    assert lake.changes.take(PARTICIPANTS, DAY) == RowChanges(added=1)


def test_rows_that_are_replaced_are_removed(lake: Lake) -> None:
    def snippet(number: int) -> dict[str, Any]:
        return {"snippet_id": f"s{number}", "transcript_id": "t"}

    lake.merge(TRANSCRIPT_SNIPPETS, DAY, [snippet(1), snippet(2), snippet(3)])
    lake.merge(TRANSCRIPT_SNIPPETS, DAY, [snippet(3)], replacing={"transcript_id": ["t"]})
    assert lake.changes.take(TRANSCRIPT_SNIPPETS, DAY) == RowChanges(added=3, removed=2)


def test_counts_are_of_a_day_and_taken_once(lake: Lake) -> None:
    lake.merge(MEETINGS, DAY, [{"meeting_id": "a"}])
    lake.merge(MEETINGS, date(2026, 3, 3), [{"meeting_id": "b"}, {"meeting_id": "c"}])
    assert lake.changes.take(MEETINGS, DAY).added == 1
    assert lake.changes.take(MEETINGS, DAY).added == 0
    assert lake.changes.take(MEETINGS, date(2026, 3, 3)).added == 2


def test_tables_without_fetched_rows_are_not_compared(lake: Lake) -> None:
    lake.merge(FETCH_LEDGER, DAY, [{"meeting_id": "a", "resource": "meeting", "resource_id": ""}])
    assert lake.changes.take(FETCH_LEDGER, DAY) == RowChanges()
