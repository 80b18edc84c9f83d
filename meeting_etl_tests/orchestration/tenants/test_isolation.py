"""Runs of a tenant read its Webex and write its folder, and nothing of another."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pyarrow.parquet as parquet
import pytest
from dagster import DagsterRunStatus as Status

from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.worlds import demo_world
from meeting_etl.settings import Etl
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.orchestration.alerts.receivers import Webhook, served
from meeting_etl_tests.orchestration.local_instance import local_instance
from meeting_etl_tests.orchestration.tenants.two import NOW, Two, tenant
from meeting_etl_tests.product import Product, tables


@dataclass
class Companies:
    """Two companies, each with its own embedded Webex, in one deployment."""

    two: Two
    products: dict[str, Product]

    def work_off(self) -> list[dg.DagsterRun]:
        """Execute what the sensors launch, until they launch nothing more."""
        runs: list[dg.DagsterRun] = []
        while True:
            etls = (self.two.acme, self.two.globex)
            requests = [request for etl in etls for request in self.two.requests(etl)]
            if not requests:
                return runs
            runs += map(self._execute, requests)

    def _execute(self, request: dg.RunRequest) -> dg.DagsterRun:
        done = self.two.defs.resolve_job_def(str(request.job_name)).execute_in_process(
            instance=self.two.instance,
            tags={**request.tags, "dagster/run_key": str(request.run_key)},
            partition_key=request.tags.get("dagster/partition"),
        )
        assert done.success
        return done.dagster_run


@pytest.fixture
def companies(tmp_path: Path) -> Iterator[Companies]:
    with ExitStack() as stack:
        products = {}
        for seed, name in enumerate(("acme", "globex"), start=1):
            world = demo_world(seed, NOW, days=2, meetings=12 * seed)
            webex = stack.enter_context(Sandbox(world, ManualClock(NOW)))
            products[name] = Product(tmp_path / name, webex, clock=ManualClock(NOW))
            products[name].write_logs(seed)
        etls = [
            Etl(product.environ, product.clock, tenant=name) for name, product in products.items()
        ]
        instance = stack.enter_context(dg.DagsterInstance.ephemeral())
        yield Companies(Two(etls, instance), products)


@pytest.mark.slow
def test_both_get_the_tables_that_each_gets_alone(companies: Companies, tmp_path: Path) -> None:
    runs = companies.work_off()
    assert {run.job_name for run in runs} >= {"acme__ingest_and_days", "globex__ingest_and_days"}
    for run in runs:
        assert run.tags["meeting_etl/tenant"] == run.job_name.split("__")[0]
    for name, product in companies.products.items():
        alone = Product(tmp_path / f"{name}_alone", product.webex, clock=ManualClock(NOW))
        alone.write_logs(1 + (name == "globex"))
        assert alone.run().failures == []
        assert tables(product.folder) == tables(alone.folder)
        assert len(product.rows("participants")) > 0
    ids = [
        {row["meeting_id"] for row in product.rows("meetings")}
        for product in companies.products.values()
    ]
    assert ids[0].isdisjoint(ids[1])
    keys = {key.path[0] for key in companies.two.instance.get_asset_keys()}
    assert keys == {"acme", "globex"}


@pytest.mark.slow
def test_a_run_of_assets_of_both_writes_both_folders(companies: Companies) -> None:
    """Somebody has selected them in the UI."""
    two = companies.two
    keys = [dg.AssetKey([name, "webhook_events"]) for name in companies.products]
    done = two.defs.resolve_implicit_global_asset_job_def().execute_in_process(
        instance=two.instance, asset_selection=keys
    )
    assert done.success
    counts = [
        parquet.read_table(product.folder / "lake" / "webhook_events").num_rows
        for product in companies.products.values()
    ]
    assert counts[0] != counts[1]
    assert {
        event.asset_key: event.materialization.metadata["events"].value
        for event in done.get_asset_materialization_events()
    } == dict(zip(keys, counts, strict=True))


@pytest.mark.slow
def test_jobs_without_assets_work_for_their_tenant(companies: Companies) -> None:
    companies.work_off()
    day = str(companies.two.acme.ledger.days()[0])
    config = {"ops": {"acme__reopen_work_items": {"config": {"first_day": day}}}}
    done = companies.two.defs.resolve_job_def("acme__reopen").execute_in_process(
        instance=companies.two.instance, run_config=config
    )
    assert done.success
    (launched,) = companies.two.requests(companies.two.acme)
    assert launched.job_name == "acme__days"
    assert companies.two.requests(companies.two.globex) == []


@pytest.mark.slow
def test_maintenance_removes_the_old_runs_of_its_tenant(tmp_path: Path) -> None:
    """And of whoever selected assets of it; the days of others stay green."""
    for name, kept in (("acme", "3d"), ("globex", "30d")):
        (tmp_path / f"{name}.toml").write_text(f'[retention]\ndagster_runs = "{kept}"\n')
    etls = [
        tenant(tmp_path, name, MEETING_ETL_SETTINGS=str(tmp_path / f"{name}.toml"))
        for name in ("acme", "globex")
    ]
    with dg.DagsterInstance.ephemeral() as instance:
        two = Two(etls, instance)
        (tmp_path / "acme").mkdir()
        (tmp_path / "globex").mkdir()
        events = [dg.AssetKey([name, "webhook_events"]) for name in ("acme", "globex")]
        assets = two.defs.resolve_implicit_global_asset_job_def()
        alone = [
            assets.execute_in_process(instance=instance, asset_selection=[key]).run_id
            for key in events
        ]
        both = assets.execute_in_process(instance=instance, asset_selection=events).run_id
        jobs = [two.record(f"{name}__days", Status.SUCCESS) for name in ("acme", "globex")]
        theirs = dg.DagsterRun("theirs", status=Status.SUCCESS)
        instance.add_run(theirs)
        # All of them are months older than the clock of the tenants by now.
        for etl in (two.acme, two.globex):
            etl.clock = ManualClock(instance.get_run_records()[0].create_timestamp)
            etl.clock.sleep(4 * 86_400)
        done = two.defs.resolve_job_def("acme__maintenance").execute_in_process(instance=instance)
        assert done.success
        stay = {alone[1], jobs[1], theirs.run_id, done.run_id}
        assert {run.run_id for run in instance.get_runs()} == stay
        assert both not in stay
        for key in events:
            # What was the newest of both stays known, without the run.
            (newest,) = instance.fetch_materializations(key, limit=1).records
            assert newest.run_id not in {both, *alone}


@pytest.mark.slow
def test_an_alert_goes_to_the_tenant_of_the_run(tmp_path: Path) -> None:
    with served(Webhook()) as first, served(Webhook()) as second:
        etls = [
            tenant(tmp_path, name, MEETING_ETL_ALERT_WEBHOOK_URL=webhook.url)
            for name, webhook in (("acme", first), ("globex", second))
        ]
        with local_instance(str(tmp_path)) as instance:
            two = Two(etls, instance)
            names = ("acme__alerts", "globex__alerts")
            cursors = [two.tick(name).cursor for name in names]
            failed = two.defs.resolve_job_def("acme__days").execute_in_process(
                instance=instance,
                tags={"dagster/partition": "2026-03-02"},
                partition_key="2026-03-02",
                raise_on_error=False,
            )
            assert not failed.success
            for name, cursor in zip(names, cursors, strict=True):
                two.tick(name, cursor)
        (text,) = first.texts
        assert text.startswith("The run acme__days of 2026-03-02 failed.\nNo Webex token:")
        assert second.texts == []
