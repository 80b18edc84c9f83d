"""A file of three megabytes, and hosts that send it whole, in parts or not at all."""

import hashlib
import random
from collections.abc import Callable

from meeting_etl.pipeline.resources.download import Download, DownloadContext, DownloadedFile
from meeting_etl_tests.webex.servers import Act, Handler, Reply, Seen, Server

CONTENT = random.Random(1).randbytes(3_000_000)
DIGEST = hashlib.sha256(CONTENT).hexdigest()
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
