"""When the metrics of a day are made: whenever its words, people or meetings changed."""

import json
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from meeting_etl.files import Files
from meeting_etl.lake import catalog
from meeting_etl.lake.analytics import PERSON_VIEWS, Analytics
from meeting_etl.lake.arrow_rows import conform
from meeting_etl.lake.lake import Lake
from meeting_etl.lake.metrics import digest_of_sql, has_current_metrics, refresh_metrics
from meeting_etl.lake.migration import migrate, outdated_files
from meeting_etl.lake.partitions import folder_of
from meeting_etl.schemas import PARTICIPANTS, SPEAKER_METRICS, TRANSCRIPT_SNIPPETS, TRANSCRIPTS

DAY = date(2026, 3, 2)
SNIPPET = {
    "snippet_id": "s",
    "transcript_id": "t",
    "meeting_id": "m",
    "snippet_index": 0,
    "text": "yes",
    "person_name": "Ana",
    "offset_ms": 0,
    "duration_ms": 1000,
}


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake(Files(tmp_path))
    lake.merge(TRANSCRIPT_SNIPPETS, DAY, [SNIPPET])
    return lake


def persons(lake: Lake) -> list[str]:
    found: list[str] = lake.read(SPEAKER_METRICS, DAY)["person"].to_pylist()
    return found


def test_a_day_without_words_needs_none(tmp_path: Path) -> None:
    lake = Lake(Files(tmp_path))
    lake.merge(PARTICIPANTS, DAY, [{"meeting_id": "m", "participant_id": "p"}])
    assert has_current_metrics(lake, DAY)
    refresh_metrics(lake, DAY)
    assert lake.partitions(SPEAKER_METRICS) == []


def test_words_of_deleted_transcripts_alone_need_none(lake: Lake) -> None:
    lake.merge(TRANSCRIPTS, DAY, [{"transcript_id": "t", "meeting_id": "m", "status": "deleted"}])
    assert has_current_metrics(lake, DAY)
    assert migrate(lake) == 0
    lake.merge(TRANSCRIPT_SNIPPETS, DAY, [SNIPPET | {"snippet_id": "other", "transcript_id": "u"}])
    assert not has_current_metrics(lake, DAY)


def test_what_changed_is_made_anew_and_what_did_not_is_left_alone(lake: Lake) -> None:
    assert not has_current_metrics(lake, DAY)
    refresh_metrics(lake, DAY)
    assert persons(lake) == ["name:Ana"]
    assert has_current_metrics(lake, DAY)
    made_at = lake.tables.changed_at_ns(SPEAKER_METRICS, DAY)
    refresh_metrics(lake, DAY)
    assert lake.tables.changed_at_ns(SPEAKER_METRICS, DAY) == made_at
    # Who Ana is becomes known.
    people = {"meeting_id": "m", "participant_id": "p", "display_name": "Ana"}
    lake.merge(PARTICIPANTS, DAY, [people | {"email": "ana@sales.example"}])
    assert not has_current_metrics(lake, DAY)
    refresh_metrics(lake, DAY)
    assert persons(lake) == ["ana@sales.example"]
    # Her words go.
    lake.merge(TRANSCRIPT_SNIPPETS, DAY, [], replacing={"snippet_id": ["s"]})
    refresh_metrics(lake, DAY)
    assert persons(lake) == []
    assert has_current_metrics(lake, DAY)


def test_metrics_by_another_definition_are_found_and_made_anew_by_migrate(lake: Lake) -> None:
    refresh_metrics(lake, DAY)
    rows = lake.read(SPEAKER_METRICS, DAY)
    place = rows.schema.get_field_index("definition")
    old = rows.set_column(place, "definition", pa.array(["older"]))
    lake.replace(SPEAKER_METRICS, DAY, old)
    assert not has_current_metrics(lake, DAY)
    assert [(file.table.name, file.partition) for file in outdated_files(lake)] == [
        ("speaker_metrics", DAY)
    ]
    assert migrate(lake) == 1
    assert has_current_metrics(lake, DAY)
    assert lake.read(SPEAKER_METRICS, DAY).equals(rows)


def test_a_lake_of_an_earlier_version_gets_its_metrics_by_migrate(lake: Lake) -> None:
    assert migrate(lake) == 1
    assert persons(lake) == ["name:Ana"]
    assert migrate(lake) == 0


def test_where_no_metrics_of_persons_are_wanted_there_are_none(lake: Lake) -> None:
    """They go when that is switched on, by `migrate`, and come back when it is switched off."""
    refresh_metrics(lake, DAY)
    catalog.publish(lake.files, lake)
    migrate(lake)
    off = Lake(lake.files, person_metrics=False)
    assert migrate(off) == 1
    assert persons(off) == []
    refresh_metrics(off, DAY)
    assert persons(off) == []
    catalog.publish(off.files, off, Analytics(person_metrics=False))
    root = lake.files.root
    names = {row[0] for row in catalog.query(root, "SELECT view_name FROM duckdb_views()")[1]}
    assert not names & PERSON_VIEWS
    assert names >= {"coverage", "meeting_overview", "account_activity", "series_health"}
    for name in names & {"coverage", "meeting_overview", "account_activity", "series_health"}:
        catalog.query(root, f"SELECT * FROM {name}")
    assert catalog.query(root, "SELECT person, side FROM speaker_metrics")[1] == []
    assert migrate(lake) == 1
    assert persons(lake) == ["name:Ana"]


def test_they_are_current_after_a_migration_of_what_they_are_made_of(lake: Lake) -> None:
    """A version added a column to the snippets; nothing else changed."""
    refresh_metrics(lake, DAY)
    migrate(lake)
    path = lake.files.path(f"{folder_of(TRANSCRIPT_SNIPPETS, DAY)}/part-0.parquet")
    pq.write_table(pq.read_table(path).drop_columns(["source"]), path)
    state = lake.files.root / "state/lake_schemas.json"
    state.write_text(json.dumps(json.loads(state.read_text()) | {"transcript_snippets": "older"}))
    assert migrate(lake) == 1
    assert has_current_metrics(lake, DAY)


def test_a_comment_is_not_part_of_a_definition() -> None:
    sql = "-- One row.\nSELECT\n    -- Trimmed.\n    a - -b\nFROM c\n"
    other = "-- Other words.\nSELECT\n    a - -b\nFROM c\n"
    assert digest_of_sql(sql) == digest_of_sql(other)
    assert digest_of_sql(sql) != digest_of_sql(sql.replace("a - -b", "a + b"))


def test_a_day_that_is_computed_in_groups_has_each_meeting_once(tmp_path: Path) -> None:
    lake, count = Lake(Files(tmp_path)), 20_000
    for meeting in "cabd":  # in the order of their arrival, and each in one group
        ids = [f"{meeting}{number}" for number in range(count)]
        columns = {name: pa.repeat(value, count) for name, value in SNIPPET.items()}
        columns |= {"meeting_id": pa.repeat(meeting, count), "snippet_id": pa.array(ids)}
        rows = pa.table(columns)
        lake.merge(TRANSCRIPT_SNIPPETS, DAY, conform(rows, TRANSCRIPT_SNIPPETS.schema))
    refresh_metrics(lake, DAY)
    metrics = lake.read(SPEAKER_METRICS, DAY, columns=["meeting_id", "snippets"]).to_pylist()
    assert metrics == [{"meeting_id": meeting, "snippets": count} for meeting in "abcd"]


def test_a_file_without_rows_gets_a_new_column_too(lake: Lake) -> None:
    """All files must have one schema. All words were removed, then a version added a column."""
    refresh_metrics(lake, DAY)
    lake.merge(TRANSCRIPT_SNIPPETS, DAY, [], replacing={"snippet_id": ["s"]})
    refresh_metrics(lake, DAY)
    path = lake.files.path(f"{folder_of(SPEAKER_METRICS, DAY)}/part-0.parquet")
    pq.write_table(pq.read_table(path).drop_columns(["email_domain"]), path)
    assert migrate(lake) == 1
    assert lake.has_schema(SPEAKER_METRICS, DAY)
