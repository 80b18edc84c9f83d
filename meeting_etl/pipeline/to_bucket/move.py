"""move(): a data folder becomes one in a bucket; killed at any moment and repeated, it continues.

Belongs here: the order of the steps, and that nobody else works in either place. Does not: copying
and comparing (copying.py), the marks themselves (lake/moved.py).

The order: the mark in the folder, from which on nothing is written there any more; waiting for
nobody, it is taken back if someone is at work; the mark in the bucket, from which on nobody uses
that; the copies; what is compared; state and catalog; the folder's mark as done; and the bucket's
mark goes.
"""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace

from meeting_etl.errors import SettingsError, StorageError
from meeting_etl.lake.lake import Lake
from meeting_etl.lake.moved import MARK, Mark, format_mark, read_mark
from meeting_etl.lake.writers_locks import lock_of_table
from meeting_etl.object_storage.object_files import ObjectFiles
from meeting_etl.pipeline.ledger.due_days import Queue
from meeting_etl.pipeline.to_bucket.contents import (
    ALL_TABLES,
    Count,
    Progress,
    contents_of,
    counts,
)
from meeting_etl.pipeline.to_bucket.copying import Copying
from meeting_etl.schemas import RECORDING_FILES
from meeting_etl.storage import Storage

_LOCK = "to_bucket"
_MOST_SHOWN = 3


def check_target(folder: Storage, bucket: ObjectFiles) -> Mark | None:
    """The mark of the move to continue, if there is one.

    Raises SettingsError when the folder was moved elsewhere or the bucket has other data,
    StorageError when either cannot be read.
    """
    mark, arriving = read_mark(folder), read_mark(bucket)
    if mark is not None and mark.url != bucket.url:
        raise SettingsError(
            f"{mark.folder} {'was' if mark.is_done else 'is being'} moved to {mark.url}. To move "
            f"it to {bucket.url} instead, remove {folder.where(MARK)}, and all that is in "
            f"{mark.url}."
        )
    if mark is None or not mark.is_done:
        is_ours = mark is not None and arriving is not None and arriving.move_id == mark.move_id
        if not is_ours and (names := bucket.first_paths(_MOST_SHOWN)):
            raise SettingsError(
                f"{bucket.url} has other data already: {', '.join(names)}. Name an empty "
                "folder of the bucket, or remove all that is there."
            )
    return mark


def move(
    lake: Lake,
    queue: Queue,
    bucket: ObjectFiles,
    finish: Callable[[], None],
    progress: Progress,
) -> list[Count]:
    """Copy a data folder into a bucket, compare both, and leave a mark; returns what was moved.

    `finish` makes the state and the catalog of the bucket, and may be called again. A folder that
    was moved already stays as it is: then nothing is returned. Raises SettingsError as
    `check_target` does, StorageError when something is at work in the folder.
    """
    with lake.state.lock_if_free(_LOCK) as lock:
        if lock is None:
            raise StorageError(f"{lake.storage.where('')} is being moved by another process.")
        mark = check_target(lake.storage, bucket)
        if mark is not None and mark.is_done:
            bucket.remove(MARK)
            return []
        mark = _marked(lake, queue, mark, bucket)
        contents = contents_of(lake, progress)
        copying = Copying(lake, bucket, contents, progress)
        copying.copy()
        copying.compare()
        lock.check()
        finish()
        lake.storage.replace_bytes(MARK, format_mark(replace(mark, is_done=True)))
        bucket.remove(MARK)
    return counts(contents)


def _marked(lake: Lake, queue: Queue, mark: Mark | None, bucket: ObjectFiles) -> Mark:
    """Mark folder and bucket, after which nobody writes in the folder and uses the bucket.

    Whoever writes holds a lock and looks for the mark before each write. So when all locks were
    free once after it was made, nothing is written any more.
    """
    _check_free(lake, queue)
    if mark is not None:
        _check_free(lake, queue)
    else:
        mark = Mark(uuid.uuid4().hex, str(lake.files.root), bucket.url)
        lake.storage.replace_bytes(MARK, format_mark(mark))
        try:
            _check_free(lake, queue)
        except StorageError:
            lake.storage.remove(MARK)
            raise
    if not bucket.put_new(MARK, format_mark(mark)) and read_mark(bucket) != mark:
        raise StorageError(f"Something else is being moved to {bucket.url}.")
    return mark


def _check_free(lake: Lake, queue: Queue) -> None:
    """Raise StorageError when a lock under which something is written is held."""
    for name in _locks(lake, queue):
        if lake.state.is_locked(name):
            raise StorageError(
                f"Something is at work in {lake.storage.where('')} and holds the lock {name}. Stop "
                "all runs, `meeting-etl dev` and Dagster's daemon, or wait for their end, then "
                "repeat the command."
            )


def _locks(lake: Lake, queue: Queue) -> Iterator[str]:
    yield from sorted({lock for table in ALL_TABLES if (lock := lock_of_table(table))})
    yield "unowned_recordings"
    opened = set(queue.open_days())
    for day in sorted(opened.union(*(lake.days(table) for table in ALL_TABLES))):
        yield f"day-{day}"
    for day in sorted(opened.union(lake.days(RECORDING_FILES))):
        yield f"{RECORDING_FILES.name}-{day}"
