"""Moving the state of a data folder from its files into PostgreSQL.

Belongs here: values and due days that were kept in files before. Does not: the tables of the
database (schema.py), the lake, which stays where it is.
"""

from meeting_etl.files import Files
from meeting_etl.pipeline.ledger.due_days import FileQueue, Queue
from meeting_etl.state import LocalState, State

_FOLDER = "state"
_ENDING = ".json"


def move_state(files: Files, state: State, queue: Queue) -> int:
    """Move values and due days into another kind of state; returns how many.

    Values that are there already stay as they are. Can be interrupted and repeated: a file is
    removed only when its content is there. No process may use the files meanwhile.
    """
    local, count = LocalState(files), 0
    for file in files.names(_FOLDER):
        name = file.removesuffix(_ENDING)
        if not file.endswith(_ENDING) or file.startswith("."):
            continue
        content = local.get(name)
        if content is not None:
            with state.swap(name, secret=True) as value:
                value.content = content if value.content is None else value.content
            count += 1
        local.remove(name)
    old = FileQueue(files, local)
    for day, due in old.open_days().items():
        with queue.swap(day) as work:
            if not work.due.is_open:
                work.due = due
        old.close(day)
        count += 1
    return count
