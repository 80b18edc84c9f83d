"""datapackage.json describes what the catalog shows."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from meeting_etl.files import Files
from meeting_etl.lake import catalog
from meeting_etl.lake.lake import Lake
from meeting_etl.schemas import TABLES

# What the standard asks of a package, of a resource in a database, and of fields.
STANDARD = {
    "type": "object",
    "required": ["resources"],
    "properties": {
        "name": {"type": "string", "pattern": "^[a-z0-9._-]+$"},
        "resources": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["name", "path", "schema", "dialect"],
                "properties": {
                    "name": {"type": "string"},
                    "path": {"type": "string", "pattern": r"^(?!/)(?!.*\.\.)"},
                    "dialect": {
                        "type": "object",
                        "required": ["table"],
                        "properties": {"table": {"type": "string"}},
                    },
                    "schema": {
                        "type": "object",
                        "required": ["fields"],
                        "properties": {
                            "fields": {
                                "type": "array",
                                "minItems": 1,
                                "items": {
                                    "type": "object",
                                    "required": ["name", "type", "description"],
                                    "properties": {
                                        "type": {
                                            "enum": (
                                                "string integer number boolean date datetime "
                                                "array object"
                                            ).split()
                                        },
                                        "description": {"type": "string", "minLength": 1},
                                    },
                                },
                            }
                        },
                    },
                },
            },
        },
    },
}


@pytest.fixture
def package(tmp_path: Path) -> dict[str, Any]:
    files = Files(tmp_path)
    catalog.publish(files, Lake(files))
    found: dict[str, Any] = json.loads((tmp_path / "datapackage.json").read_text())
    return found


def test_it_is_as_the_standard_says(package: dict[str, Any]) -> None:
    jsonschema.validate(package, STANDARD)


def test_every_table_and_view_is_there_with_types_and_comments(package: dict[str, Any]) -> None:
    by_name = {resource["name"]: resource for resource in package["resources"]}
    assert set(TABLES) < set(by_name)
    meetings = by_name["meetings"]
    assert meetings["path"] == "meetings.duckdb"
    assert meetings["dialect"] == {"table": "meetings"}
    assert meetings["parquet"] == "lake/meetings/date=*/*.parquet"
    assert meetings["schema"]["primaryKey"] == ["meeting_id"]
    types = {field["name"]: field["type"] for field in meetings["schema"]["fields"]}
    assert (types["title"], types["ended_at"], types["duration_seconds"], types["date"]) == (
        "string",
        "datetime",
        "integer",
        "date",
    )
    attendance = {field["name"]: field for field in by_name["attendance"]["schema"]["fields"]}
    assert attendance["late"] == {
        "name": "late",
        "type": "boolean",
        "description": "First join more than 5 minutes after the start.",
    }
    assert attendance["device_types"]["type"] == "array"
    assert "parquet" not in by_name["attendance"]


def test_one_that_was_removed_comes_again(tmp_path: Path) -> None:
    files = Files(tmp_path)
    lake = Lake(files)
    catalog.publish(files, lake)
    (tmp_path / "datapackage.json").unlink()
    assert catalog.publish(files, lake)
    assert (tmp_path / "datapackage.json").exists()
    assert not catalog.publish(files, lake)
