"""The show: a working day at an embedded Webex in fast time, with receiver and pipeline at work.

Belongs here: `demo --live`: which time it is, and what runs beside what. Does not: the world
(sandbox/), how figures are shown (watching.py), what every demo ends with (demo.py).
"""

from collections.abc import Mapping
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path

import dagster as dg

from meeting_etl.cli import display
from meeting_etl.cli.demo import emptied, environ_for, show_answers
from meeting_etl.cli.running import status_of
from meeting_etl.cli.watching import repeating, watching
from meeting_etl.definitions import build_defs
from meeting_etl.lake import catalog
from meeting_etl.orchestration.instance import dagster_home, open_quiet_instance
from meeting_etl.orchestration.run_now import run_now
from meeting_etl.receiver.app import Receiver
from meeting_etl.receiver.server import open_receiver, serve_in_thread
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.deliveries import WEBHOOK_SECRET
from meeting_etl.sandbox.world.worlds import World, demo_world
from meeting_etl.settings import Etl
from meeting_etl.times import Clock, FastClock, start_of, utc_day
from meeting_etl.webex import webhook_sync
from meeting_etl.webex.webhook_spec import EVENTS, WebhookSpec

_MEETINGS = 80
_BEGINS, _ENDS = timedelta(hours=6), timedelta(hours=22)
# After the day, in hours: a night, then days, until what comes three days late was asked for once
# more a day later.
_LATER = (2, 10, 34, 58, 82, 106, 130)
# Before the present, so that everything the show does lies in the past of whoever goes on with it.
_AGO = timedelta(days=7)
_POSTED_EVERY_SECONDS = 0.25
_RUN_EVERY_SECONDS = 2.0
# What is counted, by the name under which it is shown.
_FIGURES = {
    "meetings": "meetings",
    "recordings": "recordings",
    "participants": "participants",
    "transcripts": "transcripts",
    "snippets": "transcript_snippets",
    "waiting pairs": "fetch_ledger WHERE status = 'waiting'",
}


def day_to_play(now: datetime) -> datetime:
    """Midnight UTC of the latest working day that is over with all that came of it."""
    day = start_of(utc_day(now - _AGO))
    while day.weekday() > 4:
        day -= timedelta(days=1)
    return day


def live_world(seed: int, day: datetime) -> World:
    """The world whose working day is played."""
    return demo_world(seed, day + _ENDS, days=1, meetings=_MEETINGS)


def run_live(seed: int, data_dir: str, minutes: float) -> int:
    """Play the day within so many minutes and the days after it; returns the exit status."""
    folder = emptied(Path(data_dir).absolute())
    day = day_to_play(Clock().now())
    world = live_world(seed, day)
    clock = FastClock(day + _BEGINS, (_ENDS - _BEGINS) / timedelta(minutes=minutes))
    with ExitStack() as stack:
        webex = stack.enter_context(Sandbox(world, clock))
        secret = {"WEBEX_WEBHOOK_SECRET": WEBHOOK_SECRET}
        etl = Etl(environ_for(webex, "compliance", folder) | secret, clock)
        receiver = stack.enter_context(
            open_receiver(etl.logs_folder, clock, etl.settings.webhook_secrets, display.say)
        )
        address = stack.enter_context(serve_in_thread(receiver))
        # The officer, who may read all, has no webhooks on meetings; the administrator has.
        count = _register(Etl(environ_for(webex, "admin", folder) | secret, clock), address)
        display.say(
            f"Webex is {webex.base_url}; it posts to {address}, where {count} webhooks are "
            f"registered. {day:%A, %d %B %Y}, begins and takes {minutes:g} minutes."
        )
        instance = stack.enter_context(open_quiet_instance(dagster_home(etl.files, None)))
        show = _Show(etl, webex, receiver, clock, instance)
        with watching("A working day at Webex", show.figures):
            status = show.play(day + _ENDS)
    for notice in show.notices:
        display.say(notice)
    display.say(
        f"{show.posted:,} events were posted, {receiver.accepted:,} received; the pipeline ran "
        f"{show.runs:,} times, with {etl.requests_sent:,} requests."
    )
    show_answers(etl, data_dir)
    return status


def _register(etl: Etl, address: str) -> int:
    """Webhooks on all that happens in the organization; returns how many.

    They are not remembered as expected: this Webex is gone after the show.
    """
    expected = WebhookSpec(address, org=True, resources=tuple(EVENTS))
    secret = etl.settings.webhook_secret
    return sum(1 for _ in webhook_sync.create(etl.webex, expected, secret, etl.clock))


class _Show:
    """Posts what happens and runs the pipeline as time goes by. `posted` counts deliveries."""

    def __init__(
        self,
        etl: Etl,
        webex: Sandbox,
        receiver: Receiver,
        clock: FastClock,
        instance: dg.DagsterInstance,
    ) -> None:
        self.posted = 0
        self.runs = 0
        self.notices: list[str] = []
        self._etl, self._webex, self._receiver, self._clock = etl, webex, receiver, clock
        self._instance = instance
        self._defs = build_defs(etl)
        # What was long over in the morning is told at once.
        self._told_until = min(one.started_at for one in webex.world.meetings)
        self._counts = dict.fromkeys(_FIGURES, "0")

    def play(self, until: datetime) -> int:
        """The day until then, and the days after it in steps; returns the exit status."""
        status = 0
        with repeating(_POSTED_EVERY_SECONDS, self._tell):
            while not status and self._clock.now() < until:
                status = self._run()
                self._clock.sleep(_RUN_EVERY_SECONDS)
        for hours in _LATER:
            if status:
                break
            self._clock.jump(until + timedelta(hours=hours))
            self._tell()
            status = self._run()
        return status

    def figures(self) -> Mapping[str, str]:
        """What is to be seen just now."""
        return {
            "it is": f"{self._clock.now():%a %d %b, %H:%M} UTC",
            "events received": f"{self._receiver.accepted:,}",
            **self._counts,
        }

    def _tell(self) -> None:
        """Post what happened since the last time."""
        now = self._clock.now()
        told = self._webex.play(self._told_until, now)
        self._told_until = now
        self.posted += told.accepted + told.failed

    def _run(self) -> int:
        outcome = run_now(self._defs, self._instance, self._etl)
        self.runs += 1
        self.notices += (one for one in outcome.notices if one not in self.notices)
        # First: after a run that was interrupted there may be no tables yet.
        status = status_of(outcome)
        self._counts = self._counted()
        return status

    def _counted(self) -> dict[str, str]:
        parts = (f"(SELECT count(*) FROM {what})" for what in _FIGURES.values())  # noqa: S608
        _, [counts] = catalog.query(self._etl.settings.data_dir, f"SELECT {', '.join(parts)}")
        return {name: f"{count:,}" for name, count in zip(_FIGURES, counts, strict=True)}
