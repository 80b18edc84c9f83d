"""Whether a database keeps locks as the product needs it.

Belongs here: what is measured. Does not: what it means for the user (cli/doctor/state_checks.py).
"""

from dataclasses import dataclass
from datetime import datetime

from meeting_etl.postgres.database import Database

_SESSION = "SELECT pg_backend_pid()"
_TIMEOUTS = """
    SELECT idle + interval * count, user_timeout / 1000, clock_timestamp()
    FROM (SELECT current_setting('tcp_keepalives_idle')::int AS idle,
                 current_setting('tcp_keepalives_interval')::int AS interval,
                 current_setting('tcp_keepalives_count')::int AS count,
                 (SELECT setting::int FROM pg_settings WHERE name = 'tcp_user_timeout')
                     AS user_timeout) AS settings
"""


@dataclass(frozen=True)
class Health:
    """What a database does.

    `keeps_sessions`: a connection has a session of its own, as it has not behind a pooler in
    transaction mode. `server_timeouts_seconds`: after so much silence, and so long without an
    acknowledgement, the server gives up a connection; None over a Unix socket. `now`: the present
    by its clock.
    """

    keeps_sessions: bool
    server_timeouts_seconds: tuple[int, int] | None
    now: datetime


def check_health(database: Database) -> Health:
    """Measure it. Raises StorageError."""
    with database.connection() as first, database.connection() as second:
        # A pooler gives any of its sessions to each statement: the same one to both, or by turns.
        ours, again, other = (
            database.execute_on(connection, _SESSION)[0][0] for connection in (first, first, second)
        )
        silence, unacknowledged, now = database.execute_on(first, _TIMEOUTS)[0]
    timeouts = (silence, unacknowledged) if silence else None
    return Health(ours == again != other, timeouts, now)
