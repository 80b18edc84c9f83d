"""PgBucket: one rate and one Retry-After pause for processes on several machines.

Belongs here: the second kind of bucket (webex/bucket.py), by the clock of the database. Does not:
waiting, and a pause that is too long (webex/rate_limit.py).

Each call is one statement on one row, whose lock puts the callers in turn.
"""

from datetime import UTC, datetime

from meeting_etl.postgres.database import Database
from meeting_etl.webex.bucket import LONGEST_PAUSE_SECONDS

_NO_TIME_SECONDS = 1e-6
# The row as it is when its lock is taken, with the present; a fuller bucket than possible can only
# come from another rate.
_OLD = """
    SELECT least(
               arrival_at, greatest(present, not_before_at) + %(tolerance)s + %(interval)s
           ) AS arrival_at,
           not_before_at, present
    FROM (SELECT arrival_at, not_before_at, extract(epoch FROM clock_timestamp()) AS present
          FROM buckets WHERE root = %(root)s AND name = %(name)s FOR UPDATE) AS stored
"""
_TAKE = f"""
    WITH old AS MATERIALIZED ({_OLD}),
    waiting AS (
        SELECT *, greatest(not_before_at - present, arrival_at - %(tolerance)s - present) AS seconds
        FROM old
    )
    UPDATE buckets SET arrival_at = CASE
        WHEN seconds > {_NO_TIME_SECONDS} OR %(interval)s = 0 THEN waiting.arrival_at
        ELSE greatest(waiting.arrival_at, present) + %(interval)s
    END
    FROM waiting WHERE root = %(root)s AND name = %(name)s
    RETURNING seconds
"""  # noqa: S608 - our own texts
_PAUSE = f"""
    WITH old AS MATERIALIZED ({_OLD})
    UPDATE buckets SET
        not_before_at = present + %(seconds)s,
        arrival_at = greatest(old.arrival_at, present + %(seconds)s + %(tolerance)s)
    FROM old
    WHERE root = %(root)s AND name = %(name)s AND present + %(seconds)s > old.not_before_at
"""  # noqa: S608 - our own texts
_PAUSED = """
    SELECT not_before_at FROM buckets
    WHERE root = %(root)s AND name = %(name)s
      AND not_before_at > extract(epoch FROM clock_timestamp()) + 1e-6
"""
_CREATE = "INSERT INTO buckets VALUES (%(root)s, %(name)s, 0, 0) ON CONFLICT DO NOTHING"


class PgBucket:
    """A bucket in a database. 0 requests a minute disables the rate: only pauses delay requests."""

    def __init__(
        self,
        database: Database,
        root: str,
        *,
        requests_per_minute: float,
        burst: int = 10,
        name: str = "pace",
    ) -> None:
        self._database = database
        interval = 60 / requests_per_minute if requests_per_minute else 0.0
        self._values: dict[str, object] = {
            "root": root,
            "name": name,
            "interval": interval,
            "tolerance": (burst - 1) * interval,
        }

    def take(self) -> float:
        seconds = self._update(_TAKE)
        return seconds if seconds > _NO_TIME_SECONDS else 0.0

    def pause(self, seconds: float) -> None:
        self._database.execute(_CREATE, self._values)
        least = min(seconds, LONGEST_PAUSE_SECONDS)
        self._database.execute(_PAUSE, self._values | {"seconds": least})

    def paused_until(self) -> datetime | None:
        rows = self._database.execute(_PAUSED, self._values)
        return datetime.fromtimestamp(rows[0][0], UTC) if rows else None

    def _update(self, sql: str) -> float:
        """What a statement returns of the row, which is created when it is first used."""
        if not (rows := self._database.execute(sql, self._values)):
            self._database.execute(_CREATE, self._values)
            rows = self._database.execute(sql, self._values)
        return float(rows[0][0])
