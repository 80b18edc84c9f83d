"""How often the logs of Delta tables are read: each request to a bucket takes its time."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from meeting_etl.errors import StorageError
from meeting_etl.files import Files
from meeting_etl.lake import catalog
from meeting_etl.lake.lake import Lake
from meeting_etl.lake.migration import outdated_files
from meeting_etl.object_storage.delta_log import DeltaLog
from meeting_etl.object_storage.object_files import ObjectFiles
from meeting_etl.schemas import FETCH_LEDGER, MEETINGS, TRANSCRIPTS
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.cluster.s3_proxy import Proxy, s3_proxy
from meeting_etl_tests.cluster.s3_server import url_of
from meeting_etl_tests.lake.test_delta_tables import DAY, NEXT_DAY, ids, lake_of, meetings

pytestmark = [pytest.mark.cluster, pytest.mark.usefixtures("s3")]


@pytest.fixture
def proxy(s3: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """What is opened from now on is reached through it."""
    with s3_proxy(s3["AWS_ENDPOINT_URL"]) as (proxy, endpoint):
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        yield proxy


def filled(folder: Path, days: int) -> Lake:
    lake = lake_of(folder)
    for day in (DAY + timedelta(days=number) for number in range(days)):
        lake.merge(MEETINGS, day, meetings(str(day)))
        lake.merge(TRANSCRIPTS, day, [{"transcript_id": str(day), "meeting_id": str(day)}])
    return lake


def log_requests(proxy: Proxy) -> Counter[str]:
    """Requests to the log of each table since the last call."""
    seen = [path.replace("%2F", "/") for _, path in proxy.seen if "_delta_log" in path]
    proxy.seen.clear()
    return Counter(path.split("/_delta_log")[0].rsplit("/", 1)[-1] for path in seen)


def test_a_log_without_a_new_version_costs_one_request(tmp_path: Path, proxy: Proxy) -> None:
    lake = filled(tmp_path, days=1)
    log_requests(proxy)
    assert lake.partitions(MEETINGS) == [str(DAY)]
    assert log_requests(proxy) == {"meetings": 1}
    assert lake.partitions(FETCH_LEDGER) == []  # read in whole, as it was not yet
    log_requests(proxy)
    assert lake.partitions(FETCH_LEDGER) == []
    assert log_requests(proxy) == {"fetch_ledger": 1}
    lake_of(tmp_path).merge(FETCH_LEDGER, DAY, [{"meeting_id": "m", "resource": "meeting"}])
    assert lake.partitions(FETCH_LEDGER) == [str(DAY)]


def test_versions_that_were_cleaned_up_do_not_hide_newer_ones(tmp_path: Path) -> None:
    """A process that slept for days finds that the next version is gone."""
    lake, files = filled(tmp_path, days=1), ObjectFiles(url_of(tmp_path))
    clock = ManualClock(datetime(2026, 3, 2, 10, tzinfo=UTC))
    log = DeltaLog(MEETINGS, files, "lake/meetings", clock)
    assert list(log.all()) == [str(DAY)]
    lake.merge(MEETINGS, NEXT_DAY, meetings("n"))
    lake.tables.vacuum(MEETINGS, keep_hours=1)  # with a checkpoint
    files.remove("lake/meetings/_delta_log/00000000000000000002.json")
    clock.advance(hours=2)
    assert sorted(map(str, log.all())) == [str(DAY), str(NEXT_DAY)]


def test_a_log_that_could_not_be_read_is_not_an_empty_one(tmp_path: Path, proxy: Proxy) -> None:
    """Of an old table, whose first versions are gone."""
    lake, files = filled(tmp_path, days=1), ObjectFiles(url_of(tmp_path))
    lake.tables.vacuum(MEETINGS, keep_hours=1)  # with a checkpoint
    for version in (0, 1):
        files.remove(f"lake/meetings/_delta_log/{version:020}.json")
    log = DeltaLog(MEETINGS, files, "lake/meetings")
    proxy.refuses = lambda method, path: "_delta_log" in path
    with pytest.raises(StorageError):
        log.all()
    proxy.refuses = lambda method, path: False
    assert list(log.all()) == [str(DAY)]


def test_all_that_a_block_reads_of_a_table_is_of_one_version(tmp_path: Path) -> None:
    lake, other = filled(tmp_path, days=1), lake_of(tmp_path)
    with lake.tables.read_once():
        assert lake.partitions(MEETINGS) == [str(DAY)]
        other.merge(MEETINGS, NEXT_DAY, meetings("theirs"))
        assert lake.partitions(MEETINGS) == [str(DAY)]
        assert lake.count(MEETINGS, NEXT_DAY) == 0
        # Its own commits it sees.
        lake.merge(MEETINGS, DAY, meetings("ours"))
        with lake.tables.read_once():
            assert lake.count(MEETINGS, DAY) == 2
        assert lake.partitions(MEETINGS) == [str(DAY), str(NEXT_DAY)]
    other.merge(MEETINGS, NEXT_DAY, meetings("more"))
    assert lake.count(MEETINGS, NEXT_DAY) == 2


def test_a_block_reads_what_was_replaced_and_removed_meanwhile_anew(tmp_path: Path) -> None:
    """As `erase` does, which leaves no earlier version."""
    lake, other = filled(tmp_path, days=1), lake_of(tmp_path)
    with lake.tables.read_once():
        assert lake.count(MEETINGS, DAY) == 1
        other.merge(MEETINGS, DAY, meetings("n"))
        other.tables.forget_versions(MEETINGS, DAY)
        found = lake.read(MEETINGS, DAY, columns=["meeting_id"])["meeting_id"].to_pylist()
    assert found == [str(DAY), "n"] == ids(tmp_path)


@pytest.mark.parametrize("days", [1, 4])
def test_the_catalog_and_a_migration_read_each_log_once(
    tmp_path: Path, proxy: Proxy, days: int
) -> None:
    lake = filled(tmp_path, days)
    catalog.publish(Files(tmp_path), lake)
    assert outdated_files(lake) == []
    log_requests(proxy)
    assert outdated_files(lake) == []
    assert set(log_requests(proxy).values()) == {1}
    assert not catalog.publish(Files(tmp_path), lake)
    assert set(log_requests(proxy).values()) == {1}
