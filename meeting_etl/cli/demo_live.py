"""`demo --live`: a working day at an embedded Webex in fast motion, with receiver and pipeline.

Belongs here: the clock of the day, and what runs concurrently. Does not: the invented data
(sandbox/), how figures are shown (live_figures.py), what every demonstration ends with
(demo_run.py).
"""

from collections.abc import Mapping
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path

import dagster as dg

from meeting_etl.cli import display
from meeting_etl.cli.demo_accounts import demo_environ
from meeting_etl.cli.demo_run import emptied, show_answers
from meeting_etl.cli.live_figures import live_figures, repeating
from meeting_etl.cli.run_report import status_of
from meeting_etl.lake import catalog
from meeting_etl.orchestration.build_defs import build_defs
from meeting_etl.orchestration.instance.instance import dagster_home, open_quiet_instance
from meeting_etl.orchestration.run_now import run_now
from meeting_etl.receiver.app import Receiver
from meeting_etl.receiver.server import open_receiver, serve_in_thread
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.deliveries import WEBHOOK_SECRET
from meeting_etl.sandbox.world.worlds import World, demo_world
from meeting_etl.schemas import FIRST_DAY
from meeting_etl.settings import Etl
from meeting_etl.times import Clock, FastClock, start_of, utc_day
from meeting_etl.webex import webhook_sync
from meeting_etl.webex.webhook_spec import EVENTS, WebhookSpec

_MEETINGS = 80
_BEGINS, _ENDS = timedelta(hours=6), timedelta(hours=22)
# Hours after the day: a night, then days, until what is available three days late has been fetched
# again a day later.
_LATER = (2, 10, 34, 58, 82, 106, 130)
# Days before the present: everything that happens in the show is in the past of later commands.
_AGO = timedelta(days=7)
_POST_EVERY_SECONDS = 0.25
_RUN_EVERY_SECONDS = 2.0
# Name of each figure → what is counted.
_FIGURES = {
    "meetings": "meetings",
    "recordings": "recordings",
    "participants": "participants",
    "transcripts": "transcripts",
    "snippets": "transcript_snippets",
    "waiting items": "fetch_ledger WHERE status = 'waiting'",
}


def day_to_play(now: datetime) -> datetime:
    """Midnight UTC of the latest working day at least a week ago."""
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
        etl = Etl(demo_environ(webex, folder) | secret, clock)
        receiver = stack.enter_context(
            open_receiver(
                etl.files.of(etl.logs_folder), clock, etl.settings.webhook_secrets, display.say
            )
        )
        address = stack.enter_context(serve_in_thread(receiver))
        count = _register(etl, address)
        display.say(
            f"The embedded Webex at {webex.base_url} posts {count} webhooks to {address}. "
            f"{day:%A, %d %B %Y} begins; it takes {minutes:g} minutes."
        )
        instance = stack.enter_context(open_quiet_instance(dagster_home(etl.files, None)))
        show = _Show(etl, webex, receiver, clock, instance)
        with live_figures("A working day at Webex", show.figures):
            status = show.play(day + _ENDS)
    for notice in show.notices:
        display.say(notice)
    display.say(
        f"{show.posted:,} events posted, {receiver.accepted:,} received; {show.runs:,} pipeline "
        f"runs, {etl.requests_sent:,} requests."
    )
    show_answers(etl, data_dir)
    return status


def _register(etl: Etl, address: str) -> int:
    """Create webhooks on every event of the organization; returns how many.

    Their spec is not stored: this Webex is gone after the show.
    """
    spec = WebhookSpec(address, org=True, resources=tuple(EVENTS))
    secret = etl.settings.webhook_secret
    found = webhook_sync.check_accounts(etl.accounts.all, spec, {})
    return sum(
        1
        for part in found.parts
        for _ in webhook_sync.create(part.account.webex, spec, part.findings, secret, etl.clock)
    )


class _Show:
    """Posts events and runs the pipeline as time passes. `posted` counts deliveries."""

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
        self._defs = build_defs(etl, first_day=FIRST_DAY)
        # Events from before the morning are posted immediately.
        self._posted_until = min(meeting.started_at for meeting in webex.world.meetings)
        self._counts = dict.fromkeys(_FIGURES, "0")

    def play(self, until: datetime) -> int:
        """The day until then, and the days after it in steps; returns the exit status."""
        status = 0
        with repeating(_POST_EVERY_SECONDS, self._post):
            while not status and self._clock.now() < until:
                status = self._run()
                self._clock.sleep(_RUN_EVERY_SECONDS)
        for hours in _LATER:
            if status:
                break
            self._clock.jump(until + timedelta(hours=hours))
            self._post()
            status = self._run()
        return status

    def figures(self) -> Mapping[str, str]:
        """The figures to show now."""
        return {
            "time": f"{self._clock.now():%a %d %b, %H:%M} UTC",
            "events received": f"{self._receiver.accepted:,}",
            **self._counts,
        }

    def _post(self) -> None:
        """Post what happened since the last time."""
        now = self._clock.now()
        deliveries = self._webex.play(self._posted_until, now)
        self._posted_until = now
        self.posted += deliveries.accepted + deliveries.failed

    def _run(self) -> int:
        outcome = run_now(self._defs, self._instance, self._etl)
        self.runs += 1
        self.notices += (notice for notice in outcome.notices if notice not in self.notices)
        # First: after a run that was interrupted there may be no tables yet.
        status = status_of(outcome)
        self._counts = self._counted()
        return status

    def _counted(self) -> dict[str, str]:
        parts = (f"(SELECT count(*) FROM {what})" for what in _FIGURES.values())  # noqa: S608
        _, [counts] = catalog.query(self._etl.settings.location, f"SELECT {', '.join(parts)}")
        return {name: f"{count:,}" for name, count in zip(_FIGURES, counts, strict=True)}
