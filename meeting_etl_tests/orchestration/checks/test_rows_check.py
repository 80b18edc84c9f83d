"""Rows that no writer of ours writes are found: keys, meetings, secrets."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from meeting_etl.schemas import MEETINGS, PARTICIPANTS, RECORDINGS, TRANSCRIPT_SNIPPETS
from meeting_etl.settings import Etl
from meeting_etl_tests.orchestration.checks.checking import (
    DAY,
    checked,
    counts,
    lake_of,
    meetings,
    verdict,
)


def sound(etl: Etl) -> None:
    etl.lake.merge(MEETINGS, DAY, meetings("a"))
    person = {"meeting_id": "a", "participant_id": "p", "display_name": "Password: see Bearer"}
    etl.lake.merge(PARTICIPANTS, DAY, [person])


def test_sound_rows_pass(tmp_path: Path) -> None:
    etl = lake_of(tmp_path)
    sound(etl)
    found = checked(etl, "participants", "rows_sound")
    assert (verdict(found), found.description) == ("passed", "All 1 rows are sound.")
    assert counts(found) == {
        "rows": 1,
        "rows_without_key": 0,
        "rows_with_a_repeated_key": 0,
        "meetings_missing": 0,
        "columns_with_secrets": 0,
    }


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([{"meeting_id": "a", "participant_id": "p"}] * 2, "1 rows have the key of another row."),
        ([{"meeting_id": "a"}], "1 values of the key are NULL."),
        ([{"meeting_id": "b", "participant_id": "p"}], "1 meetings are not in `meetings`: b."),
        (
            [{"meeting_id": "a", "participant_id": "p", "extra": '{"hostKey": "123456"}'}],
            "A secret is in the columns extra.",
        ),
        (
            [{"meeting_id": "a", "participant_id": "p", "email": "x secret-of-webhooks"}],
            "A secret is in the columns email.",
        ),
    ],
)
def test_unsound_rows_are_errors(
    tmp_path: Path, rows: list[Mapping[str, Any]], expected: str
) -> None:
    etl = lake_of(tmp_path, WEBEX_WEBHOOK_SECRET="secret-of-webhooks")
    sound(etl)
    # As no writer of ours does it.
    (part,) = tmp_path.glob("lake/participants/date=2026-03-02/*.parquet")
    table = pq.read_table(part)
    pq.write_table(table.from_pylist(rows, schema=table.schema), part)
    found = checked(etl, "participants", "rows_sound")
    assert verdict(found) == "error"
    assert found.description == f"2026-03-02: {expected}"
    assert "secret-of" not in repr(found)


def test_ids_that_are_alike_in_two_parts_of_a_day_are_found(tmp_path: Path) -> None:
    etl = lake_of(tmp_path)
    etl.lake.merge(MEETINGS, DAY, meetings("a"))
    etl.lake.merge(TRANSCRIPT_SNIPPETS, DAY, [{"snippet_id": "s", "meeting_id": "a"}])
    folder = tmp_path / "lake/transcript_snippets/date=2026-03-02"
    (folder / "part-1.parquet").write_bytes((folder / "part-0.parquet").read_bytes())
    found = checked(etl, "transcript_snippets", "rows_sound")
    assert "1 rows have the key of another row." in str(found.description)


def test_a_file_that_cannot_be_read_is_an_error_and_no_traceback(tmp_path: Path) -> None:
    etl = lake_of(tmp_path)
    etl.lake.merge(RECORDINGS, DAY, [{"recording_id": "r", "meeting_id": "a"}])
    (part,) = tmp_path.glob("lake/recordings/date=2026-03-02/*.parquet")
    part.write_bytes(b"damaged")
    found = checked(etl, "recordings", "rows_sound")
    assert verdict(found) == "error"
    assert str(found.description).startswith(f"Cannot read {part}")
