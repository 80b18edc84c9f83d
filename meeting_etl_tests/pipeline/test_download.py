"""Downloads from hosts that behave in every way that HTTP allows, and in some others."""

import gzip
import hashlib
import random
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

import pytest

from meeting_etl.errors import BadResponse, Stopped, StorageError
from meeting_etl.files import Files
from meeting_etl.pipeline.resources.download import (
    ByteProgress,
    Download,
    DownloadContext,
    DownloadedFile,
)
from meeting_etl.times import Clock
from meeting_etl.webex.media import LinkRefused, MediaClient
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.webex.broken_responses import (
    broken_chunks,
    drip,
    hang_up,
    reset,
    trickle_head,
)
from meeting_etl_tests.webex.servers import Act, Handler, Reply, Seen, Server, in_turn, running

CONTENT = random.Random(1).randbytes(3_000_000)
DIGEST = hashlib.sha256(CONTENT).hexdigest()
# Bytes that may not be durable: the last MiB and the piece that was being written.
UNSURE = 1_048_576 + 262_144
TAG = {"ETag": '"one"'}


def whole(**headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(CONTENT, headers={"Content-Type": "video/mp4", **TAG, **named})


def rest(seen: Seen, content: bytes = CONTENT, **headers: str) -> Act:
    """The response of a good host to a request with or without a range."""
    requested = seen.headers.get("Range")
    if requested is None:
        return Reply(content, headers={**TAG, **headers})
    start = int(requested.removeprefix("bytes=").removesuffix("-"))
    sent = f"bytes {start}-{len(content) - 1}/{len(content)}"
    return Reply(content[start:], 206, {**TAG, "Content-Range": sent, **headers})


def cut(length: int, **headers: str) -> Callable[[Handler], None]:
    def act(handler: Handler) -> None:
        handler.start(200, {"Content-Length": str(len(CONTENT)), **TAG, **headers})
        handler.wfile.write(CONTENT[:length])

    return act


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
    return DownloadContext(Files(tmp_path), media, clock, 0, Event(), ByteProgress(lambda *_: None))


def downloaded(download_context: DownloadContext, server: Server, *links: str) -> DownloadedFile:
    """Download a file; further links are the renewed ones."""
    first, *more = links or (f"{server.url}/file?ticket=secret",)
    renewed = iter(more or [first] * 9)
    download = Download(download_context, "media", "one.video")
    file = download.run(first, lambda: next(renewed))
    download.finish("media/one.mp4")
    return file


def assert_whole(download_context: DownloadContext, file: DownloadedFile) -> None:
    assert (file.size_bytes, file.sha256) == (len(CONTENT), DIGEST)
    assert download_context.files.read_bytes("media/one.mp4") == CONTENT
    assert download_context.files.names("media") == ["one.mp4"]


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


def test_a_redirect_is_followed_without_a_token(download_context: DownloadContext) -> None:
    def answer(seen: Seen) -> Act:
        there = Reply(b"", 302, {"Location": "/elsewhere?x=1"})
        return rest(seen) if seen.path == "/elsewhere" else there

    with running(answer) as server:
        assert_whole(download_context, downloaded(download_context, server))


@pytest.mark.parametrize(
    "link",
    [
        "file:///etc/passwd",
        "ftp://127.0.0.1/x",
        "//127.0.0.1/x",
        "http://",
        "http://[::1",
        "nonsense",
        "http://127.0.0.1:99999/x",
        "http://\x00/",
    ],
)
def test_a_link_that_is_not_one(download_context: DownloadContext, link: str) -> None:
    with running(lambda _: whole()) as server, pytest.raises(BadResponse) as caught:
        downloaded(download_context, server, link)
    assert link not in str(caught.value)
    assert server.seen == []


@pytest.mark.parametrize("location", ["http://[", "file:///etc/passwd", "", "http:// /"])
def test_a_redirect_to_what_is_not_an_address(
    download_context: DownloadContext, location: str
) -> None:
    with (
        running(lambda _: Reply(b"", 302, {"Location": location})) as server,
        pytest.raises(BadResponse),
    ):
        downloaded(download_context, server)


def test_an_impossible_size_is_ignored(download_context: DownloadContext) -> None:
    def act(handler: Handler) -> None:
        handler.start(200, {"Content-Length": "9" * 5_000, **TAG})
        handler.wfile.write(CONTENT)

    with running(lambda _: act) as server:
        assert_whole(download_context, downloaded(download_context, server))


def test_a_link_is_not_logged_for_odd_headers(
    download_context: DownloadContext, caplog: pytest.LogCaptureFixture
) -> None:
    def act(handler: Handler) -> None:
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(CONTENT)}\r\nno header\r\nX: y\r\n\r\n"
        handler.wfile.write(head.encode() + CONTENT)

    with running(lambda _: act) as server:
        assert_whole(download_context, downloaded(download_context, server))
    assert "ticket=" not in caplog.text


def test_https_only_where_the_api_is(download_context: DownloadContext, tmp_path: Path) -> None:
    media = MediaClient("https://webexapis.example/v1", download_context.clock)
    safe = DownloadContext(
        download_context.files,
        media,
        download_context.clock,
        0,
        Event(),
        download_context.byte_progress,
    )
    with running(lambda _: whole()) as server, pytest.raises(LinkRefused):
        downloaded(safe, server)
    assert server.seen == []


@pytest.mark.parametrize("moved", [True, False])
def test_http_leads_to_this_machine_alone(download_context: DownloadContext, moved: bool) -> None:
    elsewhere = "http://media.example/file"
    redirect = Reply(b"", 302, {"Location": elsewhere})
    with (
        running(lambda _: redirect) as server,
        pytest.raises(LinkRefused, match="not an allowed https URL"),
    ):
        downloaded(download_context, server, f"{server.url}/file" if moved else elsewhere)
    assert len(server.seen) == (2 if moved else 0)


@pytest.mark.parametrize("status", [408, 425, 429, 503])
def test_a_long_retry_after_is_obeyed(download_context: DownloadContext, status: int) -> None:
    later = Reply(b"", status, {"Retry-After": "3600"})
    with running(lambda _: later) as server, pytest.raises(BadResponse, match="once") as caught:
        downloaded(download_context, server)
    assert caught.value.retry_at == datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
    assert len(server.seen) == 1


@pytest.mark.parametrize("status", [401, 403, 404, 410, 200])
def test_an_expired_link_is_renewed_once(download_context: DownloadContext, status: int) -> None:
    page = Reply(b"<html>Sign in</html>", status, {"Content-Type": "text/html; charset=utf-8"})
    with running(lambda seen: rest(seen) if seen.path == "/v1/new" else page) as server:
        assert_whole(
            download_context,
            downloaded(download_context, server, f"{server.url}/old", f"{server.url}/new"),
        )
    with running(lambda _: page) as server, pytest.raises(LinkRefused) as caught:
        downloaded(download_context, server)
    assert len(server.seen) == 2
    assert "ticket" not in str(caught.value)


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


def drip_after(length: int) -> Callable[[Handler], None]:
    def act(handler: Handler) -> None:
        cut(length)(handler)
        handler.wfile.flush()
        drip(handler, CONTENT[length:])

    return act


def test_a_host_that_drips_is_retried_and_received_bytes_stay(
    download_context: DownloadContext,
) -> None:
    clock = FastClock()
    slow = replace(download_context, clock=clock, media=MediaClient("http://127.0.0.1/v1", clock))
    acts = iter([drip_after(2_500_000)])
    with running(lambda seen: next(acts, None) or rest(seen)) as server:
        assert_whole(slow, downloaded(slow, server))
        first, second = server.seen
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


def leave_unfinished(download_context: DownloadContext, length: int) -> None:
    """As a kill leaves it: the file is cut, nobody goes on."""
    acts = in_turn(cut(length), Reply(b"", 404))
    with running(acts) as server, pytest.raises(LinkRefused):
        downloaded(download_context, server)


def test_another_process_resumes_at_bytes_that_are_durable(
    download_context: DownloadContext,
) -> None:
    leave_unfinished(download_context, 2_500_000)
    with running(rest) as server:
        assert_whole(download_context, downloaded(download_context, server))
        (seen,) = server.seen
    assert seen.headers["Range"] == f"bytes={2_500_000 - UNSURE}-"
    assert seen.headers["If-Range"] == '"one"'


@pytest.mark.parametrize("damage", [b"", b"{}", b"[1]", b"nonsense", b'{"version": 1}'])
def test_a_damaged_state_restarts_the_download(
    download_context: DownloadContext, damage: bytes
) -> None:
    leave_unfinished(download_context, 2_500_000)
    download_context.files.replace_bytes("media/.one.video.part.json", damage)
    with running(rest) as server:
        assert_whole(download_context, downloaded(download_context, server))
        assert server.seen[0].headers.get("Range") is None


@pytest.mark.parametrize(
    "answer",
    [
        lambda seen: whole(),  # If-Range does not match: all of the other file
        lambda seen: rest(seen) if seen.headers.get("Range") is None else Reply(b"", 416),
        lambda seen: (
            rest(seen)
            if seen.headers.get("Range") is None
            else Reply(b"x", 206, {"Content-Range": "bytes 1189280-1189280/1189281"})
        ),
        lambda seen: (
            rest(seen)
            if seen.headers.get("Range") is None
            else Reply(gzip.compress(CONTENT), 206, {"Content-Encoding": "gzip"})
        ),
        lambda seen: (
            rest(seen)
            if seen.headers.get("Range") is None
            else rest(seen, CONTENT[::-1], ETag='"two"')  # If-Range is not heeded
        ),
    ],
    ids=["whole", "416", "another size", "rest in another form", "another version"],
)
def test_a_part_that_does_not_fit_the_partial_file_restarts_the_download(
    download_context: DownloadContext, answer: Callable[[Seen], Act]
) -> None:
    leave_unfinished(download_context, 2_500_000)
    with running(answer) as server:
        assert_whole(download_context, downloaded(download_context, server))


def test_bytes_of_unknown_origin_never_become_part_of_the_file(
    download_context: DownloadContext,
) -> None:
    """An unfinished file without a note, then a new attempt that ends early."""
    leave_unfinished(download_context, 2_900_000)
    partial, note = "media/.one.video.part", "media/.one.video.part.json"
    download_context.files.path(partial).write_bytes(CONTENT[::-1][:2_900_000])
    download_context.files.remove(note)

    def act(handler: Handler) -> None:
        handler.start(200, {"Content-Length": str(len(CONTENT)), **TAG})
        handler.wfile.write(CONTENT[:100_000])
        handler.wfile.flush()
        while not download_context.files.path(partial).read_bytes().startswith(CONTENT[:1_000]):
            time.sleep(0.01)
        download_context.cancel.set()
        handler.wfile.write(CONTENT[100_000:])

    with running(lambda _: act) as server, pytest.raises(Stopped):
        downloaded(download_context, server)
    download_context.cancel.clear()
    with running(rest) as server:
        assert_whole(download_context, downloaded(download_context, server))


def test_a_later_part_need_not_repeat_the_version(download_context: DownloadContext) -> None:
    leave_unfinished(download_context, 2_500_000)

    def shorter(seen: Seen) -> Act:
        start = int(seen.headers["Range"].removeprefix("bytes=").removesuffix("-"))

        def act(handler: Handler) -> None:
            told = {"Content-Range": f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}"}
            handler.start(206, {"Content-Length": str(len(CONTENT) - start), **told})
            handler.wfile.write(CONTENT[start : start + 600_000])

        return act

    with running(shorter) as server:
        assert_whole(download_context, downloaded(download_context, server))
    assert {seen.headers["If-Range"] for seen in server.seen} == {TAG["ETag"]}


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


def test_a_full_disk_is_reported_and_the_download_resumes(
    download_context: DownloadContext,
) -> None:
    leave_unfinished(download_context, 2_500_000)
    full = DownloadContext(
        download_context.files,
        download_context.media,
        download_context.clock,
        10**18,
        Event(),
        download_context.byte_progress,
    )
    with running(rest) as server:
        with pytest.raises(StorageError, match="keep_free_bytes"):
            downloaded(full, server)
        assert_whole(download_context, downloaded(download_context, server))
        assert server.seen[-1].headers["Range"] == f"bytes={2_500_000 - UNSURE}-"


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
    download_context = DownloadContext(Files(tmp_path), media, clock, 0, Event(), byte_progress)
    acts = iter([cut(2_500_000)])
    with running(lambda seen: next(acts, None) or rest(seen)) as server:
        downloaded(download_context, server)
    assert said[-1] == ("downloads, MB", 3, 3)
    assert all(here <= 3 and expected <= 3 for _, here, expected in said)
