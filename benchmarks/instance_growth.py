"""How many runs a working company makes, and how large the Dagster instance is after each purge.

A week in which 400 meetings a day end: webhooks come as the sandbox's deliveries do, the sensors tick
every 30 seconds and the schedules at their times, all by a clock of the benchmark; what they request
is executed for real, against the embedded Webex, and recorded on an instance on disk. Ticks, which
Dagster removes by itself, are not recorded.

    .venv/bin/python benchmarks/instance_growth.py
"""

import argparse
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import dagster as dg
import sqlalchemy as sa

sys.path.insert(0, str(Path(__file__).parents[1]))

from meeting_etl.definitions import build_defs
from meeting_etl.files import Files
from meeting_etl.orchestration.instance import dagster_home, open_quiet_instance
from meeting_etl.orchestration.pauses import next_ingest_at
from meeting_etl.orchestration.run_tags import SCHEDULE_TAG, SENSOR_TAG
from meeting_etl.sandbox.api import Sandbox
from meeting_etl.sandbox.deliveries import deliveries_of
from meeting_etl.sandbox.demo import demo_world
from meeting_etl.settings import Etl
from meeting_etl.times import Clock, format_timestamp, round_up

END = datetime(2026, 3, 16, tzinfo=UTC)
TICK = timedelta(seconds=30)
RUN_SECONDS = 5.0
# Hour and minute at which each schedule fires; None: every hour, or every quarter hour.
NIGHTLY = {"reconcile_nightly": (3, 30), "purge_nightly": (4, 15)}


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
        self._sensors = [one for one in self._defs.sensors or () if one.name != "default"]
        self._schedules = {one.name: one for one in self._defs.schedules or ()}

    def tick_sensors(self) -> int:
        """Evaluate each, execute what it requests; how many runs that were."""
        count = 0
        for sensor in self._sensors:
            with dg.build_sensor_context(
                instance=self._instance, resources={"etl": self._etl}, definitions=self._defs
            ) as context:
                found = sensor.evaluate_tick(context)
            for request in found.run_requests or []:
                self._execute(request, request.job_name or sensor.job_name, SENSOR_TAG, sensor.name)
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
            self._execute(request, schedule.job_name, SCHEDULE_TAG, name)

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


def names_at(moment: datetime, last: datetime) -> Iterator[str]:
    """Schedules that fire after `last` and not after `moment`, less than an hour later."""
    if round_up(last + TICK / 30, timedelta(minutes=15)) <= moment:
        yield "every_quarter_hour"
    if (moment - timedelta(minutes=7)).hour != (last - timedelta(minutes=7)).hour:
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
    world = demo_world(1, END, days=days, meetings=days * a_day)
    lines = sorted(deliveries_of(world, Random(1), END), key=lambda one: one.received_at)
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
            company = Company(etl, clock, instance)
            live(company, etl, clock, instance, lines, home)


def live(
    company: Company,
    etl: Etl,
    clock: SimulatedClock,
    instance: dg.DagsterInstance,
    lines: list,  # type: ignore[type-arg]
    home: Path,
) -> None:
    """Tick by tick, without those at which nothing can be launched."""
    from meeting_etl.sandbox.deliveries import _line

    dice, last, written, before = Random(2), clock.now(), 0, Counter[str]()
    print("day, runs by job; runs and MB of the instance after the purge of that night")
    while clock.now() < END:
        now = clock.now()
        while written < len(lines) and lines[written].received_at <= now:
            at = max(lines[written].received_at, now - timedelta(days=1))
            log = etl.logs_folder / f"{at:%Y-%m-%d}" / f"{at:%H}.jsonl"
            log.parent.mkdir(parents=True, exist_ok=True)
            with log.open("ab") as file:
                file.write(_line(lines[written], dice, enveloped=True) + b"\n")
            written += 1
        for name in names_at(now, last):
            company.fire(name)
            if name == "purge_nightly":
                ran = company.launched - before
                before = company.launched.copy()
                said = ", ".join(f"{count} {job}" for job, count in sorted(ran.items()))
                held = instance.get_runs_count()
                print(
                    f"{now:%m-%d}  {ran.total():>4} ({said}); {held} runs, {megabytes(home):.1f} MB"
                )
        last = now
        if not company.tick_sensors():
            quarter = round_up(now + TICK / 30, timedelta(minutes=15))
            hourly = round_up(now + TICK / 30 - timedelta(minutes=7), timedelta(hours=1))
            moments = [quarter, hourly + timedelta(minutes=7)]
            if written < len(lines):
                moments.append(lines[written].received_at)
            pause = next_ingest_at(instance, etl)
            if pause and pause > now:
                moments.append(pause)
            clock.sleep(max((min(moments) - now).total_seconds(), 0.0))
        clock.sleep(TICK.total_seconds() / 2)
    print(f"written until {format_timestamp(clock.now())}: {written:,} lines")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=7)
    parser.add_argument("--meetings", type=int, default=400, help="meetings a day")
    given = parser.parse_args()
    main(given.days, given.meetings)
