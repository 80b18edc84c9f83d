"""How many runs a working company makes, and how large the Dagster instance is after each purge.

A week in which 400 meetings a day end, between 06:00 and 20:00 UTC. Webhooks come as the sandbox
delivers them, the sensors tick every 30 seconds and the schedules at their times, all by a clock of
the benchmark. What they request is executed for real, against the embedded Webex, and recorded on
an instance on disk. Ticks are not recorded: Dagster removes them by itself.

    .venv/bin/python benchmarks/instance_growth.py
"""

import argparse
import json
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random

import dagster as dg
import sqlalchemy as sa

sys.path.insert(0, str(Path(__file__).parents[1]))

from meeting_etl.definitions import build_defs
from meeting_etl.files import Files
from meeting_etl.orchestration.instance.instance import dagster_home, open_quiet_instance
from meeting_etl.orchestration.launching.launch_pauses import next_ingest_at
from meeting_etl.orchestration.run_tags import SCHEDULE_TAG, SENSOR_TAG
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.deliveries import deliveries_of
from meeting_etl.sandbox.world.demo import demo_world
from meeting_etl.sandbox.world.model import World
from meeting_etl.settings import Etl
from meeting_etl.times import Clock, format_timestamp, round_up
from meeting_etl.webex.webhook_spec import WebhookSpec, write_webhook_spec

END = datetime(2026, 3, 16, tzinfo=UTC)
TICK = timedelta(seconds=30)
MOMENT = timedelta(seconds=1)
QUARTER_HOUR = timedelta(minutes=15)
WORKING_HOURS = range(6, 20)
PAST_HOUR = timedelta(minutes=7)  # of webhooks_hourly
RUN_SECONDS = 5.0
# Hour and minute at which a schedule fires.
NIGHTLY = {"reconcile_nightly": (3, 30), "maintenance_nightly": (4, 15)}


class SimulatedClock(Clock):
    """Moves when somebody sleeps."""

    def __init__(self, now: datetime) -> None:
        self._now, self._lock = now, threading.Lock()

    def now(self) -> datetime:
        with self._lock:
            return self._now

    def monotonic(self) -> float:
        return self.now().timestamp()

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self._now += timedelta(seconds=seconds)


class Company:
    """Its data folder, its instance, and what its daemon would do at a moment."""

    def __init__(self, etl: Etl, clock: SimulatedClock, instance: dg.DagsterInstance) -> None:
        self.launched: Counter[str] = Counter()
        self._etl, self._clock, self._instance = etl, clock, instance
        self._defs = build_defs(etl)
        self._sensors = [
            definition for definition in self._defs.sensors or () if definition.name != "default"
        ]
        self._schedules = {
            definition.name: definition
            for definition in self._defs.schedules or ()
            if isinstance(definition, dg.ScheduleDefinition)
        }

    def tick_sensors(self) -> int:
        """Evaluate each, execute what it requests; how many runs that were."""
        count = 0
        for sensor in self._sensors:
            with dg.build_sensor_context(
                instance=self._instance, resources={"etl": self._etl}, definitions=self._defs
            ) as context:
                found = sensor.evaluate_tick(context)
            for request in found.run_requests or []:
                job = str(request.job_name or sensor.job_name)
                self._execute(request, job, SENSOR_TAG, sensor.name)
                count += 1
        return count

    def fire(self, name: str) -> None:
        """Evaluate a schedule, execute what it requests."""
        schedule = self._schedules[name]
        with dg.build_schedule_context(
            instance=self._instance,
            resources={"etl": self._etl},
            scheduled_execution_time=self._clock.now(),
        ) as context:
            found = schedule.evaluate_tick(context)
        for request in found.run_requests or []:
            self._execute(request, str(schedule.job_name), SCHEDULE_TAG, name)

    def next_ingest_at(self) -> datetime | None:
        """When the sensor looks at the logs again."""
        return next_ingest_at(self._instance, self._etl)

    def _execute(self, request: dg.RunRequest, job: str, tag: str, by: str) -> None:
        before = self._clock.now()
        tags = {**request.tags, tag: by, "dagster/run_key": str(request.run_key)}
        result = self._defs.resolve_job_def(job).execute_in_process(
            instance=self._instance,
            tags=tags,
            partition_key=tags.get("dagster/partition"),
            raise_on_error=False,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )
        self.launched[job if result.success else f"{job}, failed"] += 1
        self._clock.sleep(RUN_SECONDS)
        self._set_created(result.run_id, before)

    def _set_created(self, run_id: str, at: datetime) -> None:
        """Dagster takes the time of the machine, by which the purge would judge."""
        with self._instance.run_storage.connect() as connection:  # type: ignore[attr-defined]
            connection.execute(
                sa.text("UPDATE runs SET create_timestamp = :at WHERE run_id = :run_id"),
                {"at": at.replace(tzinfo=None).isoformat(" "), "run_id": run_id},
            )


def in_working_hours(world: World, a_day: int) -> World:
    """So many meetings of each day that end in the hours of work."""
    meetings, count = [], Counter[date]()
    for meeting in world.meetings:
        if meeting.ended_at.hour in WORKING_HOURS and count[meeting.ended_at.date()] < a_day:
            count[meeting.ended_at.date()] += 1
            meetings.append(meeting)
    return replace(world, meetings=tuple(meetings))


def names_at(moment: datetime, last: datetime) -> Iterator[str]:
    """Schedules that fire after `last` and not after `moment`, less than an hour later."""
    if round_up(last + MOMENT, QUARTER_HOUR) <= moment:
        yield "every_quarter_hour"
    if (moment - PAST_HOUR).hour != (last - PAST_HOUR).hour:
        yield "webhooks_hourly"
    for name, (hour, minute) in NIGHTLY.items():
        if last < moment.replace(hour=hour, minute=minute, second=0, microsecond=0) <= moment:
            yield name


def megabytes(home: Path) -> float:
    """Of all files of the instance."""
    return sum(path.stat().st_size for path in home.rglob("*") if path.is_file()) / 1e6


def main(days: int, a_day: int) -> None:
    """Live through the days, then print what they left."""
    start = END - timedelta(days=days)
    world = in_working_hours(demo_world(1, END, days=days, meetings=2 * days * a_day), a_day)
    clock = SimulatedClock(start)
    with tempfile.TemporaryDirectory() as name, Sandbox(world, clock) as webex:
        etl = Etl(
            {
                "WEBEX_BASE_URL": webex.base_url,
                "WEBEX_ACCESS_TOKEN": webex.token("admin"),
                "WEBEX_TOKEN_KIND": "admin",
                "WEBEX_REQUESTS_PER_MINUTE": "0",
                "MEETING_ETL_DATA_DIR": name,
            },
            clock,
        )
        home = dagster_home(Files(Path(name)), None)
        with open_quiet_instance(home) as instance:
            expected = WebhookSpec("http://127.0.0.1:9/webhooks/webex", True, ("meetings",))
            write_webhook_spec(etl.state, expected)
            company = Company(etl, clock, instance)
            collector = Collector(world, etl.logs_folder)
            before = Counter[str]()
            print("runs of the day before by job; runs and MB of the instance after the purge")
            for night in live(company, collector, clock):
                ran, before = company.launched - before, company.launched.copy()
                jobs = ", ".join(f"{count} {job}" for job, count in sorted(ran.items()))
                held = f"{instance.get_runs_count()} runs, {megabytes(home):.1f} MB"
                print(f"{night:%m-%d}  {ran.total()} runs ({jobs}); {held}", flush=True)


class Collector:
    """Writes what was delivered into hourly logs, as the receiver does."""

    def __init__(self, world: World, folder: Path) -> None:
        deliveries = deliveries_of(world, Random(1), END)
        self._left = sorted(deliveries, key=lambda one: one.received_at, reverse=True)
        self._folder = folder

    @property
    def next_at(self) -> datetime | None:
        """When the next line comes."""
        return self._left[-1].received_at if self._left else None

    def write(self, now: datetime) -> None:
        """Append all lines that have been received."""
        while self._left and self._left[-1].received_at <= now:
            one = self._left.pop()
            log = self._folder / f"{now:%Y-%m-%d}" / f"{now:%H}.jsonl"
            log.parent.mkdir(parents=True, exist_ok=True)
            line = {"received_at": format_timestamp(one.received_at), "body": one.payload}
            with log.open("a", encoding="utf-8") as file:
                file.write(f"{json.dumps(line)}\n")


def live(company: Company, collector: Collector, clock: SimulatedClock) -> Iterator[datetime]:
    """Tick by tick, without those at which nothing can be launched; yields after each purge."""
    last = clock.now()
    while (now := clock.now()) < END:
        collector.write(now)
        fired = list(names_at(now, last))
        for name in fired:
            company.fire(name)
        if "maintenance_nightly" in fired:
            yield now
        last = now
        if company.tick_sensors():
            clock.sleep(TICK.total_seconds())
        else:
            quarter = round_up(now + MOMENT, QUARTER_HOUR)
            past_hour = round_up(now + MOMENT - PAST_HOUR, timedelta(hours=1)) + PAST_HOUR
            moments = [quarter, past_hour, collector.next_at, company.next_ingest_at()]
            ahead = min(moment for moment in moments if moment and moment > now)
            clock.sleep(max(ahead - now, TICK).total_seconds())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=7)
    parser.add_argument("--meetings", type=int, default=400, help="meetings a day")
    given = parser.parse_args()
    main(given.days, given.meetings)
