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
# Not a field of snippets: the id in parentheses of a cue's identifier, which is stored in `extra`.
_SPEAKER_ID = "speakerId"
# In place of a cue that cannot be read.
_UNREADABLE: Item = {}


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
    transcript_id = target.work_item.resource_id
    content = stored_vtt(target)
    if content is not None:
        with suppress(BadResponse):  # a damaged file is downloaded again
            return Listing(_cue_items(transcript_id, read_vtt(content)), [])
    host_email = target.meeting["host_email"]
    content = webex.transcript_text(transcript_id, _VTT, host_email, target.meeting_id)
    return Listing(_cue_items(transcript_id, read_vtt(content)), [])


def _cue_items(transcript_id: str, vtt: Vtt) -> list[Item]:
    """The cues as items of the API."""
    readable: list[Item] = [
        {
            "id": f"{transcript_id}_vtt_{number:05}",
            "text": cue.text,
            "personName": cue.speaker,
            "offsetMillisecond": cue.offset_ms,
            "durationMillisecond": cue.duration_ms,
            _SPEAKER_ID: cue.speaker_id,
        }
        for number, cue in enumerate(vtt.cues, 1)
    ]
    return [*readable, *[_UNREADABLE] * vtt.unreadable]


def _rows(items: Sequence[Item], target: Target, drift: SchemaDrift, ours: Row) -> list[Row]:
    readable = [item for item in items if item != _UNREADABLE]
    if len(readable) < len(items):
        drift.changed["vtt cue"] += len(items) - len(readable)
    speaker_ids = {item["id"]: item[_SPEAKER_ID] for item in readable if item[_SPEAKER_ID]}
    fields = [{name: item[name] for name in item if name != _SPEAKER_ID} for item in readable]
    rows = snippet_rows(fields, target, drift, ours | {"source": _VTT})
    for row in rows:
        if speaker_id := speaker_ids.get(row["snippet_id"]):
            row["extra"] = json.dumps({_SPEAKER_ID: speaker_id})
    return rows
