"""What a meeting of the demo leaves: recordings, transcripts, snippets, and when they appear.

Belongs here: inventing assets. Does not: meetings (demo.py), words (utterances.py).
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from meeting_etl.sandbox.world.model import (
    SECRET_MARK,
    Meeting,
    Person,
    Recording,
    Snippet,
    Transcript,
    Upload,
    new_hex,
    new_uuid,
)
from meeting_etl.sandbox.world.utterances import turns

_MOST_TURNS = 220
_BYTES_PER_SECOND = 61_000


@dataclass(frozen=True, slots=True)
class Artifacts:
    """What a meeting leaves.

    `late` is added to the usual delay, which is 215 minutes at most; `fresh`: nothing appears
    within the first hour. Recordings are moved to the recycle bin `binned_after` the end and
    deleted permanently `purged_after` it.
    """

    recordings: int = 1
    transcripts: int = 1
    late: timedelta = timedelta()
    fresh: bool = False
    snippets_missing: bool = False
    older_snippets: bool = False
    shared_with: tuple[str, ...] = ()
    prevent_download: bool = False
    format: Literal["MP4", "ARF"] = "MP4"
    binned_after: timedelta | None = None
    purged_after: timedelta | None = None


def recordings(rng: random.Random, meeting: Meeting, artifacts: Artifacts) -> tuple[Recording, ...]:
    """Recordings one after the other within the meeting, made available together (T37)."""
    if not artifacts.recordings:
        return ()
    part = (meeting.ended_at - meeting.started_at) / artifacts.recordings
    made = meeting.ended_at + _lag(rng, artifacts, 2, 20)
    # In one of six cases the file was generated long before it is shown.
    shown = made + timedelta(minutes=rng.choice((0, 0, 1, 1, 3, 95)))
    return tuple(
        Recording(
            id=new_hex(rng),
            topic=meeting.title + (f"-{number + 1}" if artifacts.recordings > 1 else ""),
            created_at=made + timedelta(seconds=number),
            available_at=shown + timedelta(seconds=number),
            recorded_at=_pressed(rng, meeting.started_at + number * part),
            duration_seconds=(seconds := int(part.total_seconds() * rng.uniform(0.6, 0.9))),
            size_bytes=seconds * _BYTES_PER_SECOND + rng.randrange(1_000_000),
            password=f"{SECRET_MARK}-{rng.getrandbits(32):08x}",
            link_key=new_hex(rng),
            format=artifacts.format,
            service_type="EventCenter" if meeting.scheduled_type == "webinar" else "MeetingCenter",
            shared_with=artifacts.shared_with,
            prevent_download=artifacts.prevent_download,
            integration_tags=meeting.integration_tags,
            deleted_at=_after(meeting, artifacts.binned_after),
            purged_at=_after(meeting, artifacts.purged_after),
        )
        for number in range(artifacts.recordings)
    )


def transcripts(
    rng: random.Random, meeting: Meeting, made: Sequence[Recording], artifacts: Artifacts
) -> tuple[Transcript, ...]:
    """Transcripts of the recordings, minutes after these; none without participants."""
    if not made or not meeting.participants:
        return ()
    shown = max(recording.available_at for recording in made) + timedelta(
        minutes=rng.randint(1, 25)
    )
    return tuple(
        _transcript(rng, meeting, made[min(number, len(made) - 1)], shown, artifacts)
        for number in range(artifacts.transcripts)
    )


def _transcript(
    rng: random.Random, meeting: Meeting, source: Recording, shown: datetime, artifacts: Artifacts
) -> Transcript:
    key, fragment = new_hex(rng), new_uuid(rng)
    name = key if rng.random() < 0.25 else f"{fragment}_M_{key}"
    readable = shown + timedelta(minutes=rng.choice((0,) * 11 + (75,)))
    length = meeting.ended_at - (source.recorded_at or meeting.started_at)
    return Transcript(
        id=name,
        started_at=source.recorded_at or meeting.started_at,
        available_at=shown,
        snippets_available_at=None if artifacts.snippets_missing else readable,
        snippets=_snippets(rng, name, meeting, int(length.total_seconds() * 1000)),
        older_snippets=artifacts.older_snippets,
    )


def _snippets(
    rng: random.Random, transcript_id: str, meeting: Meeting, length_ms: int
) -> tuple[Snippet, ...]:
    """Of webinars the panel talks; elsewhere everybody, the host a little more than others."""
    speakers = meeting.participants[: 4 if meeting.scheduled_type == "webinar" else 12]
    weights = [(2.0 if person.host else 1.0) * rng.uniform(0.2, 1.5) for person in speakers]
    return tuple(
        Snippet(
            id=f"{transcript_id}_{number:05d}",
            text=turn.text,
            person_name=speakers[turn.speaker].name,
            person_email=speakers[turn.speaker].email,
            offset_ms=turn.offset_ms,
            duration_ms=turn.duration_ms,
        )
        for number, turn in enumerate(turns(rng, weights, length_ms, _MOST_TURNS), start=1)
    )


def upload(rng: random.Random, host: Person, until: datetime) -> Upload:
    """A file that was uploaded, not recorded."""
    made = until - timedelta(days=3, minutes=rng.randrange(600))
    recording = Recording(
        id=new_hex(rng),
        topic="Uploaded: onboarding",
        created_at=made,
        available_at=made,
        recorded_at=made,
        duration_seconds=1260,
        size_bytes=88_000_000,
        password=f"{SECRET_MARK}-{rng.getrandbits(32):08x}",
        link_key=new_hex(rng),
        format="UPLOADED",
    )
    return Upload(recording, host)


def _after(meeting: Meeting, delay: timedelta | None) -> datetime | None:
    return None if delay is None else meeting.ended_at + delay


def _pressed(rng: random.Random, moment: datetime) -> datetime:
    """When the record button was pressed: somewhat into the meeting."""
    return moment + timedelta(seconds=rng.randrange(5, 100))


def _lag(rng: random.Random, artifacts: Artifacts, least: int, most: int) -> timedelta:
    usual = timedelta(seconds=rng.randrange(least * 60, most * 60))
    return usual + artifacts.late + (timedelta(hours=1) if artifacts.fresh else timedelta())
