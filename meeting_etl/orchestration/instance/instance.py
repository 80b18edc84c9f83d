"""The Dagster instance that the command line and the UI share.

Belongs here: creating its dagster.yaml, creating, migrating and opening the instance, and the
errors of a folder that cannot be written. Does not: where the folder is (instance_folder.py), runs
(orchestration/run_now.py).
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
from meeting_etl.orchestration.instance.instance_folder import (
    check_configuration,
    instance_folder,
    path_for_dagster,
)
from meeting_etl.state import locked_file

_QUIET_FILE = "quiet.yaml"
_QUIET = """
compute_logs:
  module: dagster._core.storage.noop_compute_log_manager
  class: NoOpComputeLogManager
"""
# Errors of the disk. Any other OSError of a run is a bug.
_DISK_ERRORS = {
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
    "move its folders history and schedules away, which contain only the history of runs, and run "
    "again"
)
_SERVER = "check that the PostgreSQL of its dagster.yaml runs and can be reached, and run again"
_REMEDIES = {
    "locked": "another program is using it: run again when that has finished",
    "malformed": _HISTORY_ONLY,
    "not a database": _HISTORY_ONLY,
    # Half created, by two processes at the same time (dagster issue 27390) or by a killed one.
    "already exists": _HISTORY_ONLY,
    "no such table": _HISTORY_ONLY,
    "no such column": _HISTORY_ONLY,
    "duplicate column": _HISTORY_ONLY,
    "half created": _HISTORY_ONLY,
    # Of a storage in PostgreSQL.
    "connection to server": _SERVER,
    "could not translate host name": _SERVER,
    "server closed the connection": _SERVER,
    "terminating connection": _SERVER,
}
_REMEDY = (
    "free some disk space, make the folder writable or set DAGSTER_HOME to a folder elsewhere, "
    "and run again"
)


def dagster_home(files: Files, configured: str | None) -> Path:
    """The instance's folder: DAGSTER_HOME when it is set, else `dagster/` in the data folder.

    The latter gets the packaged dagster.yaml when it has none. Raises SettingsError for a
    DAGSTER_HOME that is not the absolute path of a folder.
    """
    home = instance_folder(files, configured)
    if not configured and files.read_bytes("dagster/dagster.yaml") is None:
        packaged = resources.files("meeting_etl.orchestration.instance").joinpath("dagster.yaml")
        files.replace_bytes("dagster/dagster.yaml", packaged.read_bytes())
    return home


def open_instance(home: Path) -> dg.DagsterInstance:
    """The instance of a folder, its storages created and migrated.

    Raises StorageError when it cannot be written or is damaged, SettingsError for a wrong
    dagster.yaml. Holds a lock, because Dagster's creation of SQLite storages is not safe for
    several processes.
    """
    return _opened(home, "dagster.yaml")


def check_instance(home: Path) -> None:
    """Open the instance of a folder without migrating it.

    Raises StorageError when it is damaged, SettingsError for a wrong dagster.yaml. The instance
    must exist: Dagster would create what is missing.
    """
    with translate_instance_errors(home):
        instance = _configured(home, "dagster.yaml")
        try:
            if not _is_outdated(instance):
                instance.get_runs(limit=1)
        finally:
            instance.dispose()


def open_quiet_instance(home: Path) -> dg.DagsterInstance:
    """The same instance, for many short runs whose output a user watches.

    The output of steps is not captured: that takes two processes for each step, which print errors
    after a Ctrl-C. The folder must come from dagster_home().
    """
    usual = (home / "dagster.yaml").read_text(encoding="utf-8")
    with translate_instance_errors(home):
        (home / _QUIET_FILE).write_text(usual + _QUIET, encoding="utf-8")
    return _opened(home, _QUIET_FILE)


def _opened(home: Path, config_file: str) -> dg.DagsterInstance:
    with translate_instance_errors(home), _locked(home):
        instance = _configured(home, config_file)
        if _is_outdated(instance):
            # It prints progress, and stdout belongs to the command.
            with contextlib.redirect_stdout(io.StringIO()):
                instance.upgrade()
        return instance


def _configured(home: Path, config_file: str) -> dg.DagsterInstance:
    check_configuration(home)
    try:
        return dg.DagsterInstance.from_config(str(path_for_dagster(home)), config_file)
    except dg.DagsterInvalidConfigError as error:
        # The rest of the message may quote the value, which can be a password.
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

    Raises the OSError itself, because the StorageError advises about the data folder.
    """
    try:
        with locked_file(Files(home), _LOCK_FILE):
            yield
    except StorageError as error:
        raise error.__cause__ or error from None


@contextmanager
def translate_instance_errors(home: Path) -> Iterator[None]:
    """Turn errors of the disk or of the instance's databases into a StorageError.

    Dagster has no error of its own for them: it raises those of SQLAlchemy or the system, directly
    or as the cause of another error.
    """
    try:
        yield
    except MeetingEtlError:
        raise
    except Exception as error:
        reason = _disk_error(error)
        if reason is None:
            raise
        home = home.resolve() if home.is_symlink() else home  # see path_for_dagster
        remedy = next((text for word, text in _REMEDIES.items() if word in reason), _REMEDY)
        raise StorageError(
            f"Cannot write the Dagster instance in {home}: {reason}; {remedy}."
        ) from error


def _disk_error(error: BaseException | None) -> str | None:
    """The message of the disk or database, on one line; None when they did not cause the error."""
    while error is not None:
        if isinstance(error, CommandError):
            return "its history is half created"
        # Other subclasses of DatabaseError are about wrong SQL and the like.
        if isinstance(error, OperationalError) or type(error) is DatabaseError:
            return str(error.orig).partition("\n")[0].rstrip(".")
        if isinstance(error, OSError) and error.errno in _DISK_ERRORS:
            return error.strerror or str(error)
        error = error.__cause__ or error.__context__
    return None
