"""erase(): removes a person or a meeting from everything that is stored, and remembers a hash.

Belongs here: the order, which survives a kill, and the report. Does not: what is known of a person
(traces.py), rows (partition.py), lines of logs (log_lines.py).

The erasure is stored first: from then on no writer brings anything back. Then the logs, the files,
and the rows, day by day under the locks of their writers; then the rest. The hashes of names are
found with the rows, so these come after the logs. After a kill, the same command goes on.
"""

import uuid
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from datetime import date

from meeting_etl.errors import MeetingEtlError
from meeting_etl.files import Files
from meeting_etl.lake.host_domains import forget_host_domains
from meeting_etl.lake.lake import Lake
from meeting_etl.lake.leftovers import sweep_leftovers
from meeting_etl.lake.metrics import refresh_metrics
from meeting_etl.lake.partitions import partition_values
from meeting_etl.lake.tables import Partition
from meeting_etl.lake.writers_locks import lock_of_table, writers_lock
from meeting_etl.pipeline.deletions.erased_files import (
    erased_meetings,
    files_of_erased,
    remove_erased_files,
)
from meeting_etl.pipeline.deletions.erasure_rows import write_erasures
from meeting_etl.pipeline.erase.log_lines import ErasedLines, ErasedMeetingLines
from meeting_etl.pipeline.erase.partition import RowCounts, count_erased, recount_snippets
from meeting_etl.pipeline.erase.report import ErasureReport, Wanted
from meeting_etl.pipeline.erase.traces import (
    Progress,
    erasure_of,
    searched_names,
    traces_of,
    with_ids_of_guests,
)
from meeting_etl.pipeline.ingest.log_rewriting import rewrite_logs
from meeting_etl.pipeline.ingest.logs_rewritten import LogsRewritten
from meeting_etl.pipeline.ledger.ledger import Ledger
from meeting_etl.pipeline.paths import files_folder
from meeting_etl.pipeline.reconcile.recordings_without_meeting import forget_recordings
from meeting_etl.pipeline.resources.partial_files import remove_abandoned
from meeting_etl.privacy.erasures import Erasure, Erasures, Subject, store_erasure
from meeting_etl.schemas import (
    ERASURES,
    MEETING_INDEX,
    RECORDING_FILES,
    TABLES,
    TRANSCRIPT_FILES,
    Table,
)
from meeting_etl.times import Clock, format_timestamp
from meeting_etl.webhook_logs.logs import Logs

_REPORTS = "reports"


@dataclass(frozen=True)
class EraseContext:
    """What erasing works with; `files` are those of this machine, with its reports."""

    lake: Lake
    ledger: Ledger
    logs: Logs
    files: Files
    clock: Clock
    progress: Progress = lambda *_: None


def preview(context: EraseContext, wanted: Wanted) -> ErasureReport:
    """What `erase` would do; nothing is written but the key, where there is none yet."""
    lake = context.lake
    erasure, clear = _erasure(context, wanted)
    erasures = _with(lake.privacy.erasures.all, erasure, lake)
    report = ErasureReport(erasure, searched_names(clear, erasure, lake))
    partitions = list(_partitions(lake))
    for number, (table, partition) in enumerate(partitions):
        context.progress("count rows", number, len(partitions))
        _count(report, table, count_erased(lake, table, partition, erasures))
    for day in sorted({*lake.days(RECORDING_FILES), *lake.days(TRANSCRIPT_FILES)}):
        files = files_of_erased(lake, day, erasures)
        report.files += len(files)
        report.size_bytes += sum(row["bytes"] or 0 for row in files)
    change = _change(wanted, erasure, erasures, clear)
    report.logs = _rewrite_logs(context, change, dry_run=True)
    return report


def erase(context: EraseContext, wanted: Wanted, *, log_lines: int = 0) -> ErasureReport:
    """Erase a person or a meeting. Can be killed at any time and repeated.

    `log_lines` are those that the preview found: known before the first is changed, none is missing
    in the proof after a kill. Without `in_logs` the logs are not read. Raises StorageError when
    something cannot be read or written; what was done stays.
    """
    lake = context.lake
    sweep_leftovers(lake, context.files)  # they may be of the person
    with lake.lock(writers_lock(ERASURES, None)):
        erasure, clear = _erasure(context, wanted)
        work = _Work(context, erasure)
        work.store()
        change = _change(wanted, erasure, lake.privacy.erasures, clear)
        report = ErasureReport(erasure)
        if wanted.in_logs:
            work.plan("logs/now", log_lines, 0)
            report.logs = _rewrite_logs(context, change, dry_run=False)
            work.plan("logs/now", report.logs.lines, 0)
        work.erase_rows(report)
        work.erase_rest()
        report.files = work.erasure.count("files")[1]
        report.left = sum(
            counts.changed + counts.removed
            for table, partition in _partitions(lake)
            for counts in [count_erased(lake, table, partition, lake.privacy.erasures)]
        )
        work.finish()
        report.erasure = work.erasure
        return report


def _erasure(context: EraseContext, wanted: Wanted) -> tuple[Erasure, Collection[str]]:
    """The erasure, one that was begun before included, and what is known in clear of the person."""
    lake = context.lake
    privacy, pseudonyms = lake.privacy, lake.privacy.pseudonyms
    number = _next_number(lake)
    began_at = format_timestamp(context.clock.now())
    if wanted.meeting is not None:
        digest = pseudonyms.identifier_digest(wanted.meeting)
        erasure = Erasure(number, Subject.MEETING, digest, run_id=str(uuid.uuid4()))
        clear: Collection[str] = ()
    elif wanted.person is not None:
        traces = traces_of(lake, wanted.person, wanted.names, context.progress)
        erasure = erasure_of(
            number, wanted.person, traces, pseudonyms, removes_rows=wanted.removes_rows
        )
        erasure = replace(with_ids_of_guests(erasure, lake), run_id=str(uuid.uuid4()))
        clear = {wanted.person, *traces.names, *traces.identifiers}
    else:
        raise MeetingEtlError("Nothing to erase was named.")
    erasure = replace(erasure, began_at=began_at)
    before = next((each for each in privacy.erasures.all if _is_same(each, erasure)), None)
    return (erasure if before is None else _united(before, erasure)), clear


def _next_number(lake: Lake) -> int:
    """A number that no erased person has, also where the state was lost and the lake was not."""
    labels = lake.read(ERASURES, columns=["erasure"])["erasure"].to_pylist()
    labels += [each.label for each in lake.privacy.erasures.all]
    return max((int(label.rpartition(":")[2]) for label in labels), default=0) + 1


def _is_same(first: Erasure, second: Erasure) -> bool:
    return (first.subject, first.digest) == (second.subject, second.digest)


def _united(before: Erasure, now: Erasure) -> Erasure:
    """An erasure that was begun or done before, with what is known by now."""
    return replace(
        before,
        identifiers=tuple(sorted({*before.identifiers, *now.identifiers})),
        names=tuple(sorted({*before.names, *now.names})),
        words=tuple(sorted({*before.words, *now.words})),
        names_in_meetings=tuple(sorted({*before.names_in_meetings, *now.names_in_meetings})),
        removes_rows=before.removes_rows or now.removes_rows,
        finished_at=None,
    )


def _with(others: Collection[Erasure], erasure: Erasure, lake: Lake) -> Erasures:
    rest = [each for each in others if each.number != erasure.number]
    return Erasures((*rest, erasure), lake.privacy.pseudonyms)


def _change(
    wanted: Wanted, erasure: Erasure, erasures: Erasures, clear: Collection[str]
) -> Callable[[bytes], bytes | None]:
    if wanted.meeting is not None:
        return ErasedMeetingLines(erasure, wanted.meeting)
    return ErasedLines(erasure, erasures, clear)


def _rewrite_logs(
    context: EraseContext, change: Callable[[bytes], bytes | None], *, dry_run: bool
) -> LogsRewritten:
    logs, lake, clock = context.logs, context.lake, context.clock
    return rewrite_logs(logs, lake, clock, change, progress=context.progress, dry_run=dry_run)


def _tables() -> list[Table]:
    return [table for table in (*TABLES.values(), MEETING_INDEX) if table is not ERASURES]


def _partitions(lake: Lake) -> Iterator[tuple[Table, Partition]]:
    for table in _tables():
        for partition in partition_values(table, lake.partitions(table)):
            yield table, partition


def _count(report: ErasureReport, table: Table, counts: RowCounts) -> None:
    report.rows[table.name] = report.rows.get(table.name, RowCounts()) + counts


class _Work:
    """One erasure at work: the erasure as it is stored, with what was done so far."""

    def __init__(self, context: EraseContext, erasure: Erasure) -> None:
        self.erasure = erasure
        self._context = context
        self._lake = context.lake

    def store(self) -> None:
        """Make durable what is known and done."""
        store_erasure(self._lake.state, self.erasure)

    def plan(self, key: str, changed: int, removed: int) -> None:
        """Note what is to be done at a place, before it is."""
        planned = self.erasure.planning(key, changed, removed)
        if planned != self.erasure:
            self.erasure = planned
            self.store()

    def erase_rows(self, report: ErasureReport) -> None:
        """Rewrite all partitions and remove the files of days, each under its writers' lock.

        Whoever writes after that knows the erasure. What is not there yet but written already is of
        a day with news or under the lock of a table, which is waited for.
        """
        lake, of_days = self._lake, [table for table in _tables() if not lock_of_table(table)]
        for table in _tables():
            if lock := lock_of_table(table):
                self._context.progress(f"erase in {table.name}", 0, 0)
                with lake.lock(lock):
                    for partition in partition_values(table, lake.partitions(table)):
                        self._erase_partition(report, table, partition)
        partitions = {
            partition
            for table in of_days
            for partition in partition_values(table, lake.partitions(table))
        } | self._context.ledger.open_days().keys()
        days = sorted(day for day in partitions if isinstance(day, date))
        for number, day in enumerate(days):
            self._context.progress("erase in days", number, len(days))
            with lake.lock_days([day]):
                self._remove_files(day)  # before the rows, which name them
                for table in of_days:
                    self._erase_partition(report, table, day)
                self._close_day(day)

    def _erase_partition(self, report: ErasureReport, table: Table, partition: Partition) -> None:
        lake = self._lake
        counts = count_erased(lake, table, partition, lake.privacy.erasures)
        _count(report, table, counts)
        if counts.is_touched:
            self.plan(f"rows/{table.name}/{partition}", counts.changed, counts.removed)
            lake.erase(table, partition)
        # What earlier versions had, and what killed writers left, may be of the person.
        lake.tables.forget_versions(table, partition)

    def _remove_files(self, day: date) -> None:
        lake = self._lake
        if self.erasure.removes_rows:
            digest = lake.privacy.pseudonyms.identifier_digest
            found = {*self.erasure.meetings, *map(digest, erased_meetings(lake, day))}
            self.erasure = replace(self.erasure, meetings=tuple(sorted(found)))
            self.store()
        lake.storage.sweep(files_folder(TRANSCRIPT_FILES.name, day))
        now = self._context.clock.now()
        remove_erased_files(lake, day, now, plan=lambda count: self.plan(f"files/{day}", 0, count))

    def _close_day(self, day: date) -> None:
        """Also where a killed erasure changed the day."""
        if any(key.endswith(f"/{day}") for key in self.erasure.planned):
            if self.erasure.removes_rows:
                recount_snippets(self._lake, day)
            refresh_metrics(self._lake, day)
            self._context.ledger.refresh(day)

    def erase_rest(self) -> None:
        """What is not a row: reports, queues, unfinished downloads, addresses, domains of hosts."""
        lake = self._lake
        self._context.ledger.forget_erased()
        forget_recordings(lake)
        names = [name for name in self._context.files.names(_REPORTS) if name.endswith(".html")]
        self.plan("files/reports", 0, len(names))
        for name in names:
            self._context.files.remove(f"{_REPORTS}/{name}")
        remove_abandoned(self._context.files, lake, self._context.ledger)
        lake.privacy.hosts.forget(lake.privacy.erasures)
        if not self.erasure.keeps_domain:
            forget_host_domains(lake)

    def finish(self) -> None:
        """The proof: the erasure is done, and its row is in the table."""
        self.erasure = self.erasure.finished(format_timestamp(self._context.clock.now()))
        write_erasures(self._lake, [*self._lake.privacy.erasures.all, self.erasure])
        self.store()  # last: what is finished in the state is not done again
