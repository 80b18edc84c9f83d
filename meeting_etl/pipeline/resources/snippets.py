"""Snippets of a transcript: what was said, by whom and when.

Endpoint: GET /meetingTranscripts/{id}/snippets, of one transcript. Windows: none.
Fallback: where the token may not read snippets, or there are none, the cues of the transcript's VTT
file (vtt.py), without the addresses of speakers.
Rows: `transcript_snippets`; a complete listing that is not empty replaces all of the transcript's.
Opened by: a transcript that was listed (transcripts.py). Opens: nothing.
Final: with the first complete listing that is not empty; cues may still be replaced while the
schedule lasts.
"""

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from meeting_etl import schemas
from meeting_etl.errors import BadResponse
from meeting_etl.pipeline.fetch.spec import Fallback, FetchSpec, Item, Target
from meeting_etl.pipeline.resources.vtt import Vtt, read_vtt
from meeting_etl.pipeline.rows import Row, SchemaDrift, fold_last, to_row
from meeting_etl.webex.endpoints import Webex
from meeting_etl.webex.listings import Listing

_VTT = "vtt"
# Not a field of snippets: the id in parentheses of a cue's identifier, which is stored in `extra`.
_SPEAKER_ID = "speakerId"
# In place of a cue that cannot be read.
_UNREADABLE: Item = {}


def _request(webex: Webex, target: Target) -> Listing:
    return webex.snippets(target.work_item.resource_id)


def _rows(items: Sequence[Item], target: Target, drift: SchemaDrift, ours: Row) -> list[Row]:
    return _snippet_rows(items, target, drift, ours | {"source": "snippets"})


def _snippet_rows(
    items: Sequence[Item], target: Target, drift: SchemaDrift, ours: Row
) -> list[Row]:
    """Rows of snippets from either source, with their index and start."""
    transcript_start: datetime | None = (target.parent or {}).get("started_at")
    ours = ours | {"meeting_id": target.meeting_id, "transcript_id": target.work_item.resource_id}
    rows = fold_last(
        (to_row(schemas.TRANSCRIPT_SNIPPETS, item, drift, **ours) for item in items),
        "snippet_id",
        drift,
    )
    for number, row in enumerate(rows):
        row["snippet_index"] = number
        if transcript_start is not None and row["offset_ms"] is not None:
            try:
                row["started_at"] = transcript_start + timedelta(milliseconds=row["offset_ms"])
            except OverflowError:
                drift.changed["offsetMillisecond"] += 1
    return rows


def vtt_fallback(stored_vtt: Callable[[Target], bytes | None]) -> Fallback:
    """The cues of a transcript's VTT file, as snippets without the speaker's address.

    `stored_vtt` returns the file of a transcript where it was downloaded already.
    """

    def request(webex: Webex, target: Target) -> Sequence[Item]:
        transcript_id = target.work_item.resource_id
        content = stored_vtt(target)
        if content is not None:
            with suppress(BadResponse):  # a damaged file is downloaded again
                return _cue_items(transcript_id, read_vtt(content))
        host_email = target.meeting["host_email"]
        content = webex.transcript_text(transcript_id, _VTT, host_email, target.meeting_id)
        return _cue_items(transcript_id, read_vtt(content))

    return Fallback(request, _vtt_rows, _VTT)


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


def _vtt_rows(items: Sequence[Item], target: Target, drift: SchemaDrift, ours: Row) -> list[Row]:
    readable = [item for item in items if item != _UNREADABLE]
    if len(readable) < len(items):
        drift.changed["vtt cue"] += len(items) - len(readable)
    speaker_ids = {item["id"]: item[_SPEAKER_ID] for item in readable if item[_SPEAKER_ID]}
    fields = [{name: item[name] for name in item if name != _SPEAKER_ID} for item in readable]
    rows = _snippet_rows(fields, target, drift, ours | {"source": _VTT})
    for row in rows:
        if speaker_id := speaker_ids.get(row["snippet_id"]):
            row["extra"] = json.dumps({_SPEAKER_ID: speaker_id})
    return rows


def snippets(stored_vtt: Callable[[Target], bytes | None]) -> FetchSpec:
    """The spec of transcript_snippets.

    `stored_vtt` returns the VTT file of a transcript where it was downloaded already.
    """
    return FetchSpec(
        schemas.TRANSCRIPT_SNIPPETS,
        _request,
        _rows,
        fallback=vtt_fallback(stored_vtt),
        replaces="transcript_id",
        parent=schemas.TRANSCRIPTS,
        # Its VTT file may be the fallback, and is not downloaded twice.
        comes_after=schemas.TRANSCRIPT_FILES.name,
    )


SNIPPETS = snippets(lambda _: None)
