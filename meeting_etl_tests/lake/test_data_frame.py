"""What analysts write in Python, and get wrong."""

from pathlib import Path

import pytest

import meeting_etl
from meeting_etl.errors import SettingsError


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
