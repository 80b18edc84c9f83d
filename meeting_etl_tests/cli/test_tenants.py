"""Commands where there are several tenants: which one they work on, and serving all of them."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.deliveries import write_logs
from meeting_etl.times import Clock
from meeting_etl_tests.commands import command
from meeting_etl_tests.product import rows
from meeting_etl_tests.recent_world import recent_world
from meeting_etl_tests.served_ui import ServedUi, served_ui, wait_until

ROOT = Path(__file__).parents[2]
SECTION = """
[tenants.{name}]
MEETING_ETL_DATA_DIR = "{name}"
WEBEX_BASE_URL = "{url}"
WEBEX_ACCESS_TOKEN = "env:{name}_token"
WEBEX_TOKEN_KIND = "compliance"
WEBEX_REQUESTS_PER_MINUTE = 0
"""


@pytest.fixture
def environ(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Those of two companies, each with an embedded Webex and logs."""
    clock, file = Clock(), tmp_path / "tenants.toml"
    variables = {"MEETING_ETL_TENANTS": str(file), "DAGSTER_HOME": str(tmp_path / "home")}
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "dagster.yaml").write_text((ROOT / "dagster.yaml").read_text())
    with ExitStack() as stack:
        for seed, name in enumerate(("acme", "globex"), start=1):
            world = recent_world(seed, days_ago=10, days=2, meetings=6 * seed)
            webex = stack.enter_context(Sandbox(world, clock))
            logs = tmp_path / name / "webhook_logs"
            write_logs(world, logs, seed=seed, until=clock.now())
            variables[f"{name}_token"] = webex.token("compliance")
            with file.open("a") as toml:
                toml.write(SECTION.format(name=name, url=webex.base_url))
        yield variables


@pytest.fixture
def bare(tmp_path: Path) -> dict[str, str]:
    """Two tenants without a request to Webex."""
    file = tmp_path / "tenants.toml"
    file.write_text("".join(SECTION.format(name=name, url="") for name in ("acme", "globex")))
    return {"MEETING_ETL_TENANTS": str(file), "acme_token": "a", "globex_token": "b"}


def test_a_command_says_which_tenants_there_are(bare: dict[str, str], tmp_path: Path) -> None:
    done = command("status", environ=bare)
    assert (done.returncode, done.stderr) == (
        2,
        "Error: Set MEETING_ETL_TENANT to one of acme, globex.\n",
    )
    done = command("status", environ={**bare, "MEETING_ETL_TENANT": "initech"})
    assert (done.returncode, done.stderr) == (
        2,
        f"Error: MEETING_ETL_TENANT is 'initech', but {tmp_path}/tenants.toml has acme, globex.\n",
    )


def test_a_command_works_in_the_folder_of_its_tenant(bare: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "globex" / "webhook_logs").mkdir(parents=True)
    (tmp_path / "globex" / "webhook_logs" / "a.jsonl").write_text("{}\n{}\n")
    done = command("status", environ={**bare, "MEETING_ETL_TENANT": "globex"})
    assert done.returncode == 0, done.stderr
    assert f"{tmp_path}/globex" in done.stdout + done.stderr
    assert not (tmp_path / "acme").exists()


def test_what_needs_the_instance_says_that_it_has_no_place(bare: dict[str, str]) -> None:
    for name in ("run", "dev"):
        done = command(name, environ={**bare, "MEETING_ETL_TENANT": "acme"})
        assert done.returncode == 2
        assert done.stderr == (
            "Error: DAGSTER_HOME is not set: the Dagster instance of several tenants belongs into "
            "a folder of its own, with a dagster.yaml.\n"
        )


def test_the_doctor_works_where_events_of_a_tenant_are_received_only(bare: dict[str, str]) -> None:
    done = command("doctor", "--format", "json", environ={**bare, "MEETING_ETL_TENANT": "acme"})
    assert done.returncode == 1, done.stderr
    found = {(result["section"], result["name"]): result for result in json.loads(done.stdout)}
    assert found["data folder", "writable"]["state"] == "ok"
    assert (
        found["Dagster", "home"]["found"]
        == "DAGSTER_HOME is not set, so that nothing can run here."
    )


def test_all_are_migrated_unless_one_is_named(bare: dict[str, str]) -> None:
    done = command("migrate", environ=bare)
    assert done.returncode == 0, done.stderr
    said = [line for line in (done.stdout + done.stderr).splitlines() if "Tenant" in line]
    assert said == ["Tenant acme:", "Tenant globex:"]
    done = command("migrate", environ={**bare, "MEETING_ETL_TENANT": "acme"})
    assert (done.returncode, "Tenant" in done.stdout + done.stderr) == (0, False)


@pytest.mark.slow
def test_a_run_of_one_tenant_is_in_the_instance_of_all(
    environ: dict[str, str], tmp_path: Path
) -> None:
    done = command("run", environ={**environ, "MEETING_ETL_TENANT": "globex"})
    assert done.returncode == 0, done.stderr
    assert len(rows(tmp_path / "globex", "meetings")) == 12
    assert not (tmp_path / "acme" / "lake").exists()
    assert not (tmp_path / "globex" / "dagster").exists()
    from meeting_etl.orchestration.instance.instance import open_instance

    with open_instance(tmp_path / "home") as instance:
        runs = instance.get_runs()
        assert {run.job_name for run in runs} == {"globex__ingest", "globex__days"}
        assert {run.tags["meeting_etl/tenant"] for run in runs} == {"globex"}


RUNS = "{ runsOrError { ... on Runs { results { jobName status tags { key value } } } } }"


def runs_of(ui: ServedUi) -> list[tuple[str, str, str]]:
    """Job, status and tenant of each run."""
    return [
        (run["jobName"], run["status"], {tag["key"]: tag["value"] for tag in run["tags"]}[TENANT])
        for run in ui.ask(RUNS)["runsOrError"]["results"]
    ]


TENANT = "meeting_etl/tenant"


@pytest.mark.slow
def test_the_daemon_works_off_what_is_due_of_all(environ: dict[str, str], tmp_path: Path) -> None:
    """In processes of their own; a third tenant, whose settings are wrong, stops neither."""
    with (tmp_path / "tenants.toml").open("a") as toml:
        toml.write(SECTION.format(name="initech", url="nowhere"))
    with served_ui(environ, within=tmp_path) as ui:
        assert ui.lines[0].startswith("Error: Tenant initech: ")
        wait_until(lambda: meetings_in(tmp_path) == {"acme": 6, "globex": 12}, seconds=240)
        wait_until(lambda: all(status == "SUCCESS" for _, status, _ in runs_of(ui)), seconds=240)
        found = runs_of(ui)
    assert {tenant for _, _, tenant in found} == {"acme", "globex"}
    assert all(job.startswith(f"{tenant}__") for job, _, tenant in found)


def meetings_in(folder: Path) -> dict[str, int]:
    """How many meetings there are in the folder of each tenant that has tables."""
    names = (path.parent.name for path in folder.glob("*/meetings.duckdb"))
    return {name: len(rows(folder / name, "meetings")) for name in names}
