"""The marks of a move: what says that a data folder was moved to a bucket, or is not all there yet.

Belongs here: the small file in both places, and refusing to work where it is. Does not: moving
(pipeline/to_bucket/).
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass

from meeting_etl.errors import SettingsError, StorageError
from meeting_etl.files import Files
from meeting_etl.state import State
from meeting_etl.storage import Storage

MARK = "moved.json"


@dataclass(frozen=True)
class Mark:
    """A move, as both places know it until it is done, and the folder afterwards."""

    move_id: str
    folder: str
    url: str
    is_done: bool = False


def read_mark(storage: Storage) -> Mark | None:
    """The mark of a folder or a bucket; None where nothing was moved. Raises StorageError."""
    content = storage.read_bytes(MARK)
    return None if content is None else _parse(content, storage.where(MARK))


def format_mark(mark: Mark) -> bytes:
    """What is in the file."""
    return json.dumps(asdict(mark), indent=1).encode()


def check_in_use(storage: Storage) -> None:
    """Raise SettingsError where a data folder was moved away, or has not arrived as a whole."""
    mark = read_mark(storage)
    if mark is None:
        return
    file, again = storage.where(MARK), f"`meeting-etl migrate --to {mark.url}`"
    if mark.is_done:
        raise SettingsError(
            f"{mark.folder} was moved to {mark.url}: set MEETING_ETL_DATA_DIR={mark.url} and "
            f"MEETING_ETL_WORK_DIR={mark.folder}. To use the folder again, without what the bucket "
            f"got since, remove {file}."
        )
    if storage.where("").startswith(mark.url):
        raise SettingsError(
            f"Not all of {mark.folder} is in {mark.url} yet: finish its move with {again}, with "
            f"MEETING_ETL_DATA_DIR={mark.folder}."
        )
    raise SettingsError(
        f"{mark.folder} is being moved to {mark.url}: finish that with {again}. To give it up, "
        f"remove {file}, and all that is in {mark.url}."
    )


def check_readable(storage: Storage) -> None:
    """Raise SettingsError where all was moved away: what is left is not kept up to date."""
    mark = read_mark(storage)
    if mark is not None and mark.is_done:
        check_in_use(storage)


def write_check(storage: Storage, state: State) -> Callable[[], None]:
    """To be called before each write.

    Raises when a lock was lost, or the folder was moved away since this process has begun.
    """

    def check() -> None:
        state.check_held()
        if isinstance(storage, Files):
            check_in_use(storage)

    return check


def _parse(content: bytes, where: str) -> Mark:
    try:
        mark = Mark(**json.loads(content))
    except (ValueError, TypeError) as error:
        raise StorageError(
            f"{where} is damaged. It says where this data folder was moved to: if that is nowhere, "
            "remove the file."
        ) from error
    return mark
