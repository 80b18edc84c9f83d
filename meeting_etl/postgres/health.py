"""Whether a database keeps locks as the product needs it.

Belongs here: what is measured. Does not: what it means for the user (cli/doctor/state_checks.py).
"""

from dataclasses import dataclass
from datetime import datetime

from meeting_etl.postgres.database import Database

# Any number that no lock has: names are hashed to 64 bits.
_PROBE = 1_234_567_890


@dataclass(frozen=True)
class Health:
    """What a database does.

    `keeps_sessions`: a connection has a session of its own, as it has not behind a pooler in
    transaction mode. `server_timeout_seconds`: after so much silence the server gives up a
    connection, None over a Unix socket. `now`: the present by its clock.
    """

    keeps_sessions: bool
    server_timeout_seconds: int | None
    now: datetime


def check_health(database: Database) -> Health:
    """Measure it. Raises StorageError."""
    with database.connection() as first, database.connection() as second:
        take = "SELECT pg_try_advisory_lock(%s)"
        database.execute_on(first, take, [_PROBE])
        # In one session both would get it.
        is_same = database.execute_on(second, take, [_PROBE])[0][0]
        for connection in (second, first):
            database.execute_on(connection, "SELECT pg_advisory_unlock_all()")
        settings = ("idle", "interval", "count")
        values = [
            int(database.execute_on(first, f"SHOW tcp_keepalives_{name}")[0][0])
            for name in settings
        ]
        now = database.execute_on(first, "SELECT clock_timestamp()")[0][0]
    idle, interval, count = values
    timeout = idle + interval * count
    return Health(not is_same, timeout or None, now)
