"""Lines of the logs in a bucket changed, a segment at a time.

Belongs here: which segments change, and in which order. Does not: logs that are files
(log_rewriting.py), what the tables say about logs (log_rows.py), what a line becomes (the caller).

A segment is replaced as a whole. What follows from its lines comes into the tables before: after a
kill in between, a repetition finds the line as it was, and it becomes the same again. Digests of
logs and ids do not change, as such a log is known by its name.
"""

import hashlib
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import groupby

from meeting_etl.object_storage.log_segments import LogSegments, Segment, id_of
from meeting_etl.pipeline.ingest.log_rows import LogRows
from meeting_etl.pipeline.ingest.logs_rewritten import LogsRewritten
from meeting_etl.webhook_logs.line_changes import Change, ChangedLine, LineChanges, overlaid
from meeting_etl.webhook_logs.logs import KnownLog, Logs, LogToRead
from meeting_etl.webhook_logs.segmented_logs import SegmentedLogs


def rewrite_segments(
    logs: Logs,
    in_bucket: SegmentedLogs,
    rows: LogRows,
    change: Change,
    done: LogsRewritten,
    *,
    dry_run: bool,
) -> None:
    """Change lines of all logs in the bucket, and add to `done`. The lock of ingest must be held.

    Raises StorageError when the bucket or the lake cannot be written.
    """
    for log in in_bucket.segments.logs()[0]:
        segments = in_bucket.segments.of(log)
        count = done.lines
        for start in _starts(segments):
            known = KnownLog(id_of(log), log, start, 0, 0, 0, None, None)
            with logs.read(LogToRead(known.log_id, log, known, None, moved=False)) as reader:
                changes = LineChanges(partial(logs.open, log), reader, change)
                for segment, lines in _by_segment(segments, changes):
                    if not dry_run:
                        rows.update_rejected(known.log_id, _digests(lines))
                        _replace(in_bucket.segments, segment, lines)
            done.lines += changes.count
            done.lines_left["too_long"] += changes.too_long
            if reader.problem:
                done.problems.append(reader.problem)
        done.logs += done.lines > count


def _starts(segments: Sequence[Segment]) -> Iterator[int]:
    """Where the log begins, and where it goes on after a segment that was removed."""
    end = -1
    for segment in segments:
        if segment.offset != end:
            yield segment.offset
        end = segment.end


def _by_segment(
    segments: Sequence[Segment], changes: LineChanges
) -> Iterator[tuple[Segment, list[ChangedLine]]]:
    """The changed lines of each segment; no line is in two of them."""
    offsets = [segment.offset for segment in segments]
    for at, lines in groupby(changes, lambda line: bisect_right(offsets, line.offset) - 1):
        yield segments[at], list(lines)


def _digests(lines: Sequence[ChangedLine]) -> dict[int, str]:
    return {line.offset: hashlib.sha256(line.data).hexdigest() for line in lines}


def _replace(segments: LogSegments, segment: Segment, lines: Sequence[ChangedLine]) -> None:
    content = segments.read(segment)
    segments.replace(segment, b"".join(overlaid([content], iter(lines), segment.offset)))
