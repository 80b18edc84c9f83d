"""Words from the VTT file of a transcript, without the addresses of speakers.

Endpoint: GET /meetingTranscripts/{id}/download, or the file that transcript_files.py stored.
Windows: none.
Rows: `transcript_snippets` with `source` vtt: the cues of the file (vtt.py).
Opened by: snippets that the token may not read, or that are not found (snippets.py). Snippets that
arrive later replace the rows and the work item. Opens: nothing.
Final: with the first file that has cues.
"""

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

from meeting_etl import schemas
from meeting_etl.errors import BadResponse
from meeting_etl.pipeline.fetch.spec import FetchSpec, Item, Target
from meeting_etl.pipeline.ledger.work_item import VTT_SNIPPETS
from meeting_etl.pipeline.resources.snippets import snippet_rows
from meeting_etl.pipeline.resources.vtt import Vtt, read_vtt
from meeting_etl.pipeline.rows import Row, SchemaDrift
from meeting_etl.webex.endpoints import Webex
from meeting_etl.webex.listings import Listing

_VTT = "vtt"
_CUE = "cue"


def vtt_snippets(stored_vtt: Callable[[Target], bytes | None]) -> FetchSpec:
    """The spec; `stored_vtt` returns the file of a transcript where it was downloaded already."""
    return FetchSpec(
        schemas.TRANSCRIPT_SNIPPETS,
        partial(_request, stored_vtt),
        _rows,
        name=VTT_SNIPPETS,
        replaces="transcript_id",
        parent=schemas.TRANSCRIPTS,
        # Snippets may make it unnecessary, and a file that is kept is not downloaded twice.
        comes_after=(schemas.TRANSCRIPT_SNIPPETS.name, schemas.TRANSCRIPT_FILES.name),
    )


def _request(stored_vtt: Callable[[Target], bytes | None], webex: Webex, target: Target) -> Listing:
    content = stored_vtt(target)
    if content is not None:
        with suppress(BadResponse):  # a damaged file is downloaded again
            return _listing(read_vtt(content))
    transcript_id, host_email = target.work_item.resource_id, target.meeting["host_email"]
    content = webex.transcript_text(transcript_id, _VTT, host_email, target.meeting_id)
    return _listing(read_vtt(content))


def _listing(vtt: Vtt) -> Listing:
    """An item for each cue, without one where it cannot be read."""
    return Listing([{_CUE: cue} for cue in (*vtt.cues, *[None] * vtt.unreadable)], [])


def _rows(items: Sequence[Item], target: Target, drift: SchemaDrift, ours: Row) -> list[Row]:
    cues = [item[_CUE] for item in items if item[_CUE]]
    if len(cues) < len(items):
        drift.changed["vtt cue"] += len(items) - len(cues)
    fields = [
        {
            "id": f"{target.work_item.resource_id}_vtt_{number:05}",
            "text": cue.text,
            "personName": cue.speaker,
            "offsetMillisecond": cue.offset_ms,
            "durationMillisecond": cue.duration_ms,
        }
        for number, cue in enumerate(cues, 1)
    ]
    rows = snippet_rows(fields, target, drift, ours | {"source": _VTT})
    for row, cue in zip(rows, cues, strict=True):
        if cue.speaker_id:
            row["extra"] = json.dumps({"speakerId": cue.speaker_id})
    return rows
