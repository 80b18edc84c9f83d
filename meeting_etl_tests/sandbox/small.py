"""A world small enough to know by heart.

    Monday 2 March 2026, site one        series 1: instances A (09:00-09:30) and B (Tuesday, same
                                         series, 09:00-09:30), hosted by the owner
    Monday 2 March 2026, site two        series 2: instance C (10:00-11:00), hosted by Hana, whose
                                         preferred site is site one; the owner is invited
    Tuesday 3 March 2026, site two       series 3: webinar D (23:30-00:30), hosted by Tom, whose
                                         preferred site is site two

Each has a recording 10 minutes and a transcript 20 minutes after its end; times of participants
are known 5 minutes after the end.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from meeting_etl.sandbox.world.model import (
    Device,
    Meeting,
    Participant,
    Person,
    Recording,
    Series,
    Snippet,
    Transcript,
    Upload,
    World,
)

NOW = datetime(2026, 3, 5, 12, 0, tzinfo=UTC)
SITES = ("one.webex.example", "two.webex.example")
OWNER = Person("Olga Owner", "olga@team.example", "user-olga", SITES[0])
HANA = Person("Hana Host", "hana@team.example", "user-hana", SITES[0])
TOM = Person("Tom Two", "tom@team.example", "user-tom", SITES[1])
S1, S2, S3, S4 = ("1" * 32, "2" * 32, "3" * 32, "4" * 32)
A, B = f"{S1}_I_200000000000000001", f"{S1}_I_200000000000000002"
C, D = f"{S2}_I_200000000000000003", f"{S3}_I_200000000000000004"
RA, RB, RC, RD = ("a" * 32, "b" * 32, "c" * 32, "d" * 32)
TA, TB, TC, TD = (f"{letter * 8}-0000-4000-8000-000000000000_M_{letter * 32}" for letter in "abcd")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def device(joined: datetime, left: datetime, **more: Any) -> Device:
    return Device(f"correlation-{joined:%H%M}", "mac", "voip", joined, left, **more)


def person(
    key: str, name: str, email: str | None, started: datetime, ended: datetime
) -> Participant:
    return Participant(key, name, email, (device(started, ended),))


def recording(key: str, available: datetime, **more: Any) -> Recording:
    whole: dict[str, Any] = {
        "id": key,
        "topic": f"Topic {key[0]}",
        "created_at": available,
        "available_at": available,
        "recorded_at": available - timedelta(minutes=30),
        "duration_seconds": 1500,
        "size_bytes": 1_000_000,
        "password": "plantedsecret-pw",
        "link_key": key,
    }
    return Recording(**(whole | more))


def transcript(key: str, started: datetime, available: datetime, said: int = 3) -> Transcript:
    snippets = tuple(
        Snippet(f"{key}_{number:05d}", f"Sentence {number}", "Olga Owner", OWNER.email, number, 1)
        for number in range(1, said + 1)
    )
    return Transcript(key, started, available, available, snippets)


def meeting(key: str, host: Person, site: str, started: datetime, minutes: int) -> Meeting:
    ended = started + timedelta(minutes=minutes)
    letter = {A: "a", B: "b", C: "c", D: "d"}[key]
    series = key.partition("_")[0]
    return Meeting(
        id=key,
        series_id=series,
        scheduled_id=f"{series}_{started:%Y%m%dT%H%M%SZ}",
        number=f"25500000{ord(letter)}",
        title=f"Topic {letter}",
        started_at=started,
        ended_at=ended,
        host=host,
        site_url=site,
        web_link_key=series,
        participants_final_at=ended + timedelta(minutes=5),
        participants=(
            replace(person(f"{series}_p1", host.name, host.email, started, ended), host=True),
            person(f"{series}_p2", "Greta Guest", None, started + timedelta(minutes=4), ended),
            person(f"{series}_p3", OWNER.name, OWNER.email, started, ended - timedelta(minutes=9)),
        ),
        recordings=(recording(letter * 32, ended + timedelta(minutes=10)),),
        transcripts=(
            transcript(
                f"{letter * 8}-0000-4000-8000-000000000000_M_{letter * 32}",
                started,
                ended + timedelta(minutes=20),
            ),
        ),
    )


def small_world(**changes: Any) -> World:
    meetings = (
        meeting(A, OWNER, SITES[0], at("2026-03-02T09:00:00"), 30),
        meeting(C, HANA, SITES[1], at("2026-03-02T10:00:00"), 60),
        meeting(B, OWNER, SITES[0], at("2026-03-03T09:00:00"), 30),
        replace(meeting(D, TOM, SITES[1], at("2026-03-03T23:30:00"), 60), scheduled_type="webinar"),
    )
    whole: dict[str, Any] = {
        "seed": 1,
        "org_id": "0c0ffee0-0000-4000-8000-000000000000",
        "sites": SITES,
        "owner": OWNER,
        "admin": Person("Ada Admin", "ada@team.example", "user-ada", SITES[0]),
        "officer": Person("Cora Compliance", "cora@team.example", "user-cora", SITES[0]),
        "meetings": meetings,
        "series": (
            series(S1, OWNER, [at(f"2026-03-{day:02}T09:00:00") for day in range(2, 14)]),
            series(S2, HANA, [at("2026-03-02T10:00:00")]),
            series(S4, OWNER, [at("2026-03-09T08:00:00")], "personalRoomMeeting"),
        ),
    }
    return World(**(whole | changes))


def series(key: str, host: Person, starts: list[datetime], form: Any = "meeting") -> Series:
    return Series(
        id=key,
        number=f"9{key[:9]}",
        title=f"Series {key[0]}",
        host=host,
        site_url=host.site_url,
        occurrences=tuple(starts),
        length=timedelta(minutes=30),
        secret_key=key,
        scheduled_type=form,
        recurrence="FREQ=DAILY;INTERVAL=1;COUNT=12" if len(starts) > 1 else None,
    )


def changed(world: World, key: str, **changes: Any) -> World:
    """The world with one meeting changed."""
    meetings = tuple(
        replace(candidate, **changes) if candidate.id == key else candidate
        for candidate in world.meetings
    )
    return replace(world, meetings=meetings)


def upload(key: str, host: Person, made: datetime) -> Upload:
    return Upload(recording(key, made, format="UPLOADED"), host)
