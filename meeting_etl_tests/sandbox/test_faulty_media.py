"""Faults of file downloads."""

from collections.abc import Iterator

import pytest
import requests

from meeting_etl.sandbox.faults.faults import Faults
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.times import Clock
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.sandbox.conftest import ANY_WINDOW, OpenWalker, Serve
from meeting_etl_tests.sandbox.downloading import (
    SIZE,
    clock,
    get,
    meet_a_stall,
    video,
    whole,
)
from meeting_etl_tests.sandbox.small import (
    NOW,
    RA,
    small_world,
)


@pytest.fixture(scope="module")
def webex() -> Iterator[Sandbox]:
    """For tests that change nothing and count nothing."""
    with Sandbox(small_world(), ManualClock(NOW), ANY_WINDOW) as webex:
        yield webex


def test_a_void_ticket_may_lead_to_a_page_that_says_200(
    serve: Serve, open_walker: OpenWalker
) -> None:
    webex = serve(small_world(), NOW, ticket_seconds=60, media_html=True)
    url = video(open_walker, webex)
    assert get(url).headers["Content-Type"] == "video/mp4"
    clock(webex).advance(seconds=60)
    answer = get(url)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/html")
    assert webex.counters.injected["media_html"] == 1


def test_reported_sizes_may_be_wrong_but_the_length_is_right(
    serve: Serve, open_walker: OpenWalker
) -> None:
    webex = serve(small_world(), NOW, wrong_sizes=1.0)
    item = open_walker(webex).item(f"/recordings/{RA}")
    listed = {item["id"]: item["sizeBytes"] for item in open_walker(webex).items("/recordings")}
    assert item["sizeBytes"] == listed[RA] != SIZE
    answer = get(item["temporaryDirectDownloadLinks"]["recordingDownloadLink"])
    assert len(answer.content) == int(answer.headers["Content-Length"]) == SIZE


def test_a_broken_download_ends_too_early_twice_and_then_well(
    serve: Serve, open_walker: OpenWalker
) -> None:
    webex = serve(small_world(), NOW, broken_media=1.0)
    url = video(open_walker, webex)
    for _ in range(2):
        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            get(url)
    assert get(url).content == whole(webex)
    sent = [request.bytes_sent for request in webex.counters.media_requests]
    assert max(sent[:2]) < SIZE
    assert sent[0] != sent[1]
    assert sent[2] == SIZE
    assert webex.counters.injected["broken_media"] == 2


def test_a_stalled_download_says_nothing_more(serve: Serve, open_walker: OpenWalker) -> None:
    webex = serve(small_world(), NOW, stalled_media=1.0)
    url = video(open_walker, webex)
    assert meet_a_stall(url).headers["Content-Length"] == "1000000"
    assert webex.counters.injected["stalled_media"] == 1
    assert webex.counters.media_requests[0].bytes_sent < SIZE
    # Who does not lose patience is let go in the end.
    short = serve(small_world(), NOW, stalled_media=1.0, stall_seconds=0.1)
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        get(video(open_walker, short))


def test_what_came_of_a_broken_download_is_sound(serve: Serve, open_walker: OpenWalker) -> None:
    webex = serve(small_world(), NOW, broken_media=1.0, media_bytes=20_000)
    content = whole(webex)
    had = b""
    for _ in range(3):
        headers = {"Range": f"bytes={len(had)}-"}
        with requests.get(
            video(open_walker, webex), headers=headers, stream=True, timeout=60
        ) as answer:
            assert answer.status_code == 206
            had += received(answer)
    assert had == content
    assert sum(request.bytes_sent for request in webex.counters.media_requests) == 20_000


def received(answer: requests.Response) -> bytes:
    """What came before the connection ended, one way or the other."""
    had = b""
    try:
        for piece in answer.iter_content(1):
            had += piece
    except requests.exceptions.ChunkedEncodingError:
        pass
    return had


def test_a_busy_download_host_says_when(serve: Serve, open_walker: OpenWalker) -> None:
    webex = serve(small_world(), NOW, refused_media=1.0)
    url = video(open_walker, webex)
    answers = [get(url) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [503, 503, 200]
    assert answers[0].headers["Retry-After"] == "1"
    assert answers[0].headers["Content-Type"].startswith("text/html")


def test_ranges_may_be_ignored(serve: Serve, open_walker: OpenWalker) -> None:
    webex = serve(small_world(), NOW, no_range=1.0)
    answer = get(video(open_walker, webex), Range="bytes=5-")
    assert answer.status_code == 200
    assert answer.content == whole(webex)
    assert not {"Accept-Ranges", "Content-Range"} & set(answer.headers)
    assert webex.counters.injected["no_range"] == 1


def test_a_file_may_be_another_with_every_link(serve: Serve, open_walker: OpenWalker) -> None:
    webex = serve(small_world(), NOW, changed_media=True)
    url = video(open_walker, webex)
    first, again = get(url), get(url)
    assert (first.content, first.headers["ETag"]) == (again.content, again.headers["ETag"])
    clock(webex).advance(seconds=1)
    other = get(video(open_walker, webex))
    assert len(other.content) == SIZE
    assert other.content[500:] != first.content[500:]
    assert other.headers["ETag"] != first.headers["ETag"]
    assert other.headers["Last-Modified"] != first.headers["Last-Modified"]


def test_a_slow_download_takes_its_time(serve: Serve, open_walker: OpenWalker) -> None:
    webex = serve(small_world(), NOW, media_bytes=30_000, slow_media=100_000)
    url = video(open_walker, webex)
    begun = Clock().monotonic()
    assert get(url).content == whole(webex)
    assert Clock().monotonic() - begun > 0.25


def test_a_client_that_leaves_is_not_sent_the_rest(serve: Serve, open_walker: OpenWalker) -> None:
    webex = serve(small_world(), NOW, media_bytes=50_000_000_000)
    with requests.get(video(open_walker, webex), stream=True, timeout=60) as answer:
        assert next(answer.iter_content(1000)) == next(webex.media.content(RA, "video"))[:1000]
    # Were the rest still made, this would have to wait for it.
    assert open_walker(webex).status("/recordings") == 200
    (seen,) = webex.counters.media_requests
    assert seen.bytes_sent < 1_000_000_000  # what a kernel holds of a connection, and more


def test_a_download_under_way_does_not_hinder_the_end(open_walker: OpenWalker) -> None:
    begun = Clock().monotonic()
    faults = Faults(media_bytes=10_000_000, slow_media=1000)  # for hours
    with Sandbox(small_world(), ManualClock(NOW), faults) as webex:
        url = video(open_walker, webex)
        with requests.get(url, stream=True, timeout=60) as answer:
            assert answer.status_code == 200
            webex.__exit__(None, None, None)
    assert Clock().monotonic() - begun < 60
