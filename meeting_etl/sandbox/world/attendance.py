"""Who attended a meeting of the demo, when, and with which devices.

Belongs here: inventing participants. Does not: meetings and their assets (demo.py).
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from meeting_etl.sandbox.world.model import Breakout, Device, Participant, new_uuid
from meeting_etl.sandbox.world.names import DEVICE_TYPES, FIRST_NAMES, LAST_NAMES


@dataclass(frozen=True, slots=True)
class Guest:
    """A future participant; without an e-mail address if a guest just clicked the link."""

    name: str
    email: str | None
    host: bool = False
    phone: bool = False
    rejoins: int = 0
    twice: bool = False


def participants(
    rng: random.Random,
    series_id: str,
    guests: Sequence[Guest],
    started_at: datetime,
    ended_at: datetime,
    *,
    breakouts: bool = False,
) -> tuple[Participant, ...]:
    """The attendance of a meeting; everybody is there between its start and its end only."""
    found = [
        _participant(rng, series_id, guest, started_at, ended_at)
        for guest in guests
        for _ in range(2 if guest.twice else 1)
    ]
    if breakouts:
        found = list(_in_breakouts(rng, found, started_at, ended_at))
    return tuple(found)


def crowd(rng: random.Random, size: int) -> tuple[Guest, ...]:
    """The audience of a webinar: many names, a tenth without e-mail, a few by phone."""
    return tuple(_one_of_many(rng, number) for number in range(size))


def caller(number: int) -> Guest:
    """Somebody on the phone."""
    return Guest(f"Call-in user_{number}", None, phone=True)


def _one_of_many(rng: random.Random, number: int) -> Guest:
    draw = rng.random()
    if draw < 0.03:
        return caller(number)
    name = f"{rng.choice(FIRST_NAMES)} {rng.choice(LAST_NAMES)}"
    mailbox = f"{name.lower().replace(' ', '.')}{number}@attendees.example"
    return Guest(
        name,
        None if draw < 0.13 else mailbox,
        rejoins=1 if draw > 0.93 else 0,
        twice=draw > 0.99,
    )


def _participant(
    rng: random.Random, series_id: str, guest: Guest, started_at: datetime, ended_at: datetime
) -> Participant:
    devices = tuple(_devices(rng, guest, started_at, ended_at))
    return Participant(
        id=f"{series_id}_{new_uuid(rng)}",
        name=guest.name,
        email=guest.email,
        devices=devices,
        host=guest.host,
        co_host=not guest.host and rng.random() < 0.06,
        invitee=guest.host or (guest.email is not None and rng.random() < 0.92),
        muted=rng.random() < 0.5,
        video="off" if guest.phone or rng.random() < 0.4 else "on",
        source_id="newsletter" if rng.random() < 0.02 else None,
    )


def _devices(
    rng: random.Random, guest: Guest, started_at: datetime, ended_at: datetime
) -> Iterator[Device]:
    """One device for each join, one after the other, with gaps."""
    whole = int((ended_at - started_at).total_seconds())
    first = 0 if guest.host else min(int(rng.expovariate(1 / 90)), whole // 3)
    last = whole if guest.host else whole - min(int(rng.expovariate(1 / 60)), whole // 4)
    marks = sorted(rng.sample(range(first + 1, max(last, first + 12)), 2 * guest.rejoins))
    edges = [first, *marks, last]
    for begin, end in zip(edges[::2], edges[1::2], strict=True):
        yield Device(
            correlation_id=new_uuid(rng),
            device_type="pstn" if guest.phone else rng.choice(DEVICE_TYPES),
            audio_type="pstn" if guest.phone else rng.choice(("voip", "voip", "inactive")),
            joined_at=started_at + timedelta(seconds=begin),
            left_at=started_at + timedelta(seconds=max(begin, end)),
            call_type=rng.choice(("callIn", "callBack")) if guest.phone else None,
            phone_number=f"+1555{rng.randrange(100, 200):07d}" if guest.phone else None,
        )


def _in_breakouts(
    rng: random.Random, found: list[Participant], started_at: datetime, ended_at: datetime
) -> Iterator[Participant]:
    """The same people, who spent the middle third of the meeting in two rooms."""
    third = (ended_at - started_at) / 3
    rooms = [(new_uuid(rng), f"Breakout session {number}") for number in (1, 2)]
    for place, person in enumerate(found):
        begin, end = (
            max(started_at + third, person.joined_at),
            min(ended_at - third, person.left_at),
        )
        key, name = rooms[place % 2]
        attended = Breakout(key, name, _whole(begin), _whole(end))
        yield replace(person, breakouts=(attended,)) if begin < end else person


def _whole(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)
