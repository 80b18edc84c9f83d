"""The download host behind the temporary links of GET /recordings/{id} (T36), over real HTTP."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from meeting_etl.sandbox.faults.faults import Faults
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.model import World
from meeting_etl.times import Clock
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.sandbox.conftest import ANY_WINDOW, UNTIL, OpenWalker, Serve
from meeting_etl_tests.sandbox.small import (
    NOW,
    OWNER,
    RA,
    A,
    B,
    at,
    changed,
    recording,
    small_world,
    transcript,
    upload,
)

U = "e" * 32
SIZE = 1_000_000
# Of recordings made at 09:40 on Monday 2 March 2026.
MODIFIED = "Mon, 02 Mar 2026 09:40:00 GMT"


@pytest.fixture(scope="module")
def webex() -> Iterator[Sandbox]:
    """For tests that change nothing and count nothing."""
    with Sandbox(small_world(), ManualClock(NOW), ANY_WINDOW) as webex:
        yield webex


def links(open_walker: OpenWalker, webex: Sandbox, key: str = RA) -> dict[str, str]:
    found: dict[str, str] = open_walker(webex).item(f"/recordings/{key}")[
        "temporaryDirectDownloadLinks"
    ]
    return found


def video(open_walker: OpenWalker, webex: Sandbox) -> str:
    return links(open_walker, webex)["recordingDownloadLink"]


def get(url: str, **headers: str) -> requests.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return requests.get(url, headers=named, timeout=10)


def whole(webex: Sandbox, kind: Any = "video", key: str = RA) -> bytes:
    return b"".join(webex.media.content(key, kind))


def clock(webex: Sandbox) -> ManualClock:
    assert isinstance(webex.clock, ManualClock)
    return webex.clock


def with_recording(**changes: Any) -> World:
    return changed(
        small_world(), A, recordings=(recording(RA, at("2026-03-02T09:40:00"), **changes),)
    )


def test_links_lead_to_another_host_of_the_same_server(
    webex: Sandbox, open_walker: OpenWalker
) -> None:
    found = links(open_walker, webex)
    port = urlsplit(webex.base_url).port
    for name, path in (
        ("recordingDownloadLink", "/nbr/MultiThreadDownloadServlet"),
        ("audioDownloadLink", "/nbr/downloadMedia.do"),
        ("transcriptDownloadLink", "/nbr/downloadMedia.do"),
    ):
        parts = urlsplit(found[name])
        assert (parts.scheme, parts.netloc, parts.path) == ("http", f"localhost:{port}", path)
        assert "ticket=plantedsecret%2B" in parts.query


def test_the_video(webex: Sandbox, open_walker: OpenWalker) -> None:
    answer = get(video(open_walker, webex))
    assert answer.status_code == 200
    assert len(answer.content) == SIZE
    assert answer.content == whole(webex)
    assert hashlib.sha256(answer.content).hexdigest() == webex.media.sha256(RA, "video")
    assert answer.headers["Content-Length"] == "1000000"
    assert answer.headers["Content-Type"] == "video/mp4"
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["Last-Modified"] == MODIFIED
    assert 'filename="Topic a.mp4"' in answer.headers["Content-Disposition"]
    assert answer.headers["ETag"].startswith('"')


def test_the_audio_is_another_file(webex: Sandbox, open_walker: OpenWalker) -> None:
    answer = get(links(open_walker, webex)["audioDownloadLink"])
    assert answer.headers["Content-Type"] == "audio/mpeg"
    assert len(answer.content) == 62_500  # a sixteenth of the video
    assert answer.content == whole(webex, "audio")
    assert answer.headers["ETag"] != get(video(open_walker, webex)).headers["ETag"]


def test_the_transcript_is_that_of_the_meeting(webex: Sandbox, open_walker: OpenWalker) -> None:
    answer = get(links(open_walker, webex)["transcriptDownloadLink"])
    assert answer.headers["Content-Type"].startswith("text/vtt")
    one = webex.world.meetings[0].transcripts[0]
    assert (
        answer.content == open_walker(webex).get(f"/meetingTranscripts/{one.id}/download").content
    )


def test_contents_differ_and_are_the_same_in_every_run(webex: Sandbox) -> None:
    again = Sandbox(small_world(), ManualClock(NOW))
    assert whole(again) == whole(webex)
    assert whole(webex, key="b" * 32) != whole(webex)
    assert whole(webex, "audio") != whole(webex)[:62_500]


def test_any_part_of_the_content_can_be_had() -> None:
    webex = Sandbox(with_recording(size_bytes=700_001), ManualClock(NOW))
    content = whole(webex)
    assert len(content) == 700_001
    # Blocks have 262,144 bytes.
    for start, end in ((0, 1), (262_143, 262_145), (524_288, 700_001), (5, 600_000), (9, 9)):
        assert b"".join(webex.media.content(RA, "video", start, end)) == content[start:end]
    assert content[:262_144] != content[262_144:524_288]


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-", 0, SIZE),
        ("bytes=999999-", 999_999, SIZE),
        ("bytes=300000-", 300_000, SIZE),
        ("bytes=10-19", 10, 20),
        ("bytes=262000-262500", 262_000, 262_501),
        ("bytes=999990-5000000", 999_990, SIZE),
    ],
)
def test_a_part(webex: Sandbox, open_walker: OpenWalker, asked: str, start: int, end: int) -> None:
    answer = get(video(open_walker, webex), Range=asked)
    assert answer.status_code == 206
    assert answer.headers["Content-Range"] == f"bytes {start}-{end - 1}/{SIZE}"
    assert answer.headers["Content-Length"] == str(end - start)
    assert answer.content == whole(webex)[start:end]


@pytest.mark.parametrize("asked", ["bytes=1000000-", "bytes=1000000-1000005", "bytes=99999999999-"])
def test_nothing_is_beyond_the_end(webex: Sandbox, open_walker: OpenWalker, asked: str) -> None:
    answer = get(video(open_walker, webex), Range=asked)
    assert answer.status_code == 416
    assert answer.headers["Content-Range"] == "bytes */1000000"
    assert answer.content == b""


@pytest.mark.parametrize(
    "asked", ["bytes=-5", "bytes=20-10", "bytes=0-1,5-6", "lines=1-2", "bytes=a-", "10-20"]
)
def test_other_forms_of_range_are_ignored(
    webex: Sandbox, open_walker: OpenWalker, asked: str
) -> None:
    answer = get(video(open_walker, webex), Range=asked)
    assert answer.status_code == 200
    assert len(answer.content) == SIZE


def test_a_part_only_of_the_file_that_is_meant(webex: Sandbox, open_walker: OpenWalker) -> None:
    url = video(open_walker, webex)
    etag = get(url, Range="bytes=0-0").headers["ETag"]
    for same in (etag, MODIFIED):
        assert get(url, Range="bytes=7-", If_Range=same).status_code == 206
    for other in ('"other"', f"W/{etag}", "Mon, 02 Mar 2026 09:40:01 GMT"):
        answer = get(url, Range="bytes=7-", If_Range=other)
        assert answer.status_code == 200
        assert len(answer.content) == SIZE
    # What is meant is gone, so that its end does not matter any more.
    assert get(url, Range="bytes=1000000-", If_Range='"other"').status_code == 200


def test_a_ticket_is_good_for_three_hours(serve: Serve, open_walker: OpenWalker) -> None:
    webex = serve(small_world(), NOW)
    url = video(open_walker, webex)
    clock(webex).advance(hours=2, minutes=59, seconds=59)
    assert get(url).status_code == 200
    fresh = links(open_walker, webex)
    assert fresh["expiration"] == "2026-03-05T17:59:59Z"
    clock(webex).advance(seconds=1)
    answer = get(url, Range="bytes=5-")
    assert answer.status_code == 403
    assert answer.headers["Content-Type"].startswith("text/html")
    assert answer.text.startswith("<!DOCTYPE html>")
    assert get(fresh["recordingDownloadLink"]).status_code == 200


def test_the_life_of_a_ticket_is_a_knob(serve: Serve, open_walker: OpenWalker) -> None:
    webex = serve(small_world(), NOW, ticket_seconds=60)
    found = links(open_walker, webex)
    assert found["expiration"] == "2026-03-05T12:01:00Z"
    clock(webex).advance(seconds=60)
    assert get(found["recordingDownloadLink"]).status_code == 403


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


def test_what_was_made_up_is_refused(webex: Sandbox, open_walker: OpenWalker) -> None:
    url = video(open_walker, webex)
    millis = int(NOW.timestamp() * 1000)
    for forged in (
        url.replace("plantedsecret%2B", "plantedsecret%2B0"),
        url.replace("ticket=", "tocket="),
        url.replace(f"timestamp={millis}", f"timestamp={millis + 1}"),
        url.replace("recordid=22", "recordid=23"),
        url.replace("recordid=22", "recordid=x"),
    ):
        assert forged != url
        assert get(forged).status_code == 403, forged
    # The ticket of one recording does not open another.
    for key in ("0", "1", "2", "3"):
        other = url.replace("recordid=220000003", f"recordid=22000000{key}")
        assert get(other).status_code == (200 if other == url else 403)


def test_the_token_has_no_business_there(serve: Serve, open_walker: OpenWalker) -> None:
    webex = serve(small_world(), NOW)
    url = video(open_walker, webex)
    answer = get(url, Authorization=f"Bearer {webex.token('user')}")
    assert answer.status_code == 400
    assert answer.content != whole(webex)
    assert webex.counters.tokens_elsewhere == 1


def test_only_that_host_and_only_get(webex: Sandbox, open_walker: OpenWalker) -> None:
    url = video(open_walker, webex)
    assert get(url.replace("localhost", "127.0.0.1")).status_code == 404
    assert get(url.replace("MultiThreadDownloadServlet", "NoContent")).status_code == 404
    assert get(f"{url}&mediaType=1").status_code == 404
    for method in ("HEAD", "POST", "DELETE"):
        assert requests.request(method, url, timeout=10).status_code == 405


def test_files_that_do_not_exist(serve: Serve, open_walker: OpenWalker) -> None:
    silent = serve(changed(small_world(), A, transcripts=()), NOW)
    found = links(open_walker, silent)
    assert "transcriptDownloadLink" not in found
    assert get(found["audioDownloadLink"].replace("mediaType=1", "mediaType=2")).status_code == 404

    arf = serve(with_recording(format="ARF"), NOW)
    found = links(open_walker, arf)
    assert "audioDownloadLink" not in found
    answer = get(found["recordingDownloadLink"])
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert 'filename="Topic a.arf"' in answer.headers["Content-Disposition"]

    loose = replace(small_world(), uploads=(upload(U, OWNER, at("2026-03-04T08:00:00")),))
    uploaded = serve(loose, NOW)
    found = links(open_walker, uploaded, U)
    assert set(found) == {"recordingDownloadLink", "expiration"}
    assert get(found["recordingDownloadLink"]).content == whole(uploaded, key=U)


def test_in_a_lively_world_links_are_there_as_the_files_are(
    demo: Sandbox, open_walker: OpenWalker
) -> None:
    officer = open_walker(demo, "compliance")
    owners = {one.id: meeting for meeting in demo.world.meetings for one in meeting.recordings}
    found = officer.items("/recordings", from_="2026-02-01", to="2026-04-01", max=100)
    met = set()
    for item in found:
        names = set(officer.item(f"/recordings/{item['id']}")["temporaryDirectDownloadLinks"])
        owner = owners.get(item["id"])
        spoken = owner is not None and any(one.available_at <= UNTIL for one in owner.transcripts)
        assert ("audioDownloadLink" in names) == (item["format"] == "MP4")
        assert ("transcriptDownloadLink" in names) == spoken
        met.add((item["format"], spoken))
    assert met >= {("MP4", True), ("MP4", False), ("UPLOADED", False)}
    assert any(form == "ARF" for form, _ in met)


def test_the_transcript_is_linked_when_it_is_there(serve: Serve, open_walker: OpenWalker) -> None:
    started = at("2026-03-02T09:00:00")
    later = transcript("t" * 32, started, NOW + timedelta(seconds=1))
    webex = serve(changed(small_world(), A, transcripts=(later,)), NOW)
    assert "transcriptDownloadLink" not in links(open_walker, webex)
    clock(webex).advance(seconds=1)
    assert "transcriptDownloadLink" in links(open_walker, webex)


def test_a_purged_recording_is_gone_although_the_ticket_is_good(
    serve: Serve, open_walker: OpenWalker
) -> None:
    webex = serve(with_recording(purged_at=NOW + timedelta(hours=1)), NOW)
    url = video(open_walker, webex)
    clock(webex).advance(hours=1)
    assert get(url).status_code == 404


def test_names_of_files_are_what_people_wrote(serve: Serve, open_walker: OpenWalker) -> None:
    webex = serve(with_recording(topic='../Große "Runde" ☕'), NOW)
    told = get(video(open_walker, webex)).headers["Content-Disposition"]
    assert told == (
        'attachment; filename="../Gro_e _Runde_ _.mp4"; '
        "filename*=UTF-8''../Gro%C3%9Fe%20%22Runde%22%20%E2%98%95.mp4"
    )


def test_downloads_are_counted_apart_and_without_the_ticket(
    serve: Serve, open_walker: OpenWalker
) -> None:
    webex = serve(small_world(), NOW, requests_per_second=1, burst=1)
    url = video(open_walker, webex)
    for _ in range(3):
        get(url, Range="bytes=999000-")
    get(url)
    get(url, Range="bytes=1000000-")
    counters = webex.counters
    assert counters.total == 1
    assert [(one.range_start, one.status, one.bytes_sent) for one in counters.media_requests] == [
        *[(999_000, 206, 1000)] * 3,
        (None, 200, 1_000_000),
        (1_000_000, 416, 0),
    ]
    assert {one.recording_id for one in counters.media_requests} == {RA}
    assert {one.kind for one in counters.media_requests} == {"video"}
    assert {one.path for one in counters.media_requests} == {"/nbr/MultiThreadDownloadServlet"}
    assert "plantedsecret" not in repr(vars(counters))
    counters.reset()
    assert counters.media_requests == []


def test_the_size_of_all_files_is_a_knob(serve: Serve, open_walker: OpenWalker) -> None:
    webex = serve(small_world(), NOW, media_bytes=4321)
    walker = open_walker(webex)
    assert {item["sizeBytes"] for item in walker.items("/recordings")} == {4321}
    assert get(video(open_walker, webex)).content == whole(webex)
    assert len(whole(webex)) == 4321


def test_told_sizes_may_be_wrong_but_the_length_is_right(
    serve: Serve, open_walker: OpenWalker
) -> None:
    webex = serve(small_world(), NOW, wrong_sizes=1.0)
    item = open_walker(webex).item(f"/recordings/{RA}")
    listed = {one["id"]: one["sizeBytes"] for one in open_walker(webex).items("/recordings")}
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
    sent = [one.bytes_sent for one in webex.counters.media_requests]
    assert max(sent[:2]) < SIZE
    assert sent[0] != sent[1]
    assert sent[2] == SIZE
    assert webex.counters.injected["broken_media"] == 2


def test_a_stalled_download_says_nothing_more(serve: Serve, open_walker: OpenWalker) -> None:
    webex = serve(small_world(), NOW, stalled_media=1.0)
    url = video(open_walker, webex)
    with requests.get(url, stream=True, timeout=(1, 0.2)) as answer:
        assert answer.headers["Content-Length"] == "1000000"
        with pytest.raises(requests.exceptions.ConnectionError, match="timed out"):
            _ = answer.content
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
            video(open_walker, webex), headers=headers, stream=True, timeout=10
        ) as answer:
            assert answer.status_code == 206
            had += received(answer)
    assert had == content
    assert sum(one.bytes_sent for one in webex.counters.media_requests) == 20_000


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
    assert [one.status_code for one in answers] == [503, 503, 200]
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
    assert 0.25 < Clock().monotonic() - begun < 3


def test_a_client_that_leaves_is_not_sent_the_rest(serve: Serve, open_walker: OpenWalker) -> None:
    webex = serve(small_world(), NOW, media_bytes=50_000_000_000)
    with requests.get(video(open_walker, webex), stream=True, timeout=10) as answer:
        assert next(answer.iter_content(1000)) == next(webex.media.content(RA, "video"))[:1000]
    # Were the rest still made, this would have to wait for it.
    assert open_walker(webex).status("/recordings") == 200
    (seen,) = webex.counters.media_requests
    assert seen.bytes_sent < 100_000_000


def test_a_download_under_way_does_not_hinder_the_end(open_walker: OpenWalker) -> None:
    begun = Clock().monotonic()
    faults = Faults(media_bytes=10_000_000, slow_media=1000)
    with Sandbox(small_world(), ManualClock(NOW), faults) as webex:
        url = video(open_walker, webex)
        with requests.get(url, stream=True, timeout=10) as answer:
            assert answer.status_code == 200
            webex.__exit__(None, None, None)
    assert Clock().monotonic() - begun < 3


def test_who_may_have_links_is_not_changed(webex: Sandbox, open_walker: OpenWalker) -> None:
    admin = open_walker(webex, "admin")
    assert admin.status(f"/recordings/{'b' * 32}", hostEmail=OWNER.email) == 200
    found = open_walker(webex).items("/recordings", meetingId=B)
    assert all("temporaryDirectDownloadLinks" not in item for item in found)
