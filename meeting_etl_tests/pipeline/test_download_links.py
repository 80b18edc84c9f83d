"""Links and redirects: which are followed, renewed or refused."""

from datetime import UTC, datetime
from pathlib import Path
from threading import Event

import pytest

from meeting_etl.errors import BadResponse
from meeting_etl.files import Files
from meeting_etl.pipeline.resources.download import ByteProgress, DownloadContext
from meeting_etl.webex.media import LinkRefused, MediaClient
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.pipeline.media_hosts import CONTENT, assert_whole, downloaded, rest, whole
from meeting_etl_tests.webex.servers import Act, Handler, Reply, Seen, running


@pytest.fixture
def download_context(tmp_path: Path) -> DownloadContext:
    clock = ManualClock(datetime(2026, 3, 2, 9, 0, tzinfo=UTC))
    media = MediaClient("http://127.0.0.1/v1", clock)
    return DownloadContext(
        Files(tmp_path), Files(tmp_path), media, clock, 0, Event(), ByteProgress(lambda *_: None)
    )


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
        download_context.storage,
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
