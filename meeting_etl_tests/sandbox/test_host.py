"""The download host behind the temporary links of GET /recordings/{id} (T36), over real HTTP."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlsplit

import pytest

from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.sandbox.conftest import ANY_WINDOW, UNTIL, OpenWalker, Serve
from meeting_etl_tests.sandbox.downloading import (
    MODIFIED,
    SIZE,
    U,
    clock,
    get,
    links,
    video,
    whole,
    with_recording,
)
from meeting_etl_tests.sandbox.small import (
    NOW,
    OWNER,
    RA,
    A,
    B,
    at,
    changed,
    small_world,
    transcript,
    upload,
)


@pytest.fixture(scope="module")
def webex() -> Iterator[Sandbox]:
    """For tests that change nothing and count nothing."""
    with Sandbox(small_world(), ManualClock(NOW), ANY_WINDOW) as webex:
        yield webex


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
    owners = {
        recording.id: meeting for meeting in demo.world.meetings for recording in meeting.recordings
    }
    found = officer.items("/recordings", from_="2026-02-01", to="2026-04-01", max=100)
    met = set()
    for item in found:
        names = set(officer.item(f"/recordings/{item['id']}")["temporaryDirectDownloadLinks"])
        owner = owners.get(item["id"])
        spoken = owner is not None and any(
            transcript.available_at <= UNTIL for transcript in owner.transcripts
        )
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
    assert [
        (request.range_start, request.status, request.bytes_sent)
        for request in counters.media_requests
    ] == [
        *[(999_000, 206, 1000)] * 3,
        (None, 200, 1_000_000),
        (1_000_000, 416, 0),
    ]
    assert {request.recording_id for request in counters.media_requests} == {RA}
    assert {request.kind for request in counters.media_requests} == {"video"}
    assert {request.path for request in counters.media_requests} == {
        "/nbr/MultiThreadDownloadServlet"
    }
    assert "plantedsecret" not in repr(vars(counters))
    counters.reset()
    assert counters.media_requests == []


def test_the_size_of_all_files_is_an_option(serve: Serve, open_walker: OpenWalker) -> None:
    webex = serve(small_world(), NOW, media_bytes=4321)
    walker = open_walker(webex)
    assert {item["sizeBytes"] for item in walker.items("/recordings")} == {4321}
    assert get(video(open_walker, webex)).content == whole(webex)
    assert len(whole(webex)) == 4321


def test_who_may_have_links_is_not_changed(webex: Sandbox, open_walker: OpenWalker) -> None:
    admin = open_walker(webex, "admin")
    assert admin.status(f"/recordings/{'b' * 32}", hostEmail=OWNER.email) == 200
    found = open_walker(webex).items("/recordings", meetingId=B)
    assert all("temporaryDirectDownloadLinks" not in item for item in found)
