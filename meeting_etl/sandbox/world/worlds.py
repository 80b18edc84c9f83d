"""The worlds to choose from: the guide's, a lively demo, and one of an exact size.

Belongs here: guide_world and sized_world, and the one place to get any world from. Does not: the
parts of a world (model.py) and the inventing of the demo (demo.py).
"""

import json
from datetime import datetime, timedelta
from importlib import resources
from itertools import count
from typing import Any

from meeting_etl.sandbox.world.demo import demo_world
from meeting_etl.sandbox.world.model import (
    Device,
    Kind,
    Meeting,
    Participant,
    Person,
    Recording,
    Series,
    Snippet,
    Transcript,
    World,
    cisco_id,
)
from meeting_etl.times import parse_timestamp, start_of

__all__ = ["TOKEN_KINDS", "World", "demo_world", "guide_world", "sized_world", "world_named"]

# The guide's token is its host's; the team's is a compliance officer's, which may read everything.
TOKEN_KINDS: dict[str, Kind] = {"guide": "user", "demo": "compliance"}


def world_named(name: str, seed: int, now: datetime) -> World:
    """The world that `--world` names."""
    return guide_world() if name == "guide" else demo_world(seed, now)


def guide_world() -> World:
    """The guide's single meeting, all of it available since May 2021; answers as in the guide.

    Ids, times, sizes and texts are the guide's own; e-mail, site, password and link keys are
    invented. Both participants are made up, because the guide's participants example is a copy of
    a meetings response. Its series is gone, as series are 180 days after their end (T17).
    """
    text = resources.files("meeting_etl.sandbox").joinpath("guide.json").read_text("utf-8")
    guide = json.loads(text)
    data, found = guide["webhook"]["data"], guide["recording"]
    site = data["siteUrl"]
    host = Person(guide["host"]["displayName"], data["hostEmail"], data["hostUserId"], site)
    meeting = Meeting(
        id=data["id"],
        series_id=found["meetingSeriesId"],
        scheduled_id=found["scheduledMeetingId"],
        number=guide["meetingNumber"],
        title=found["topic"],
        started_at=_moment(data["start"]),
        ended_at=_moment(data["end"]),
        host=host,
        site_url=site,
        web_link_key="guide",
        participants_final_at=_moment(data["end"]),
        participants=tuple(_guide_participant(person) for person in guide["participants"]),
        recordings=(_guide_recording(found),),
        transcripts=(_guide_transcript(guide["transcript"], guide["snippet"]),),
        timezone=data["timezone"],
    )
    series = Series(
        id=meeting.series_id,
        number=meeting.number,
        title=meeting.title,
        host=host,
        site_url=site,
        occurrences=(_moment("2021-05-14T20:30:00Z"),),
        length=timedelta(hours=1),
        secret_key="guide",  # noqa: S106 - the sandbox's secrets are invented
    )
    return World(
        seed=0,
        org_id=data["orgId"],
        sites=(site,),
        owner=host,
        admin=_staff("Admin", site),
        officer=_staff("Officer", site),
        meetings=(meeting,),
        series=(series,),
        webhook=guide["webhook"],
    )


def sized_world(
    seed: int,
    until: datetime,
    *,
    meetings: int,
    participants: int,
    snippets: int,
    days: int = 1,
) -> World:
    """Meetings that all have so many participants and snippets, one recording, one transcript.

    They ended between 08:00 and 18:00 UTC on `days` consecutive days, the last one five days
    before `until`, evenly spread; everything has long been available. One host, the owner.
    """
    site = "sized.webex.example"
    owner = _staff("Owner", site)
    last = start_of(until.date()) - timedelta(days=5)
    people = [(f"Person {n}", f"person{n}@sized.example") for n in range(max(participants, 1))]
    ids = (f"{seed % 0xFFFF:04x}{number:028x}" for number in count(1))
    made = []
    for number in range(meetings):
        day = last - timedelta(days=days - 1 - number * days // meetings)
        ended = day + timedelta(hours=8, seconds=number * 36_000 // meetings)
        key = next(ids)
        made.append(_sized_meeting(key, number, owner, ended, people[:participants], snippets))
    return World(
        seed=seed,
        org_id="5a3d1c7e-0000-4000-8000-000000000001",
        sites=(site,),
        owner=owner,
        admin=_staff("Admin", site),
        officer=_staff("Officer", site),
        meetings=tuple(sorted(made, key=lambda meeting: (meeting.started_at, meeting.id))),
    )


def _sized_meeting(
    key: str,
    number: int,
    host: Person,
    ended: datetime,
    people: list[tuple[str, str]],
    snippets: int,
) -> Meeting:
    started = ended - timedelta(minutes=30)
    available = ended + timedelta(minutes=20)
    transcript_id = f"{key[:8]}-0000-4000-8000-{key[-12:]}_M_{key}"
    said = tuple(
        Snippet(
            id=f"{transcript_id}_{place:05d}",
            text=f"Sentence {place} of meeting {number}",
            person_name=people[place % len(people)][0] if people else "Nobody",
            person_email=people[place % len(people)][1] if people else None,
            offset_ms=place * 1_700_000 // snippets,
            duration_ms=1_500_000 // snippets,
        )
        for place in range(snippets)
    )
    return Meeting(
        id=f"{key}_I_{190_000_000_000_000_000 + number}",
        series_id=key,
        scheduled_id=f"{key}_{started:%Y%m%dT%H%M%SZ}",
        number=f"{2_550_000_000 + number}",
        title=f"Meeting {number}",
        started_at=started,
        ended_at=ended,
        host=host,
        site_url=host.site_url,
        web_link_key=key,
        participants_final_at=ended + timedelta(minutes=5),
        participants=tuple(
            Participant(
                id=f"{key}_00000000-0000-4000-8000-{place:012x}",
                name=name,
                email=email,
                host=place == 0,
                devices=(
                    Device(f"{key[:8]}-0000-4000-9000-{place:012x}", "mac", "voip", started, ended),
                ),
            )
            for place, (name, email) in enumerate(people)
        ),
        recordings=(
            Recording(
                id=f"e{key[1:]}",
                topic=f"Meeting {number}",
                created_at=available,
                available_at=available,
                recorded_at=started,
                duration_seconds=1800,
                size_bytes=50_000_000 + number,
                password=f"plantedsecret-{key[-6:]}",
                link_key=key,
            ),
        ),
        transcripts=(Transcript(transcript_id, started, available, available, said),),
    )


def _guide_participant(item: dict[str, Any]) -> Participant:
    device = Device(
        correlation_id=item["correlationId"],
        device_type=item["deviceType"],
        audio_type="voip",
        joined_at=_moment(item["joinedTime"]),
        left_at=_moment(item["leftTime"]),
    )
    return Participant(item["id"], item["displayName"], item["email"], (device,), item["host"])


def _guide_recording(item: dict[str, Any]) -> Recording:
    return Recording(
        id=item["id"],
        topic=item["topic"],
        created_at=_moment(item["createTime"]),
        available_at=_moment(item["createTime"]),
        recorded_at=None,
        duration_seconds=item["durationSeconds"],
        size_bytes=item["sizeBytes"],
        password=item["password"],
        link_key="guide",
        service_type=None,
        guide_shape=True,
    )


def _guide_transcript(item: dict[str, Any], said: dict[str, Any]) -> Transcript:
    available = _moment("2021-05-14T20:35:00Z")
    snippet = Snippet(
        id=said["id"],
        text=said["text"],
        person_name=said["personName"],
        person_email=said["personEmail"],
        offset_ms=said["offset"],
        duration_ms=said["duration"],
    )
    return Transcript(
        id=item["id"],
        started_at=_moment(item["startTime"]),
        available_at=available,
        snippets_available_at=available,
        snippets=(snippet,),
        older_snippets=True,
        guide_shape=True,
    )


def _staff(role: str, site: str) -> Person:
    """Whom a token speaks for when the world has no livelier person for the part."""
    domain = site.replace(".webex.", ".")
    return Person(role, f"{role.lower()}@{domain}", cisco_id("PEOPLE", f"{role}-{domain}"), site)


def _moment(text: str) -> datetime:
    moment = parse_timestamp(text)
    if moment is None:
        raise ValueError("a moment of the guide is missing")
    return moment
