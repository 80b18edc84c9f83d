"""What is fetched for a meeting: a FetchSpec for each resource.

Belongs here: MEETING, RECORDINGS, PARTICIPANTS, TRANSCRIPTS, SNIPPETS, SUMMARIES. Does not: rows of
what was said (snippets.py), when to ask (pipeline/ledger/settling.py), windows
(pipeline/fetch/windows.py), threads (pipeline/fetch/request_pool.py), batches and commits
(pipeline/fetch/commit.py).
"""

from collections.abc import Callable, Sequence
from contextlib import suppress

from meeting_etl import schemas
from meeting_etl.errors import NotFound
from meeting_etl.pipeline.deletions.deletions import UNLISTED, with_tombstone
from meeting_etl.pipeline.fetch.spec import (
    FetchSpec,
    Item,
    Sweep,
    Target,
    Window,
    named_instance,
    pairs_of,
    same_series,
)
from meeting_etl.pipeline.ledger.settling import DETAILS, WorkItem
from meeting_etl.pipeline.meetings.merge import with_details, without_early_false_flags
from meeting_etl.pipeline.resources.plain_text import plain_text
from meeting_etl.pipeline.resources.snippets import ask_snippets, snippet_rows, vtt_instead
from meeting_etl.pipeline.rows import Row, SchemaDrift, fold_last, fold_participants, to_row
from meeting_etl.schemas import Table
from meeting_etl.webex.endpoints import Listing, Webex


def _ask_meeting(webex: Webex, target: Target) -> Listing:
    return Listing([webex.meeting(target.meeting_id)], [])


def _meeting_rows(
    items: Sequence[Item], target: Target, drift: SchemaDrift, ours: Row
) -> list[Row]:
    own = [item for item in items if item.get("id") == target.meeting_id]
    rows = [to_row(schemas.MEETINGS, item, drift, **ours) for item in own[-1:]]
    return [without_early_false_flags(row, target.final_at) for row in rows]


def _own(
    table: Table, items: Sequence[Item], target: Target, drift: SchemaDrift, ours: Row
) -> list[Row]:
    """Rows of the meeting that was asked for; an answer may hold items of others."""
    return [
        to_row(table, item, drift, **ours | {"meeting_id": target.meeting_id})
        for item in items
        if target.meeting_id == named_instance(item, "meetingId")
        or (named_instance(item, "meetingId") is None and same_series(item, target))
    ]


def _ask_recordings(webex: Webex, target: Target) -> Listing:
    pair = target.pair
    return webex.recordings(
        target.meeting_id,
        started_at=target.started_at,
        site_url=target.meeting["site_url"],
        event_at=pair.opened_at if pair.opened_by == "event" else None,
        expected=target.flagged is True,
    )


def _sweep_recordings(webex: Webex, window: Window, max_pages: int) -> Listing | None:
    return webex.recordings_between(
        window.start, window.end, site_url=window.site_url, max_pages=max_pages
    )


def _look_at_recording(webex: Webex, row: Row) -> str:
    found = webex.recording(row["recording_id"], host_email=row["host_email"])
    status = found.get("status")
    return status if status in ("deleted", "purged") else UNLISTED


def _recording_rows(
    items: Sequence[Item], target: Target, drift: SchemaDrift, ours: Row
) -> list[Row]:
    rows = _own(schemas.RECORDINGS, items, target, drift, ours)
    for row in rows:
        row["host_email"] = row["host_email"] or target.meeting["host_email"]
        row["host_email_domain"] = row["host_email_domain"] or target.meeting["host_email_domain"]
    return fold_last(rows, "recording_id", drift)


def _ask_participants(webex: Webex, target: Target) -> Listing:
    return webex.participants(target.meeting_id, host_email=target.meeting["host_email"])


def _participant_rows(
    items: Sequence[Item], target: Target, drift: SchemaDrift, ours: Row
) -> list[Row]:
    rows = _own(schemas.PARTICIPANTS, items, target, drift, ours)
    for row in rows:
        row["device_count"] = len(row["devices"] or [])
    return fold_participants(rows, drift)


def _times_known(rows: Sequence[Row]) -> bool:
    """Webex fills join and leave times in after the meeting (docs/webex-api-notes.md T26).

    Those of devices come later than those of their participant (T54).
    """
    times = (one for row in rows for one in (row, *(row["devices"] or ())))
    return all(one["joined_at"] and one["left_at"] for one in times)


def _ask_transcripts(webex: Webex, target: Target) -> Listing:
    pair = target.pair
    return webex.transcripts(
        target.meeting_id,
        started_at=target.started_at,
        host_email=target.meeting["host_email"],
        site_url=target.meeting["site_url"],
        event_at=pair.opened_at if pair.opened_by == "event" else None,
        expected=target.flagged is True,
    )


def _sweep_transcripts(webex: Webex, window: Window, max_pages: int) -> Listing | None:
    return webex.transcripts_between(
        window.start, window.end, site_url=window.site_url, max_pages=max_pages
    )


def _look_at_transcript(webex: Webex, row: Row) -> str:
    # Some transcripts never have snippets: only of one that had them a 404 says something.
    if row["snippet_count"] is not None and webex.can_read(schemas.TRANSCRIPT_SNIPPETS.name):
        try:
            webex.transcript_exists(row["transcript_id"])
        except NotFound:
            # Nor does it say anything of one whose rows came from its file, while that is there.
            webex.transcript_text(row["transcript_id"], "vtt", None, row["meeting_id"])
    return UNLISTED


def _onto_transcript(held: Row, new: Row) -> Row:
    return with_tombstone(held, new) | {"snippet_count": held["snippet_count"]}


def _transcript_rows(
    items: Sequence[Item], target: Target, drift: SchemaDrift, ours: Row
) -> list[Row]:
    rows = _own(schemas.TRANSCRIPTS, items, target, drift, ours)
    return fold_last(rows, "transcript_id", drift)


def _recording_pairs(target: Target, rows: Sequence[Row]) -> list[WorkItem]:
    return pairs_of(target, rows, schemas.RECORDING_FILES.name, "recording_id")


def _transcript_pairs(target: Target, rows: Sequence[Row]) -> list[WorkItem]:
    """What is asked for of each transcript."""
    resources = (schemas.TRANSCRIPT_FILES.name, schemas.TRANSCRIPT_SNIPPETS.name)
    return [
        pair for resource in resources for pair in pairs_of(target, rows, resource, "transcript_id")
    ]


def _ask_summaries(webex: Webex, target: Target) -> Listing:
    return webex.summaries(target.meeting_id)


def _summary_rows(
    items: Sequence[Item], target: Target, drift: SchemaDrift, ours: Row
) -> list[Row]:
    rows = _own(
        schemas.MEETING_SUMMARIES, [_in_plain_text(one) for one in items], target, drift, ours
    )
    return fold_last(rows, "summary_id", drift)


def _in_plain_text(item: Item) -> Item:
    """A summary whose notes and action items are texts; what is of another shape stays as it is."""
    notes, actions = item.get("notes"), item.get("actionItems")
    plain: Item = {}
    if isinstance(notes, dict) and isinstance(notes.get("content"), str):
        with suppress(ValueError):
            plain["notes"] = plain_text(notes["content"])
    if isinstance(actions, list) and all(isinstance(action, dict) for action in actions):
        plain["actionItems"] = [action.get("content") for action in actions]
    return item | plain


def _onto_summary(held: Row, new: Row) -> Row:
    """The new summary; one that was deleted meanwhile keeps the words that were read before."""
    return new | {name: new[name] or held[name] for name in ("notes", "action_items")}


MEETING = FetchSpec(
    schemas.MEETINGS,
    _ask_meeting,
    _meeting_rows,
    name=DETAILS,
    sweep=Sweep(
        lambda webex, window, most: webex.meetings_between(
            window.start, window.end, max_pages=most
        ),
        key="id",
        late=False,
        proves=False,
        least=1,
    ),
    onto=with_details,
)
RECORDINGS = FetchSpec(
    schemas.RECORDINGS,
    _ask_recordings,
    _recording_rows,
    sweep=Sweep(_sweep_recordings),
    onto=with_tombstone,
    look=_look_at_recording,
    grows=True,
    opens=_recording_pairs,
    flag="has_recording",
)
PARTICIPANTS = FetchSpec(
    schemas.PARTICIPANTS,
    _ask_participants,
    _participant_rows,
    replaces="meeting_id",
    finished=_times_known,
)
TRANSCRIPTS = FetchSpec(
    schemas.TRANSCRIPTS,
    _ask_transcripts,
    _transcript_rows,
    sweep=Sweep(_sweep_transcripts),
    onto=_onto_transcript,
    look=_look_at_transcript,
    grows=True,
    opens=_transcript_pairs,
    flag="has_transcription",
)


def snippets(held_vtt: Callable[[Target], bytes | None]) -> FetchSpec:
    """What was said in a transcript; from its VTT file where the snippets cannot be had.

    `held_vtt` returns the VTT file of a transcript where that is already here.
    """
    return FetchSpec(
        schemas.TRANSCRIPT_SNIPPETS,
        ask_snippets,
        snippet_rows,
        replaces="transcript_id",
        parent=schemas.TRANSCRIPTS,
        fallback=vtt_instead(held_vtt),
    )


SNIPPETS = snippets(lambda _: None)
SUMMARIES = FetchSpec(
    schemas.MEETING_SUMMARIES,
    _ask_summaries,
    _summary_rows,
    onto=_onto_summary,
)
# In the order in which they are fetched: flags before what they speak of, lists before their parts.
ALL = (MEETING, RECORDINGS, PARTICIPANTS, TRANSCRIPTS, SNIPPETS, SUMMARIES)
