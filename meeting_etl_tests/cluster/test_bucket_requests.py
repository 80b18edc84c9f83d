"""Commands read what they need of a bucket once: each request takes its time."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from meeting_etl.files import Files
from meeting_etl.lake import catalog
from meeting_etl.object_storage.object_files import ObjectFiles
from meeting_etl.schemas import FETCH_LEDGER, MEETINGS, TRANSCRIPTS
from meeting_etl_tests.cluster.s3_proxy import s3_proxy
from meeting_etl_tests.cluster.s3_server import url_of
from meeting_etl_tests.commands import command
from meeting_etl_tests.lake.test_delta_tables import DAY, lake_of, meetings

pytestmark = [pytest.mark.cluster, pytest.mark.slow]
DAYS = 12
Reads = Callable[..., Counter[str]]


@pytest.fixture
def log_reads(tmp_path: Path, s3: dict[str, str]) -> Iterator[Reads]:
    """How often a command looks for a checkpoint in the log of each table."""
    lake = lake_of(tmp_path)
    for day in (DAY + timedelta(days=number) for number in range(DAYS)):
        item = {"meeting_id": f"{day}", "resource": "meeting", "status": "ready"}
        lake.merge(FETCH_LEDGER, day, [{**item, "reason": "complete"}])
        lake.merge(MEETINGS, day, meetings(f"{day}"))
        lake.merge(TRANSCRIPTS, day, [{"transcript_id": f"{day}", "meeting_id": f"{day}"}])
    catalog.publish(Files(tmp_path), lake)
    with s3_proxy(s3["AWS_ENDPOINT_URL"]) as (proxy, endpoint):

        def reads(*arguments: str) -> Counter[str]:
            proxy.seen.clear()
            environ = {
                **s3,
                "AWS_ENDPOINT_URL": endpoint,
                "MEETING_ETL_DATA_DIR": url_of(tmp_path),
                "MEETING_ETL_WORK_DIR": str(tmp_path),
            }
            done = command(*arguments, environ=environ)
            assert done.returncode == 0, done.stderr
            paths = [path for _, path in proxy.seen if path.endswith("/_last_checkpoint")]
            return Counter(path.split("/")[-3] for path in paths)

        yield reads


def test_a_report_reads_the_log_of_each_table_once(log_reads: Reads) -> None:
    last = DAY + timedelta(days=DAYS)
    found = log_reads("report", "--from", str(DAY), "--to", str(last))
    assert found[MEETINGS.name] == found[FETCH_LEDGER.name] == 1


def test_status_reads_a_log_as_often_whatever_the_number_of_days(log_reads: Reads) -> None:
    found = log_reads("status")
    # Which days there are, then their parts.
    assert found[FETCH_LEDGER.name] <= 2
    # Of the others, whether they are there.
    assert found[TRANSCRIPTS.name] == 0


def test_a_file_that_is_gone_is_one_sentence(tmp_path: Path, s3: dict[str, str]) -> None:
    lake, url = lake_of(tmp_path), url_of(tmp_path)
    lake.merge(MEETINGS, DAY, meetings("m"))
    catalog.publish(Files(tmp_path), lake)
    files = ObjectFiles(url)
    (name,) = [path for path in files.paths("lake/meetings") if "/part-0" in path]
    files.remove(name)
    places = {"MEETING_ETL_DATA_DIR": url, "MEETING_ETL_WORK_DIR": str(tmp_path)}
    done = command("sql", "FROM meetings", environ={**s3, **places})
    said = " ".join(done.stderr.split())
    assert done.returncode == 1
    assert said.startswith("Error: The query failed: a file of meetings cannot be read: Could not")
    assert said.endswith("see `A file that is damaged or gone` in docs/object-storage.md.")
    assert "Object at location" in said
    assert "x1b" not in said


def test_a_query_is_asked_again_when_earlier_versions_were_removed(
    tmp_path: Path, s3: dict[str, str]
) -> None:
    """As `erase` does; a connection has the files of its moment."""
    lake, day = lake_of(tmp_path), date(2026, 3, 2)
    lake.merge(MEETINGS, day, meetings("m"))
    catalog.publish(Files(tmp_path), lake)
    with catalog.Queries(url_of(tmp_path)) as queries:
        lake.merge(MEETINGS, day, meetings("n"))
        lake.tables.forget_versions(MEETINGS, day)
        _, found = queries.query("SELECT meeting_id FROM meetings ORDER BY meeting_id")
    assert found == [("m",), ("n",)]
