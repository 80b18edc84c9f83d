"""Section bucket: whether tables can be kept in object storage as they need it.

Belongs here: a trial of what the tables do with objects, and logs that wait to be shipped. Does
not: the folder of this machine (local_checks.py).
"""

import uuid
from datetime import timedelta

from meeting_etl.cli.doctor.finding import (
    CheckResult,
    Finding,
    State,
    ok,
    problem,
    run_check,
    skipped,
    warning,
)
from meeting_etl.errors import StorageError
from meeting_etl.object_storage.object_files import ObjectFiles
from meeting_etl.settings import Etl

_SECTION = "bucket"


def bucket_checks(etl: Etl) -> list[CheckResult]:
    """Nothing where the data folder is one."""
    files = etl.storage
    if not isinstance(files, ObjectFiles):
        return []
    name = f"doctor/{uuid.uuid4().hex}"
    written = run_check(_SECTION, "writable", lambda: _writable(files, name))
    return [
        run_check(_SECTION, "readable", lambda: _readable(files)),
        written,
        run_check(_SECTION, "conditional writes", lambda: _conditional(files, name, written)),
        run_check(_SECTION, "locks", lambda: _locks(etl)),
        run_check(_SECTION, "received logs", lambda: _received(etl)),
    ]


def _readable(files: ObjectFiles) -> Finding:
    files.names("lake")
    return ok(f"{files.url} can be read.")


def _writable(files: ObjectFiles, name: str) -> Finding:
    """Whether an object can be written, listed, read and removed."""
    content = b"This object may be removed.\n"
    todo = (
        "Check that the bucket exists, the variables of its provider (AWS_…, GOOGLE_…, AZURE_…) "
        "and its permissions: list, read, write, delete."
    )
    try:
        files.replace_bytes(name, content)
        is_same = files.read_bytes(name) == content and name in files.paths("doctor")
        files.remove(name)
        is_gone = files.read_bytes(name) is None
    except StorageError as error:
        return problem(str(error), todo)
    if not (is_same and is_gone):
        return problem(f"{files.url} did not show what had just been written or removed.", todo)
    return ok("Objects can be written, listed, read and removed.")


def _conditional(files: ObjectFiles, name: str, written: CheckResult) -> Finding:
    """Whether of two writers of one object only the first succeeds, which Delta relies on."""
    if written.state is not State.OK:
        return skipped("No object can be written.")
    try:
        results = [files.put_new(name, content) for content in (b"first", b"second")]
        stored = files.read_bytes(name)
        files.remove(name)
    except StorageError as error:
        return problem(str(error), "Use a server that supports conditional writes.")
    if results != [True, False] or stored != b"first":
        return problem(
            "The server ignores If-None-Match, so that two writers would overwrite each other.",
            "Use a server that supports conditional writes.",
        )
    return ok("Of two writers of one object, the second is refused.")


def _locks(etl: Etl) -> Finding:
    if etl.settings.state_url is None:
        return warning(
            f"Locks are in {etl.files.path('state')}, so only this machine may work on the bucket.",
            "For several machines, set MEETING_ETL_STATE to a PostgreSQL database.",
        )
    return ok("Locks are in PostgreSQL.")


def _received(etl: Etl) -> Finding:
    """Whether a receiver left logs on this disk, which nobody ships."""
    folder = etl.received_folder
    names = [name for name in etl.files.of(folder).names(".") if name.endswith(".jsonl")]
    if not names:
        return skipped("No receiver has logs on this machine.")
    hour_before = f"{etl.clock.now() - timedelta(hours=1):%Y-%m-%dT%H}"
    if late := [name for name in names if name < hour_before]:
        return warning(
            f"{len(late):,} logs of earlier hours in {folder} are not shipped.",
            "Start `meeting-etl receive` on this machine: it ships them, or says why it cannot.",
        )
    return ok(f"{folder} has no log of an earlier hour: all are shipped.")
