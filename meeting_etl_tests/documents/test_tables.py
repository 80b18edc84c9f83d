"""docs/tables.md has every column of every table and view, with its comment."""

from meeting_etl_tests.documents.tables import DOCUMENT, columns


def test_the_columns_are_those_of_the_catalog() -> None:
    """Else run `python -m meeting_etl_tests.documents.tables`."""
    assert DOCUMENT.read_text(encoding="utf-8").endswith(columns())
