"""All names of a tenant's definitions have the tenant; without tenants nothing has another name."""

import re
from collections.abc import Sequence, Set
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from dagster._utils.tags import TagConcurrencyLimitsCounter

from meeting_etl.definitions import build_defs
from meeting_etl.errors import SettingsError
from meeting_etl.orchestration.run_tags import downloads_tags
from meeting_etl.settings import Etl
from meeting_etl_tests.orchestration.tenants.two import tenant

ROOT = Path(__file__).parents[3]
DOCUMENT = ROOT / "docs" / "tenants.md"
ALL_ON = """
[downloads]
recordings = ["video"]
transcripts = ["vtt"]
[fetch]
summaries = true
invitees = true
[alerts]
email_to = ["ops@acme.example"]
email_from = "etl@acme.example"
smtp_host = "mail.acme.example"
"""
# Those that Dagster adds to every code location.
OF_DAGSTER = {"__ASSET_JOB", "io_manager"}


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, str]:
    """Everything that can be switched on."""
    file = tmp_path / "all_on.toml"
    file.write_text(ALL_ON)
    return {"MEETING_ETL_SETTINGS": str(file)}


def names(definitions: dg.Definitions) -> dict[str, set[str]]:
    """What everything is called, by its kind."""
    repository = definitions.get_repository_def()
    repository.load_all_definitions()
    graph = repository.asset_graph
    jobs = repository.get_all_jobs()
    return {
        "job": {job.name for job in jobs} - OF_DAGSTER,
        "step": {node.name for job in jobs for node in job.graph.node_defs},
        "schedule": {each.name for each in repository.schedule_defs},
        "sensor": {each.name for each in repository.sensor_defs},
        "resource": set(repository.get_top_level_resources()) - OF_DAGSTER,
        "needed": {key for job in jobs for key in job.required_resource_keys} - OF_DAGSTER,
        "group": {str(spec.group_name) for spec in graph.asset_nodes},
        "asset": {key.to_user_string() for key in graph.get_all_asset_keys()},
        "check": {f"{key.asset_key.to_user_string()} {key.name}" for key in graph.asset_check_keys},
    }


@pytest.mark.slow
def test_the_names_of_tenants_are_those_of_the_only_one_with_the_tenant(
    tmp_path: Path, settings: dict[str, str]
) -> None:
    one = names(build_defs(Etl(settings)))
    assert {"due_work", "due_files", "alerts"} == one["sensor"]
    assert one["resource"] == one["needed"] == {"etl"}
    assert min(map(len, one.values())) > 0
    both = names(build_defs([tenant(tmp_path, name, **settings) for name in ("acme", "globex")]))
    for kind, found in one.items():
        separator = "/" if kind in ("asset", "check") else "__"
        assert both[kind] == {
            f"{name}{separator}{each}" for name in ("acme", "globex") for each in found
        }


@pytest.mark.slow
def test_nothing_else_of_assets_and_jobs_differs(tmp_path: Path, settings: dict[str, str]) -> None:
    folder, first_day = {"MEETING_ETL_DATA_DIR": str(tmp_path / "acme")}, date(2026, 1, 1)
    one = build_defs(Etl(settings | folder), first_day=first_day)
    acme = build_defs(tenant(tmp_path, "acme", **settings), first_day=first_day)
    assert described(acme, ["acme"]) == described(one, [])


def described(definitions: dg.Definitions, prefix: Sequence[str]) -> dict[str, Any]:
    """Assets and jobs, without a prefix of asset keys and the names that the other test has."""

    def bare(key: dg.AssetKey) -> str:
        assert key.path[: len(prefix)] == prefix
        return "/".join(key.path[len(prefix) :])

    assets = {
        bare(spec.key): (
            {bare(dep.asset_key) for dep in spec.deps},
            spec.description,
            spec.kinds,
            spec.tags,
            spec.partitions_def,
            {name for name in spec.metadata if not name.startswith("dagster-dg")},
            spec.metadata.get("dagster/uri"),
        )
        for spec in definitions.resolve_all_asset_specs()
    }
    jobs = {
        job.name.rpartition("__")[2]: (
            job.description,
            {bare(key) for key in job.asset_layer.executable_asset_keys},
            {
                (bare(key.asset_key), key.name)
                for key in job.asset_layer.asset_graph.asset_check_keys
            },
            job.partitions_def,
            set(job.run_tags) - {"meeting_etl/tenant"},
        )
        for job in definitions.get_repository_def().get_all_jobs()
    }
    return {**assets, **jobs}


def checks_of(job: dg.JobDefinition) -> Set[dg.AssetCheckKey]:
    return job.asset_layer.asset_graph.asset_check_keys


def test_the_only_tenant_keeps_its_names_and_has_no_tag() -> None:
    found = names(build_defs([Etl({})]))
    assert found == names(build_defs(Etl({})))
    assert found["schedule"] == {
        "checks_nightly",
        "every_quarter_hour",
        "maintenance_nightly",
        "reconcile_nightly",
        "webhooks_hourly",
    }
    assert {"days", "ingest", "ingest_and_days", "reopen", "maintenance"} <= found["job"]
    assert {"meetings", "webhook_events"} <= found["asset"]
    for job in build_defs(Etl({})).get_repository_def().get_all_jobs():
        assert "meeting_etl/tenant" not in job.run_tags


def test_each_job_has_the_tag_of_its_tenant(tmp_path: Path, settings: dict[str, str]) -> None:
    definitions = build_defs([tenant(tmp_path, name, **settings) for name in ("acme", "globex")])
    tags = {job.name: job.run_tags for job in definitions.get_repository_def().get_all_jobs()}
    del tags["__ASSET_JOB"]
    assert len(tags) > 2
    for name, found in tags.items():
        assert found["meeting_etl/tenant"] == name.split("__")[0]
    downloads = {
        name: found["meeting_etl/downloads"]
        for name, found in tags.items()
        if "meeting_etl/downloads" in found
    }
    assert downloads == {"acme__files": "acme", "globex__files": "globex"}
    assert downloads_tags("acme", 2) == {"meeting_etl/downloads": "acme-2"}


def run_of(job: str, tenant: str = "", number: int = 1) -> dg.DagsterRun:
    """As the queue has it."""
    downloads = {"meeting_etl/downloads": tenant or "true"} if job == "files" else {}
    downloads |= downloads_tags(tenant, number)
    return dg.DagsterRun(job, tags=downloads | ({"meeting_etl/tenant": tenant} if tenant else {}))


@pytest.mark.parametrize(
    ("active", "waits"),
    [
        ([run_of("days", "acme")] * 3, {"acme days", "acme files"}),
        ([run_of("files", "acme")], {"acme files"}),
        ([run_of("files", "acme"), run_of("files", "b")], {"acme files", "globex files", " files"}),
        ([run_of("files")], {" files"}),
        ([run_of("files", number=2)], set()),
        ([run_of("files"), run_of("files", number=2)], {"acme files", "globex files", " files"}),
        ([run_of("files", "acme", 2)], set()),
        ([run_of("days")] * 3, set()),
    ],
)
def test_the_queue_of_several_tenants_limits_each(
    active: list[dg.DagsterRun], waits: set[str]
) -> None:
    """Three runs of a tenant, one of them of downloads, of which there are two in all."""
    instance = yaml.safe_load((ROOT / "dagster.yaml").read_text())
    limits = instance["run_queue"]["tag_concurrency_limits"]
    queue = TagConcurrencyLimitsCounter(limits, active)
    assert waits == {
        f"{tenant} {job}"
        for tenant in ("acme", "globex", "")
        for job in ("days", "files")
        if queue.is_blocked(run_of(job, tenant))
    }


@pytest.mark.slow
def test_dagster_loads_both_with_a_prefix_of_somebody_else(tmp_path: Path) -> None:
    etls = [tenant(tmp_path, name) for name in ("acme", "globex")]
    definitions = build_defs(etls, key_prefix=["webex"], executor=None)
    dg.Definitions.validate_loadable(definitions)
    keys = {key.to_user_string() for key in definitions.resolve_all_asset_keys()}
    assert {"webex/acme/meetings", "webex/globex/meetings"} <= keys


def test_the_documented_definitions_are_those_of_two_tenants() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102 - our own document
    keys = {key.to_user_string() for key in names["defs"].resolve_all_asset_keys()}
    assert {"acme/meetings", "globex/meetings"} <= keys


def test_two_of_one_name_or_folder_are_refused(tmp_path: Path) -> None:
    acme, globex = tenant(tmp_path, "acme"), tenant(tmp_path, "globex")
    with pytest.raises(SettingsError, match=r"build_defs\(\) has two of the tenant 'acme': give"):
        build_defs([acme, tenant(tmp_path / "elsewhere", "acme")])
    with pytest.raises(SettingsError, match=r"build_defs\(\) has two of the tenant ''"):
        build_defs([Etl({}), Etl({})])
    shared = {"MEETING_ETL_DATA_DIR": str(tmp_path / "acme")}
    with pytest.raises(SettingsError, match="The tenants acme and globex have"):
        build_defs([acme, Etl(shared, tenant="globex")])
    build_defs([acme, globex])
