"""Ctrl-C while Dagster executes: no moment of a run forgets it."""

import os
import signal
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest

from meeting_etl.definitions import build_defs
from meeting_etl.lake import catalog_file
from meeting_etl.orchestration.run_now import run_now
from meeting_etl.orchestration.run_summary import INTERRUPTED
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.worlds import demo_world
from meeting_etl_tests.product import Product


@pytest.fixture
def product(tmp_path: Path) -> Iterator[Product]:
    """Three meetings that are due."""
    with Sandbox(demo_world(3, datetime(2026, 11, 20, tzinfo=UTC), meetings=3)) as webex:
        product = Product(tmp_path, webex)
        product.write_logs()
        yield product


@pytest.mark.parametrize(
    "sent", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)]
)
def test_an_interruption_after_the_last_step_begins_no_other_run(
    product: Product, monkeypatch: pytest.MonkeyPatch, sent: signal.Signals
) -> None:
    """Dagster has caught the signal, and has no step left to raise it in."""
    handle = dg.DagsterInstance.handle_new_event

    def interrupted_at_the_end(
        self: dg.DagsterInstance, event: dg.EventLogEntry, **batch: Any
    ) -> None:
        handle(self, event, **batch)
        if event.dagster_event and event.dagster_event.is_job_success:
            os.kill(os.getpid(), sent)

    etl = product.etl()
    with dg.DagsterInstance.ephemeral() as instance:
        with monkeypatch.context() as patch:
            patch.setattr(dg.DagsterInstance, "handle_new_event", interrupted_at_the_end)
            done = run_now(build_defs(etl), instance, etl)
        assert done.failures == [(INTERRUPTED, "")]
        assert len(instance.get_run_records()) == 1  # only the ingest
        assert product.requests() == []
        assert run_now(build_defs(etl), instance, etl).failures == []


@pytest.mark.parametrize(
    "sent", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)]
)
def test_an_interruption_while_duckdb_works_is_no_failure_of_the_run(
    product: Product, monkeypatch: pytest.MonkeyPatch, sent: signal.Signals
) -> None:
    """DuckDB has an error of its own for it, `Query interrupted`."""

    def slow(connection: duckdb.DuckDBPyConnection, *_: object) -> None:
        threading.Timer(0.3, os.kill, (os.getpid(), sent)).start()
        connection.execute(
            "FROM range(100000) a, range(100000) b SELECT sum(hash(a.range * b.range))"
        )

    etl = product.etl()
    with dg.DagsterInstance.ephemeral() as instance:
        with monkeypatch.context() as patch:
            patch.setattr(catalog_file, "_changed", slow)
            done = run_now(build_defs(etl), instance, etl)
        assert done.failures == [(INTERRUPTED, "")]
        assert run_now(build_defs(etl), instance, etl).failures == []
    assert len(product.rows("meetings")) > 0
