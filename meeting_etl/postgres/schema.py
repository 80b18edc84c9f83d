"""The tables in PostgreSQL, and bringing those of an earlier version up to date.

Belongs here: their definitions, as steps that are executed once each. Does not: reading and writing
them (state.py, bucket.py, queue.py).
"""

from meeting_etl.postgres.database import SCHEMA, Database

# Appended to, never changed: the number of steps that were executed is stored. `root` is the data
# folder, so that several can share a database.
_STEPS = (
    """CREATE TABLE state_values (
           root text NOT NULL,
           name text NOT NULL,
           content bytea NOT NULL,
           PRIMARY KEY (root, name)
       )""",
    """CREATE TABLE buckets (
           root text NOT NULL,
           name text NOT NULL,
           arrival_at double precision NOT NULL,
           not_before_at double precision NOT NULL,
           PRIMARY KEY (root, name)
       )""",
    """CREATE TABLE due_days (
           root text NOT NULL,
           day date NOT NULL,
           content bytea NOT NULL,
           PRIMARY KEY (root, day)
       )""",
)
# Those beside `root`, which is the first of each table.
_COLUMNS = {
    "state_values": "name, content",
    "buckets": "name, arrival_at, not_before_at",
    "due_days": "day, content",
}
_NOTE = "INSERT INTO executed_steps VALUES ({})"
# Two migrations at the same time take turns.
_LOCK = 7_302_451_962


def migrate(database: Database) -> int:
    """Execute the steps that were not executed yet; returns how many. Raises StorageError."""
    with database.connection() as connection:
        database.execute_on(connection, "SELECT pg_advisory_lock(%s)", [_LOCK])
        database.execute_on(connection, f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
        database.execute_on(
            connection, "CREATE TABLE IF NOT EXISTS executed_steps (number int PRIMARY KEY)"
        )
        rows = database.execute_on(connection, "SELECT count(*) FROM executed_steps")
        first = int(rows[0][0])
        for number, step in enumerate(_STEPS[first:], first):
            # Both or none.
            database.execute_on(connection, f"BEGIN; {step}; {_NOTE.format(number)}; COMMIT")
        # After an error the connection is closed, and the lock is free with it.
        database.execute_on(connection, "SELECT pg_advisory_unlock(%s)", [_LOCK])
    return len(_STEPS) - first


def copy_rows(database: Database, root: str, to: str) -> None:
    """Make a data folder's rows those of another one as well, all at once. Raises StorageError."""
    statements = [
        f"DELETE FROM {table} WHERE root = %(to)s; "  # noqa: S608 - names of our own
        f"INSERT INTO {table} SELECT %(to)s, {columns} FROM {table} WHERE root = %(root)s"
        for table, columns in _COLUMNS.items()
    ]
    database.execute(f"BEGIN; {'; '.join(statements)}; COMMIT", {"root": root, "to": to})
