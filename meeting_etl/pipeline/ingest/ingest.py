"""ingest(): new bytes of the webhook logs → webhook_events, rejected_lines, ingested_logs.

Belongs here: which logs are read, line by line. Does not: rows and the order of commits (batch.py),
finding and reading logs (webhook_logs/logs.py), parsing a line (webhook_logs/events.py), folding
meetings (pipeline/meetings/fold.py).
"""

from collections.abc import Callable
from typing import cast

from meeting_etl.lake.lake import Lake
from meeting_etl.lake.meeting_index import MeetingIndex
from meeting_etl.lake.writers_locks import INDEX_LOCK, INGEST_LOCK
from meeting_etl.pipeline.deletions.erasure_rows import restore_erasures
from meeting_etl.pipeline.ingest.batch import Batch, IngestReport, LogProgress
from meeting_etl.pipeline.ingest.future_ends import retry_future_ends
from meeting_etl.pipeline.ingest.log_problems import log_problems
from meeting_etl.pipeline.ingest.log_rewriting import finish_rewriting
from meeting_etl.pipeline.ledger.ledger import Ledger
from meeting_etl.schemas import INGESTED_LOGS
from meeting_etl.times import Clock
from meeting_etl.webhook_logs.events import Event, Rejected, RejectionReason, read_event
from meeting_etl.webhook_logs.known_logs import QUICK_COLUMNS, KnownLogs
from meeting_etl.webhook_logs.logs import LogLine, Logs, LogToRead

_TOO_LONG = Rejected(RejectionReason.TOO_LONG, "The line exceeds the maximum length.", None)
_NUL_BYTES = Rejected(
    RejectionReason.NUL_BYTES,
    "NUL bytes that a crash or a truncation left; the text before and after them is read.",
    None,
)
_ACCEPTED_LATER = (
    "Lines rejected while their meeting's end was ahead of this machine's clock, now accepted as "
    "events: {:,}."
)


def ingest(
    logs: Logs,
    lake: Lake,
    ledger: Ledger,
    clock: Clock,
    *,
    progress: Callable[[str, int, int], None] = lambda *_: None,
) -> IngestReport:
    """Read the new lines of all logs; of an unchanged log only size and mtime are read.

    `progress` is called with the log's path, the number of logs done and the number to do. Raises
    StorageError when the lake cannot be written; what was committed before is not read again.
    """
    restore_erasures(lake)
    with lake.lock(INGEST_LOCK):
        index = MeetingIndex(lake)
        with lake.state.lock(INDEX_LOCK):
            index.rebuild_if_incomplete()
        unsound = finish_rewriting(logs, lake, clock)
        known_logs = KnownLogs(lake.read(INGESTED_LOGS))
        logs_to_read = logs.scan(known_logs)
        batch = Batch(lake, ledger, index, clock, known_logs, logs_to_read)
        with batch.rows:
            if known_logs.is_empty():
                batch.rows.remove_all_rows()
            for number, log_to_read in enumerate(logs_to_read):
                progress(log_to_read.log_file, number, len(logs_to_read))
                _read(logs, log_to_read, batch, clock)
            batch.commit()
        report = batch.report
        if accepted := retry_future_ends(logs, lake, clock.now(), batch.announce):
            report.events += accepted
            report.notices.append(_ACCEPTED_LATER.format(accepted))
        report.problems.extend([*unsound, *log_problems(logs, lake)])
        return report


def logs_to_ingest(logs: Logs, lake: Lake, *, whole: bool = False) -> list[str]:
    """Paths of the logs that ingest would read now.

    Lists the names of all files and checks the newest; reads more only if these have changed. Lines
    that were added to a log finished long ago are found only with `whole`, which checks every file.
    """
    if not whole:
        known_logs = KnownLogs(lake.read(INGESTED_LOGS, columns=QUICK_COLUMNS))
        if not logs.may_have_new_lines(known_logs):
            return []
    logs_to_read = logs.scan(KnownLogs(lake.read(INGESTED_LOGS)))
    return [log_to_read.log_file for log_to_read in logs_to_read]


def _read(logs: Logs, log_to_read: LogToRead, batch: Batch, clock: Clock) -> None:
    """Add the new lines of one log to the batch, committing when it is time."""
    if log_to_read.notice:
        batch.report.notices.append(log_to_read.notice)
    now = clock.now()
    with logs.read(log_to_read) as reader:
        log = LogProgress(batch, log_to_read, reader)
        for line in reader:
            parsed = _unread(line) if line.data is None else read_event(line.data, now=now)
            if type(parsed) is Event:
                log.accept(line, parsed)
            else:
                log.reject(line, cast(Rejected, parsed))
            if batch.is_due():
                batch.commit(unfinished=log)
        batch.finish(log)


def _unread(line: LogLine) -> Rejected:
    return _NUL_BYTES if line.is_nul_run else _TOO_LONG
