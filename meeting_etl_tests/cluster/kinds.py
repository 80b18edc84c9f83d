"""The kinds in PostgreSQL, for the suites that all kinds pass.

They are imported when they are used: the base installation has no driver.
"""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from meeting_etl.files import Files
from meeting_etl.pipeline.ledger.due_days import Queue
from meeting_etl.state import State
from meeting_etl.webex.bucket import Bucket
from meeting_etl_tests.cluster.postgres_server import VARIABLE

POSTGRES = "postgres"


def params(kinds: Mapping[str, object]) -> list[object]:
    """The kinds as parameters of a fixture; that of PostgreSQL only where there is a server."""
    marks = {POSTGRES: pytest.mark.cluster}
    return [pytest.param(kind, marks=marks.get(kind, ())) for kind in kinds]


def start_server(kind: str, request: pytest.FixtureRequest) -> str:
    """The kind, its server running."""
    if kind == POSTGRES:
        request.getfixturevalue("postgres")
    return kind


def pg_state(folder: Path) -> State:
    from meeting_etl.postgres.database import Database
    from meeting_etl.postgres.state import PgState

    return PgState(Database(os.environ[VARIABLE]), str(folder))


def pg_bucket(folder: Path, *, requests_per_minute: float, burst: int = 10) -> Bucket:
    from meeting_etl.postgres.bucket import PgBucket
    from meeting_etl.postgres.database import Database

    database = Database(os.environ[VARIABLE])
    rate = requests_per_minute
    return PgBucket(database, str(folder), requests_per_minute=rate, burst=burst)


def pg_queue(folder: Path) -> Queue:
    from meeting_etl.postgres.database import Database
    from meeting_etl.postgres.queue import PgQueue
    from meeting_etl.postgres.state import PgState

    database, root = Database(os.environ[VARIABLE]), str(folder)
    return PgQueue(Files(folder), PgState(database, root), database, root)
