"""Who was invited to a meeting of the demo, and did not always come.

Belongs here: inventing invitees from those who came. Does not: who came (attendance.py), what the
API shows of them (sandbox/api/invitees.py).
"""

import random
from collections.abc import Iterator

from meeting_etl.sandbox.world.attendance import crowd
from meeting_etl.sandbox.world.model import Invitee, Meeting, seeded_rng
from meeting_etl.sandbox.world.names import COLLEAGUES, HOME_DOMAIN

# (name, address, is a panelist)
_Invitation = tuple[str, str, bool]


def invitees(meeting: Meeting) -> tuple[Invitee, ...]:
    """Most of those who came, and some who did not; by address, as Webex sorts them.

    Nobody is invited to a personal room, or to a meeting that was started in a space. A guest
    without an address who came was invited with one. Some addresses are written in another case
    than that of the participant.
    """
    if meeting.scheduled_type == "personalRoomMeeting" or meeting.room_id is not None:
        return ()
    rng = seeded_rng("invitees", meeting.id)
    invited = {email.lower(): (name, email, panel) for name, email, panel in _invited(rng, meeting)}
    return tuple(
        Invitee(
            id=f"{meeting.series_id}_{rng.randrange(10**6, 10**7)}{number}",
            name=name,
            email=email.title() if rng.random() < 0.1 else email,
            co_host=rng.random() < 0.05,
            panelist=is_panelist,
        )
        for number, (_, (name, email, is_panelist)) in enumerate(sorted(invited.items()))
    )


def _invited(rng: random.Random, meeting: Meeting) -> Iterator[_Invitation]:
    is_webinar = meeting.scheduled_type == "webinar"
    for person in meeting.participants:
        if person.host:
            continue
        if person.email and person.invitee:
            yield person.name, person.email, is_webinar and person.email.endswith(HOME_DOMAIN)
        elif person.name.startswith("Guest of "):
            yield person.name, f"guest@{person.name.split()[-1].lower()}.example", False
    for name, mailbox in rng.sample(COLLEAGUES, rng.choice((0, 0, 1, 2))):
        yield name, f"{mailbox}@{HOME_DOMAIN}", is_webinar
    for guest in crowd(rng, len(meeting.participants) // 4) if is_webinar else ():
        if guest.email:
            yield guest.name, f"absent.{guest.email}", False
