"""The published catalog opened by other DuckDB versions, as analysts have them installed."""

import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from meeting_etl.files import Files
from meeting_etl.lake import catalog
from meeting_etl.lake.catalog_state import CATALOG
from meeting_etl.lake.lake import Lake
from meeting_etl.lake.metrics import refresh_metrics
from meeting_etl.schemas import (
    FETCH_LEDGER,
    INGESTED_LOGS,
    INVITEES,
    MEETINGS,
    PARTICIPANTS,
    REJECTED_LINES,
    TABLES,
    TRANSCRIPT_SNIPPETS,
    WEBHOOK_EVENTS,
)
from meeting_etl_tests.views.lakes import ask
from meeting_etl_tests.views.searching import FOUND, search, transcript

DAYS = [date(2026, 3, number) for number in range(2, 6)]
# Hive folders with a partition column's name, characters of a glob, a blank.
FOLDER = "date=2020-01-01/state=prod/b[1]/a b?"
VIEWS = [
    *TABLES,
    *"account_activity attendance coverage invitations meeting_overview person_week".split(),
    *"presence series_health speakers talk_time turn_pairs".split(),
]
# Opens the file itself: nothing of ours is importable where analysts are.
# With the certificates that the package index needs.
_ENVIRON = dict(os.environ)
SCRIPT = """
import json, sys
import duckdb
connection = duckdb.connect(sys.argv[1], read_only=True)
connection.execute("SET TimeZone = 'UTC'")
answers = {"version": duckdb.__version__}
for sql in json.loads(sys.argv[2]):
    cursor = connection.execute(sql)
    names = [column[0] for column in cursor.description]
    answers[sql] = [names, sorted(map(str, cursor.fetchall()))]
print(json.dumps(answers))
"""


def installed(version: str, folder: Path) -> Path:
    """A folder with this DuckDB, from the package index; whoever has no pip has uv."""
    target = folder / version
    chosen = ["--no-deps", "--target", str(target), f"duckdb=={version}"]
    has_pip = subprocess.run(
        [sys.executable, "-m", "pip", "--version"], capture_output=True, check=False
    )
    uv = shutil.which("uv")
    if has_pip.returncode and uv is not None:
        command = [uv, "pip", "install", "-q", "--python", sys.executable, *chosen]
    else:
        command = [sys.executable, "-m", "pip", "install", "-q", *chosen]
    done = subprocess.run(
        command, env=_ENVIRON, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr
    return target


def answers(root: Path, queries: list[str], library: Path | None) -> dict[str, Any]:
    """What a process that finds this DuckDB first, or the one of the tests, answers."""
    path = {"PYTHONPATH": str(library)} if library else {}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(root / CATALOG), json.dumps(queries)],
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | path,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A lake of some days, with undated rows, an emptied day and tables without any file."""
    lake = Lake(Files(tmp_path / FOLDER))
    for number, day in enumerate(DAYS):
        at = datetime(2026, 3, day.day, 10, tzinfo=UTC)
        meeting: dict[str, object] = {"meeting_id": f"m{number}", "title": "Prüfung 'eins'"}
        meeting |= {"started_at": at, "ended_at": at.replace(hour=11)}
        meeting |= {"timezone": "Asia/Tokyo", "meeting_series_id": "s"}
        person: dict[str, object] = {"meeting_id": f"m{number}", "participant_id": "p"}
        person |= {"joined_at": at, "left_at": at.replace(minute=30), "display_name": "Ines"}
        if number:
            person |= {"email": "Ines@sales.example ", "email_domain": "sales.example"}
        meeting |= {"host_email_domain": "sales.example"}
        spoken: dict[str, object] = {"snippet_id": f"s{number}", "meeting_id": f"m{number}"}
        spoken |= {"duration_ms": 1500, "person_name": "Ines", "transcript_id": "t", "offset_ms": 0}
        lake.merge(MEETINGS, day, [meeting])
        lake.merge(PARTICIPANTS, day, [person])
        invited = {"meeting_id": f"m{number}", "email": "ines@sales.example"}
        lake.merge(INVITEES, day, [invited | {"invitee_id": "i"}])
        items = [
            {"meeting_id": f"m{number}", "resource": resource, "resource_id": ""}
            | {"status": "ready", "settled": True}
            for resource in ("participants", "invitees")
        ]
        lake.merge(FETCH_LEDGER, day, items)
        lake.merge(TRANSCRIPT_SNIPPETS, day, [spoken])
        refresh_metrics(lake, day)
    lake.replace(MEETINGS, DAYS[3], MEETINGS.schema.empty_table())
    for partition in (DAYS[0], None):
        event = {"log_id": "l", "byte_offset": 7 if partition else 8, "body": "{}"}
        lake.merge(WEBHOOK_EVENTS, partition, [event])
    lake.merge(REJECTED_LINES, None, [{"log_id": "l", "byte_offset": 9, "reason": "not_json"}])
    lake.merge(INGESTED_LOGS, None, [{"log_id": "l", "log_file": "a.jsonl"}])
    catalog.publish(lake.files, lake)
    return lake.files.root


UNDATED = "SELECT byte_offset FROM webhook_events WHERE received_date IS NULL"
ONE_DAY = "SELECT meeting_id, date FROM meetings WHERE date = DATE '2026-03-03'"
BY_DAY = "SELECT date, count(*) FROM meetings GROUP BY date"


@pytest.mark.slow
@pytest.mark.parametrize("version", ["1.1.3", "1.5.5"])
def test_another_duckdb_gives_the_same_answers_for_every_table_view_and_macro(
    root: Path, tmp_path: Path, version: str
) -> None:
    queries = [*(f"SELECT * FROM {name}" for name in VIEWS), UNDATED, ONE_DAY, BY_DAY]
    theirs = answers(root, queries, installed(version, tmp_path / "library"))
    ours = answers(root, queries, None)
    assert theirs.pop("version") == version
    assert ours.pop("version") != version
    assert theirs == ours
    assert theirs[UNDATED][1] == ["(8,)"]
    assert theirs[ONE_DAY][1] == ["('m1', datetime.date(2026, 3, 3))"]
    assert theirs[BY_DAY][1] == [f"(datetime.date(2026, 3, {number}), 1)" for number in (2, 3, 4)]
    rows = {name: len(theirs[f"SELECT * FROM {name}"][1]) for name in VIEWS}
    assert rows["webhook_events"] == 2
    assert rows["transcript_snippets"] == 4
    assert rows["orphans"] == 0
    assert rows["talk_time"] > 0
    (_, invited) = theirs["SELECT * FROM invitations"]
    assert [row.rpartition(", ")[2] for row in invited] == ["False)", "True)", "True)", "True)"]
    (_, spoken) = theirs["SELECT * FROM speakers"]
    assert (
        sum(
            "'ines@sales.example', 'Ines', 'sales.example', 'internal', 'name'" in row
            for row in spoken
        )
        == 3
    )

    spoken = tmp_path / "spoken"
    ask(spoken, transcript(), "SELECT 1")
    searches = [search(words) for words in FOUND]
    whole = "SELECT * FROM search_transcripts('cafe', '2026-03-02', NULL, around := 1)"
    theirs = answers(spoken, [*searches, whole], tmp_path / "library" / version)
    assert theirs[whole] == answers(spoken, [whole], None)[whole]
    assert [theirs[sql][1] for sql in searches] == [
        sorted(f"({index},)" for index in found) for found in FOUND.values()
    ]
