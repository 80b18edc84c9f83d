"""Files of transcripts, as VTT and TXT, in transcripts/.

Endpoint: GET /meetingTranscripts/{id}/download, of one transcript and format. Windows: none.
Rows: `transcript_files`, one a format.
Opened by: a transcript that was listed (transcripts.py), where [downloads] transcripts is switched
on; for those listed before that by pipeline/ledger/newly_enabled.py. Opens: nothing.
Final: when all formats were downloaded, or with the last attempt.
"""

import hashlib
from collections.abc import Sequence
from functools import partial

from meeting_etl import schemas
from meeting_etl.pipeline.deletions.tombstones import is_deleted
from meeting_etl.pipeline.fetch.spec import FetchSpec, Item, Target
from meeting_etl.pipeline.ledger.work_item import Outcome
from meeting_etl.pipeline.paths import file_stem, files_folder
from meeting_etl.pipeline.resources.recording_files import collect_files
from meeting_etl.pipeline.rows import Row, SchemaDrift
from meeting_etl.storage import Storage
from meeting_etl.webex.endpoints import Webex

FORMATS = ("vtt", "txt")


def transcript_files(files: Storage, formats: Sequence[str]) -> FetchSpec:
    """The spec of transcript_files, for some of FORMATS."""
    return FetchSpec(
        schemas.TRANSCRIPT_FILES,
        lambda webex, target: collect_files(partial(_download, files, webex, target), formats),
        _rows,
        before_request=_known_outcome,
        parent=schemas.TRANSCRIPTS,
    )


def stored_vtt(files: Storage, target: Target) -> bytes | None:
    """The VTT file of a transcript; None when it was not downloaded."""
    return files.read_bytes(_path(target, "vtt"))


def _path(target: Target, format_: str) -> str:
    folder = files_folder(schemas.TRANSCRIPT_FILES.name, target.ended_at.date())
    return f"{folder}/{file_stem(target.work_item.resource_id)}.{format_}"


def _download(files: Storage, webex: Webex, target: Target, format_: str) -> Item:
    """Download one file; returns values of columns of transcript_files."""
    content = webex.transcript_text(
        target.work_item.resource_id, format_, target.meeting["host_email"], target.meeting_id
    )
    path = _path(target, format_)
    files.replace_bytes(path, content)
    for row in target.stored_files:
        if row["format"] == format_ and row["path"] != path:
            # From before the end of the meeting was corrected to another day.
            files.remove(row["path"])
    digest = hashlib.sha256(content).hexdigest()
    return {"format": format_, "path": path, "bytes": len(content), "sha256": digest}


def _known_outcome(target: Target) -> Outcome | None:
    return Outcome.DELETED if target.parent is None or is_deleted(target.parent) else None


def _rows(items: Sequence[Item], target: Target, drift: SchemaDrift, ours: Row) -> list[Row]:
    del drift  # a file has no schema
    ours = ours | {"transcript_id": target.work_item.resource_id, "meeting_id": target.meeting_id}
    return [ours | item for item in items]
