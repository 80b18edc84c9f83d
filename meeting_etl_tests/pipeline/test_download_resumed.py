"""A download that was interrupted goes on, or begins anew where the file may be another."""

import gzip
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

import pytest

from meeting_etl.errors import Stopped, StorageError
from meeting_etl.files import Files
from meeting_etl.pipeline.resources.download import ByteProgress, DownloadContext
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
from meeting_etl_tests.webex.servers import Act, Handler, Reply, Seen, in_turn, running

# Bytes that may not be durable: the last MiB and the piece that was being written.
UNSURE = 1_048_576 + 262_144


@pytest.fixture
def download_context(tmp_path: Path) -> DownloadContext:
    clock = ManualClock(datetime(2026, 3, 2, 9, 0, tzinfo=UTC))
    media = MediaClient("http://127.0.0.1/v1", clock)
    return DownloadContext(
        Files(tmp_path), Files(tmp_path), media, clock, 0, Event(), ByteProgress(lambda *_: None)
    )


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


def test_a_full_disk_is_reported_and_the_download_resumes(
    download_context: DownloadContext,
) -> None:
    leave_unfinished(download_context, 2_500_000)
    full = DownloadContext(
        download_context.files,
        download_context.storage,
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
