"""What is fetched for a meeting: one FetchSpec a table says how to ask and which rows that makes.

Belongs here: RECORDINGS, PARTICIPANTS, TRANSCRIPTS, SNIPPETS. Does not: when to ask (settling.py),
threads, batches and commits (fetch.py).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from meeting_etl import schemas
from meeting_etl.pipeline.rows import Drift, Row, fold_last, fold_participants, to_row
from meeting_etl.pipeline.settling import Pair
from meeting_etl.schemas import Table
from meeting_etl.webex.endpoints import Listing, Webex

Item = dict[str, Any]


@dataclass(frozen=True)
class Target:
    """One thing to ask: a pair with the row of its meeting and, for snippets, its transcript."""

    pair: Pair
    meeting: Row
    parent: Row | None = None

    @property
    def meeting_id(self) -> str:
        """Id of the meeting instance."""
        return self.pair.meeting_id

    @property
    def started_at(self) -> datetime:
        """Start of the meeting, its end where the start is not known."""
        moment: datetime = self.meeting["started_at"] or self.meeting["ended_at"]
        return moment


@dataclass(frozen=True)
class FetchSpec:
    """How one table is fetched.

    `ask` gets the items of one target, `rows` makes rows of them. A complete answer takes the place
    of all rows with the same value in `replaces`; without it rows are merged by key. Columns in
    `keeps` keep the value that the lake holds. `finished` says whether the rows are final; `opens`
    names the pairs that an answer opens; `parent` is the table that resource_id is a key of.
    """

    table: Table
    ask: Callable[[Webex, Target], Listing]
    rows: Callable[[Sequence[Item], Target, Drift, Row], list[Row]]
    replaces: str | None = None
    keeps: tuple[str, ...] = ()
    finished: Callable[[Sequence[Row]], bool] = lambda _: True
    opens: Callable[[Target, Sequence[Row]], list[Pair]] = lambda *_: []
    parent: Table | None = None


def _own(table: Table, items: Sequence[Item], target: Target, drift: Drift, ours: Row) -> list[Row]:
    """Rows of the meeting that was asked for; an answer may hold items of others."""
    return [
        to_row(table, item, drift, **ours | {"meeting_id": target.meeting_id})
        for item in items
        if item.get("meetingId") in (None, target.meeting_id)
    ]


def _ask_recordings(webex: Webex, target: Target) -> Listing:
    return webex.recordings(
        target.meeting_id,
        started_at=target.started_at,
        host_email=target.meeting["host_email"],
        site_url=target.meeting["site_url"],
    )


def _recording_rows(items: Sequence[Item], target: Target, drift: Drift, ours: Row) -> list[Row]:
    rows = _own(schemas.RECORDINGS, items, target, drift, ours)
    for row in rows:
        row["host_email"] = row["host_email"] or target.meeting["host_email"]
        row["host_email_domain"] = row["host_email_domain"] or target.meeting["host_email_domain"]
    return fold_last(rows, "recording_id", drift)


def _ask_participants(webex: Webex, target: Target) -> Listing:
    return webex.participants(target.meeting_id, host_email=target.meeting["host_email"])


def _participant_rows(items: Sequence[Item], target: Target, drift: Drift, ours: Row) -> list[Row]:
    rows = _own(schemas.PARTICIPANTS, items, target, drift, ours)
    for row in rows:
        row["device_count"] = len(row["devices"] or [])
    return fold_participants(rows, drift)


def _times_known(rows: Sequence[Row]) -> bool:
    """Webex fills join and leave times in after the meeting (webex-api.md T26)."""
    return all(row["joined_at"] and row["left_at"] for row in rows)


def _ask_transcripts(webex: Webex, target: Target) -> Listing:
    return webex.transcripts(
        target.meeting_id,
        started_at=target.started_at,
        host_email=target.meeting["host_email"],
        site_url=target.meeting["site_url"],
    )


def _transcript_rows(items: Sequence[Item], target: Target, drift: Drift, ours: Row) -> list[Row]:
    rows = _own(schemas.TRANSCRIPTS, items, target, drift, ours)
    return fold_last(rows, "transcript_id", drift)


def _snippet_pairs(target: Target, rows: Sequence[Row]) -> list[Pair]:
    """A pair for each transcript, asked on the schedule of the list it was found in."""
    return [
        replace(
            Pair(target.meeting_id, schemas.TRANSCRIPT_SNIPPETS.name, row["transcript_id"]),
            opened_at=target.pair.opened_at,
            opened_by=target.pair.opened_by,
        )
        for row in rows
    ]


def _ask_snippets(webex: Webex, target: Target) -> Listing:
    return webex.snippets(target.pair.resource_id)


def _snippet_rows(items: Sequence[Item], target: Target, drift: Drift, ours: Row) -> list[Row]:
    begun: datetime | None = (target.parent or {}).get("started_at")
    ours = ours | {
        "meeting_id": target.meeting_id,
        "transcript_id": target.pair.resource_id,
        "source": "snippets",
    }
    rows = fold_last(
        (to_row(schemas.TRANSCRIPT_SNIPPETS, item, drift, **ours) for item in items),
        "snippet_id",
        drift,
    )
    for number, row in enumerate(rows):
        row["snippet_index"] = number
        if begun is not None and row["offset_ms"] is not None:
            row["started_at"] = begun + timedelta(milliseconds=row["offset_ms"])
    return rows


RECORDINGS = FetchSpec(schemas.RECORDINGS, _ask_recordings, _recording_rows, keeps=("deleted_at",))
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
    keeps=("deleted_at", "snippet_count"),
    opens=_snippet_pairs,
)
SNIPPETS = FetchSpec(
    schemas.TRANSCRIPT_SNIPPETS,
    _ask_snippets,
    _snippet_rows,
    replaces="transcript_id",
    parent=schemas.TRANSCRIPTS,
)
