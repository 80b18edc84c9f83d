"""prune(): removes the data of days that are older than they may be.

Belongs here: which rows and files of old days go, in which order, and the tombstones of files whose
recording stays. Does not: content that was deleted at Webex (pipeline/deletions/honour.py), what
keeps pruned days from coming back (lake/floors.py, pipeline/ledger/).
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from meeting_etl.lake.floors import EVERYTHING, GROUP_OF
from meeting_etl.lake.lake import Lake
from meeting_etl.lake.metrics import refresh_metrics
from meeting_etl.lake.writers_locks import writers_lock
from meeting_etl.pipeline.deletions.honour import clear_snippet_counts, remove_files
from meeting_etl.pipeline.ledger.ledger import Ledger
from meeting_etl.pipeline.ledger.work_item import RESOURCES
from meeting_etl.pipeline.paths import FOLDERS, file_stem, files_folder, stem_of
from meeting_etl.pipeline.resources.recording_locks import lock_of_files
from meeting_etl.schemas import (
    PARTICIPANTS,
    RECORDING_FILES,
    SPEAKER_METRICS,
    TABLES,
    TRANSCRIPT_FILES,
    TRANSCRIPT_SNIPPETS,
    Table,
)
from meeting_etl.times import parse_day, utc_day

Progress = Callable[[str, int, int], None]


@dataclass
class Pruned:
    """How much was removed from days before `before` of one table or folder, or would be."""

    what: str
    before: date
    days: int = 0
    rows: int = 0
    files: int = 0
    size_bytes: int = 0


def first_days(retention_days: Mapping[str, int], now: datetime) -> dict[str, date]:
    """The first day that is kept of each retention group, from its number of days."""
    return {group: utc_day(now) - timedelta(days=days) for group, days in retention_days.items()}


def prune(
    lake: Lake,
    ledger: Ledger,
    first_days: Mapping[str, date],
    now: datetime,
    *,
    dry_run: bool,
    progress: Progress = lambda *_: None,
) -> list[Pruned]:
    """Remove what is older than the first day of its retention group; returns what had something.

    The groups are those of lake/floors.py; EVERYTHING is all tables, and the files in media/ and
    transcripts/. Events go by the date on which they were received. Partitions stay, as empty
    files, for readers that have listed them. Rows of files whose recording stays get a tombstone.
    Webhook logs and their offsets stay as they are. The floors and the ledger see to it that
    nothing is ingested or fetched again. Files of recordings that are being downloaded are left to
    the next prune. With `dry_run` nothing is removed.
    """
    if EVERYTHING in first_days and not dry_run:
        ledger.queue.raise_floor(first_days[EVERYTHING])
    pruning = _Pruning(lake, ledger, first_days, now, progress, dry_run=dry_run)
    files = [pruning.prune_files(table) for table in (RECORDING_FILES, TRANSCRIPT_FILES)]
    # Metrics first: those that go need not be computed before their words go.
    tables = sorted(TABLES.values(), key=lambda table: table is not SPEAKER_METRICS)
    rows = [pruning.prune_rows(table) for table in tables if table.partition is not None]
    return [report for report in (*rows, *files) if report.days]


class _Pruning:
    """Removes rows and files by the first days that are kept; can be killed and repeated.

    Of a day the floor rises first, so that nothing is written any more, then the ledger changes,
    and the rows go last: as long as there are some, the next prune finds them.
    """

    def __init__(
        self,
        lake: Lake,
        ledger: Ledger,
        first_days: Mapping[str, date],
        now: datetime,
        progress: Progress,
        *,
        dry_run: bool,
    ) -> None:
        self._lake = lake
        self._ledger = ledger
        self._first_days = first_days
        self._now = now
        self._progress = progress
        self._dry_run = dry_run

    def prune_rows(self, table: Table) -> Pruned:
        """Remove the rows of old days."""
        report = Pruned(table.name, self._first_kept(table))
        # Those of RECORDING_FILES and TRANSCRIPT_FILES are tombstones, and stay with their day.
        if table in (RECORDING_FILES, TRANSCRIPT_FILES):
            report.before = self._first_days.get(EVERYTHING, date.min)
        days = [*_days(self._lake.partitions(table), report.before)]
        for number, day in enumerate(days):
            self._progress(f"prune {table.name}", number, len(days))
            if self._lake.count(table, day):
                self._prune_rows_of_day(table, day, report)
        self._raise_floor(table, report.before)
        return report

    def _prune_rows_of_day(self, table: Table, day: date, report: Pruned) -> None:
        lake = self._lake
        with lake.lock(writers_lock(table, day)):
            report.days += 1
            report.rows += lake.count(table, day)
            if self._dry_run:
                return
            lake.sweep([table], [day])
            if table in (TRANSCRIPT_SNIPPETS, PARTICIPANTS):
                refresh_metrics(lake, day)  # from now on they stay as they are
            self._raise_floor(table, day + timedelta(days=1))
            if table.name in RESOURCES:
                self._ledger.settle_pruned(day, table)
            if table is TRANSCRIPT_SNIPPETS:
                clear_snippet_counts(lake, day)
            lake.replace(table, day, table.schema.empty_table())

    def prune_files(self, table: Table) -> Pruned:
        """Remove the files of old days: those that their rows name, and others in their folders.

        The file of a meeting whose end was corrected may be in the folder of another day than its
        row.
        """
        lake, folder = self._lake, FOLDERS[table.name]
        report = Pruned(f"{folder}/", self._first_kept(table))
        self._raise_floor(table, report.before)
        names = (name.removeprefix("date=") for name in lake.storage.names(folder))
        partitions = lake.partitions(table)
        days = sorted({*_days(partitions, report.before), *_days(names, report.before)})
        kept_paths = _paths(lake, table, since=report.before) if days else set()
        for number, day in enumerate(days):
            self._progress(f"prune {folder}/", number, len(days))
            with lake.lock_days([day]):
                self._prune_files_of_day(table, day, kept_paths, report)
        return report

    def _prune_files_of_day(
        self, table: Table, day: date, kept_paths: set[str], report: Pruned
    ) -> None:
        lake, folder, key = self._lake, files_folder(table.name, day), table.key[0]
        rows = [row for row in lake.read(table, day).to_pylist() if row["removed_at"] is None]
        stems = {f"{folder}/{name}": stem_of(name) for name in lake.storage.names(folder)}
        stems |= {row["path"]: file_stem(row[key]) for row in rows}
        own = {row["path"] for row in rows}
        busy = self._settle(table, day, stems.values())
        paths = {
            path
            for path, stem in stems.items()
            if stem not in busy and (path in own or path not in kept_paths)
        }
        report.days += bool(paths)
        report.files += len(paths)
        report.size_bytes += sum(lake.storage.size_bytes(path) or 0 for path in paths)
        if self._dry_run:
            return
        for path in sorted(paths):
            lake.storage.remove(path)
        if not busy:  # a download that begins would miss its folder
            lake.storage.remove_folder(folder)
        removed = [row for row in rows if row["path"] in paths]
        remove_files(lake, table, day, removed, self._now, "pruned")

    def _settle(self, table: Table, day: date, stems: Collection[str]) -> set[str]:
        """Settle the work items of a day that has files; returns the stems of what is downloaded.

        Work items of recordings that are being downloaded stay open.
        """
        if not stems:
            return set()
        items = self._ledger.items(day) if table is RECORDING_FILES else ()
        ids = [
            item.resource_id
            for item in items
            if item.resource == table.name and item.next_attempt_at is not None
        ]
        busy = [id_ for id_ in ids if self._is_downloading(id_)]
        if not self._dry_run:
            self._ledger.settle_pruned(day, table, but=busy)
            # Whoever took a lock before that may have found the work item open.
            busy += [id_ for id_ in ids if id_ not in busy and self._is_downloading(id_)]
        return set(map(file_stem, busy))

    def _is_downloading(self, recording_id: str) -> bool:
        return self._lake.state.is_locked(lock_of_files(file_stem(recording_id)))

    def _first_kept(self, table: Table) -> date:
        groups = (EVERYTHING, GROUP_OF.get(table.name, EVERYTHING))
        found = (self._first_days[group] for group in groups if group in self._first_days)
        return max(found, default=date.min)

    def _raise_floor(self, table: Table, first_kept: date) -> None:
        """Raise the floor of the table's group, if it is to be pruned by itself."""
        group = GROUP_OF.get(table.name, EVERYTHING)
        if group in self._first_days and not self._dry_run:
            self._lake.floors.raise_to({group: min(first_kept, self._first_days[group])})


def _paths(lake: Lake, table: Table, since: date) -> set[str]:
    """Paths in the rows of days from `since` on."""
    return {
        path
        for day in lake.days(table)
        if day >= since
        for path in lake.read(table, day, columns=["path"])["path"].to_pylist()
    }


def _days(names: Iterable[str], before: date) -> Iterator[date]:
    """The names that are days before `before`; other names are not of this project."""
    for name in names:
        if (day := parse_day(name)) and day < before:
            yield day
