"""Connections to PostgreSQL.

Belongs here: how they are opened, which of their timeouts notice a broken network, and errors as
sentences. Does not: what is stored (schema.py), locks and values (state.py).

A lock belongs to a connection. Its holder must know that the connection is broken before the
server gives the lock away: the client gives up after 10 s without an acknowledgement, the server
after 14 s: of silence (5 s, then three probes, 3 s apart), or with an answer under way.
"""

import os
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import psycopg2
import psycopg2.extensions

from meeting_etl.errors import StorageError
from meeting_etl.postgres.urls import SETTING, dsn_of, name_of

Connection = psycopg2.extensions.connection
Parameters = Sequence[object] | Mapping[str, object]

SCHEMA = "meeting_etl"
CLIENT_TIMEOUT_SECONDS = 10
SERVER_TIMEOUT_SECONDS = 14
_CONNECT_SECONDS = 10
_OPTIONS = (
    "-c tcp_keepalives_idle=5 -c tcp_keepalives_interval=3 -c tcp_keepalives_count=3 "
    f"-c tcp_user_timeout={SERVER_TIMEOUT_SECONDS * 1000} "
    f"-c search_path={SCHEMA} -c client_min_messages=warning "
    # Whatever the role has: no statement takes long but waiting for a lock, which is ended here.
    "-c lock_timeout=0 -c statement_timeout=0"
)
# What the driver asks where nobody listens, so do we.
_HINT = re.compile(r" Is the server running [^?]*\?")
# The connection of a lock is silent as long as the lock is held; servers before 14 have no limit.
_UNLIMITED = "SELECT set_config('idle_session_timeout', '0', false)"
_FIRST_WITH_LIMIT = 140000


class Database:
    """The database of a URL, for all threads of a process.

    Methods raise StorageError, with a sentence and without the password.
    """

    def __init__(self, url: str) -> None:
        self._dsn = dsn_of(url)
        self.name = name_of(url)
        self._lock = threading.Lock()
        self._free: list[Connection] = []
        self._process_id = os.getpid()

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
            reason = _HINT.sub("", " ".join(str(error).split())) or type(error).__name__
            if "unsupported startup parameter" in reason:
                raise StorageError(self._pooler_sentence) from error
            raise StorageError(
                f"Cannot use {self.name} ({SETTING}): {reason}. Check that PostgreSQL runs and can "
                "be reached, and the URL's user, password and database, then run again."
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
            # The locks of a standby exclude nobody on the primary.
            target_session_attrs="read-write",
            client_encoding="utf8",
            options=_OPTIONS,
        )
        connection.autocommit = True
        self._check(connection)
        return connection

    def _check(self, connection: Connection) -> None:
        """Raise StorageError if the settings did not arrive."""
        if _execute(connection, "SHOW search_path", ())[0][0] != SCHEMA:
            raise StorageError(self._pooler_sentence)
        if connection.server_version >= _FIRST_WITH_LIMIT:
            _execute(connection, _UNLIMITED, ())

    @property
    def _pooler_sentence(self) -> str:
        return (
            f"{self.name} ({SETTING}) is a pooler, which does not pass on our timeouts and may "
            "take sessions apart, so that locks exclude nobody: name the server itself."
        )

    def _usable(self) -> Connection | None:
        """A connection that was used before and still works, if there is one."""
        while True:
            with self._lock:
                if self._process_id != os.getpid():
                    # After a fork: parent and child would talk over the same connections.
                    self._process_id, self._free = os.getpid(), []
                connection = self._free.pop() if self._free else None
            if connection is None:
                return None
            with suppress(psycopg2.Error):
                _execute(connection, "SELECT 1", ())
                return connection
            connection.close()


def _execute(connection: Connection, sql: str, parameters: Parameters) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall() if cursor.description else []
