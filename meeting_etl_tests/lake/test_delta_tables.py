"""What Delta tables do beyond what all kinds do: nobody overwrites what another process changed."""

import time
from dataclasses import replace
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest

from meeting_etl.errors import StorageError
from meeting_etl.files import Files
from meeting_etl.lake.arrow_rows import to_arrow
from meeting_etl.lake.lake import Lake
from meeting_etl.lake.writers_locks import INGEST_LOCK
from meeting_etl.schemas import INGESTED_LOGS, MEETINGS, ORPHANS, WEBHOOK_EVENTS, Table
from meeting_etl.state import LocalState
from meeting_etl_tests.cluster.s3_proxy import s3_proxy
from meeting_etl_tests.cluster.s3_server import url_of
from meeting_etl_tests.processes import run_together

pytestmark = [pytest.mark.cluster, pytest.mark.usefixtures("s3")]
DAY, NEXT_DAY, THIRD_DAY = date(2026, 3, 2), date(2026, 3, 3), date(2026, 3, 4)
CHANGED = "Another process has changed s3://.*since it was read, so nothing was written. Run again."


def lake_of(folder: Path, *, machine: str = "a") -> Lake:
    """As a process has it; locks are those of its machine alone, so that they exclude nobody."""
    from meeting_etl.object_storage.object_files import ObjectFiles

    return Lake(ObjectFiles(url_of(folder)), LocalState(Files(folder / machine)))


def meetings(*ids: str, title: str | None = None) -> pa.Table:
    return to_arrow(MEETINGS, [{"meeting_id": name, "title": title} for name in ids])


def ids(folder: Path, day: date | None = DAY, table: Table = MEETINGS) -> list[str]:
    rows = lake_of(folder).read(table, day)
    return sorted(rows[table.key[0]].to_pylist())


@pytest.mark.parametrize("is_table_there", [False, True])
@pytest.mark.parametrize("before", [[], ["m"]])
def test_what_another_process_changed_since_it_was_read_is_not_written(
    tmp_path: Path, before: list[str], *, is_table_there: bool
) -> None:
    ours, theirs = lake_of(tmp_path), lake_of(tmp_path)
    if is_table_there:
        theirs.merge(MEETINGS, NEXT_DAY, meetings("of another day"))
    if before:
        theirs.merge(MEETINGS, DAY, meetings(*before))
    assert len(ours.tables.parts(MEETINGS, DAY)) == len(before)
    theirs.merge(MEETINGS, DAY, meetings("theirs"))
    with pytest.raises(StorageError, match=CHANGED):
        ours.tables.commit(MEETINGS, DAY, [(0, meetings("ours"))])
    assert ids(tmp_path) == [*before, "theirs"]
    # Read anew, it can be changed.
    assert ours.merge(MEETINGS, DAY, meetings("ours"))
    assert ids(tmp_path) == [*before, "ours", "theirs"]


def test_two_new_parts_beside_the_same_ones_are_a_change_too(tmp_path: Path) -> None:
    """Neither removes a file, so that Delta itself takes them for two appends."""
    ours, theirs = lake_of(tmp_path), lake_of(tmp_path)
    theirs.merge(MEETINGS, DAY, meetings("m"))
    assert ours.tables.parts(MEETINGS, DAY) == theirs.tables.parts(MEETINGS, DAY) == [0]
    theirs.tables.commit(MEETINGS, DAY, [(1, meetings("theirs"))])
    with pytest.raises(StorageError, match=CHANGED):
        ours.tables.commit(MEETINGS, DAY, [(1, meetings("ours"))])
    assert ids(tmp_path) == ["m", "theirs"]


def test_a_part_that_is_written_bit_by_bit_is_refused_too(tmp_path: Path) -> None:
    ours, theirs = lake_of(tmp_path), lake_of(tmp_path)
    with (
        pytest.raises(StorageError, match=CHANGED),
        ours.appending(MEETINGS, DAY) as write,
    ):
        write(meetings("ours"))
        theirs.merge(MEETINGS, DAY, meetings("theirs"))
    assert ids(tmp_path) == ["theirs"]


@pytest.mark.parametrize("removes", [False, True])
def test_a_removed_day_is_no_day_that_stayed(tmp_path: Path, *, removes: bool) -> None:
    ours, theirs = lake_of(tmp_path), lake_of(tmp_path)
    theirs.merge(MEETINGS, DAY, meetings("m"))
    ours.tables.parts(MEETINGS, DAY)
    if removes:
        theirs.remove(MEETINGS, DAY)
    else:
        theirs.merge(MEETINGS, DAY, meetings("n"))
    with pytest.raises(StorageError, match=CHANGED):
        ours.tables.commit(MEETINGS, DAY, [(0, meetings("ours"))])
    assert ids(tmp_path) == ([] if removes else ["m", "n"])


def test_changes_of_other_days_disturb_nobody(tmp_path: Path) -> None:
    ours, theirs = lake_of(tmp_path), lake_of(tmp_path)
    theirs.merge(MEETINGS, NEXT_DAY, meetings("n"))
    ours.merge(MEETINGS, DAY, meetings("m"))
    ours.tables.parts(MEETINGS, DAY)
    theirs.merge(MEETINGS, NEXT_DAY, meetings("n", title="new"))
    theirs.remove(MEETINGS, NEXT_DAY)
    theirs.merge(MEETINGS, THIRD_DAY, meetings("o"))
    ours.tables.commit(MEETINGS, DAY, [(0, meetings("m", "ours"))])
    assert ids(tmp_path) == ["m", "ours"]
    assert lake_of(tmp_path).partitions(MEETINGS) == ["2026-03-02", "2026-03-04"]


@pytest.mark.parametrize("read_before", [False, True])
def test_a_day_is_refused_that_another_changed_since_its_lock_was_taken(
    tmp_path: Path, *, read_before: bool
) -> None:
    ours, theirs = lake_of(tmp_path, machine="a"), lake_of(tmp_path, machine="b")
    theirs.merge(MEETINGS, DAY, meetings("m"))
    ours.read(MEETINGS, DAY)
    with ours.lock_days([DAY]):
        if read_before:
            assert ours.read(MEETINGS, DAY).num_rows == 1
        with theirs.lock_days([DAY]):
            theirs.merge(MEETINGS, DAY, meetings("theirs"))
        for _ in range(2):
            # What is read stays what it was, so that rows are not mixed with newer ones.
            assert ours.read(MEETINGS, DAY).num_rows == 1
            with pytest.raises(StorageError, match=CHANGED):
                ours.merge(MEETINGS, DAY, meetings("ours"))
        ours.merge(MEETINGS, NEXT_DAY, meetings("of another day"))
    with ours.lock_days([DAY]):
        ours.merge(MEETINGS, DAY, meetings("ours"))
    assert ids(tmp_path) == ["m", "ours", "theirs"]


def test_the_tables_of_ingest_are_refused_in_the_same_way(tmp_path: Path) -> None:
    """Also in a partition that was not there when the lock was taken, and a table without any."""
    ours, theirs = lake_of(tmp_path, machine="a"), lake_of(tmp_path, machine="b")
    event = to_arrow(WEBHOOK_EVENTS, [{"log_id": "l", "byte_offset": 0}])
    with ours.lock(INGEST_LOCK):
        with theirs.lock(INGEST_LOCK), theirs.appending(WEBHOOK_EVENTS, None) as write:
            write(event)
        with pytest.raises(StorageError, match=CHANGED), ours.appending(WEBHOOK_EVENTS, None) as w:
            w(event)
        theirs.merge(INGESTED_LOGS, None, [{"log_id": "l"}])
        with pytest.raises(StorageError, match=CHANGED):
            ours.merge(INGESTED_LOGS, None, [{"log_id": "l"}])
        with ours.lock_days([DAY]):  # which does not pin them
            pass
    with ours.lock_days([DAY]):
        theirs.merge(WEBHOOK_EVENTS, DAY, event)
        assert ours.count(WEBHOOK_EVENTS, DAY) == 1
    assert lake_of(tmp_path).count(WEBHOOK_EVENTS, None) == 1


def test_own_commits_follow_each_other(tmp_path: Path) -> None:
    lake = lake_of(tmp_path)
    with lake.lock_days([DAY, NEXT_DAY]):
        for number in range(4):
            for day in (DAY, NEXT_DAY):
                assert lake.merge(MEETINGS, day, meetings(f"m{number}"))
                assert lake.count(MEETINGS, day) == number + 1
        lake.remove(MEETINGS, DAY)
        assert lake.tables.parts(MEETINGS, DAY) == []
        assert lake.merge(MEETINGS, DAY, meetings("again"))
    assert lake.merge(MEETINGS, DAY, meetings("unlocked"))
    assert ids(tmp_path) == ["again", "unlocked"]


def _write(folder: str, writer: int) -> None:
    """Twelve commits, four on each of three days, as a worker has them."""
    lake = lake_of(Path(folder), machine=str(writer))
    for number in range(12):
        day = (DAY, NEXT_DAY, THIRD_DAY)[(number + writer) % 3]
        with Lake(lake.storage, LocalState(Files(Path(folder) / "locks"))).lock_days([day]):
            lake.merge(MEETINGS, day, meetings(f"{writer}-{number}"))


@pytest.mark.slow
def test_three_processes_write_three_days(tmp_path: Path) -> None:
    """From a table on that is not there yet."""
    run_together(*((_write, (str(tmp_path), writer)) for writer in range(3)))
    found = [name for day in (DAY, NEXT_DAY, THIRD_DAY) for name in ids(tmp_path, day)]
    assert sorted(found) == sorted(f"{w}-{number}" for w in range(3) for number in range(12))


def test_a_commit_whose_answer_was_lost_is_done(
    tmp_path: Path, s3: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client tries again, and the server says that somebody was faster: it was the client."""
    with s3_proxy(s3["AWS_ENDPOINT_URL"]) as (proxy, endpoint), monkeypatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", endpoint)
        lake = lake_of(tmp_path)
        lake.merge(MEETINGS, DAY, meetings("m"))
        lost: list[str] = []

        def loses(method: str, path: str) -> bool:
            is_commit = method == "PUT" and path.endswith("02.json") and not lost
            lost.extend([path] * is_commit)
            return is_commit

        proxy.loses = loses
        assert lake.merge(MEETINGS, DAY, meetings("n"))
        assert lost
        assert lake.merge(MEETINGS, DAY, meetings("o"))
    assert ids(tmp_path) == ["m", "n", "o"]


def test_a_commit_that_the_bucket_refuses_is_no_change_of_another(
    tmp_path: Path, s3: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with s3_proxy(s3["AWS_ENDPOINT_URL"]) as (proxy, endpoint), monkeypatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", endpoint)
        lake = lake_of(tmp_path)
        lake.merge(MEETINGS, DAY, meetings("m"))
        proxy.refuses = lambda method, path: method == "PUT" and "_delta_log" in path
        started = time.monotonic()
        with pytest.raises(StorageError, match=r"Cannot write s3://.*503 Service Unavailable"):
            lake.merge(MEETINGS, DAY, meetings("n"))
        assert time.monotonic() - started < 30
        proxy.refuses = lambda method, path: False
        assert lake.merge(MEETINGS, DAY, meetings("n"))
    assert ids(tmp_path) == ["m", "n"]


def test_a_column_that_is_new_in_the_schema(tmp_path: Path) -> None:
    old = replace(MEETINGS, columns=tuple(c for c in MEETINGS.columns if c.name != "title"))
    before = lake_of(tmp_path)
    for day in (DAY, NEXT_DAY):
        before.merge(old, day, [{"meeting_id": "m"}])
    now, other = lake_of(tmp_path), lake_of(tmp_path)
    assert not now.has_schema(MEETINGS, DAY)
    assert now.read(MEETINGS, DAY, columns=["meeting_id", "title"]).to_pylist() == [
        {"meeting_id": "m", "title": None}
    ]
    now.update(MEETINGS, DAY)
    assert now.has_schema(MEETINGS, DAY)
    assert lake_of(tmp_path).has_schema(MEETINGS, DAY)
    # One that read the log before it had the column, and one of the earlier version.
    other.merge(MEETINGS, NEXT_DAY, meetings("n", title="new"))
    before.merge(old, DAY, [{"meeting_id": "o"}])
    stored = lake_of(tmp_path).read(MEETINGS, NEXT_DAY, columns=["meeting_id", "title"])
    assert sorted(row["title"] or "" for row in stored.to_pylist()) == ["", "new"]


def test_tables_of_all_kinds_of_partitions(tmp_path: Path) -> None:
    """Rows without a date, a part without rows, a table without partitions."""
    lake = lake_of(tmp_path)
    with lake.appending(WEBHOOK_EVENTS, None) as write:
        write(to_arrow(WEBHOOK_EVENTS, [{"log_id": "l", "byte_offset": 7}]))
    lake.replace(MEETINGS, DAY, meetings("m"))
    lake.replace(MEETINGS, DAY, meetings())
    lake.merge(ORPHANS, None, [{"meeting_id": "o"}])
    lake.merge(ORPHANS, None, [{"meeting_id": "p"}])
    again = lake_of(tmp_path)
    assert again.read(WEBHOOK_EVENTS, None)["byte_offset"].to_pylist() == [7]
    assert again.tables.parts(MEETINGS, DAY) == [0]
    assert again.count(MEETINGS, DAY) == again.read(MEETINGS, DAY).num_rows == 0
    assert ids(tmp_path, None, ORPHANS) == ["o", "p"]
