"""What a reader says of the lines of a log."""

import hashlib
from pathlib import Path

from meeting_etl.webhook_logs.logs import LogLine
from meeting_etl_tests.webhook_logs.folders import Follower

KIB = 1024


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def lines_of(folder: Path, content: bytes, *, limit: int = 1_000_000) -> list[LogLine]:
    (folder / "a.jsonl").write_bytes(content)
    return [line for _, line in Follower(folder, max_line_bytes=limit).catch_up()]
