"""Connections to PostgreSQL.

Belongs here: how they are opened, which of their timeouts notice a broken network, and errors as
sentences. Does not: what is stored (schema.py), locks and values (state.py).

A lock belongs to a connection. Its holder must know that the connection is broken before the
server gives the lock away: the client gives up after 10 s without an acknowledgement, the server
after 14 s: of silence (5 s, then three probes, 3 s apart), or with an answer under way.
"""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg2
import psycopg2.extensions

from meeting_etl.errors import SettingsError, StorageError

Connection = psycopg2.extensions.connection
Parameters = Sequence[object] | Mapping[str, object]

SETTING = "MEETING_ETL_STATE"
SCHEME = "postgresql+psycopg2"
SCHEMA = "meeting_etl"
CLIENT_TIMEOUT_SECONDS = 10
SERVER_TIMEOUT_SECONDS = 14
_CONNECT_SECONDS = 10
_OPTIONS = (
    "-c tcp_keepalives_idle=5 -c tcp_keepalives_interval=3 -c tcp_keepalives_count=3 "
    f"-c tcp_user_timeout={SERVER_TIMEOUT_SECONDS * 1000} "
    f"-c search_path={SCHEMA} -c client_min_messages=warning"
)


class Database:
    """The database of a URL, for all threads of a process.

    Methods raise StorageError, with a sentence and without the password.
    """

    def __init__(self, url: str) -> None:
        self._dsn = dsn_of(url)
        self.name = _without_password(url)
        self._lock = threading.Lock()
        self._free: list[Connection] = []

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """A connection that nobody else uses meanwhile; a broken one is not used again."""
        with self.translate_errors():
            connection = self._usable() or self._connect()
        try:
            yield connection
        except BaseException:
            connection.close()
            raise
        with self._lock:
            self._free.append(connection)

    def execute(self, sql: str, parameters: Parameters = ()) -> list[tuple[Any, ...]]:
        """The rows of one statement."""
        with self.connection() as connection:
            return self.execute_on(connection, sql, parameters)

    def execute_on(
        self, connection: Connection, sql: str, parameters: Parameters = ()
    ) -> list[tuple[Any, ...]]:
        """The rows of one statement on this connection and no other."""
        with self.translate_errors():
            return _execute(connection, sql, parameters)

    @contextmanager
    def translate_errors(self) -> Iterator[None]:
        """Translate an error of the driver into a StorageError that says what to do."""
        try:
            yield
        except psycopg2.errors.UndefinedTable as error:
            raise StorageError(
                f"{self.name} ({SETTING}) has no tables of meeting_etl: run `meeting-etl migrate`."
            ) from error
        except psycopg2.Error as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise StorageError(
                f"Cannot use {self.name} ({SETTING}): {reason}. Check that PostgreSQL runs and can "
                "be reached, then run again."
            ) from error

    def _connect(self) -> Connection:
        connection = psycopg2.connect(
            self._dsn,
            connect_timeout=_CONNECT_SECONDS,
            keepalives=1,
            keepalives_idle=5,
            keepalives_interval=2,
            keepalives_count=2,
            tcp_user_timeout=CLIENT_TIMEOUT_SECONDS * 1000,
            application_name="meeting_etl",
            options=_OPTIONS,
        )
        connection.autocommit = True
        return connection

    def _usable(self) -> Connection | None:
        """A connection that was used before and still works, if there is one."""
        while True:
            with self._lock:
                connection = self._free.pop() if self._free else None
            if connection is None:
                return None
            with suppress(psycopg2.Error):
                _execute(connection, "SELECT 1", ())
                return connection
            connection.close()


def dsn_of(url: str) -> str:
    """The URL as libpq takes it. Raises SettingsError for another database."""
    scheme, separator, rest = url.partition("://")
    if scheme not in (SCHEME, "postgresql") or not separator or not rest:
        raise SettingsError(
            f"{SETTING} must begin with {SCHEME}://, as in {SCHEME}://user@host/database."
        )
    return f"postgresql://{rest}"


def _execute(connection: Connection, sql: str, parameters: Parameters) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall() if cursor.description else []


def _without_password(url: str) -> str:
    parts = urlsplit(dsn_of(url))
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
