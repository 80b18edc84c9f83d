"""Other sessions of the PostgreSQL server, in which a test does what the product does not know."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from psycopg2.extensions import cursor


@contextmanager
def session(url: str) -> Iterator["cursor"]:
    """A cursor of a session of its own, each of whose statements is committed."""
    import psycopg2

    connection = psycopg2.connect(
        url.replace("+psycopg2", ""), options="-c search_path=meeting_etl"
    )
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            yield cursor
    finally:
        connection.close()


def select(url: str, sql: str) -> list[tuple[Any, ...]]:
    with session(url) as cursor:
        cursor.execute(sql)
        return cursor.fetchall() if cursor.description else []


def end_sessions(url: str) -> None:
    """End all sessions of the product, as a restarted server does."""
    select(
        url,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE application_name = 'meeting_etl'",
    )


_TABLES = ("state_values", "buckets", "due_days")


def copy_state(url: str, folder: str | Path, to: str | Path) -> None:
    """Give a copy of a data folder a copy of its state."""
    with session(url) as cursor:
        for table in _TABLES:
            cursor.execute(
                f"CREATE TEMPORARY TABLE copied AS SELECT * FROM {table} WHERE root = %s",
                [str(folder)],
            )
            cursor.execute("UPDATE copied SET root = %s", [str(to)])
            cursor.execute(f"INSERT INTO {table} SELECT * FROM copied")
            cursor.execute("DROP TABLE copied")


def contents(url: str, folder: str | Path) -> Iterator[str]:
    """All that the database has of a data folder, as text."""
    with session(url) as cursor:
        for table in ("state_values", "due_days"):
            cursor.execute(f"SELECT * FROM {table} WHERE root = %s", [str(folder)])
            for _, name, content in cursor.fetchall():
                yield f"{name} {bytes(content).decode(errors='replace')}"
