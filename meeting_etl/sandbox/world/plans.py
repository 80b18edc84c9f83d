"""What the team of the demo had in mind: meetings before they are held.

Belongs here: who was asked to which kind of meeting, and one plan for each oddity. Does not: when
they took place (demo.py), who came (attendance.py), what was left (artifacts.py).
"""

import random
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from meeting_etl.sandbox.world.artifacts import Keepsakes
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
    """A meeting before it is held.

    `host` is a place in HOSTS. `ended_before`: it ended so many minutes before `until` (negative:
    it still goes on); `utc_time`: hour and minute of its start.
    """

    title: str
    host: int
    minutes: int
    guests: tuple[Guest, ...]
    kept: Keepsakes
    started_at: datetime | None = None
    series_id: str | None = None
    scheduled_at: datetime | None = None
    scheduled_type: ScheduledType = "meeting"
    site_url: str | None = None
    room_id: str | None = None
    breakouts: bool = False
    ended_before: float | None = None
    utc_time: tuple[int, int] | None = None


def oddities(chance: random.Random) -> Iterator[Plan]:
    """One plan, or a few, for each thing that must be in the world."""
    plain = Keepsakes()
    for ended_before in (2, 6, 11, 14.5, 21):
        yield replace(call(chance), ended_before=ended_before, kept=Keepsakes(fresh=True))
    for ended_before in (-9, -31):
        yield replace(call(chance), ended_before=ended_before, minutes=52)
    for size, title in zip((130, 260, 420), WEBINARS, strict=True):
        yield _webinar(chance, title, size)
    for minute in (20, 41, 58):
        yield replace(call(chance), utc_time=(23, minute), minutes=55, kept=plain)
    for kept in (
        Keepsakes(recordings=2),
        Keepsakes(recordings=3),
        Keepsakes(recordings=0, transcripts=0),
        Keepsakes(transcripts=0),
        Keepsakes(transcripts=2),
        Keepsakes(snippets_missing=True),
        Keepsakes(shared_with=(HOSTS[0].email,)),
        Keepsakes(prevent_download=True),
        Keepsakes(format="ARF"),
        Keepsakes(late=timedelta(hours=68)),
        Keepsakes(late=timedelta(hours=26)),
    ):
        yield replace(call(chance), kept=kept, host=1 + chance.randrange(6))
    yield replace(call(chance), title="Nobody came", guests=(), kept=Keepsakes(0, 0), minutes=12)
    yield replace(call(chance), title="Imogen's room", host=0, scheduled_type="personalRoomMeeting")
    yield replace(call(chance), room_id=cisco_id("ROOM", new_uuid(chance)), title="Space: Big deal")
    yield replace(call(chance), host=1, site_url=SITES[1], kept=plain)
    yield _all_scripts(chance)
    yield replace(call(chance), guests=_eventful(chance), breakouts=True, kept=plain, minutes=48)
    # Deleted for good before anybody came for it; later, after it was had; and only binned.
    for hours_ago, kept in (
        (40, Keepsakes(purged_after=timedelta(hours=3))),
        (10, Keepsakes(purged_after=timedelta(hours=40))),
        (30, Keepsakes(binned_after=timedelta(hours=40))),
    ):
        yield replace(call(chance), ended_before=hours_ago * 60, kept=kept)


def call(chance: random.Random) -> Plan:
    """A talk with a customer: a host, a colleague now and then, some of the customer's people."""
    host = 0 if chance.random() < 0.15 else chance.randrange(len(HOSTS))
    company, domain, people = chance.choice(CUSTOMERS)
    guests = [Guest(name, f"{mailbox}@{domain}") for name, mailbox in people]
    guests = chance.sample(guests, chance.randint(1, len(guests)))
    if chance.random() < 0.6:
        name, mailbox = chance.choice(COLLEAGUES)
        guests.append(Guest(name, f"{mailbox}@{HOME_DOMAIN}"))
    if chance.random() < 0.25:
        guests.append(Guest(f"Guest of {company}", None))
    if chance.random() < 0.12:
        guests.append(caller(len(guests)))
    return Plan(
        title=f"{chance.choice(PURPOSES)}: {company}",
        host=host,
        minutes=chance.choice((18, 25, 27, 30, 44, 50, 58, 75)),
        guests=some_rejoin(chance, guests),
        kept=usual(chance),
    )


def some_rejoin(chance: random.Random, guests: Sequence[Guest]) -> tuple[Guest, ...]:
    """The same guests, of whom one in eight loses the connection and comes back."""
    return tuple(replace(one, rejoins=int(chance.random() < 0.12)) for one in guests)


def usual(chance: random.Random) -> Keepsakes:
    """What an ordinary meeting leaves: a quarter is not recorded, a few assets come late."""
    recorded = 0 if chance.random() < 0.25 else 2 if chance.random() < 0.08 else 1
    late = timedelta(hours=chance.uniform(2, 68)) if chance.random() < 0.07 else timedelta()
    written = int(recorded > 0 and chance.random() < 0.88)
    return Keepsakes(recorded, written, late=late, older_snippets=chance.random() < 0.2)


def _webinar(chance: random.Random, title: str, size: int) -> Plan:
    panel = [Guest(name, f"{mailbox}@{HOME_DOMAIN}") for name, mailbox in COLLEAGUES[:3]]
    return Plan(
        title=f"Webinar: {title}",
        host=chance.choice((0, 7, 8)),
        minutes=62,
        guests=(*panel, *crowd(chance, size)),
        kept=Keepsakes(),
        scheduled_type="webinar",
    )


def _all_scripts(chance: random.Random) -> Plan:
    people = [Guest(people[0][0], f"{people[0][1]}@{domain}") for _, domain, people in CUSTOMERS]
    people += [Guest(name, f"{mailbox}@{HOME_DOMAIN}") for name, mailbox in COLLEAGUES]
    title = "Partner council · Συμβούλιο · 理事会"
    return replace(call(chance), title=title, guests=tuple(people))


def _eventful(chance: random.Random) -> tuple[Guest, ...]:
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
