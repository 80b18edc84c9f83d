"""Where to find what in a world, built once.

Belongs here: look-ups by every id that the API takes. Does not: permissions.
"""

from collections import defaultdict
from datetime import datetime

from meeting_etl.sandbox.world.model import (
    Meeting,
    Person,
    Recording,
    Series,
    Transcript,
    Upload,
    World,
)

Recorded = tuple[Recording, Meeting | Upload]
Transcribed = tuple[Transcript, Meeting]


class Index:
    """Look-ups in a world. Recordings and transcripts are in descending order of creation."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.people: dict[str, Person] = {
            person.email: person
            for person in (
                *(meeting.host for meeting in world.meetings),
                *(series.host for series in world.series),
                *(upload.host for upload in world.uploads),
                world.owner,
                world.admin,
                world.officer,
            )
        }
        self.meetings: dict[str, Meeting] = {meeting.id: meeting for meeting in world.meetings}
        self.series: dict[str, Series] = {series.id: series for series in world.series}
        self.occurrences: dict[str, tuple[Series, datetime]] = {
            series.occurrence_id(at): (series, at)
            for series in world.series
            for at in series.occurrences
        }
        self.instances: dict[str, list[Meeting]] = defaultdict(list)
        for meeting in world.meetings:
            self.instances[meeting.series_id].append(meeting)
            if meeting.scheduled_id:
                self.instances[meeting.scheduled_id].append(meeting)
        self.recordings: list[Recorded] = sorted(
            [
                *((asset, meeting) for meeting in world.meetings for asset in meeting.recordings),
                *((upload.recording, upload) for upload in world.uploads),
            ],
            key=lambda pair: (pair[0].created_at, pair[0].id),
            reverse=True,
        )
        self.transcripts: list[Transcribed] = sorted(
            ((asset, meeting) for meeting in world.meetings for asset in meeting.transcripts),
            key=lambda pair: (pair[0].available_at, pair[0].id),
            reverse=True,
        )
        self.recording = {pair[0].id: pair for pair in self.recordings}
        self.transcript = {pair[0].id: pair for pair in self.transcripts}
        self._transcripts_of: dict[str, list[Transcribed]] = defaultdict(list)
        for transcribed in self.transcripts:
            self._transcripts_of[transcribed[1].id].append(transcribed)
        self._recordings_of: dict[str, list[Recorded]] = defaultdict(list)
        for pair in self.recordings:
            if isinstance(pair[1], Meeting):
                for key in (pair[1].id, pair[1].series_id, pair[1].scheduled_id):
                    if key:
                        self._recordings_of[key].append(pair)

    def knows(self, meeting_id: str) -> bool:
        """Whether it is the id of a series, a scheduled meeting or an instance."""
        return (
            meeting_id in self.meetings
            or meeting_id in self.series
            or meeting_id in self.occurrences
            or meeting_id in self.instances
        )

    def recordings_of(self, meeting_id: str) -> list[Recorded]:
        """Recordings of a series, a scheduled meeting or an instance."""
        return self._recordings_of.get(meeting_id, [])

    def transcripts_of(self, meeting_id: str) -> list[Transcribed]:
        """Transcripts of an instance."""
        return self._transcripts_of.get(meeting_id, [])

    def meeting_of(self, key: str) -> str | None:
        """Id of the instance that a recording, a transcript or an instance id belongs to."""
        if key in self.meetings:
            return key
        found = self.transcript.get(key) or self.recording.get(key)
        return found[1].id if found and isinstance(found[1], Meeting) else None
