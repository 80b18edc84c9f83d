"""What a world consists of: people, meetings, and what the meetings left behind.

Belongs here: the frozen dataclasses that worlds are made of and every view of the sandbox reads.
Does not: how a world is invented (demo.py, worlds.py) and how it looks on the wire
(sandbox/json_values.py).

All moments are aware and in UTC. `available_at` is when the API begins to show an asset; what was
created earlier and is shown later is not a mistake but what Webex does.
"""

import base64
import random
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

SECRET_MARK = "plantedsecret"  # noqa: S105
"""Part of every password, link, ticket, key and token of the sandbox, so that a test can search
all outputs for the one word that must not be there."""

LISTING_LAG = timedelta(minutes=15)

Kind = Literal["user", "admin", "compliance"]
ScheduledType = Literal["meeting", "webinar", "personalRoomMeeting"]


def seeded_rng(*parts: object) -> random.Random:
    """A random generator that yields the same for the same parts, on every machine."""
    return random.Random("|".join(str(part) for part in parts))  # noqa: S311 - invented worlds only


def new_hex(rng: random.Random) -> str:
    """32 hex digits: the form of the ids of series and recordings, and of keys in links."""
    return f"{rng.getrandbits(128):032x}"


def new_uuid(rng: random.Random) -> str:
    """A random UUID as text."""
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))


def cisco_id(kind: str, key: str) -> str:
    """The URL-safe base64 form in which Webex hands out people and organizations."""
    plain = f"ciscospark://us/{kind}/{key}"
    return base64.urlsafe_b64encode(plain.encode()).decode().rstrip("=")


@dataclass(frozen=True, slots=True)
class Person:
    """A member of the organization. `site_url` is the preferred site (T40)."""

    name: str
    email: str
    user_id: str
    site_url: str


@dataclass(frozen=True, slots=True)
class Device:
    """One join of a participant: each has its own correlation id (T29)."""

    correlation_id: str
    device_type: str
    audio_type: Literal["pstn", "voip", "inactive"]
    joined_at: datetime
    left_at: datetime
    call_type: Literal["callIn", "callBack"] | None = None
    phone_number: str | None = None


@dataclass(frozen=True, slots=True)
class Breakout:
    """A breakout session as one participant attended it."""

    id: str
    name: str
    joined_at: datetime
    left_at: datetime


@dataclass(frozen=True, slots=True)
class Participant:
    """One line of the attendance. Guests and phones have no e-mail; nothing makes it unique."""

    id: str
    name: str
    email: str | None
    devices: tuple[Device, ...]
    host: bool = False
    co_host: bool = False
    invitee: bool = True
    muted: bool = False
    video: Literal["on", "off"] = "on"
    space_moderator: bool | None = None
    breakouts: tuple[Breakout, ...] = ()
    source_id: str | None = None

    @property
    def joined_at(self) -> datetime:
        """First join."""
        return min(device.joined_at for device in self.devices)

    @property
    def left_at(self) -> datetime:
        """Last leave."""
        return max(device.left_at for device in self.devices)


@dataclass(frozen=True, slots=True)
class Invitee:
    """Somebody who was invited, whether they came or not."""

    id: str
    name: str
    email: str
    co_host: bool = False
    panelist: bool = False


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording. `deleted_at`: into the recycle bin; `purged_at`: deleted permanently.

    `link_key` makes its secret links, `guide_shape` omits what the guide's example does not have.
    """

    id: str
    topic: str
    created_at: datetime
    available_at: datetime
    recorded_at: datetime | None
    duration_seconds: int
    size_bytes: int
    password: str
    link_key: str
    format: Literal["MP4", "ARF", "UPLOADED"] = "MP4"
    service_type: str | None = "MeetingCenter"
    shared_with: tuple[str, ...] = ()
    prevent_download: bool = False
    integration_tags: tuple[str, ...] = ()
    deleted_at: datetime | None = None
    purged_at: datetime | None = None
    guide_shape: bool = False

    def status(self, now: datetime) -> str:
        """available, deleted (in the recycle bin) or purged."""
        if self.purged_at and self.purged_at <= now:
            return "purged"
        return "deleted" if self.deleted_at and self.deleted_at <= now else "available"


@dataclass(frozen=True, slots=True)
class Snippet:
    """Something said; milliseconds count from the start of the transcript."""

    id: str
    text: str
    person_name: str
    person_email: str | None
    offset_ms: int
    duration_ms: int


@dataclass(frozen=True, slots=True)
class Transcript:
    """A transcript.

    From `available_at` on it is listed and its VTT can be downloaded. Its snippets are an empty
    list until `snippets_available_at`, and always 404 where that is None. `older_snippets`: offset
    and duration instead of offsetMillisecond and durationMillisecond (T42).
    """

    id: str
    started_at: datetime
    available_at: datetime
    snippets_available_at: datetime | None
    snippets: tuple[Snippet, ...]
    older_snippets: bool = False
    deleted_at: datetime | None = None
    guide_shape: bool = False


@dataclass(frozen=True, slots=True)
class Meeting:
    """One instance, in progress or ended, with all it left.

    `participants_final_at` is when joined and left times become known (T26). `features` are the
    further has-flags that are true: chat, polls, qa, slido, closedCaption, summary.
    """

    id: str
    series_id: str
    scheduled_id: str | None
    number: str
    title: str
    started_at: datetime
    ended_at: datetime
    host: Person
    site_url: str
    web_link_key: str
    participants_final_at: datetime
    participants: tuple[Participant, ...] = ()
    invitees: tuple[Invitee, ...] = ()
    recordings: tuple[Recording, ...] = ()
    transcripts: tuple[Transcript, ...] = ()
    scheduled_type: ScheduledType = "meeting"
    timezone: str = "UTC"
    agenda: str | None = None
    room_id: str | None = None
    integration_tags: tuple[str, ...] = ()
    features: frozenset[str] = frozenset()

    @property
    def listed_at(self) -> datetime:
        """When the ended meeting appears in GET /meetings (T13)."""
        return self.ended_at + LISTING_LAG

    def involves(self, email: str) -> bool:
        """Host or invitee: whose listing shows the meeting."""
        return self.host.email == email or any(
            person.invitee and person.email == email for person in self.participants
        )


@dataclass(frozen=True, slots=True)
class Series:
    """A scheduled meeting or series, with its occurrences in the past and the near future.

    `ad_hoc`: it was made to begin at once. `auto_record`: as the host set it.
    """

    id: str
    number: str
    title: str
    host: Person
    site_url: str
    occurrences: tuple[datetime, ...]
    length: timedelta
    secret_key: str
    scheduled_type: ScheduledType = "meeting"
    timezone: str = "UTC"
    recurrence: str | None = None
    agenda: str | None = None
    ad_hoc: bool = False
    auto_record: bool = False

    def occurrence_id(self, at: datetime) -> str:
        """Id of the scheduled meeting that begins at `at`."""
        return f"{self.id}_{at:%Y%m%dT%H%M%SZ}"

    def next_at(self, now: datetime) -> datetime:
        """Start of the next occurrence; of the first when all are over."""
        return next((at for at in self.occurrences if at > now), self.occurrences[0])


@dataclass(frozen=True, slots=True)
class Upload:
    """A recording that belongs to no meeting (T38)."""

    recording: Recording
    host: Person


@dataclass(frozen=True)
class World:
    """An organization and its meetings, in order of their start.

    `owner` has the user token, `admin` and `officer` have the other two and host nothing.
    `sites[0]` is the preferred site of both. `webhook` is a literal payload that replaces the
    invented events of the meetings (guide only).
    """

    seed: int
    org_id: str
    sites: tuple[str, ...]
    owner: Person
    admin: Person
    officer: Person
    meetings: tuple[Meeting, ...]
    series: tuple[Series, ...] = ()
    uploads: tuple[Upload, ...] = ()
    webhook: Mapping[str, Any] | None = None
