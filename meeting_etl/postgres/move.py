"""Moving the state of a data folder from its files into PostgreSQL.

Belongs here: values and due days that were kept in files before, and whether there are any. Does
not: the tables of the database (schema.py), the lake, which stays where it is.
"""

from collections.abc import Iterator
from dataclasses import replace

from meeting_etl.errors import StorageError
from meeting_etl.files import Files
from meeting_etl.pipeline.ledger.due_days import DueDay, FileQueue, Queue
from meeting_etl.state import LocalState, State
from meeting_etl.storage import Storage

_FOLDER = "state"
_ENDING = ".json"


def check_moved(files: Files, storage: Storage) -> None:
    """Raise StorageError while something is still in files of the folder or, due days, the lake.

    Erasures, keys and due work that are not there yet must not be missing in a run.
    """
    if any(_values(files)) or FileQueue(storage, LocalState(files)).has_files():
        raise StorageError(
            "State of this data folder is still in files of state/ or lake/due_days/, and "
            "MEETING_ETL_STATE names a database: run `meeting-etl migrate`, which moves it."
        )


def move_state(files: Files, storage: Storage, state: State, queue: Queue) -> int:
    """Move values and due days into another kind of state; returns how many.

    Can be interrupted and repeated: a file is removed only when its content is there. No process
    may use the files meanwhile. Raises StorageError when there is another value already.
    """
    local, count = LocalState(files), 0
    for name in _values(files):
        content = local.get(name)
        with state.swap(name, secret=True) as value:
            if value.content not in (None, content):
                raise StorageError(
                    f"The database has another value {name} than state/{name}.json: remove this "
                    "file, or the row of this data folder in meeting_etl.state_values, then run "
                    "`meeting-etl migrate` again."
                )
            value.content = content
        local.remove(name)
        count += 1
    old = FileQueue(storage, local)
    for day, due in old.open_days().items():
        with queue.swap(day) as work:
            work.due = _union(work.due, due)
        count += 1
    old.remove_files()
    return count


def _values(files: Files) -> Iterator[str]:
    for file in files.names(_FOLDER):
        if file.endswith(_ENDING) and not file.startswith("."):
            yield file.removesuffix(_ENDING)


def _union(first: DueDay, second: DueDay) -> DueDay:
    """What is open in either of them."""
    if not first.is_open or first == second:
        return second
    return replace(
        second,
        due_at=min(filter(None, (first.due_at, second.due_at)), default=None),
        files_due_at=min(filter(None, (first.files_due_at, second.files_due_at)), default=None),
        version=max(first.version, second.version) + 1,
        news={
            key: tuple(sorted({*first.news.get(key, ()), *second.news.get(key, ())}))
            for key in first.news.keys() | second.news.keys()
        },
        everything=first.everything or second.everything,
        due_items=max(first.due_items, second.due_items),
    )
