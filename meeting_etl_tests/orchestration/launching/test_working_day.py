"""A working day of 400 meetings, by a clock of the test: how many runs the sensors launch."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random

import dagster as dg
import pytest

from meeting_etl.definitions import build_defs
from meeting_etl.orchestration.launching.launch_pauses import next_ingest_at
from meeting_etl.orchestration.run_tags import span_of
from meeting_etl.pipeline.days.work_days import work_days
from meeting_etl.pipeline.ingest.ingest import ingest
from meeting_etl.pipeline.resources.all_resources import day_specs
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.deliveries import Delivery, deliveries_of
from meeting_etl.sandbox.world.demo import demo_world
from meeting_etl.sandbox.world.model import Meeting, World
from meeting_etl.schemas import MEETINGS
from meeting_etl.settings import Etl
from meeting_etl.times import format_timestamp, round_up, utc_day
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.product import Product

END = datetime(2026, 3, 14, tzinfo=UTC)  # of a Friday
DAYS = 2
MEETINGS_A_DAY = 400
BEAT = timedelta(seconds=5)
RUN_SECONDS = 6
QUARTER_HOUR = timedelta(minutes=15)


def office_world() -> World:
    """400 meetings a day that end between 06:00 and 20:00 UTC.

    Without transcripts and with few participants: they cost time here, and have the attempts of
    recordings.
    """
    world = demo_world(1, END, days=DAYS, meetings=3 * DAYS * MEETINGS_A_DAY)
    by_day: dict[date, list[Meeting]] = defaultdict(list)
    for meeting in sorted(world.meetings, key=lambda meeting: meeting.ended_at):
        if 6 <= meeting.ended_at.hour < 20:
            few = meeting.participants[:3]
            lighter = replace(meeting, transcripts=(), participants=few)
            by_day[meeting.ended_at.date()].append(lighter)
    # Of each day 400, spread over all its hours.
    meetings = [
        found[number * len(found) // MEETINGS_A_DAY]
        for found in by_day.values()
        for number in range(MEETINGS_A_DAY)
    ]
    assert (
        len({meeting.id for meeting in meetings})
        == len(by_day) * MEETINGS_A_DAY
        == DAYS * MEETINGS_A_DAY
    )
    return replace(world, meetings=tuple(meetings))


class Office:
    """The receiver, the daemon and its runs."""

    def __init__(self, etl: Etl, clock: ManualClock, instance: dg.DagsterInstance) -> None:
        self.launched: list[tuple[datetime, str]] = []
        self._etl, self._clock, self._instance = etl, clock, instance
        self._defs = build_defs(etl)
        self._log = etl.logs_folder / "a.jsonl"
        etl.logs_folder.mkdir(parents=True)

    def receive(self, delivery: Delivery) -> None:
        line = {"received_at": format_timestamp(delivery.received_at), "body": delivery.payload}
        with self._log.open("a", encoding="utf-8") as log:
            log.write(f"{json.dumps(line)}\n")

    def tick(self) -> bool:
        """Evaluate the sensor and work off what it launches; whether that was anything."""
        sensor = self._defs.resolve_sensor_def("due_work")
        with dg.build_sensor_context(instance=self._instance, definitions=self._defs) as context:
            requests = sensor.evaluate_tick(context).run_requests or []
        for request in requests:
            self._run(str(request.job_name), request.tags)
        return bool(requests)

    def pause_ends_at(self) -> datetime | None:
        """When the sensor looks at the logs again; None when it does so now."""
        at = next_ingest_at(self._instance, self._etl)
        return at if at and at > self._clock.now() else None

    def _run(self, job: str, tags: Mapping[str, str]) -> None:
        etl = self._etl
        self.launched.append((self._clock.now(), job))
        self._instance.create_run_for_job(
            self._defs.resolve_job_def(job), status=dg.DagsterRunStatus.SUCCESS, tags=tags
        )
        if job.startswith("ingest"):
            ingest(etl.logs, etl.lake, etl.ledger, etl.clock)
        if days := list(span_of(tags) or []):
            specs = [spec for spec in day_specs(etl.files, ()) if etl.ledger.wants(spec.resource)]
            list(work_days(etl.lake, etl.ledger, lambda: etl.fetch_context("run"), specs, days))
        self._clock.sleep(RUN_SECONDS)


def live(office: Office, clock: ManualClock, deliveries: Iterator[Delivery]) -> None:
    """Tick at each beat at which something can have changed."""
    coming = next(deliveries, None)
    while clock.now() < END:
        while coming is not None and coming.received_at <= clock.now():
            office.receive(coming)
            coming = next(deliveries, None)
        if office.tick():
            clock.advance(seconds=BEAT.total_seconds())
            continue
        # Lines that arrive during a pause change nothing before it ends.
        news_at = office.pause_ends_at() or (coming.received_at if coming else END)
        at = min(news_at, round_up(clock.now() + BEAT, QUARTER_HOUR))
        clock.advance(seconds=max(at - clock.now(), BEAT).total_seconds())


@pytest.mark.slow
def test_a_working_day_of_400_meetings_makes_tens_of_runs(tmp_path: Path) -> None:
    clock = ManualClock(END - timedelta(days=DAYS))
    world = office_world()
    deliveries = sorted(deliveries_of(world, Random(1), END), key=lambda item: item.received_at)
    with (
        Sandbox(world, clock) as webex,
        dg.DagsterInstance.ephemeral() as instance,
    ):
        product = Product(tmp_path, webex, "admin", clock=clock)
        office = Office(product.etl(), clock, instance)
        live(office, clock, iter(deliveries))
    runs = Counter(job for at, job in office.launched if utc_day(at) == utc_day(clock.now() - BEAT))
    assert product.etl().lake.count(MEETINGS, date(2026, 3, 13)) > 390  # others moved
    assert 20 <= runs.total() <= 90, runs
