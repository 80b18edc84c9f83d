"""A world in which one person left every kind of trace, and a product that fetches everything."""

import json
import random
import shutil
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from meeting_etl.lake import catalog
from meeting_etl.sandbox.world.model import (
    Invitee,
    Meeting,
    Person,
    Snippet,
    World,
    cisco_id,
    new_uuid,
)
from meeting_etl.times import Clock
from meeting_etl_tests.cluster.postgres_server import ON_POSTGRES
from meeting_etl_tests.cluster.s3_server import ON_BUCKET, copy_objects, download, url_of
from meeting_etl_tests.cluster.sessions import contents, copy_state
from meeting_etl_tests.privacy.search import found_in
from meeting_etl_tests.product import Product, location
from meeting_etl_tests.recent_world import recent_world

NAME, ADDRESS = "Zoë Quillfeather", "zoe.quill@sales.example"
NICKNAME = "Quilly"
USER_ID = cisco_id("PEOPLE", new_uuid(random.Random(7)))
SETTINGS = """
[fetch]
summaries = true
invitees = true
[downloads]
recordings = ["video", "audio", "transcript"]
transcripts = ["vtt", "txt"]
keep_free_bytes = 0
[auto_record]
hosts = ["*@*"]
"""


def settings_of(folder: Path, more: str = "") -> dict[str, str]:
    path = folder / "settings.toml"
    path.write_text(SETTINGS + more)
    return {"MEETING_ETL_SETTINGS": str(path)}


def world_of_the_person(seed: int = 11, *, meetings: int = 12) -> World:
    """A lively world; in some of its meetings the person left each kind of trace."""
    world = recent_world(seed, days_ago=10, days=2, meetings=meetings)
    person = Person(NAME, ADDRESS, USER_ID, world.sites[0])
    talks = [number for number, meeting in enumerate(world.meetings) if _talk(meeting)]
    changed = list(world.meetings)
    traces: tuple[Callable[[Meeting, Person], Meeting], ...] = (
        _as_host,
        _as_participant,
        _as_guest,
        _as_one_word,
        _in_words,
        _as_invitee,
        _in_vtt,
    )
    for number, trace in zip(talks, traces, strict=False):
        changed[number] = trace(changed[number], person)
    assert len(talks) >= len(traces)
    return replace(world, meetings=tuple(changed))


def _talk(meeting: Meeting) -> bool:
    return (
        any(len(transcript.snippets) > 4 for transcript in meeting.transcripts)
        and len(meeting.participants) > 2
    )


def _as_host(meeting: Meeting, person: Person) -> Meeting:
    first, second, *others = meeting.participants
    first = replace(first, name=person.name, email=person.email)
    second = replace(second, name="Bob Colleague", email="bob@sales.example")  # the same domain
    meeting = replace(meeting, host=person, participants=(first, second, *others))
    return _said(meeting, lambda snippet: replace(snippet, person_name=NAME, person_email=ADDRESS))


def _as_participant(meeting: Meeting, person: Person) -> Meeting:
    meeting = _taking_part(meeting, name=person.name, email=person.email)
    return _said(meeting, lambda snippet: replace(snippet, person_name=NAME, person_email=ADDRESS))


def _as_guest(meeting: Meeting, person: Person) -> Meeting:
    meeting = _taking_part(meeting, name=f" {person.name.upper()}", email=None)
    return _said(meeting, lambda snippet: replace(snippet, person_name=NAME, person_email=None))


def _as_one_word(meeting: Meeting, person: Person) -> Meeting:
    meeting = _taking_part(meeting, name=NICKNAME, email=f" {person.email.title()} ")
    return _said(meeting, lambda snippet: replace(snippet, person_name=NICKNAME, person_email=None))


def _in_words(meeting: Meeting, person: Person) -> Meeting:
    meeting = replace(
        meeting,
        title=f"1:1 with {person.name.upper()}: plans",
        agenda=f"Ask {person.email}.",
        recordings=tuple(replace(each, topic=f"{NAME}'s plan") for each in meeting.recordings),
    )
    text = f"Did you ask {NAME}? Or mail to <{ADDRESS}>, Quillfeather, Zoë."
    return _said(meeting, lambda snippet: replace(snippet, text=text))


def _as_invitee(meeting: Meeting, person: Person) -> Meeting:
    invited = Invitee(f"{meeting.series_id}_zoe_invited", person.name, person.email)
    return replace(meeting, invitees=(*meeting.invitees, invited))


def _in_vtt(meeting: Meeting, person: Person) -> Meeting:
    """Snippets cannot be read, so that the words come from the VTT file, which has names only."""
    meeting = _said(meeting, lambda snippet: replace(snippet, person_name=NAME, person_email=None))
    transcripts = (replace(each, snippets_available_at=None) for each in meeting.transcripts)
    return replace(meeting, transcripts=tuple(transcripts))


def _taking_part(meeting: Meeting, *, name: str, email: str | None) -> Meeting:
    *others, last = meeting.participants
    last = replace(last, id=f"{meeting.series_id}_zoe", name=name, email=email)
    return replace(meeting, participants=(*others, last))


def _said(meeting: Meeting, change: Callable[[Snippet], Snippet]) -> Meeting:
    """The meeting with every third snippet changed."""
    transcripts = (
        replace(
            each,
            snippets=tuple(
                change(snippet) if number % 3 == 1 else snippet
                for number, snippet in enumerate(each.snippets)
            ),
        )
        for each in meeting.transcripts
    )
    return replace(meeting, transcripts=tuple(transcripts))


def lines_of_the_person(world: World) -> list[str]:
    """Events and other lines with traces of the person that the world's own lines lack."""
    meeting = world.meetings[0]
    at = meeting.ended_at + timedelta(minutes=5)
    created = {
        "id": "9" * 32,
        "title": f"Lunch with {NAME}",
        "hostEmail": ADDRESS,
        "hostUserId": USER_ID,
        "hostDisplayName": NAME,
        "siteUrl": meeting.site_url,
    }
    joined = {
        "id": f"{meeting.series_id}_joined_zoe",
        "meetingId": meeting.id,
        "email": ADDRESS,
        "displayName": NAME,
        "hostEmail": meeting.host.email,
    }
    unowned = {"id": "e" * 32, "hostEmail": ADDRESS, "siteUrl": meeting.site_url}
    return [
        line_of(at, "meetings", "created", created, createdBy=USER_ID, actorId=USER_ID),
        line_of(at, "meetingParticipants", "joined", joined),
        line_of(Clock().now(), "recordings", "created", unowned),
        line_of(at, "meetings", "ended", {"hostEmail": ADDRESS, "hostDisplayName": NAME}),
        f'{{"broken": "{NAME}", "hostEmail": "{ADDRESS}"\n',
    ]


def line_of(at: datetime, resource: str, event: str, data: dict[str, Any], **more: str) -> str:
    body = {"resource": resource, "event": event, "data": data, **more}
    return json.dumps({"received_at": at.isoformat(), "body": body}) + "\n"


def append(product: Product, lines: Iterable[str]) -> None:
    folder = product.folder / "webhook_logs"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "live.jsonl").open("a") as file:
        file.writelines(lines)


# What must not be found anywhere; ids of participations begin with ids of series.
TRACES = frozenset({NAME, "Quillfeather, Zoë", NICKNAME, ADDRESS, USER_ID, "_zoe"})


class Forgetting(Product):
    """A product with the world of the person, whose data folder is copied for each test."""

    def fill(self) -> None:
        self.write_logs()
        append(self, lines_of_the_person(self.webex.world))
        self.succeed("run")
        meetings = self.webex.world.meetings
        meeting = next(each for each in meetings if each.host.email == ADDRESS)
        self.succeed("report", "--meeting", meeting.id)

    def copy(self, folder: Path) -> "Forgetting":
        shutil.copytree(self.folder, folder, symlinks=True)
        if ON_BUCKET:
            copy_objects(url_of(self.folder), url_of(folder))
        if url := ON_POSTGRES.get("MEETING_ETL_STATE"):
            copy_state(url, location(self.folder), location(folder))
        return replace(self, folder=folder)

    def succeed(self, *arguments: str) -> str:
        done = self.command(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def refetch(self, *more: str) -> None:
        first = min(meeting.ended_at for meeting in self.webex.world.meetings).date()
        self.succeed("run", "--from", str(first), "--refetch", *more)

    def found(self, *skip: str, texts: Collection[str] = TRACES) -> dict[str, str]:
        found = found_in(self.folder, texts, skip=skip)
        if url := ON_POSTGRES.get("MEETING_ETL_STATE"):
            for content in contents(url, location(self.folder)):
                found |= {text: "PostgreSQL" for text in texts if text.lower() in content.lower()}
        if ON_BUCKET:
            with TemporaryDirectory() as folder:
                download(url_of(self.folder), Path(folder))
                found = found_in(Path(folder), texts, skip=skip) | found
        return found

    def numbers(self) -> dict[str, list[Any]]:
        """What stays the same: counts, times and sides, of everybody."""
        return {sql: catalog.query(location(self.folder), sql)[1] for sql in NUMBERS}


NUMBERS = (
    """SELECT meeting_id, side, count(*), sum(attended_seconds), count(*) FILTER (present)
    FROM attendance GROUP BY ALL ORDER BY ALL""",
    """SELECT meeting_id, snippets, words, questions, talk_seconds, turns, switches,
    overlap_seconds, longest_monologue_seconds, patience_seconds, share_of_speech
    FROM speaker_metrics ORDER BY ALL""",
    "SELECT meeting_id, side, snippets, words, talk_seconds FROM talk_time ORDER BY ALL",
    "SELECT count(*), sum(words), sum(duration_ms) FROM transcript_snippets",
    "SELECT transcript_id, snippet_count, status FROM transcripts ORDER BY ALL",
    "SELECT recording_id, status, deletion_proof FROM recordings ORDER BY ALL",
    "SELECT meeting_id, host_email_domain, ended_at, delivery_count FROM meetings ORDER BY ALL",
    "SELECT meeting_id, count(*) FROM participants GROUP BY ALL ORDER BY ALL",
)
