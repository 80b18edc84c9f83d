"""Several tenants with their state in one database: each has its own rows, locks and rate."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.execution.api import execute_run

from meeting_etl.definitions import build_defs
from meeting_etl.orchestration.run_lock import lock_of
from meeting_etl.orchestration.run_now import run_now
from meeting_etl.orchestration.run_tags import PROCESS_LOCK_TAG
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.worlds import demo_world
from meeting_etl.schemas import FIRST_DAY
from meeting_etl.settings import Etl
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.cluster.sessions import select
from meeting_etl_tests.product import Product, tables

pytestmark = pytest.mark.cluster
NOW = datetime(2026, 3, 16, 12, 7, tzinfo=UTC)
NAMES = ("acme", "globex")


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture
def etls(postgres: str, tmp_path: Path) -> list[Etl]:
    """Tenants without data, with one clock."""
    clock = ManualClock(NOW)
    return [
        Etl(
            {"MEETING_ETL_DATA_DIR": str(tmp_path / name), "MEETING_ETL_STATE": postgres},
            clock,
            tenant=name,
        )
        for name in NAMES
    ]


def test_one_database_has_the_state_of_both(
    postgres: str, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    with ExitStack() as stack:
        for seed, name in enumerate(NAMES, start=1):
            world = demo_world(seed, NOW, days=2, meetings=12 * seed)
            webex = stack.enter_context(Sandbox(world, ManualClock(NOW)))
            local = Product(tmp_path / f"{name}_alone", webex, clock=ManualClock(NOW))
            # A rate makes a bucket; the clock of the embedded Webex does not move.
            more = {"MEETING_ETL_STATE": postgres, "WEBEX_REQUESTS_PER_MINUTE": "60000"}
            shared = Product(tmp_path / name, webex, clock=ManualClock(NOW), more=more)
            for product in (local, shared):
                product.write_logs(seed)
            assert local.run().failures == []
            etl = Etl(shared.environ, shared.clock, tenant=name)
            defs = build_defs(etl, first_day=FIRST_DAY)
            assert run_now(defs, instance, etl).failures == []
            assert tables(shared.folder) == tables(local.folder)
            assert etl.ledger.open_days() == local.etl().ledger.open_days()
    folders = {str(tmp_path / name) for name in NAMES}
    for table in ("state_values", "due_days", "buckets"):
        roots = {root for (root,) in select(postgres, f"SELECT DISTINCT root FROM {table}")}
        assert folders <= roots, table


def test_a_lock_of_one_is_free_for_the_other(etls: list[Etl]) -> None:
    acme, globex = etls
    with acme.state.lock("ingest"):
        assert acme.state.is_locked("ingest")
        assert not globex.state.is_locked("ingest")
        with globex.state.lock_if_free("ingest") as lock:
            assert lock is not None


def test_all_use_the_same_connections_in_turn(postgres: str, tmp_path: Path) -> None:
    """A code server of fifty tenants would need fifty connections for its sensors alone."""
    counted = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'meeting_etl'"
    before = select(postgres, counted)[0][0]
    for number in range(20):
        folder = str(tmp_path / f"t{number}")
        etl = Etl({"MEETING_ETL_DATA_DIR": folder, "MEETING_ETL_STATE": postgres})
        assert etl.state.get("any") is None
    assert select(postgres, counted)[0][0] <= before + 1


def test_a_lost_run_is_failed_by_the_sensor_of_its_tenant(
    etls: list[Etl], instance: dg.DagsterInstance
) -> None:
    defs, (acme, _) = build_defs(etls), etls
    run = dg.DagsterRun(
        "acme__days", status=dg.DagsterRunStatus.STARTED, tags={"meeting_etl/tenant": "acme"}
    )
    instance.add_run(run)
    instance.add_run_tags(run.run_id, {PROCESS_LOCK_TAG: lock_of(run.run_id)})

    def tick(name: str) -> str:
        with dg.build_sensor_context(instance=instance, definitions=defs) as context:
            sensor = defs.resolve_sensor_def(f"{name}__lost_runs")
            return str(sensor.evaluate_tick(context).skip_message)

    def ticks() -> list[str]:
        first = [tick(name) for name in NAMES]
        acme.clock.sleep(30)
        return [*first, *(tick(name) for name in NAMES)]

    # Held in the state of its own tenant, it is free in that of the other.
    with acme.state.lock(lock_of(run.run_id)):
        assert ticks() == ["No run is lost."] * 4
    assert ticks() == ["No run is lost."] * 2 + ["Failed 1 runs.", "No run is lost."]


@pytest.mark.parametrize(
    ("selected", "locked"),
    [(["acme"], [True, False]), (["globex"], [False, True]), (["acme", "globex"], [True, True])],
)
def test_a_run_holds_the_lock_of_each_tenant_whose_assets_it_makes(
    etls: list[Etl],
    instance: dg.DagsterInstance,
    monkeypatch: pytest.MonkeyPatch,
    selected: list[str],
    locked: list[bool],
) -> None:
    for etl in etls:
        etl.settings.data_dir.mkdir()
    job = build_defs(etls).resolve_implicit_global_asset_job_def()
    keys = frozenset(dg.AssetKey([name, "webhook_events"]) for name in selected)
    run = instance.create_run_for_job(job, asset_selection=keys)
    seen: list[list[bool]] = []

    def observe(*_: object, **__: object) -> None:
        """In the place of what a step calls."""
        seen.append([etl.state.is_locked(lock_of(run.run_id)) for etl in etls])

    monkeypatch.setattr("meeting_etl.lake.leftovers.sweep_leftovers", observe)
    assert execute_run(InMemoryJob(job.get_subset(asset_selection=keys)), run, instance).success
    assert seen == [locked] * len(selected)
