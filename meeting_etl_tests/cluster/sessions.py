"""What a test does behind the product's back: other sessions of the PostgreSQL server."""

from collections.abc import Iterator
from contextlib import contextmanager
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
        return cursor.fetchall()


def end_sessions(url: str) -> None:
    """End all sessions of the product, as a restarted server does."""
    select(
        url,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE application_name = 'meeting_etl'",
    )
