"""The Dagster instance that the command line and the UI share.

Belongs here: its first dagster.yaml, creating, migrating and opening it, and what it means when its
folder cannot be written. Does not: where it lies (instance_folder.py), runs (run_now.py).
"""

import contextlib
import errno
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path

import dagster as dg
from alembic.util import CommandError
from sqlalchemy.exc import DatabaseError, OperationalError

from meeting_etl.errors import MeetingEtlError, SettingsError, StorageError
from meeting_etl.files import Files
from meeting_etl.orchestration.instance_folder import (
    check_configuration,
    instance_folder,
    path_for_dagster,
)

_QUIET_FILE = "quiet.yaml"
_QUIET = """
compute_logs:
  module: dagster._core.storage.noop_compute_log_manager
  class: NoOpComputeLogManager
"""
# What the disk says when it does not take more; any other OSError of a run is a fault of ours.
_OF_THE_DISK = {
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EFBIG,
    errno.EROFS,
    errno.EACCES,
    errno.EPERM,
    errno.EIO,
}
_LOCK_FILE = "meeting_etl.lock"
_HISTORY_ONLY = (
    "move its folders history and schedules away, they hold the history of runs and nothing else, "
    "and run again"
)
_REMEDIES = {
    "locked": "another program uses it: run again when that is done",
    "malformed": _HISTORY_ONLY,
    "not a database": _HISTORY_ONLY,
    # Half made, by two processes at once (dagster issue 27390) or by one that was killed.
    "already exists": _HISTORY_ONLY,
    "no such table": _HISTORY_ONLY,
    "no such column": _HISTORY_ONLY,
    "duplicate column": _HISTORY_ONLY,
    "half made": _HISTORY_ONLY,
}
_REMEDY = (
    "free some disk space, make the folder writable or set DAGSTER_HOME to a folder elsewhere, "
    "and run again"
)


def dagster_home(files: Files, configured: str | None) -> Path:
    """The instance's folder: DAGSTER_HOME when it is set, else `dagster/` in the data folder.

    The latter gets the packaged dagster.yaml when it has none. Raises SettingsError for a
    DAGSTER_HOME that is no absolute path of a folder.
    """
    home = instance_folder(files, configured)
    if not configured and files.read_bytes("dagster/dagster.yaml") is None:
        packaged = resources.files("meeting_etl.orchestration").joinpath("dagster.yaml")
        files.replace_bytes("dagster/dagster.yaml", packaged.read_bytes())
    return home


def open_instance(home: Path) -> dg.DagsterInstance:
    """The instance of a folder, its storages created and migrated.

    Raises StorageError when it cannot be written or is broken, SettingsError for a wrong
    dagster.yaml. Safe for several processes at once: Dagster's own creation of SQLite storages is
    not.
    """
    return _opened(home, "dagster.yaml")


def check_instance(home: Path) -> None:
    """Open the instance of a folder and leave it as it is, of an earlier version as well.

    Raises StorageError when it is broken, SettingsError for a wrong dagster.yaml. It must be there:
    what is missing would be created.
    """
    with translate_instance_errors(home):
        instance = _configured(home, "dagster.yaml")
        try:
            if not _is_outdated(instance):
                instance.get_runs(limit=1)
        finally:
            instance.dispose()


def open_quiet_instance(home: Path) -> dg.DagsterInstance:
    """The instance of a folder made by dagster_home, for many short runs beside which one watches.

    What steps print is not caught: that takes two processes a step, which a Ctrl-C on the terminal
    makes complain. The storage is that of the same instance.
    """
    usual = (home / "dagster.yaml").read_text(encoding="utf-8")
    with translate_instance_errors(home):
        (home / _QUIET_FILE).write_text(usual + _QUIET, encoding="utf-8")
    return _opened(home, _QUIET_FILE)


def _opened(home: Path, config_file: str) -> dg.DagsterInstance:
    with translate_instance_errors(home), _locked(home):
        instance = _configured(home, config_file)
        if _is_outdated(instance):
            # It prints, and what `run` writes to stdout is its own.
            with contextlib.redirect_stdout(io.StringIO()):
                instance.upgrade()
        return instance


def _configured(home: Path, config_file: str) -> dg.DagsterInstance:
    check_configuration(home)
    try:
        return dg.DagsterInstance.from_config(str(path_for_dagster(home)), config_file)
    except dg.DagsterInvalidConfigError as error:
        # What follows may quote the value, which may be a password.
        wrong = re.split(" Expected| Value ", error.errors[0].message)[0].rstrip(".")
        raise SettingsError(f"{home / 'dagster.yaml'}: {wrong}; correct it.") from None


def _is_outdated(instance: dg.DagsterInstance) -> bool:
    """Whether a storage was made by an earlier version of Dagster."""
    storages = (instance.run_storage, instance.event_log_storage, instance.schedule_storage)
    revisions = [storage.alembic_version() for storage in storages if storage is not None]
    return any(found is not None and found[0] != found[1] for found in revisions)


@contextmanager
def _locked(home: Path) -> Iterator[None]:
    """Hold the lock under which the instance is created and migrated.

    Raises the OSError itself: the remedy in the StorageError is that of the data folder.
    """
    try:
        with Files(home).locked_file(_LOCK_FILE):
            yield
    except StorageError as error:
        raise error.__cause__ or error from None


@contextmanager
def translate_instance_errors(home: Path) -> Iterator[None]:
    """Turn what the disk refuses to an instance in the block into a StorageError.

    Dagster has no error of its own for that: what SQLAlchemy or the system said comes through, as
    it is or as the cause of something else.
    """
    try:
        yield
    except MeetingEtlError:
        raise
    except Exception as error:
        reason = _refusal(error)
        if reason is None:
            raise
        home = home.resolve() if home.is_symlink() else home  # see path_for_dagster
        remedy = next((text for word, text in _REMEDIES.items() if word in reason), _REMEDY)
        raise StorageError(
            f"Cannot write the Dagster instance in {home}: {reason}; {remedy}."
        ) from error


def _refusal(error: BaseException | None) -> str | None:
    """What the disk said, on one line; None when it did not cause the error."""
    while error is not None:
        if isinstance(error, CommandError):
            return "its history is half made"
        # The others below DatabaseError tell of wrong SQL and the like.
        if isinstance(error, OperationalError) or type(error) is DatabaseError:
            return str(error.orig).partition("\n")[0].rstrip(".")
        if isinstance(error, OSError) and error.errno in _OF_THE_DISK:
            return error.strerror or str(error)
        error = error.__cause__ or error.__context__
    return None
