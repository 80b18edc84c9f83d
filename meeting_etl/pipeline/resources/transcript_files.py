"""The files of transcripts, VTT and TXT: a FetchSpec that keeps them below transcripts/.

Belongs here: TRANSCRIPT_FILES, and reading a kept file again. Does not: files of recordings
(recording_files.py), what is said in a VTT (vtt.py).
"""

import hashlib
from collections.abc import Sequence
from functools import partial

from meeting_etl import schemas
from meeting_etl.files import Files
from meeting_etl.pipeline.deletions.tombstones import is_deleted
from meeting_etl.pipeline.fetch.spec import FetchSpec, Item, Target
from meeting_etl.pipeline.ledger.work_item import Outcome
from meeting_etl.pipeline.paths import file_stem, files_folder
from meeting_etl.pipeline.resources.recording_files import what_came
from meeting_etl.pipeline.rows import Row, SchemaDrift
from meeting_etl.webex.endpoints import Webex

FORMATS = ("vtt", "txt")


def transcript_files(files: Files, formats: Sequence[str]) -> FetchSpec:
    """The spec of transcript_files, for some of FORMATS."""
    return FetchSpec(
        schemas.TRANSCRIPT_FILES,
        lambda webex, target: what_came(partial(_keep, files, webex, target), formats),
        _rows,
        parent=schemas.TRANSCRIPTS,
        before_request=_beforehand,
    )


def stored_vtt(files: Files, target: Target) -> bytes | None:
    """The VTT of the transcript of a target, if it is kept; None when it has to be asked for."""
    return files.read_bytes(_path(target, "vtt"))


def _path(target: Target, form: str) -> str:
    folder = files_folder(schemas.TRANSCRIPT_FILES.name, target.ended_at.date())
    return f"{folder}/{file_stem(target.work_item.resource_id)}.{form}"


def _keep(files: Files, webex: Webex, target: Target, form: str) -> Item:
    """Get one file and keep it; values of columns of transcript_files."""
    content = webex.transcript_text(
        target.work_item.resource_id, form, target.meeting["host_email"], target.meeting_id
    )
    path = _path(target, form)
    files.replace_bytes(path, content)
    for row in target.stored_files:
        if row["format"] == form and row["path"] != path:
            # It lay on another day before the end of the meeting was corrected.
            files.remove(row["path"])
    digest = hashlib.sha256(content).hexdigest()
    return {"format": form, "path": path, "bytes": len(content), "sha256": digest}


def _beforehand(target: Target) -> Outcome | None:
    return Outcome.DELETED if target.parent is None or is_deleted(target.parent) else None


def _rows(items: Sequence[Item], target: Target, drift: SchemaDrift, ours: Row) -> list[Row]:
    del drift  # nothing in a file can come otherwise
    ours = ours | {"transcript_id": target.work_item.resource_id, "meeting_id": target.meeting_id}
    return [ours | item for item in items]
