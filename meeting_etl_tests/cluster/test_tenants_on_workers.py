"""Two tenants on the same workers: each has its tables, its share of the runs, its requests."""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest

from meeting_etl.orchestration.run_tags import TENANT_TAG, span_tags
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.schemas import MEETINGS
from meeting_etl.times import Span
from meeting_etl_tests.cluster.machines import Machines, machines
from meeting_etl_tests.cluster.postgres_server import own_database
from meeting_etl_tests.cluster.rabbitmq_server import rabbitmq_server
from meeting_etl_tests.cluster.running_cluster import HOSTS, launch, names_of
from meeting_etl_tests.product import Product, tables
from meeting_etl_tests.recent_world import recent_world
from meeting_etl_tests.served_ui import ServedUi, served_ui, wait_until

pytestmark = [pytest.mark.cluster, pytest.mark.slow]
NAMES = ("acme", "globex")
# As deploy/cluster/dagster-control.yaml has them.
RUNS_OF_A_TENANT = 3
# They were handed to workers, and are executed when one is free.
LAUNCHED = (dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED)


@dataclass
class Tenants:
    """The deployment. Of each tenant: what it shares with others, and the same alone."""

    hosts: Machines
    ui: ServedUi
    instance: dg.DagsterInstance
    shared: Mapping[str, Product]
    alone: Mapping[str, Product]

    def requests(self) -> dict[str, int]:
        return {name: product.webex.counters.total for name, product in self.shared.items()}

    def are_at_rest(self) -> bool:
        return all(run.is_finished for run in self.instance.get_runs()) and not any(
            product.etl().ledger.due_days() for product in self.shared.values()
        )

    def have_ingested(self) -> bool:
        where = (dg.RunsFilter(job_name=f"{name}__ingest_and_days") for name in NAMES)
        return all(self.instance.get_runs_count(each) for each in where)

    def launched(self) -> Counter[str]:
        """How many runs of each tenant are at the workers."""
        runs = self.instance.get_runs(dg.RunsFilter(statuses=list(LAUNCHED)))
        return Counter(run.tags[TENANT_TAG] for run in runs)

    def queued(self) -> int:
        return self.instance.get_runs_count(dg.RunsFilter(statuses=[dg.DagsterRunStatus.QUEUED]))


@pytest.fixture(scope="module")
def tenants(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tenants]:
    folder = tmp_path_factory.mktemp("tenants")
    with ExitStack() as stack:
        broker = stack.enter_context(rabbitmq_server())
        url = stack.enter_context(own_database(postgres))
        shared, alone = {}, {}
        for seed, name in enumerate(NAMES, start=1):
            world = recent_world(seed, days_ago=5, days=3, meetings=20 * seed)
            products = [
                Product(folder / place / name, stack.enter_context(Sandbox(world)), more=more)
                for place, more in (("shared", {"MEETING_ETL_STATE": url}), ("alone", {}))
            ]
            for product in products:
                product.write_logs(seed)
            shared[name], alone[name] = products
            assert alone[name].run().failures == []
        variables = {**names_of(url, broker.url), **tenants_file(folder, shared)}
        with _deployed(folder, variables) as (hosts, ui, instance):
            yield Tenants(hosts, ui, instance, shared, alone)


def tenants_file(folder: Path, products: Mapping[str, Product]) -> dict[str, str]:
    """A file as docs/tenants.md has it, and the variables that go with it."""
    variables, lines = {"MEETING_ETL_TENANTS": str(folder / "tenants.toml")}, list[str]()
    for name, product in products.items():
        token = f"{name.upper()}_TOKEN"
        variables[token] = product.environ["WEBEX_ACCESS_TOKEN"]
        lines += [
            f"[tenants.{name}]",
            f'MEETING_ETL_DATA_DIR = "{product.folder}"',
            f'WEBEX_BASE_URL = "{product.webex.base_url}"',
            f'WEBEX_ACCESS_TOKEN = "env:{token}"',
            f'WEBEX_TOKEN_KIND = "{product.kind}"',
            "WEBEX_REQUESTS_PER_MINUTE = 0",
        ]
    Path(variables["MEETING_ETL_TENANTS"]).write_text("\n".join(lines))
    return variables


@contextmanager
def _deployed(
    folder: Path, variables: Mapping[str, str]
) -> Iterator[tuple[Machines, ServedUi, dg.DagsterInstance]]:
    with machines(folder / "hosts", variables) as hosts:
        for host in HOSTS:
            hosts.start_worker(host)
        control = hosts.environ("control")
        with served_ui(control, within=folder) as ui, hosts.instance() as instance:
            yield hosts, ui, instance


def test_each_has_the_tables_that_it_has_alone(tenants: Tenants) -> None:
    wait_until(lambda: tenants.have_ingested() and tenants.are_at_rest(), 300)
    for name in NAMES:
        there, alone = tables(tenants.shared[name].folder), tables(tenants.alone[name].folder)
        assert there == alone
        meetings = {row["meeting_id"] for row in there[MEETINGS.name]}
        assert meetings == {meeting.id for meeting in tenants.shared[name].webex.world.meetings}
        assert tenants.requests()[name] == tenants.alone[name].webex.counters.total
    statuses = {run.status for run in tenants.instance.get_runs()}
    assert statuses == {dg.DagsterRunStatus.SUCCESS}


def test_one_leaves_room_for_the_other_and_runs_again_ask_nothing(tenants: Tenants) -> None:
    """Without workers, what was launched waits at RabbitMQ."""
    for host in HOSTS:
        tenants.hosts.kill(host)
    before, days = tenants.requests(), tenants.shared["acme"].etl().lake.days(MEETINGS)
    first = tenants.instance.get_runs_count()
    for _ in range(RUNS_OF_A_TENANT + 2):
        launch(tenants.ui, "acme__days", span_tags(Span(days[0], days[-1])))
    wait_until(lambda: tenants.launched()["acme"] == RUNS_OF_A_TENANT)
    launch(tenants.ui, "globex__days", span_tags(Span(days[0], days[-1])))
    wait_until(lambda: tenants.launched()["globex"] == 1)
    assert tenants.launched()["acme"] == RUNS_OF_A_TENANT
    assert tenants.queued() >= 2
    for host in HOSTS:
        tenants.hosts.start_worker(host)
    wait_until(tenants.are_at_rest, 240)
    assert tenants.instance.get_runs_count() >= first + RUNS_OF_A_TENANT + 3
    assert tenants.requests() == before
