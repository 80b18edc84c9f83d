"""Analysts find in a bucket what they find in a folder: views, comments, answers."""

from pathlib import Path
from typing import Any

import duckdb
import pytest

import meeting_etl
from meeting_etl.files import Files
from meeting_etl.lake import catalog
from meeting_etl.lake.lake import Lake
from meeting_etl.object_storage.object_files import ObjectFiles
from meeting_etl.schemas import MEETINGS, TABLES
from meeting_etl.state import LocalState
from meeting_etl_tests.cluster.s3_server import url_of
from meeting_etl_tests.documents.analysts import examples, make_lake
from meeting_etl_tests.lake.test_delta_tables import DAY, lake_of, meetings

pytestmark = [pytest.mark.cluster, pytest.mark.usefixtures("s3")]
DESCRIBED = """
SELECT v.view_name, v.comment, c.column_name, c.data_type, c.comment
FROM duckdb_views() v
JOIN duckdb_columns() c ON c.database_oid = v.database_oid AND c.table_oid = v.view_oid
WHERE NOT v.internal AND NOT v.temporary
ORDER BY ALL
"""
MACROS = """
SELECT function_name, parameters, comment FROM duckdb_functions()
WHERE NOT internal AND schema_name = 'main' ORDER BY ALL
"""


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory, s3: dict[str, str]) -> tuple[Path, str]:
    """The lake of docs/analysts.md in a folder, and the same files as tables of a bucket."""
    folder = tmp_path_factory.mktemp("analysts")
    make_lake(folder)
    url = url_of(folder)
    local = Lake(Files(folder))
    there = Lake(ObjectFiles(url), LocalState(Files(folder)))
    for table in TABLES.values():
        for name in local.partitions(table) if table.partition else [None]:
            key = None if name == "__HIVE_DEFAULT_PARTITION__" else name
            if local.count(table, key):
                there.replace(table, key, local.read(table, key))
    Files(folder).remove("state/catalog.json")
    catalog.publish(Files(folder), there)
    return folder, url


def answers(connection: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[Any, ...]]:
    return connection.execute(sql).fetchall()


@pytest.mark.slow
def test_all_views_columns_macros_and_comments_are_the_same(folders: tuple[Path, str]) -> None:
    folder, url = folders
    with catalog.connect(folder) as local, catalog.connect(url) as there:
        for sql in (DESCRIBED, MACROS, "SELECT current_setting('TimeZone')"):
            assert answers(there, sql) == answers(local, sql)
        assert len(answers(there, DESCRIBED)) > 100
        listed = {name for (name,) in answers(there, "SHOW TABLES")}
        more = listed - {name for (name,) in answers(local, "SHOW TABLES")}
        assert {name.partition("_")[0] for name in more} == {"stored"}


@pytest.mark.slow
def test_all_questions_have_the_same_answers(folders: tuple[Path, str]) -> None:
    folder, url = folders
    with catalog.connect(folder) as local, catalog.connect(url) as there:
        for sql, _ in examples():
            assert answers(there, sql) == answers(local, sql), sql
        for table in TABLES:
            sql = f"FROM {table} ORDER BY ALL"
            assert answers(there, sql) == answers(local, sql), table


@pytest.mark.slow
def test_the_package_takes_a_url_where_it_takes_a_folder(folders: tuple[Path, str]) -> None:
    folder, url = folders
    with meeting_etl.connect(url) as connection:
        (found,) = answers(connection, "SELECT count(*) FROM meetings")
        assert found[0] > 100
    assert len(meeting_etl.table("meetings", data_dir=url)) == found[0]
    of_a_day, of_the_folder = (
        meeting_etl.table("participants", "2026-03-10", "2026-03-10", data_dir=place)
        for place in (url, folder)
    )
    assert len(of_a_day) == len(of_the_folder) > 0


@pytest.mark.slow
def test_a_filter_on_the_date_leaves_files_out(folders: tuple[Path, str]) -> None:
    _, url = folders
    with catalog.connect(url) as connection:
        files = ObjectFiles(url)
        for name in files.paths("lake/participants"):
            if "date=2026-03-10" in name:
                files.remove(name)
        sql = "SELECT count(*) FROM participants WHERE date = DATE '2026-03-11'"
        assert answers(connection, sql)[0][0] > 0


def test_tables_without_rows_have_their_columns(tmp_path: Path) -> None:
    lake = lake_of(tmp_path)
    assert catalog.publish(Files(tmp_path), lake)
    with catalog.connect(url_of(tmp_path)) as connection:
        for name in TABLES:
            assert answers(connection, f"SELECT count(*) FROM {name}") == [(0,)]
        for sql, _ in examples():
            connection.execute(sql)
        assert "meetings" in {name for (name,) in answers(connection, "SHOW TABLES")}
    lake.merge(MEETINGS, DAY, meetings("m"))
    assert catalog.publish(Files(tmp_path), lake)
    assert not catalog.publish(Files(tmp_path), lake)
    with catalog.connect(url_of(tmp_path)) as connection:
        assert answers(connection, "SELECT meeting_id, date FROM meetings") == [("m", DAY)]


def test_a_connection_has_the_tables_of_its_moment(tmp_path: Path) -> None:
    lake = lake_of(tmp_path)
    lake.merge(MEETINGS, DAY, meetings("m"))
    catalog.publish(Files(tmp_path), lake)
    with catalog.connect(url_of(tmp_path)) as connection:
        lake.merge(MEETINGS, DAY, meetings("n"))
        assert answers(connection, "SELECT count(*) FROM meetings") == [(1,)]
    with catalog.connect(url_of(tmp_path)) as connection:
        assert answers(connection, "SELECT count(*) FROM meetings") == [(2,)]
