"""Lines of logs in a bucket are changed like those of files: none is left, none is read twice."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from meeting_etl.errors import StorageError
from meeting_etl.object_storage.log_segments import LogSegments, Segment
from meeting_etl.object_storage.object_files import ObjectFiles
from meeting_etl.pipeline.ingest.log_rewriting import rewrite_logs
from meeting_etl.pipeline.ingest.logs_rewritten import LogsRewritten
from meeting_etl.schemas import REJECTED_LINES
from meeting_etl.settings import Etl
from meeting_etl_tests.cluster.s3_server import download, url_of
from meeting_etl_tests.cluster.shipping import Host, Machine, content_of, event
from meeting_etl_tests.commands import command
from meeting_etl_tests.pipeline.rewriting import ADDRESS, blank
from meeting_etl_tests.privacy.search import found_in

pytestmark = pytest.mark.cluster
BROKEN = b"broken " + ADDRESS + b"\n"


@pytest.fixture
def url(s3: dict[str, str], tmp_path: Path) -> str:
    return url_of(tmp_path)


@pytest.fixture
def host(url: str, tmp_path: Path) -> Iterator[Host]:
    """A host that has shipped three segments, in each of which is the address."""
    host = Host(tmp_path / "host", ObjectFiles(url))
    own = ADDRESS.decode()
    for lines in (
        [event(1, hostEmail=own), event(2, hostEmail="bob@sales.example")],
        [BROKEN, event(3, title="Ünit", hostEmail=own)],
        [event(4), event(5, hostEmail=own)],
    ):
        host.receive(*lines)
        host.shipper.ship()
    yield host
    host.die()


def rewrite(etl: Etl, *, dry_run: bool = False) -> LogsRewritten:
    return rewrite_logs(etl.logs, etl.lake, etl.clock, blank, dry_run=dry_run)


def test_changed_lines_keep_their_place_and_the_log_goes_on(
    url: str, host: Host, tmp_path: Path
) -> None:
    bucket, machine = ObjectFiles(url), Machine(tmp_path / "machine", url)
    machine.ingest()
    before = content_of(bucket, "webhook_logs")
    assert before.count(ADDRESS) == 4
    planned = rewrite(machine.etl(), dry_run=True)
    assert (planned.logs, planned.lines) == (1, 4)
    assert content_of(bucket, "webhook_logs") == before
    done = rewrite(machine.etl())
    assert (done.logs, done.lines, done.problems) == (1, 4, [])
    after = content_of(bucket, "webhook_logs")
    assert ADDRESS not in after
    assert [len(line) for line in after.split(b"\n")] == [len(line) for line in before.split(b"\n")]
    assert event(2, hostEmail="bob@sales.example") in after
    assert rewrite(machine.etl()).lines == 0
    # Nothing is read again, and what is shipped now is read as before.
    host.receive(event(6))
    host.shipper.ship()
    host.another_shipper().ship()
    report = machine.ingest()
    assert (report.lines, report.problems) == (1, [])
    assert machine.numbers() == [1, 2, 3, 4, 5, 6]
    # The rejected line is found as it is now.
    (row,) = machine.rows(REJECTED_LINES)
    with machine.etl().logs.line_finder() as lines:
        (log,) = machine.logs()
        place = row["byte_offset"], row["byte_length"], row["line_sha256"]
        found = lines.find(log["log_file"], *place)
        assert found is not None
        assert b"".join(found).rstrip() == b"broken x"


@pytest.mark.parametrize("replaced", [1, 2])
def test_an_interrupted_change_is_finished_by_the_next(
    replaced: int, url: str, host: Host, tmp_path: Path
) -> None:
    class Interrupted(LogSegments):
        """The second segment is the last, replaced or not."""

        left = replaced

        def replace(self, segment: Segment, lines: bytes) -> None:
            if self.left:
                super().replace(segment, lines)
            self.left -= 1
            if self.left <= 0 and segment.offset:
                raise StorageError("Cut off.")

    bucket, machine = ObjectFiles(url), Machine(tmp_path / "machine", url)
    machine.ingest()
    etl = machine.etl()
    assert etl.logs.in_bucket is not None
    etl.logs.in_bucket.segments = Interrupted(bucket)
    with pytest.raises(StorageError, match="Cut off"):
        rewrite(etl)
    left = content_of(bucket, "webhook_logs").count(ADDRESS)
    assert left == {1: 3, 2: 1}[replaced]
    assert rewrite(machine.etl()).lines == left
    assert ADDRESS not in content_of(bucket, "webhook_logs")
    (row,) = machine.rows(REJECTED_LINES)
    with machine.etl().logs.line_finder() as lines:
        (log,) = machine.logs()
        place = row["byte_offset"], row["byte_length"], row["line_sha256"]
        assert lines.find(log["log_file"], *place) is not None
    assert machine.ingest().lines == 0


def test_what_follows_a_segment_that_was_removed_is_changed_too(
    url: str, host: Host, tmp_path: Path
) -> None:
    bucket, machine = ObjectFiles(url), Machine(tmp_path / "machine", url)
    bucket.remove(sorted(bucket.paths("webhook_logs"))[0])
    assert rewrite(machine.etl()).lines == 3
    bucket.remove(sorted(bucket.paths("webhook_logs"))[0])
    assert ADDRESS not in content_of(bucket, "webhook_logs")
    assert event(4) in content_of(bucket, "webhook_logs")


@contextmanager
def ended(host: Host) -> Iterator[None]:
    host.die()
    host.shipper.ship()
    yield
    assert not list(host.folder.iterdir())


def test_erasing_a_person_with_logs_leaves_nothing_in_the_bucket(
    s3: dict[str, str], url: str, host: Host, tmp_path: Path
) -> None:
    machine = Machine(tmp_path / "machine", url)
    with ended(host):
        machine.ingest()
        download(url, tmp_path / "before")
        assert found_in(tmp_path / "before", [ADDRESS.decode()]) != {}
        more = ("--person", ADDRESS.decode(), "--logs", "--yes")
        done = command("erase", *more, environ={**machine.environ, **s3})
        assert done.returncode == 0, done.stderr
        download(url, tmp_path / "all")
        assert found_in(tmp_path / "all", [ADDRESS.decode()]) == {}
        assert machine.ingest().lines == 0
        assert machine.numbers() == [1, 2, 3, 4, 5]
