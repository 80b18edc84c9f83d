"""Downloads from hosts that behave in every way that HTTP allows, and in some others."""

import gzip
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

import pytest

from meeting_etl.errors import BadResponse, Stopped
from meeting_etl.files import Files
from meeting_etl.pipeline.resources.download import ByteProgress, Download, DownloadContext
from meeting_etl.times import Clock
from meeting_etl.webex.media import LinkRefused, MediaClient
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.pipeline.media_hosts import (
    CONTENT,
    TAG,
    assert_whole,
    cut,
    downloaded,
    rest,
    whole,
)
from meeting_etl_tests.served_ui import wait_until
from meeting_etl_tests.webex.broken_responses import (
    broken_chunks,
    drip,
    hang_up,
    reset,
    trickle_head,
)
from meeting_etl_tests.webex.servers import Act, Handler, Reply, running


def chunked(handler: Handler) -> None:
    handler.start(200, {"Transfer-Encoding": "chunked", **TAG})
    for begin in range(0, len(CONTENT), 500_000):
        piece = CONTENT[begin : begin + 500_000]
        handler.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
    handler.wfile.write(b"0\r\n\r\n")


@pytest.fixture
def download_context(tmp_path: Path) -> DownloadContext:
    clock = ManualClock(datetime(2026, 3, 2, 9, 0, tzinfo=UTC))
    media = MediaClient("http://127.0.0.1/v1", clock)
    return DownloadContext(
        Files(tmp_path), Files(tmp_path), media, clock, 0, Event(), ByteProgress(lambda *_: None)
    )


@pytest.mark.parametrize(
    "fault",
    [
        Reply(b"busy", 503, {"Retry-After": "2"}),
        Reply(b"oops", 500),
        Reply(b"slowly", 429),
        reset,
        hang_up,
        broken_chunks,
        drip,
        cut(0),
        cut(100_000),
        cut(2_900_000),
        cut(2_900_000, ETag='W/"weak"'),
        Reply(CONTENT[5:], 206, {"Content-Range": f"bytes 5-{len(CONTENT) - 1}/{len(CONTENT)}"}),
        Reply(b"", 206, {"Content-Range": "nonsense"}),
        Reply(gzip.compress(CONTENT)[:-9], headers={"Content-Encoding": "gzip"}),
    ],
)
def test_a_transient_fault(download_context: DownloadContext, fault: Act) -> None:
    acts = iter([fault])
    with running(lambda seen: next(acts, None) or rest(seen)) as server:
        assert_whole(download_context, downloaded(download_context, server))
        assert len(server.seen) == 2


@pytest.mark.parametrize(
    "act",
    [
        whole(),
        chunked,
        Reply(gzip.compress(CONTENT), headers={"Content-Encoding": "gzip"}),
        Reply(
            gzip.compress(CONTENT[:999]) + gzip.compress(CONTENT[999:]),
            headers={"Content-Encoding": "gzip"},
        ),
        Reply(CONTENT, headers={"Content-Type": "text/plain"}),
    ],
    ids=["plain", "chunked", "gzip though it was not asked for", "gzip in members", "another type"],
)
def test_forms_of_a_response(download_context: DownloadContext, act: Act) -> None:
    with running(lambda _: act) as server:
        assert_whole(download_context, downloaded(download_context, server))
        (seen,) = server.seen
    assert seen.headers.get("Authorization") is None
    assert seen.headers.get("Accept-Encoding") == "identity"


def test_an_impossible_size_is_ignored(download_context: DownloadContext) -> None:
    def act(handler: Handler) -> None:
        handler.start(200, {"Content-Length": "9" * 5_000, **TAG})
        handler.wfile.write(CONTENT)

    with running(lambda _: act) as server:
        assert_whole(download_context, downloaded(download_context, server))


@pytest.mark.parametrize("status", [408, 425, 429, 503])
def test_a_long_retry_after_is_obeyed(download_context: DownloadContext, status: int) -> None:
    later = Reply(b"", status, {"Retry-After": "3600"})
    with running(lambda _: later) as server, pytest.raises(BadResponse, match="once") as caught:
        downloaded(download_context, server)
    assert caught.value.retry_at == datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
    assert len(server.seen) == 1


def test_a_host_that_always_cuts_connections_is_given_up(download_context: DownloadContext) -> None:
    with running(lambda _: cut(10)) as server, pytest.raises(BadResponse, match="5 times"):
        downloaded(download_context, server)
    assert len(server.seen) == 5


class FastClock(Clock):
    """A minute passes in a twentieth of a second."""

    def monotonic(self) -> float:
        return super().monotonic() * 1200

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds / 1200)


def drip_after(length: int, partial: Path, clock: ManualClock) -> Callable[[Handler], None]:
    """Once all but a bit of the first part is there, a byte comes every six seconds, 100 times."""

    def act(handler: Handler) -> None:
        cut(length)(handler)
        handler.wfile.flush()
        wait_until(lambda: partial.exists() and partial.stat().st_size > length - 100_000)
        with suppress(OSError):
            for byte in CONTENT[length : length + 100]:
                if handler.server.stopping.wait(0.03):
                    return
                clock.advance(seconds=6)
                handler.wfile.write(bytes([byte]))
                handler.wfile.flush()

    return act


def test_a_host_that_drips_is_retried_and_received_bytes_stay(
    download_context: DownloadContext,
) -> None:
    clock = download_context.clock
    assert isinstance(clock, ManualClock)
    began, partial = clock.now(), download_context.files.path("media/.one.video.part")
    acts = iter([drip_after(2_500_000, partial, clock)])
    with running(lambda seen: next(acts, None) or rest(seen)) as server:
        assert_whole(download_context, downloaded(download_context, server))
        first, second = server.seen
    assert clock.now() - began < timedelta(minutes=3)
    assert first.headers["Range"] is None
    assert int(second.headers["Range"].removeprefix("bytes=").removesuffix("-")) >= 2_500_000


def test_a_head_that_drips_is_given_up(download_context: DownloadContext) -> None:
    clock = FastClock()
    slow = replace(download_context, clock=clock, media=MediaClient("http://127.0.0.1/v1", clock))
    with (
        running(lambda _: trickle_head) as server,
        pytest.raises(BadResponse, match="too slow or endless"),
    ):
        downloaded(slow, server)
    assert len(server.seen) == 5


def unsized(handler: Handler) -> None:
    """A host that says no size, and ends early."""
    handler.start(200, {"Connection": "close"})
    handler.wfile.write(CONTENT[:1_000_000])


def test_less_than_the_listed_size_is_truncated_where_the_host_sends_no_size(
    download_context: DownloadContext,
) -> None:
    acts = iter([unsized])
    with running(lambda seen: next(acts, None) or rest(seen)) as server:
        download = Download(download_context, "media", "one.video")
        file = download.run(f"{server.url}/file", lambda: "", len(CONTENT))
        download.finish("media/one.mp4")
        assert_whole(download_context, file)
        assert len(server.seen) == 2


def test_a_message_is_not_a_file(download_context: DownloadContext) -> None:
    message = Reply({"message": "expired"}, headers={"Content-Type": "application/json"})
    with running(lambda _: message) as server, pytest.raises(LinkRefused):
        downloaded(download_context, server)


def test_a_file_too_large_for_the_disk_is_a_fault_of_its_own(
    download_context: DownloadContext,
) -> None:
    def act(handler: Handler) -> None:
        handler.start(200, {"Content-Length": str(10**17)})

    with running(lambda _: act) as server, pytest.raises(BadResponse, match="keep_free_bytes"):
        downloaded(download_context, server)


def test_it_stops_when_cancelled(download_context: DownloadContext) -> None:
    download_context.cancel.set()
    with running(rest) as server, pytest.raises(Stopped):
        downloaded(download_context, server)


def test_an_empty_file(download_context: DownloadContext) -> None:
    with running(lambda _: Reply(b"")) as server:
        file = downloaded(download_context, server)
    assert (file.size_bytes, download_context.files.read_bytes("media/one.mp4")) == (0, b"")


def test_progress_counts_received_and_expected_bytes(tmp_path: Path) -> None:
    said: list[tuple[str, int, int]] = []
    clock = ManualClock(datetime(2026, 3, 2, 9, 0, tzinfo=UTC))
    byte_progress = ByteProgress(lambda *told: said.append(told))
    media = MediaClient("http://127.0.0.1/v1", clock)
    download_context = DownloadContext(
        Files(tmp_path), Files(tmp_path), media, clock, 0, Event(), byte_progress
    )
    acts = iter([cut(2_500_000)])
    with running(lambda seen: next(acts, None) or rest(seen)) as server:
        downloaded(download_context, server)
    assert said[-1] == ("downloads, MB", 3, 3)
    assert all(here <= 3 and expected <= 3 for _, here, expected in said)
