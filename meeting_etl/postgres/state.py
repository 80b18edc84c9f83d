"""PgState: locks and values for processes on several machines.

Belongs here: the second kind of state (state.py). Does not: connections (database.py), the rate
(bucket.py), due days (queue.py).

A lock is a session-level advisory lock on a connection of its own: the server frees it when that
connection ends, by the end of the process or by a broken network. A value that is changed under a
lock is written over the lock's connection, so that whoever lost the lock cannot write it.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psycopg2

from meeting_etl.errors import LockLost, StorageError
from meeting_etl.postgres.database import Connection, Database
from meeting_etl.state import Held, Value

# Waiting for a lock is interrupted so often, so that signals are noticed.
_WAIT_MILLISECONDS = 500
# The limit is that of this statement: rows are waited for without one. It is caught on the server,
# which would write an error to its log for each interruption.
_WAIT = """
    DO $$ BEGIN
        PERFORM set_config('lock_timeout', '%s', true);
        PERFORM pg_advisory_lock(%s);
        PERFORM set_config('meeting_etl.has_lock', 'yes', true);
    EXCEPTION WHEN lock_not_available THEN
        PERFORM set_config('meeting_etl.has_lock', 'no', true);
    END $$;
    SELECT current_setting('meeting_etl.has_lock') = 'yes'
"""
_PUT = (
    "INSERT INTO state_values VALUES (%s, %s, %s) "
    "ON CONFLICT (root, name) DO UPDATE SET content = excluded.content"
)
_GET = "SELECT content FROM state_values WHERE root = %s AND name = %s"
_REMOVE = "DELETE FROM state_values WHERE root = %s AND name = %s"


class PgHeld(Held):
    """A lock that is held as long as its connection lives."""

    def __init__(self, name: str, database: Database, connection: Connection) -> None:
        self._name = name
        self._database = database
        self.connection = connection

    def check(self) -> None:
        try:
            self._database.execute_on(self.connection, "SELECT 1")
        except StorageError as error:
            raise LockLost(
                f"The lock {self._name} was lost with its connection to {self._database.name}, so "
                "nothing more is written; run again."
            ) from error


class PgState:
    """State in a database. `root` names the data folder, of which each has a state of its own."""

    def __init__(self, database: Database, root: str) -> None:
        self._database = database
        self._root = root
        self._held: set[PgHeld] = set()

    @contextmanager
    def lock(self, name: str) -> Iterator[Held]:
        with self._waited_for(name) as lock:
            yield lock

    @contextmanager
    def lock_if_free(self, name: str) -> Iterator[Held | None]:
        key = self._key(name)
        with self._database.connection() as connection:
            sql = "SELECT pg_try_advisory_lock(%s)"
            if not self._database.execute_on(connection, sql, [key])[0][0]:
                yield None
                return
            with self._holding(name, connection) as lock:
                yield lock

    def check_held(self) -> None:
        for lock in list(self._held):
            try:
                lock.check()
            except LockLost:
                # Another thread may have released it meanwhile.
                if lock in self._held:
                    raise

    def is_locked(self, name: str) -> bool:
        key = self._key(name)
        high, low = (key >> 32) & 0xFFFFFFFF, key & 0xFFFFFFFF
        sql = (
            "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted "
            "AND classid::bigint = %s AND objid::bigint = %s AND objsubid = 1 "
            "AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))"
        )
        return bool(self._database.execute(sql, [high, low])[0][0])

    def sweep_locks(self, prefix: str) -> None:
        """Nothing to do: free locks leave nothing behind."""

    def get(self, name: str) -> bytes | None:
        return _content(self._database.execute(_GET, [self._root, name]))

    def put(self, name: str, content: bytes) -> None:
        self._database.execute(_PUT, [self._root, name, content])

    def remove(self, name: str) -> None:
        self._database.execute(_REMOVE, [self._root, name])

    def where(self, name: str) -> str:
        return f"the value {name} in PostgreSQL"

    @contextmanager
    def swap(self, name: str, *, secret: bool = False) -> Iterator[Value]:
        with self._waited_for(name) as lock:
            on, where = lock.connection, [self._root, name]
            before = _content(self._database.execute_on(on, _GET, where))
            value = Value(before)
            yield value
            if value.content is None:
                self._database.execute_on(on, _REMOVE, where)
            elif value.content != before:
                self._database.execute_on(on, _PUT, [*where, value.content])

    @contextmanager
    def _waited_for(self, name: str) -> Iterator[PgHeld]:
        key = self._key(name)
        with self._database.connection() as connection:
            with self._database.translate_errors():
                _wait_for(connection, key)
            with self._holding(name, connection) as lock:
                yield lock

    @contextmanager
    def _holding(self, name: str, connection: Connection) -> Iterator[PgHeld]:
        """Release the lock at the end of the block, whatever has become of the connection."""
        lock = PgHeld(name, self._database, connection)
        self._held.add(lock)
        try:
            yield lock
        finally:
            self._held.remove(lock)
            # All: a wait that was granted at the moment of its timeout counts although it failed.
            with suppress(psycopg2.Error), connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock_all()")

    def _key(self, name: str) -> int:
        digest = hashlib.sha256(f"{self._root}\0{name}".encode()).digest()
        return int.from_bytes(digest[:8], "big", signed=True)


def _wait_for(connection: Connection, key: int) -> None:
    with connection.cursor() as cursor:
        has_lock = False
        while not has_lock:
            cursor.execute(_WAIT, [_WAIT_MILLISECONDS, key])
            ((has_lock,),) = cursor.fetchall()


def _content(rows: list[tuple[memoryview]]) -> bytes | None:
    return bytes(rows[0][0]) if rows else None
