"""The product as its users have it: a data folder, a sandbox over HTTP, the command line."""

import atexit
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import dagster as dg

from meeting_etl.definitions import build_defs
from meeting_etl.lake import catalog
from meeting_etl.orchestration.run_now import run_now
from meeting_etl.orchestration.run_summary import RunSummary
from meeting_etl.pipeline.days.work_days import work_days
from meeting_etl.pipeline.ingest.ingest import ingest
from meeting_etl.pipeline.ledger.token_history import record_tokens
from meeting_etl.pipeline.resources.all_resources import day_specs
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.deliveries import write_logs
from meeting_etl.sandbox.world.model import Kind
from meeting_etl.schemas import FIRST_DAY
from meeting_etl.settings import Etl
from meeting_etl.times import Clock, Span
from meeting_etl_tests.cluster.postgres_server import ON_POSTGRES
from meeting_etl_tests.cluster.s3_server import ON_BUCKET, url_of
from meeting_etl_tests.commands import Completed, command, command_process

# Columns that differ from run to run by their nature.
OF_THE_RUN = frozenset(
    "run_id fetched_at updated_at mtime first_attempt_at last_attempt_at next_attempt_at "
    "covered_until".split()
)
# What a run from the logs must give whatever the way to it; progress of attempts is apart.
DATA_TABLES = (
    "meetings",
    "recordings",
    "participants",
    "transcripts",
    "transcript_snippets",
    "speaker_metrics",
    "fetch_ledger",
    "webhook_events",
    "rejected_lines",
)


@cache
def _instance() -> dg.DagsterInstance:
    """One for all products: no run depends on what an instance knows of earlier ones."""
    instance = dg.DagsterInstance.ephemeral()
    atexit.register(instance.dispose)
    return instance


@dataclass
class Product:
    """A data folder that works against a sandbox."""

    folder: Path
    webex: Sandbox
    kind: Kind = "compliance"
    clock: Clock = field(default_factory=Clock)
    more: Mapping[str, str] = field(default_factory=dict)

    @property
    def environ(self) -> dict[str, str]:
        return {
            "WEBEX_BASE_URL": self.webex.base_url,
            "WEBEX_ACCESS_TOKEN": self.webex.token(self.kind),
            "WEBEX_TOKEN_KIND": self.kind,
            "WEBEX_REQUESTS_PER_MINUTE": "0",
            "MEETING_ETL_DATA_DIR": str(location(self.folder)),
            "MEETING_ETL_WORK_DIR": str(self.folder) if ON_BUCKET else "",
            **ON_BUCKET,
            **ON_POSTGRES,
            **self.more,
        }

    def write_logs(self, seed: int = 1, *, lost: float = 0.0) -> None:
        now, folder = self.clock.now(), self.folder / "webhook_logs"
        write_logs(self.webex.world, folder, seed=seed, until=now, lost=lost)

    def etl(self) -> Etl:
        return Etl(self.environ, self.clock)

    def run(
        self, asked: Span | None = None, *, refetch: bool = False, discover: bool = False
    ) -> RunSummary:
        """What `meeting-etl run` does, with this product's clock."""
        etl = self.etl()
        defs = build_defs(etl, first_day=FIRST_DAY)
        return run_now(defs, _instance(), etl, span=asked, refetch=refetch, discover=discover)

    def command(self, *arguments: str) -> Completed:
        """The command line, in this process."""
        return command(*arguments, environ=self.environ)

    def command_process(self, *arguments: str, under: Sequence[str] = ()) -> Completed:
        """The command line, in a process of its own."""
        return command_process(*arguments, environ=self.environ, under=under)

    def rows(self, name: str) -> list[dict[str, Any]]:
        return rows(self.folder, name)

    def requests(self, since: int = 0) -> list[str]:
        """Paths with query of the requests that the sandbox saw, from the given one on."""
        return [seen.url for seen in self.webex.counters.requests[since:]]


def location(folder: str | Path) -> str | Path:
    """Where the tables of a data folder are: there, or in the bucket of the tests."""
    return url_of(Path(folder)) if ON_BUCKET else folder


def work_off(etl: Etl) -> None:
    """What `meeting-etl run` does, without Dagster, which writes files of its own."""
    ingest(etl.logs, etl.lake, etl.ledger, etl.clock)
    record_tokens(etl.state, etl.lake, etl.ledger, etl.token_identities, etl.clock.now())
    fetch_due(etl)
    catalog.publish(etl.files, etl.lake)


def fetch_due(etl: Etl) -> None:
    """Fold and fetch what is due."""
    specs = [spec for spec in day_specs(etl.storage, ()) if etl.ledger.wants(spec.resource)]
    due = etl.ledger.due_days()
    list(work_days(etl.lake, etl.ledger, lambda: etl.fetch_context("run"), specs, due))


def rows(folder: str | Path, name: str) -> list[dict[str, Any]]:
    """All rows of a table, by column, without what differs from run to run."""
    names, found = catalog.query(location(folder), f"SELECT * FROM {name} ORDER BY ALL")
    return [
        {
            column: value
            for column, value in zip(names, row, strict=True)
            if column not in OF_THE_RUN
        }
        for row in found
    ]


def tables(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """All rows of all tables that data come to."""
    return {name: rows(folder, name) for name in DATA_TABLES}


def files(folder: Path) -> dict[str, tuple[int, int]]:
    """Every file of the lake and the catalog, with inode and modification time."""
    paths = [*(folder / "lake").rglob("*.parquet"), folder / "meetings.duckdb"]
    return {str(path): (path.stat().st_ino, path.stat().st_mtime_ns) for path in paths}


def span(first: str, last: str) -> Span:
    """Days from first to last."""
    return Span(date.fromisoformat(first), date.fromisoformat(last))
