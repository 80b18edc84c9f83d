"""Section bucket: whether the bucket of the tables can be read, and written as they need it.

Belongs here: trying it with an object of its own. Does not: what errors mean
(object_storage/errors.py).
"""

from uuid import uuid4

from meeting_etl.cli.doctor.finding import CheckResult, Finding, ok, problem, run_check
from meeting_etl.object_storage.object_files import ObjectFiles
from meeting_etl.settings import Etl

_SECTION = "bucket"


def bucket_checks(etl: Etl) -> list[CheckResult]:
    """Nothing where the tables are in a folder."""
    url = etl.settings.bucket
    if url is None:
        return []
    return [
        run_check(_SECTION, "readable", lambda: _readable(ObjectFiles(url))),
        run_check(_SECTION, "writable", lambda: _writable(ObjectFiles(url))),
    ]


def _readable(files: ObjectFiles) -> Finding:
    files.names("lake")
    return ok(f"{files.url} can be read.")


def _writable(files: ObjectFiles) -> Finding:
    name = f"doctor-{uuid4().hex}"
    try:
        is_made, is_made_again = (files.put_new(name, content) for content in (b"1", b"2"))
        content = files.read_bytes(name)
    finally:
        files.remove(name)
    if not is_made or is_made_again or content != b"1":
        return problem(
            "The server does not support conditional writes (If-None-Match): two processes could "
            "overwrite each other's commits.",
            "Use another server, or a newer version of it (docs/object-storage.md).",
        )
    return ok("It can be written; what is there is not overwritten by mistake.")
