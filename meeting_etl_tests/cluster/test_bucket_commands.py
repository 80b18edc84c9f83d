"""Every command works where the tables are in a bucket, and says where that is."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from meeting_etl.object_storage.object_files import ObjectFiles
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.worlds import demo_world
from meeting_etl.schemas import TRANSCRIPT_SNIPPETS
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.cluster.s3_server import url_of
from meeting_etl_tests.commands import command
from meeting_etl_tests.product import Product

pytestmark = [pytest.mark.cluster, pytest.mark.slow]
NOW = datetime(2026, 3, 16, 12, 7, tzinfo=UTC)


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory, s3: dict[str, str]) -> Iterator[Product]:
    folder = tmp_path_factory.mktemp("bucket")
    more = {**s3, "MEETING_ETL_DATA_DIR": url_of(folder), "MEETING_ETL_WORK_DIR": str(folder)}
    with Sandbox(demo_world(1, NOW, days=2, meetings=10), ManualClock(NOW)) as webex:
        product = Product(folder, webex, "admin", clock=ManualClock(NOW), more=more)
        product.write_logs()
        assert product.run().failures == []
        yield product


def said_by(product: Product, *arguments: str, status: int = 0) -> str:
    done = product.command(*arguments)
    assert done.returncode == status, done.stderr
    return " ".join((done.stdout + done.stderr).split())


def test_what_is_read(product: Product, tmp_path: Path) -> None:
    count = said_by(product, "sql", "--format", "csv", "SELECT count(*) AS meetings FROM meetings")
    meetings = int(count.split()[-1])
    assert meetings > 5
    said = said_by(product, "status")
    assert "2026-03-16" in said
    url = url_of(product.folder)
    assert f"Webhook logs in {product.folder}/webhook_logs and {url}/webhook_logs: " in said
    assert "not_json" in said_by(product, "rejected")
    path = tmp_path / "meetings.parquet"
    said_by(product, "sql", "--parquet", str(path), "FROM meetings")
    assert pq.read_table(path).num_rows == meetings
    assert f"{product.folder}/reports/" in said_by(product, "report")
    said = said_by(product, "doctor", status=1)
    assert "bucket readable ok" in said
    assert "writable ok Objects can be written" in said
    assert "nothing to do" in said_by(product, "migrate", "--yes")
    # Nothing of the tables is on this machine's disk.
    assert not (product.folder / "lake").exists()
    assert not list(product.folder.glob("*.duckdb"))


def test_a_bucket_without_anything_says_how_events_come_into_it(
    tmp_path: Path, s3: dict[str, str]
) -> None:
    more = {"MEETING_ETL_DATA_DIR": url_of(tmp_path), "MEETING_ETL_WORK_DIR": str(tmp_path)}
    done = command("status", environ={**s3, **more})
    assert "or start `meeting-etl receive` on any machine." in " ".join(done.stdout.split())


def test_what_is_changed(product: Product) -> None:
    lake = product.etl().lake
    days = lake.days(TRANSCRIPT_SNIPPETS)
    assert sum(lake.count(TRANSCRIPT_SNIPPETS, day) for day in days)
    assert "queued for the next run" in said_by(product, "retry", "--status", "ready", "--yes")
    said = said_by(product, "run")
    assert f"Data in {url_of(product.folder)}." in said
    said_by(product, "prune", "--older-than", "1d", "--yes")
    lake = product.etl().lake
    assert sum(lake.count(TRANSCRIPT_SNIPPETS, day) for day in days) == 0
    meeting = product.webex.world.meetings[0].id
    said = said_by(product, "erase", "--meeting", meeting, "--yes")
    files = ObjectFiles(url_of(product.folder))
    for name in files.paths("."):
        assert meeting.encode() not in (files.read_bytes(name) or b""), name
