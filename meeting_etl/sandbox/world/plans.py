"""The planned meetings of the demo's team.

Belongs here: invitations by kind of meeting, and one plan for each special case. Does not: when the
meetings took place (demo.py), attendance (attendance.py), recordings and transcripts
(artifacts.py).
"""

import random
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from meeting_etl.sandbox.world.artifacts import Artifacts
from meeting_etl.sandbox.world.attendance import Guest, caller, crowd
from meeting_etl.sandbox.world.model import Person, ScheduledType, cisco_id, new_uuid
from meeting_etl.sandbox.world.names import (
    COLLEAGUES,
    CUSTOMERS,
    HOME_DOMAIN,
    PURPOSES,
    SELLERS,
    SITES,
    WEBINARS,
)

HOSTS = tuple(
    Person(
        seller.name,
        f"{seller.mailbox}@{HOME_DOMAIN}",
        cisco_id("PEOPLE", str(uuid.uuid5(uuid.NAMESPACE_DNS, seller.mailbox))),
        SITES[seller.site],
    )
    for seller in SELLERS
)


@dataclass(frozen=True, slots=True)
class Plan:
    """A planned meeting.

    `host` is a place in HOSTS. `ended_before`: it ended so many minutes before `until` (negative:
    it still goes on); `utc_time`: hour and minute of its start.
    """

    title: str
    host: int
    minutes: int
    guests: tuple[Guest, ...]
    artifacts: Artifacts
    started_at: datetime | None = None
    series_id: str | None = None
    scheduled_at: datetime | None = None
    scheduled_type: ScheduledType = "meeting"
    site_url: str | None = None
    room_id: str | None = None
    breakouts: bool = False
    ended_before: float | None = None
    utc_time: tuple[int, int] | None = None


def special_plans(rng: random.Random) -> Iterator[Plan]:
    """One or a few plans for each special case that must be in the world."""
    plain = Artifacts()
    for ended_before in (2, 6, 11, 14.5, 21):
        yield replace(call(rng), ended_before=ended_before, artifacts=Artifacts(fresh=True))
    for ended_before in (-9, -31):
        yield replace(call(rng), ended_before=ended_before, minutes=52)
    for size, title in zip((130, 260, 420), WEBINARS, strict=True):
        yield _webinar(rng, title, size)
    for minute in (20, 41, 58):
        yield replace(call(rng), utc_time=(23, minute), minutes=55, artifacts=plain)
    for artifacts in (
        Artifacts(recordings=2),
        Artifacts(recordings=3),
        Artifacts(recordings=0, transcripts=0),
        Artifacts(transcripts=0),
        Artifacts(transcripts=2),
        Artifacts(snippets_missing=True),
        Artifacts(shared_with=(HOSTS[0].email,)),
        Artifacts(prevent_download=True),
        Artifacts(format="ARF"),
        Artifacts(late=timedelta(hours=68)),
        Artifacts(late=timedelta(hours=26)),
    ):
        yield replace(call(rng), artifacts=artifacts, host=1 + rng.randrange(6))
    yield replace(call(rng), title="Nobody came", guests=(), artifacts=Artifacts(0, 0), minutes=12)
    yield replace(call(rng), title="Imogen's room", host=0, scheduled_type="personalRoomMeeting")
    yield replace(call(rng), room_id=cisco_id("ROOM", new_uuid(rng)), title="Space: Big deal")
    yield replace(call(rng), host=1, site_url=SITES[1], artifacts=plain)
    yield _all_scripts(rng)
    yield replace(call(rng), guests=_eventful(rng), breakouts=True, artifacts=plain, minutes=48)
    # Purged before it can be fetched; purged after that; moved to the recycle bin only.
    for hours_ago, artifacts in (
        (40, Artifacts(purged_after=timedelta(hours=3))),
        (10, Artifacts(purged_after=timedelta(hours=40))),
        (30, Artifacts(binned_after=timedelta(hours=40))),
    ):
        yield replace(call(rng), ended_before=hours_ago * 60, artifacts=artifacts)


def call(rng: random.Random) -> Plan:
    """A talk with a customer: a host, a colleague now and then, some of the customer's people."""
    host = 0 if rng.random() < 0.15 else rng.randrange(len(HOSTS))
    company, domain, people = rng.choice(CUSTOMERS)
    guests = [Guest(name, f"{mailbox}@{domain}") for name, mailbox in people]
    guests = rng.sample(guests, rng.randint(1, len(guests)))
    if rng.random() < 0.6:
        name, mailbox = rng.choice(COLLEAGUES)
        guests.append(Guest(name, f"{mailbox}@{HOME_DOMAIN}"))
    if rng.random() < 0.25:
        guests.append(Guest(f"Guest of {company}", None))
    if rng.random() < 0.12:
        guests.append(caller(len(guests)))
    return Plan(
        title=f"{rng.choice(PURPOSES)}: {company}",
        host=host,
        minutes=rng.choice((18, 25, 27, 30, 44, 50, 58, 75)),
        guests=some_rejoin(rng, guests),
        artifacts=usual(rng),
    )


def some_rejoin(rng: random.Random, guests: Sequence[Guest]) -> tuple[Guest, ...]:
    """The same guests, of whom one in eight loses the connection and comes back."""
    return tuple(replace(guest, rejoins=int(rng.random() < 0.12)) for guest in guests)


def usual(rng: random.Random) -> Artifacts:
    """What an ordinary meeting leaves: a quarter is not recorded, a few assets come late."""
    recorded = 0 if rng.random() < 0.25 else 2 if rng.random() < 0.08 else 1
    late = timedelta(hours=rng.uniform(2, 68)) if rng.random() < 0.07 else timedelta()
    written = int(recorded > 0 and rng.random() < 0.88)
    return Artifacts(recorded, written, late=late, older_snippets=rng.random() < 0.2)


def _webinar(rng: random.Random, title: str, size: int) -> Plan:
    panel = [Guest(name, f"{mailbox}@{HOME_DOMAIN}") for name, mailbox in COLLEAGUES[:3]]
    return Plan(
        title=f"Webinar: {title}",
        host=rng.choice((0, 7, 8)),
        minutes=62,
        guests=(*panel, *crowd(rng, size)),
        artifacts=Artifacts(),
        scheduled_type="webinar",
    )


def _all_scripts(rng: random.Random) -> Plan:
    people = [Guest(people[0][0], f"{people[0][1]}@{domain}") for _, domain, people in CUSTOMERS]
    people += [Guest(name, f"{mailbox}@{HOME_DOMAIN}") for name, mailbox in COLLEAGUES]
    title = "Partner council · Συμβούλιο · 理事会"
    return replace(call(rng), title=title, guests=tuple(people))


def _eventful(rng: random.Random) -> tuple[Guest, ...]:
    """Rejoins, one person in two rows, callers and guests in one meeting."""
    _, domain, people = CUSTOMERS[9]
    return (
        Guest(people[0][0], f"{people[0][1]}@{domain}", rejoins=3),
        Guest(people[1][0], f"{people[1][1]}@{domain}", twice=True),
        Guest("Guest", None, rejoins=1),
        Guest("Guest", None),
        caller(1),
        caller(2),
    )
