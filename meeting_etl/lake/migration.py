"""Migration: files of an earlier version get the current schema, definitions and column policy.

Belongs here: finding files with another schema, metrics of another definition or values under
another policy, and rewriting them under the locks of their writers. Does not: reading and writing a
partition (lake.py), the catalog (catalog.py), which needs files of one schema and is published
after this.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date

from meeting_etl.errors import StorageError
from meeting_etl.lake.lake import Lake
from meeting_etl.lake.metrics import (
    METRIC_INPUTS,
    definition_digest,
    has_current_metrics,
    refresh_metrics,
)
from meeting_etl.lake.partitions import partition_values
from meeting_etl.lake.tables import Partition
from meeting_etl.lake.writers_locks import writers_lock
from meeting_etl.schemas import (
    SPEAKER_METRICS,
    TABLES,
    TRANSCRIPT_SNIPPETS,
    Table,
)

_SCHEMAS = "lake_schemas"
# In the lake, so that it goes with it.
_MANY = "lake/files_to_migrate.json"
# As many files as any run rewrites on its way, within seconds.
QUICK_FILES = 200

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class OldFile:
    """A partition with a file whose schema is not the table's, or that is of another policy."""

    table: Table
    partition: Partition


def outdated_files(lake: Lake, progress: Progress = lambda *_: None) -> list[OldFile]:
    """Files to rewrite. Reads files only of tables whose schema changed.

    The state has the schemas of all files, so that most runs open no file for this.
    """
    known = _known(lake)
    changed = [table for table in TABLES.values() if known.get(table.name) != _digest(lake, table)]
    found: list[OldFile] = []
    with lake.tables.read_once():
        for number, table in enumerate(changed):
            progress(f"schemas of {table.name}", number, len(changed))
            found += [
                OldFile(table, partition)
                for partition in _partitions(lake, table)
                if not _is_current(lake, table, partition)
            ]
    return found


def files_of_other_policy(lake: Lake, progress: Progress = lambda *_: None) -> list[OldFile]:
    """Files that were written under another column policy.

    The state has the policy of all files, so that none is opened while it stays the same.
    """
    notes = lake.policy_notes
    changed = [table for table in TABLES.values() if notes.stamp(table.name) != _stamp(lake, table)]
    found: list[OldFile] = []
    with lake.tables.read_once():
        for number, table in enumerate(changed):
            progress(f"policy of {table.name}", number, len(changed))
            found += [
                OldFile(table, partition)
                for partition in partition_values(table, lake.partitions(table))
                if not lake.has_policy(table, partition)
            ]
    if changed and not found:
        _note_policies(lake)
    return found


def migrate(lake: Lake, *, progress: Progress = lambda *_: None) -> int:
    """Rewrite all files that have another schema or policy; returns their number.

    Can be interrupted and repeated at any time. Raises StorageError when a file cannot be read.
    """
    files = [*outdated_files(lake, progress), *files_of_other_policy(lake, progress)]
    files = list(dict.fromkeys(files))
    for number, file in enumerate(files):
        progress(f"migrate {file.table.name}", number, len(files))
        with lake.lock(writers_lock(file.table, file.partition)):
            _rewrite(lake, file)
    _note(lake)
    _note_policies(lake)
    return len(files)


def migrate_if_quick(lake: Lake) -> None:
    """`migrate` where it takes seconds and waits for no lock.

    Raises StorageError, with what to do, when files remain as they are: there are many, or another
    process is writing them.
    """
    if _known(lake) == _digests(lake):
        return
    count = _known_to_be_many(lake)
    files = [] if count else outdated_files(lake)
    if count or len(files) > QUICK_FILES:
        count = count or len(files)
        # Finding them opens every file; the next runs need not do that again.
        many = {"count": count, "of": _digests(lake)}
        lake.storage.replace_bytes(_MANY, json.dumps(many, indent=1).encode())
        raise StorageError(
            f"{count:,} files in {lake.storage.where('lake')} are from an earlier version and lack "
            "columns or metrics. Run `meeting-etl migrate`; until then the catalog stays as it is."
        )
    if locked := sum(not _rewrite_if_free(lake, file) for file in files):
        raise StorageError(
            f"{locked:,} files of an earlier version in {lake.storage.where('lake')} could not be "
            "rewritten, because another process is writing there. The catalog stays as it is until "
            "the next `meeting-etl run` or `meeting-etl migrate`."
        )
    _note(lake)


def _known_to_be_many(lake: Lake) -> int:
    """Number of files to rewrite that an earlier run found; 0 when none did."""
    try:
        noted = json.loads(lake.storage.read_bytes(_MANY) or b"{}")
        return int(noted["count"]) if noted["of"] == _digests(lake) else 0
    except (KeyError, TypeError, ValueError):
        return 0


def _rewrite_if_free(lake: Lake, file: OldFile) -> bool:
    """Rewrite unless the lock is held, which may be for hours; returns whether that was done."""
    with lake.state.lock_if_free(writers_lock(file.table, file.partition)) as lock:
        if lock:
            _rewrite(lake, file)
        return lock is not None


def _is_current(lake: Lake, table: Table, partition: Partition) -> bool:
    if table is SPEAKER_METRICS and isinstance(partition, date):
        return has_current_metrics(lake, partition)
    return lake.has_schema(table, partition)


def _rewrite(lake: Lake, file: OldFile) -> None:
    lake.sweep([file.table], [file.partition])  # what a killed writer left is of no policy
    lake.update(file.table, file.partition)  # does nothing if a run did it meanwhile
    # A rewritten file is newer than the metrics computed from it.
    if file.table.name in (*METRIC_INPUTS, SPEAKER_METRICS.name) and isinstance(
        file.partition, date
    ):
        refresh_metrics(lake, file.partition)


def _partitions(lake: Lake, table: Table) -> Iterator[Partition]:
    # Missing metrics count as outdated.
    stored = TRANSCRIPT_SNIPPETS if table is SPEAKER_METRICS else table
    yield from partition_values(stored, lake.partitions(stored))


def _known(lake: Lake) -> dict[str, str]:
    try:
        digests = json.loads(lake.state.get(_SCHEMAS) or b"{}")
    except ValueError:
        return {}
    return digests if isinstance(digests, dict) else {}


def _note(lake: Lake) -> None:
    lake.storage.remove(_MANY)
    lake.state.put(_SCHEMAS, json.dumps(_digests(lake), indent=1).encode())


def _note_policies(lake: Lake) -> None:
    lake.policy_notes.note({table.name: _stamp(lake, table) for table in TABLES.values()})


def _stamp(lake: Lake, table: Table) -> str:
    return lake.privacy.policy.stamp(table)


def _digests(lake: Lake) -> dict[str, str]:
    return {table.name: _digest(lake, table) for table in TABLES.values()}


def _digest(lake: Lake, table: Table) -> str:
    text = str(table.schema)
    if table is SPEAKER_METRICS:
        text += definition_digest() if lake.person_metrics else "none"
    return hashlib.sha256(text.encode()).hexdigest()[:16]
