"""Stems of logs, and what a scan says of them."""

import hashlib

from meeting_etl_tests.webhook_logs.folders import Follower


def stem(first_line: bytes) -> str:
    return hashlib.sha256(first_line).hexdigest()[:16]


A = stem(b"{a}")
B = stem(b"{b}")


def data_by_log(follower: Follower) -> list[tuple[str, bytes | None]]:
    return [(log_id, line.data) for log_id, line in follower.catch_up()]


def where(follower: Follower) -> dict[str, str]:
    return {log.log_id: log.log_file for log in follower.known.values()}
