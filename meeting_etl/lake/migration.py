"""Files that an earlier version wrote → files with today's full schema and definitions.

Belongs here: finding files that lack columns or have others, or metrics by another definition, and
rewriting them under the locks of their writers. Does not: reading and writing a partition
(lake.py), the catalog (catalog.py), which says that all files are alike and must be published
after this.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date

from meeting_etl.errors import StorageError
from meeting_etl.lake.lake import INGEST_LOCK, Lake
from meeting_etl.lake.metrics import (
    METRIC_INPUTS,
    definition_digest,
    has_current_metrics,
    refresh_metrics,
)
from meeting_etl.lake.partitions import NULL_PARTITION, Partition
from meeting_etl.schemas import (
    AUTO_RECORD_ACTIONS,
    INGESTED_LOGS,
    ORPHANS,
    REJECTED_LINES,
    SPEAKER_METRICS,
    TABLES,
    TRANSCRIPT_SNIPPETS,
    WEBHOOK_EVENTS,
    Table,
)

_STATE = "state/lake_schemas.json"
# In the lake, with which it goes.
_MANY = "lake/files_to_migrate.json"
# Tables that are not written under the lock of a day, and the lock of those who write them.
_LOCKS = {
    WEBHOOK_EVENTS.name: INGEST_LOCK,
    REJECTED_LINES.name: INGEST_LOCK,
    INGESTED_LOGS.name: INGEST_LOCK,
    AUTO_RECORD_ACTIONS.name: "auto_record",
    ORPHANS.name: "orphans",
}
# So many files are rewritten in some seconds, on the way, by any run.
QUICK_FILES = 200

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class OldFile:
    """A partition of which a file has another schema than its table."""

    table: Table
    partition: Partition


def outdated(lake: Lake, progress: Progress = lambda *_: None) -> list[OldFile]:
    """Files to be rewritten. Looks into files of those tables only whose schema changed.

    The schemas that all files have are kept in state/lake_schemas.json, so that an ordinary run
    opens no file for this.
    """
    known = _known(lake)
    changed = [table for table in TABLES.values() if known.get(table.name) != _digest(lake, table)]
    found: list[OldFile] = []
    for number, table in enumerate(changed):
        progress(f"schemas of {table.name}", number, len(changed))
        found += [
            OldFile(table, partition)
            for partition in _partitions(lake, table)
            if not _is_current(lake, table, partition)
        ]
    return found


def migrate(lake: Lake, *, progress: Progress = lambda *_: None) -> int:
    """Rewrite all files that have another schema; returns how many there were.

    May be ended and repeated at any time. Raises StorageError when a file cannot be read.
    """
    files = outdated(lake, progress)
    for number, file in enumerate(files):
        progress(f"migrate {file.table.name}", number, len(files))
        with lake.files.lock(_lock(file)):
            _rewrite(lake, file)
    _note(lake)
    return len(files)


def migrate_if_quick(lake: Lake) -> None:
    """`migrate` where it takes seconds and needs not wait for others.

    Raises StorageError, which says what to do, when files are left as they are: they are many, or
    another process is writing them.
    """
    if _known(lake) == _digests(lake):
        return
    count = _known_to_be_many(lake)
    files = [] if count else outdated(lake)
    if count or len(files) > QUICK_FILES:
        count = count or len(files)
        # Looking for them opens every file, which the next runs need not do again.
        many = {"count": count, "of": _digests(lake)}
        lake.files.replace_bytes(_MANY, json.dumps(many, indent=1).encode())
        raise StorageError(
            f"{count:,} files in {lake.files.path('lake')} were written by an earlier version "
            "and lack columns or metrics; the catalog stays as it is until they are rewritten: run "
            "`meeting-etl migrate`."
        )
    if locked := sum(not _rewrite_if_free(lake, file) for file in files):
        raise StorageError(
            f"Files in {lake.files.path('lake')} that an earlier version wrote ({locked:,}) could "
            "not be rewritten, for another process is writing there; the catalog stays as it is "
            "until the next `meeting-etl run` or `meeting-etl migrate`."
        )
    _note(lake)


def _known_to_be_many(lake: Lake) -> int:
    """How many files an earlier run found that are to be rewritten; 0 when none did."""
    try:
        found = json.loads(lake.files.read_bytes(_MANY) or b"{}")
        return int(found["count"]) if found["of"] == _digests(lake) else 0
    except (KeyError, TypeError, ValueError):
        return 0


def _rewrite_if_free(lake: Lake, file: OldFile) -> bool:
    """Rewrite without waiting for a lock that may be held for hours; whether that was done."""
    with lake.files.lock_if_free(_lock(file)) as is_free:
        if is_free:
            _rewrite(lake, file)
        return is_free


def _is_current(lake: Lake, table: Table, partition: Partition) -> bool:
    if table is SPEAKER_METRICS and isinstance(partition, date):
        return has_current_metrics(lake, partition)
    return lake.has_schema(table, partition)


def _rewrite(lake: Lake, file: OldFile) -> None:
    if file.table is not SPEAKER_METRICS:
        lake.update_schema(file.table, file.partition)  # a run may have been here before us
    # A rewritten file is newer than the metrics that are made of it.
    if file.table.name in (*METRIC_INPUTS, SPEAKER_METRICS.name) and isinstance(
        file.partition, date
    ):
        refresh_metrics(lake, file.partition)


def _lock(file: OldFile) -> str:
    """Name of the lock under which a file is written."""
    return _LOCKS.get(file.table.name) or f"day-{file.partition}"


def _partitions(lake: Lake, table: Table) -> Iterator[Partition]:
    if table.partition is None:
        yield None
        return
    # Metrics that are missing are old as well.
    for name in lake.partitions(TRANSCRIPT_SNIPPETS if table is SPEAKER_METRICS else table):
        if name == NULL_PARTITION:
            yield None
        with suppress(ValueError):  # what else lies there is not ours
            yield date.fromisoformat(name)


def _known(lake: Lake) -> dict[str, str]:
    try:
        found = json.loads(lake.files.read_bytes(_STATE) or b"{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _note(lake: Lake) -> None:
    lake.files.remove(_MANY)
    lake.files.replace_bytes(_STATE, json.dumps(_digests(lake), indent=1).encode())


def _digests(lake: Lake) -> dict[str, str]:
    return {table.name: _digest(lake, table) for table in TABLES.values()}


def _digest(lake: Lake, table: Table) -> str:
    text = str(table.schema)
    if table is SPEAKER_METRICS:
        text += definition_digest() if lake.person_metrics else "none"
    return hashlib.sha256(text.encode()).hexdigest()[:16]
