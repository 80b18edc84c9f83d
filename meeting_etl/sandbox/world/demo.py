"""The demo world: two weeks of a sales team, with every special case of the API.

Belongs here: when the meetings were, and putting the world together. Does not: what was planned
(plans.py), the attendance (attendance.py), invitations (invitations.py), recordings and transcripts
(artifacts.py).
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice

from meeting_etl.sandbox.world.artifacts import Artifacts, recordings, transcripts, upload
from meeting_etl.sandbox.world.attendance import Guest, participants
from meeting_etl.sandbox.world.invitations import invitees
from meeting_etl.sandbox.world.model import (
    Meeting,
    Person,
    Series,
    World,
    cisco_id,
    new_hex,
    seeded_rng,
)
from meeting_etl.sandbox.world.names import (
    COLLEAGUES,
    HOME_DOMAIN,
    ORG_ID,
    RECURRING,
    SELLERS,
    SITES,
)
from meeting_etl.sandbox.world.plans import HOSTS, Plan, call, some_rejoin, special_plans, usual
from meeting_etl.times import start_of

_LARGEST_SHARE_OF_SERIES = 0.35
_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_FEATURES = ("chat", "polls", "qa", "slido", "closedCaption", "summary")


def demo_world(seed: int, until: datetime, *, days: int = 14, meetings: int = 300) -> World:
    """Meetings of a sales team in the `days` before `until`; the same for the same arguments.

    From 40 meetings on the world has all special cases: recurring series, one occurrence of which
    took place twice; webinars with hundreds of participants; meetings over midnight UTC, of two
    sites, in a personal room and in a space; guests without e-mail, callers, rejoins, one person in
    two rows; a meeting nobody came to; none, one or several recordings; a recording shared, one
    that must not be downloaded, two uploads without a meeting; no transcript, two, one whose
    snippets are always 404; recordings deleted and binned; assets up to three days late; ended just
    now with nothing available; two still going on.
    """
    until = until.replace(microsecond=0)
    rng = seeded_rng("demo", seed, until.isoformat(), days, meetings)
    odd = list(islice(special_plans(rng), meetings))
    room = min(meetings - len(odd), int(meetings * _LARGEST_SHARE_OF_SERIES))
    series, past = _recurring(rng, until, days, room)
    calls = [call(rng) for _ in range(meetings - len(odd) - len(past))]
    found = [_hold(rng, plan, until, days) for plan in (*odd, *past, *calls)]
    return World(
        seed=seed,
        org_id=ORG_ID,
        sites=SITES,
        owner=HOSTS[0],
        admin=_staff("Site Admin", "site.admin"),
        officer=_staff("Compliance Officer", "compliance"),
        meetings=tuple(sorted(found, key=lambda meeting: (meeting.started_at, meeting.id))),
        series=(*series, *_single_series(rng, found, series, until)),
        uploads=tuple(upload(rng, HOSTS[place], until) for place in (0, 8)),
    )


def _recurring(
    rng: random.Random, until: datetime, days: int, most: int
) -> tuple[list[Series], list[Plan]]:
    """The team's regular meetings: series that reach ten days ahead, and their past occurrences."""
    found: list[Series] = []
    past: list[Plan] = []
    for title, weekdays, hour, minutes, host in RECURRING:
        seller = SELLERS[host]
        first = start_of((until - timedelta(days=days)).date())
        shift = timedelta(hours=hour - seller.utc_hours)
        starts = [first + timedelta(days=day) + shift for day in range(days + 11)]
        series = Series(
            id=new_hex(rng),
            number=f"{rng.randrange(10**9, 10**10)}",
            title=title,
            host=HOSTS[host],
            site_url=HOSTS[host].site_url,
            occurrences=tuple(at for at in starts if at.weekday() in weekdays),
            length=timedelta(minutes=minutes),
            secret_key=new_hex(rng),
            timezone=seller.timezone,
            recurrence="FREQ=WEEKLY;INTERVAL=1;BYDAY="
            + ",".join(_WEEKDAYS[day] for day in weekdays),
        )
        found.append(series)
        past.extend(_occurrences(rng, series, host, until, days))
    past.sort(key=lambda plan: plan.started_at or until)
    artifacts = past[-most:] if most else []
    return found, _twice(artifacts) if len(artifacts) < most else artifacts


def _twice(past: list[Plan]) -> list[Plan]:
    """One occurrence has two instances: the first broke off and everybody joined again."""
    if not past or past[-1].started_at is None:
        return past
    last = past[-1]
    first = replace(last, minutes=4, started_at=last.started_at, artifacts=Artifacts(0, 0))
    again = replace(last, started_at=past[-1].started_at + timedelta(minutes=6))
    return [*past[:-1], first, again]


def _occurrences(
    rng: random.Random, series: Series, host: int, until: datetime, days: int
) -> Iterator[Plan]:
    minutes = int(series.length.total_seconds() / 60)
    for at in series.occurrences:
        began = at + timedelta(seconds=rng.randrange(-90, 240))
        lasted = max(6, minutes + rng.randint(-6, 8))
        ends = began + timedelta(minutes=lasted + 6)
        if began < until - timedelta(days=days) or ends > until - timedelta(minutes=30):
            continue
        team = rng.sample(COLLEAGUES, rng.randint(3, len(COLLEAGUES)))
        guests = [Guest(name, f"{mailbox}@{HOME_DOMAIN}") for name, mailbox in team]
        yield Plan(
            title=series.title,
            host=host,
            minutes=lasted,
            guests=some_rejoin(rng, guests),
            artifacts=usual(rng) if rng.random() < 0.6 else Artifacts(0, 0),
            started_at=began,
            series_id=series.id,
            scheduled_at=at,
        )


def _hold(rng: random.Random, plan: Plan, until: datetime, days: int) -> Meeting:
    """The meeting that the plan becomes, with all that it leaves."""
    host = HOSTS[plan.host]
    length = timedelta(minutes=plan.minutes, seconds=rng.randrange(0, 59))
    started = _start(rng, plan, length, until, days)
    ended = started + length
    series_id = plan.series_id or new_hex(rng)
    scheduled = plan.scheduled_at or started.replace(second=0) + timedelta(minutes=2)
    present = [Guest(host.name, host.email, host=True), *plan.guests] if plan.guests else []
    people = participants(rng, series_id, present, started, ended, breakouts=plan.breakouts)
    meeting = Meeting(
        id=f"{series_id}_I_{rng.randrange(19 * 10**16, 23 * 10**16)}",
        series_id=series_id,
        # Meetings that are started from a space on the spot were never scheduled.
        scheduled_id=None if plan.room_id else f"{series_id}_{scheduled:%Y%m%dT%H%M%SZ}",
        number=f"{rng.randrange(10**9, 10**10)}",
        title=plan.title,
        started_at=started,
        ended_at=ended,
        host=host,
        site_url=plan.site_url or host.site_url,
        web_link_key=new_hex(rng),
        participants_final_at=ended + timedelta(seconds=rng.randrange(90, 540)),
        participants=people,
        scheduled_type=plan.scheduled_type,
        timezone=SELLERS[plan.host].timezone,
        agenda="Last open points" if rng.random() < 0.2 else None,
        room_id=plan.room_id,
        integration_tags=("crm-4711",) if rng.random() < 0.1 else (),
        features=frozenset(name for name in _FEATURES if rng.random() < 0.3),
    )
    made = recordings(rng, meeting, plan.artifacts)
    written = transcripts(rng, meeting, made, plan.artifacts)
    invited = invitees(meeting)
    return replace(meeting, recordings=made, transcripts=written, invitees=invited)


def _start(
    rng: random.Random, plan: Plan, length: timedelta, until: datetime, days: int
) -> datetime:
    """When it began: as planned, or some time in the host's working hours of the last days."""
    if plan.started_at:
        return plan.started_at
    if plan.ended_before is not None:
        return until - timedelta(minutes=plan.ended_before) - length
    earliest, latest = until - timedelta(days=days), until - length - timedelta(minutes=25)
    for _ in range(50):
        day = start_of(until.date()) - timedelta(days=rng.randrange(days + 1))
        if day.weekday() > 4 and rng.random() < 0.9:
            continue
        hour, minute = plan.utc_time or (rng.randint(8, 17), rng.choice((0, 15, 30, 45)))
        ahead = 0 if plan.utc_time else SELLERS[plan.host].utc_hours
        at = day + timedelta(hours=hour - ahead, minutes=minute, seconds=rng.randrange(-60, 200))
        if earliest <= at <= latest:
            return at
    return latest - timedelta(minutes=rng.randrange(1, 600))


def _single_series(
    rng: random.Random, past: Sequence[Meeting], recurring: Sequence[Series], until: datetime
) -> Iterator[Series]:
    """The scheduled meetings of single past instances, and some in the future."""
    known = {series.id for series in recurring}
    for meeting in past:
        if meeting.series_id not in known and meeting.scheduled_id:
            at = meeting.started_at.replace(second=0) + timedelta(minutes=2)
            yield _single(rng, meeting, at)
    for meeting in islice((meeting for meeting in past if meeting.scheduled_type == "meeting"), 5):
        at = until.replace(minute=0, second=0) + timedelta(days=rng.randint(1, 9))
        yield replace(_single(rng, meeting, at), id=new_hex(rng))


def _single(rng: random.Random, meeting: Meeting, at: datetime) -> Series:
    return Series(
        id=meeting.series_id,
        number=meeting.number,
        title=meeting.title,
        host=meeting.host,
        site_url=meeting.site_url,
        occurrences=(at,),
        length=timedelta(minutes=30),
        secret_key=new_hex(rng),
        scheduled_type=meeting.scheduled_type,
        timezone=meeting.timezone,
    )


def _staff(name: str, mailbox: str) -> Person:
    return Person(name, f"{mailbox}@{HOME_DOMAIN}", cisco_id("PEOPLE", mailbox), SITES[0])
