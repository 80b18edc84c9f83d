"""What real receivers acknowledged is in the bucket, whatever happens to them and to it."""

import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from meeting_etl.object_storage.object_files import ObjectFiles
from meeting_etl_tests.cluster.s3_server import url_of
from meeting_etl_tests.cluster.shipping import Machine, content_of, segments_of
from meeting_etl_tests.ports import free_port
from meeting_etl_tests.promises.senders import Senders, event, port_of, wait_for
from meeting_etl_tests.receiver.served import SECRET, Served, receiving

pytestmark = pytest.mark.cluster


@pytest.fixture
def url(s3: dict[str, str], tmp_path: Path) -> str:
    return url_of(tmp_path)


def until(done: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@contextmanager
def receiver(
    folder: Path, url: str, s3: dict[str, str], name: str = "east"
) -> Iterator[tuple["subprocess.Popen[str]", int]]:
    more = {"MEETING_ETL_WORK_DIR": str(folder), "WEBEX_WEBHOOK_SECRET": SECRET, **s3}
    with receiving(Path("/"), "--name", name, MEETING_ETL_DATA_DIR=url, **more) as (process, said):
        assert "received" in said
        yield process, port_of(said)


def post(port: int, *numbers: int) -> None:
    served = Served(port, Path(), None)  # type: ignore[arg-type]
    for number in numbers:
        assert served.post(event(number)).status == 200


def figure(port: int, name: str) -> float:
    return Served(port, Path(), None).figure(name)  # type: ignore[arg-type]


def on_disk(folder: Path) -> list[Path]:
    return list((folder / "received").iterdir())


def test_hosts_ship_while_they_run_and_all_when_they_stop(
    s3: dict[str, str], url: str, tmp_path: Path
) -> None:
    # One of the hosts is the machine that ingests.
    machine, bucket = Machine(tmp_path / "1", url), ObjectFiles(url)
    with (
        receiver(tmp_path / "1", url, s3) as (east, east_port),
        receiver(tmp_path / "2", url, s3, "west") as (west, west_port),
    ):
        post(east_port, 1, 2)
        post(west_port, 3)
        until(lambda: content_of(bucket, "webhook_logs").count(b"\n") == 3)
        assert machine.ingest().events == 3
        post(east_port, 4)
        post(west_port, 5)
        for process in (east, west):
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
    assert on_disk(tmp_path / "1") == on_disk(tmp_path / "2") == []
    assert {name.partition("/")[0] for name in segments_of(bucket)} == {"east", "west"}
    assert machine.ingest().events == 2
    assert machine.numbers() == [1, 2, 3, 4, 5]
    assert machine.ingest().lines == 0


def test_killed_between_fsync_and_shipping_everything_arrives_once(
    s3: dict[str, str], url: str, tmp_path: Path
) -> None:
    acknowledged = set[int]()
    for kill in range(2):
        with receiver(tmp_path / "host", url, s3) as (process, port):
            senders = Senders(port, 4, 1_000_000 * (kill + 1))
            with senders.at_work():
                wait_for(senders, 50)
                time.sleep(6 * kill)  # the second is killed after it shipped a part
                process.send_signal(signal.SIGKILL)
                process.wait(60)
            acknowledged |= senders.acknowledged
        assert on_disk(tmp_path / "host")
    with receiver(tmp_path / "host", url, s3) as (process, port):
        assert figure(port, "healthy") == 1  # before, a signal would interrupt its start
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    assert on_disk(tmp_path / "host") == []
    machine = Machine(tmp_path / "machine", url)
    report = machine.ingest()
    assert report.problems == []
    numbers = machine.numbers()
    assert len(numbers) == len(set(numbers))
    assert acknowledged <= set(numbers)


def test_while_the_bucket_is_down_events_are_acknowledged_and_shipped_later(
    s3: dict[str, str], url: str, tmp_path: Path
) -> None:
    port_of_s3, endpoint = s3["AWS_ENDPOINT_URL"].rpartition(":")[2], free_port()
    through = {**s3, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{endpoint}"}
    with receiver(tmp_path / "host", url, through) as (process, port):
        post(port, *range(5))
        until(lambda: figure(port, "unshipped_seconds") > 8)
        assert figure(port, "unshipped_bytes") > 0
        post(port, *range(5, 10))
        assert segments_of(ObjectFiles(url)) == []
        relay = [sys.executable, "-m", "meeting_etl_tests.cluster.relay", str(endpoint), port_of_s3]
        with subprocess.Popen(relay, stdout=subprocess.PIPE) as way:
            try:
                until(lambda: figure(port, "unshipped_bytes") == 0)
                assert figure(port, "unshipped_seconds") < 8
                process.send_signal(signal.SIGTERM)
                assert process.stderr is not None
                said = process.stderr.read()
                assert process.wait(60) == 0
            finally:
                way.kill()
    assert len(re.findall("not shipped until this is fixed: Cannot ", said)) == 1, said
    assert said.count("All events are shipped again.") == 1
    assert SECRET not in said
    machine = Machine(tmp_path / "machine", url)
    assert machine.ingest().events == 10
    assert machine.numbers() == list(range(10))


def test_a_receiver_stops_soon_without_the_bucket_and_keeps_its_events(
    s3: dict[str, str], url: str, tmp_path: Path
) -> None:
    nowhere = {**s3, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{free_port()}"}
    with receiver(tmp_path / "host", url, nowhere) as (process, port):
        post(port, 1)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0  # trying to ship would go on for minutes
    # There are two logs if a new hour has begun since it started.
    assert sum(log.read_bytes().count(b"\n") for log in on_disk(tmp_path / "host")) == 1


def test_a_name_that_is_no_folder_is_refused(s3: dict[str, str], url: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "meeting_etl.cli.main", "receive", "--insecure", "--name", "a/b"],
        env={"MEETING_ETL_DATA_DIR": url, "MEETING_ETL_WORK_DIR": str(tmp_path), **s3},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "The receiver's name is 'a/b'" in done.stderr
