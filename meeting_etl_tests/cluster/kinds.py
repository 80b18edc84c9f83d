"""The kinds in PostgreSQL and in object storage, for the suites that all kinds pass.

They are imported when they are used: the base installation has neither driver.
"""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from meeting_etl.files import Files
from meeting_etl.lake.tables import Tables
from meeting_etl.pipeline.ledger.due_days import Queue
from meeting_etl.state import State
from meeting_etl.webex.bucket import Bucket
from meeting_etl_tests.cluster.postgres_server import VARIABLE
from meeting_etl_tests.cluster.s3_server import url_of

POSTGRES, DELTA = "postgres", "delta"
_SERVERS = {POSTGRES: "postgres", DELTA: "s3"}


def params(kinds: Mapping[str, object]) -> list[object]:
    """The kinds as parameters of a fixture; those of servers only where these are."""
    return [
        pytest.param(kind, marks=pytest.mark.cluster if kind in _SERVERS else ()) for kind in kinds
    ]


def start_server(kind: str, request: pytest.FixtureRequest) -> str:
    """The kind, its server running."""
    if server := _SERVERS.get(kind):
        request.getfixturevalue(server)
    return kind


def delta_tables(folder: Path) -> Tables:
    from meeting_etl.lake.delta_tables import DeltaTables
    from meeting_etl.object_storage.object_files import ObjectFiles

    return DeltaTables(ObjectFiles(url_of(folder)))


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
