"""What analysts write in Python, and get wrong, and what is no fault of theirs."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

import meeting_etl
from meeting_etl.errors import SettingsError, StorageError
from meeting_etl.files import Files
from meeting_etl.lake import catalog
from meeting_etl.lake.lake import Lake
from meeting_etl.schemas import MEETINGS


def test_a_notebook_offers_the_public_names() -> None:
    assert dir(meeting_etl) == ["Etl", "__version__", "build_defs", "connect", "table"]


def test_the_catalog_in_place_of_its_folder_is_one_sentence(tmp_path: Path) -> None:
    catalog = tmp_path / "meetings.duckdb"
    catalog.touch()
    with pytest.raises(SettingsError) as refused:
        meeting_etl.connect(catalog)
    assert str(refused.value) == f"{catalog} is a file: give the folder that has meetings.duckdb."


def test_days_in_the_wrong_order_are_not_an_empty_answer(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="first day, 2026-03-03, is after the last, 2026-03-02"):
        meeting_etl.table("meetings", "2026-03-03", "2026-03-02", data_dir=tmp_path)


def test_a_damaged_file_is_no_fault_of_the_query(tmp_path: Path) -> None:
    files = Files(tmp_path)
    lake, day = Lake(files), date(2026, 3, 2)
    lake.merge(MEETINGS, day, [{"meeting_id": "a", "ended_at": datetime(2026, 3, 2, tzinfo=UTC)}])
    catalog.publish(files, lake)
    (tmp_path / f"lake/meetings/date={day}/part-0.parquet").write_bytes(b"junk")
    with pytest.raises(
        StorageError, match=r"part-0\.parquet.* run again with --refetch for its day"
    ):
        meeting_etl.table("meetings", data_dir=tmp_path)
    with pytest.raises(SettingsError, match="no_such_column"):
        catalog.query(tmp_path, "SELECT no_such_column")
