"""Logs that receivers ship into a bucket: once, in order, and read like one file."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from meeting_etl.files import Files
from meeting_etl.object_storage.object_files import ObjectFiles
from meeting_etl.pipeline.ingest.ingest import ingest
from meeting_etl.schemas import REJECTED_LINES
from meeting_etl_tests.cluster.s3_server import url_of
from meeting_etl_tests.cluster.shipping import Host, Machine, content_of, event, segments_of
from meeting_etl_tests.commands import command
from meeting_etl_tests.pipeline.box import NOW, line, payload, received

pytestmark = pytest.mark.cluster
MakeHost = Callable[[Path], Host]
HOUR = f"{NOW:%Y-%m-%dT%H}"


@pytest.fixture
def url(s3: dict[str, str], tmp_path: Path) -> str:
    return url_of(tmp_path)


@pytest.fixture
def bucket(url: str) -> ObjectFiles:
    return ObjectFiles(url)


@pytest.fixture
def make_host(bucket: ObjectFiles) -> Iterator[MakeHost]:
    """Hosts whose receivers are closed at the end."""
    with ExitStack() as stack:

        def make(folder: Path) -> Host:
            host = Host(folder, bucket)
            stack.callback(host.die)
            return host

        yield make


def test_two_hosts_ship_and_a_third_machine_has_the_rows_of_one_log(
    url: str, bucket: ObjectFiles, make_host: MakeHost, tmp_path: Path
) -> None:
    lines = [event(number) for number in range(9)]
    east, west = make_host(tmp_path / "1"), make_host(tmp_path / "2")  # of the same name
    east.receive(*lines[:2], b"broken\n")
    west.receive(*lines[2:5])
    for host in (east, west):
        host.shipper.ship()
    east.receive(*lines[5:])
    east.shipper.ship()
    machine = Machine(tmp_path / "3", url)
    report = machine.ingest()
    assert (report.logs, report.events, report.rejected.total()) == (2, 9, 1)
    assert report.problems == []
    assert machine.numbers() == list(range(9))
    # The same logs as files.
    local = Machine(tmp_path / "local")
    for row in machine.logs():
        log = local.folder / "webhook_logs" / f"{row['log_file']}.jsonl"
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_bytes(content_of(bucket, f"webhook_logs/{row['log_file']}"))
        assert row["bytes_consumed"] == log.stat().st_size
        assert row["log_id"] == row["log_file"][-16:]
    local.ingest()
    assert local.rows() == machine.rows()
    assert local.rows(REJECTED_LINES) == machine.rows(REJECTED_LINES)
    assert machine.ingest().lines == 0


def test_a_log_is_its_segments_in_order_and_only_new_ones_are_downloaded(
    url: str, bucket: ObjectFiles, make_host: MakeHost, tmp_path: Path
) -> None:
    read = list[str]()

    class Counted(ObjectFiles):
        def read_bytes(self, name: str) -> bytes | None:
            read.append(name.rsplit("/", 1)[-1])
            return super().read_bytes(name)

    host, machine = make_host(tmp_path / "host"), Machine(tmp_path / "machine", url)
    sizes = [0]
    for number in range(12):
        host.receive(event(number, title="x" * number * 90))
        host.shipper.ship()
        sizes.append(len(host.on_disk()))
        if number == 4:
            assert machine.ingest().events == 5
    names = [f"{size:012}.jsonl" for size in sizes[:-1]]
    assert segments_of(bucket) == [f"east/{HOUR}/{name}" for name in names]
    etl = machine.etl()
    assert etl.logs.in_bucket is not None
    etl.logs.in_bucket.segments._bucket = Counted(url)
    assert ingest(etl.logs, etl.lake, etl.ledger, etl.clock).events == 7
    assert read == names[5:]
    assert [row["byte_offset"] for row in machine.rows()] == sizes[:-1]
    assert [row["line_number"] for row in machine.rows()] == list(range(1, 13))
    (row,) = machine.logs()
    assert (row["bytes_consumed"], row["size"], row["mtime"]) == (sizes[-1], sizes[-1], 0)
    assert not machine.has_new_lines()


def test_an_hour_that_is_over_is_ended_and_its_file_removed(
    url: str, bucket: ObjectFiles, make_host: MakeHost, tmp_path: Path
) -> None:
    host, machine = make_host(tmp_path / "host"), Machine(tmp_path / "machine", url)
    host.receive(event(1))
    host.shipper.ship()
    machine.ingest()
    host.clock.advance(hours=1)
    host.shipper.ship()
    assert host.on_disk() == event(1)  # the receiver has it open until it looks at the hour
    host.journal.close_finished()
    host.shipper.ship()
    assert host.on_disk() == b""
    size = len(event(1))
    ended = [f"east/{HOUR}/{0:012}.jsonl", f"east/{HOUR}/{size:012}.jsonl"]
    assert segments_of(bucket) == ended
    host.receive(event(2))
    host.shipper.ship()
    assert segments_of(bucket) == [*ended, f"east/{NOW:%Y-%m-%d}T13/{0:012}.jsonl"]
    assert machine.has_new_lines()
    assert machine.ingest().events == 1
    first, second = machine.logs()
    assert first["mtime"] > 0 == second["mtime"]
    # What was ended and read is not looked into any more.
    assert machine.ingest().logs == 0
    assert machine.numbers() == [1, 2]


def test_what_a_killed_receiver_left_is_shipped_once_by_the_next(
    url: str, bucket: ObjectFiles, make_host: MakeHost, tmp_path: Path
) -> None:
    host = make_host(tmp_path / "host")
    host.receive(event(1))
    host.shipper.ship()
    host.receive(event(2))
    host.die()  # between fsync and shipping, and in the middle of a line
    (log,) = host.folder.iterdir()
    with log.open("ab") as file:
        file.write(event(3)[:40])
    again = make_host(tmp_path / "host")
    again.receive(event(4))
    again.shipper.ship()
    again.shipper.ship()
    assert again.on_disk() == event(4)
    machine = Machine(tmp_path / "machine", url)
    report = machine.ingest()
    assert (report.events, report.rejected.total(), report.problems) == (3, 1, [])
    assert machine.numbers() == [1, 2, 4]


def test_a_segment_that_is_shipped_twice_is_one_object(
    url: str, bucket: ObjectFiles, make_host: MakeHost, tmp_path: Path
) -> None:
    host = make_host(tmp_path / "host")
    late = host.another_shipper()
    for shipper in (host.shipper, late):
        shipper.ship()  # both know by now that nothing of the log is there
    host.receive(event(1))
    host.shipper.ship()
    host.receive(event(2))
    late.ship()  # begins with the line that the other has shipped
    host.receive(event(3))
    host.shipper.ship()
    assert host.said == []
    assert content_of(bucket) == event(1) + event(2) + event(3)
    assert len(segments_of(bucket)) == 3
    host.die()
    late.ship()
    host.shipper.ship()
    machine = Machine(tmp_path / "machine", url)
    machine.ingest()
    assert machine.numbers() == [1, 2, 3]
    assert host.on_disk() == b""


def test_other_logs_of_the_machine_are_read_too_and_what_is_received_is_not(
    url: str, bucket: ObjectFiles, make_host: MakeHost, tmp_path: Path
) -> None:
    machine = Machine(tmp_path, url)
    host = make_host(tmp_path)  # on the machine that ingests
    host.receive(event(1))
    assert machine.ingest().events == 0
    host.shipper.ship()
    (tmp_path / "webhook_logs").mkdir()
    (tmp_path / "webhook_logs" / "own.jsonl").write_bytes(event(2))
    bucket.replace_bytes("webhook_logs/stray.jsonl", event(3))
    report = machine.ingest()
    assert report.events == 2
    assert ["stray.jsonl" in problem for problem in report.problems] == [True]
    assert machine.ingest().lines == 0
    assert machine.numbers() == [1, 2]


def test_a_new_lake_has_the_same_rows(
    url: str, bucket: ObjectFiles, make_host: MakeHost, tmp_path: Path
) -> None:
    host, machine = make_host(tmp_path / "host"), Machine(tmp_path / "machine", url)
    host.receive(event(1), event(2))
    host.shipper.ship()
    host.receive(event(3))
    host.shipper.ship()
    machine.ingest()
    before, ids = machine.rows(), [row["log_id"] for row in machine.logs()]
    for name in bucket.paths("lake"):
        bucket.remove(name)
    assert machine.ingest().events == 3
    assert machine.rows() == before
    assert [row["log_id"] for row in machine.logs()] == ids


def test_a_segment_that_was_removed_is_named_and_what_follows_waits(
    url: str, bucket: ObjectFiles, make_host: MakeHost, tmp_path: Path
) -> None:
    host, machine = make_host(tmp_path / "host"), Machine(tmp_path / "machine", url)
    for number in range(3):
        host.receive(event(number))
        host.shipper.ship()
    first, second, _ = sorted(bucket.paths("webhook_logs"))
    content = bucket.read_bytes(second) or b""
    bucket.remove(second)
    report = machine.ingest()
    assert report.events == 1
    assert [f"bytes from {len(event(0))} on: a segment" in text for text in report.problems] == [
        True
    ]
    assert not machine.has_new_lines()
    bucket.replace_bytes(second, content)
    assert machine.ingest().events == 2
    # Nobody misses what was read.
    bucket.remove(first)
    host.receive(event(3))
    host.shipper.ship()
    report = machine.ingest()
    assert (report.events, report.problems) == (1, [])


def test_a_rejected_line_is_found_again_in_its_segment(
    s3: dict[str, str], url: str, make_host: MakeHost, tmp_path: Path
) -> None:
    host, machine = make_host(tmp_path / "host"), Machine(tmp_path / "machine", url)
    host.receive(event(1))
    host.shipper.ship()
    ahead = line(received("2026-03-18T10:51:00Z", payload(2, "2026-03-18T10:50:00Z")))
    host.receive(b"broken\n", ahead, b"worse \xff\n")
    host.shipper.ship()
    assert machine.ingest().rejected.total() == 3
    done = command("rejected", "--raw", environ={**machine.environ, **s3})
    assert done.stdout.splitlines()[0] == "broken", done.stderr
    assert len(done.stdout.splitlines()) == 3
    # A line whose end was in the future becomes an event when that has passed.
    machine.clock.advance(days=3)
    assert machine.ingest().events == 1
    assert machine.numbers() == [1, 2]


def test_files_in_the_folder_that_are_no_logs_stay(
    url: str, bucket: ObjectFiles, make_host: MakeHost, tmp_path: Path
) -> None:
    host = make_host(tmp_path)
    Files(host.folder).replace_bytes("notes.txt", b"mine")
    host.die()
    host.shipper.ship()
    assert [path.name for path in host.folder.iterdir()] == ["notes.txt"]
    assert bucket.paths(".") == []  # an empty log leaves nothing
