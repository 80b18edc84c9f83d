"""Two tenants, acme and globex, in one code location and on one instance."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import dagster as dg

from meeting_etl.definitions import build_defs
from meeting_etl.settings import Etl
from meeting_etl_tests.clocks import ManualClock

NOW = datetime(2026, 3, 16, 12, 7, tzinfo=UTC)


def tenant(folder: Path, name: str, **more: str) -> Etl:
    """A tenant with a data folder of its own."""
    variables = {"MEETING_ETL_DATA_DIR": str(folder / name), **more}
    return Etl(variables, ManualClock(NOW), tenant=name)


class Two:
    """What a code server has loaded for two tenants, and one instance."""

    def __init__(self, etls: Sequence[Etl], instance: dg.DagsterInstance) -> None:
        self.acme, self.globex = etls
        self.instance = instance
        self.defs = build_defs(etls, first_day=date(2026, 1, 1))

    def tick(self, sensor: str, cursor: str | None = None) -> Any:
        """What one tick requests, or why it requests nothing."""
        with dg.build_sensor_context(
            instance=self.instance, definitions=self.defs, cursor=cursor
        ) as context:
            return self.defs.resolve_sensor_def(sensor).evaluate_tick(context)

    def requests(self, etl: Etl) -> list[dg.RunRequest]:
        """The runs that a tick of the tenant's sensor requests."""
        return list(self.tick(f"{etl.tenant}__due_work").run_requests or [])

    def record(
        self, job: str, status: dg.DagsterRunStatus, tags: dict[str, str] | None = None
    ) -> str:
        """A run of a whole job of these definitions, as the daemon creates it."""
        found = {**self.defs.resolve_job_def(job).run_tags, **(tags or {})}
        run = dg.DagsterRun(job, status=status, tags=found)
        self.instance.add_run(run)
        return run.run_id

    def status(self, run_id: str) -> dg.DagsterRunStatus:
        """The status of a run."""
        run = self.instance.get_run_by_id(run_id)
        assert run is not None
        return run.status


def announce(etl: Etl, *days: str) -> None:
    """Make work of these days due."""
    etl.ledger.announce({date.fromisoformat(day): {"m": []} for day in days})
