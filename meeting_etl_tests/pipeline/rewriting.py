"""Logs of every kind with the traces of one person, and a change that blanks them."""

import gzip
from pathlib import Path
from typing import Any

from meeting_etl.pipeline.ingest.ingest import logs_to_ingest
from meeting_etl.pipeline.ingest.log_rewriting import rewrite_logs
from meeting_etl.pipeline.ingest.logs_rewritten import LogsRewritten
from meeting_etl.schemas import INGESTED_LOGS, REJECTED_LINES, WEBHOOK_EVENTS
from meeting_etl_tests.pipeline.box import Box, line, payload, received

ADDRESS = b"ann@sales.example"
NUL = bytes(8)


def event(number: int, person: bytes = ADDRESS) -> bytes:
    return line(
        received("2026-03-02T11:00:00Z", payload(number, hostEmail=person.decode(), title="Ünit"))
    )


def blank(data: bytes) -> bytes | None:
    return data.replace(ADDRESS, b"x") if ADDRESS in data else None


def write_logs(folder: Path, start: int = 0) -> None:
    """Six logs; in each the first line has the address, and none begins like another."""
    events = [event(start + number) for number in range(9)]
    other = event(start + 9, b"bob@sales.example")
    broken = b"broken %d " % start + ADDRESS + b"\n"
    contents = {
        "plain.jsonl": events[0] + other + b"\n" + broken + events[1],
        "bom.jsonl": b"\xef\xbb\xbf" + events[2].replace(b"\n", b"\r\n") + events[3],
        "nul.jsonl": NUL + events[4] + b"torn " + ADDRESS + NUL + events[5],
        "old/broken.jsonl": broken + events[6],
        "late.jsonl": events[7],
    }
    for name, content in contents.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)
    members = (events[8] + other[:20], other[20:] + broken, events[0])
    (folder / "old/members.jsonl.gz").write_bytes(b"".join(map(gzip.compress, members)))


def rewrite(box: Box, *, dry_run: bool = False) -> LogsRewritten:
    etl = box.etl()
    return rewrite_logs(etl.logs, etl.lake, etl.clock, blank, dry_run=dry_run)


def text_of(folder: Path) -> bytes:
    """The uncompressed content of all logs."""
    logs = [path for path in sorted(folder.rglob("[!.]*")) if path.is_file()]
    contents = [path.read_bytes() for path in logs]
    return b"".join(gzip.decompress(c) if c[:2] == b"\x1f\x8b" else c for c in contents)


def all_rows(box: Box) -> dict[str, list[dict[str, Any]]]:
    """All rows of the three tables but the bodies and what is of the run."""
    logs = [
        {name: value for name, value in row.items() if name not in ("mtime", "size", "updated_at")}
        for row in box.progress().values()
    ]
    events = [row | {"body": None} for row in box.rows(WEBHOOK_EVENTS)]
    return {
        WEBHOOK_EVENTS.name: events,
        REJECTED_LINES.name: box.rows(REJECTED_LINES),
        INGESTED_LOGS.name: sorted(logs, key=lambda row: str(row["log_file"])),
    }


def in_a_new_lake(box: Box, folder: Path) -> dict[str, list[dict[str, Any]]]:
    """The rows that a new lake has of the same logs."""
    folder.mkdir()
    new = Box(folder)
    new.logs.rmdir()
    new.logs.symlink_to(box.logs)
    new.ingest()
    return all_rows(new)


def assert_sound(box: Box, before: dict[str, list[dict[str, object]]]) -> None:
    """Nothing is read again, and a new lake has the same rows."""
    etl = box.etl()
    assert logs_to_ingest(etl.logs, etl.lake, whole=True) == []
    assert box.ingest().lines == 0
    rows = all_rows(box)
    of_lines = ("digests", "line_sha256")
    for name in rows:
        assert [{k: v for k, v in row.items() if k not in of_lines} for row in rows[name]] == [
            {k: v for k, v in row.items() if k not in of_lines} for row in before[name]
        ]
    assert in_a_new_lake(box, box.folder / "new") == rows
