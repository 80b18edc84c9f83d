"""The Dockerfile and the compose file name what there is, and open nothing to other machines."""

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from dagster._cli import cli as dagster_cli
from dagster._daemon.cli import cli as daemon_cli
from dagster_webserver.cli import dagster_webserver

from meeting_etl.settings.variables import VARIABLES
from meeting_etl_tests.commands import command

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
COMPOSE = (DEPLOY / "compose.yaml").read_text()
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE)["services"]
OURS = {
    name: service for name, service in SERVICES.items() if service["image"] == "meeting-etl:local"
}
CELERY = {"CELERY_BROKER_URL", "CELERY_RESULT_BACKEND"}
AWS = set(re.findall(r"\bAWS_[A-Z_]+", (ROOT / "docs/object-storage.md").read_text()))
# Of the other images; their documentation has them.
OF_SERVERS = {
    "postgres": {"POSTGRES_USER", "POSTGRES_DB", "POSTGRES_PASSWORD"},
    "rabbitmq": {"RABBITMQ_DEFAULT_USER", "RABBITMQ_DEFAULT_PASS", "RABBITMQ_DEFAULT_VHOST"},
    "s3": AWS,
}
DAGSTER = {
    "dagster": dagster_cli,
    "dagster-daemon": daemon_cli,
    "dagster-webserver": dagster_webserver,
}


def instructions() -> list[tuple[str, str]]:
    """Instructions of the Dockerfile with their arguments, continued lines joined."""
    text = re.sub(r"^#.*\n", "", (DEPLOY / "Dockerfile").read_text(), flags=re.MULTILINE)
    lines = text.replace("\\\n", " ").splitlines()
    return [(line.split()[0], line.partition(" ")[2]) for line in lines if line]


def arguments(instruction: str) -> list[str]:
    return [rest for name, rest in instructions() if name == instruction]


def copied() -> dict[str, str]:
    """Where each file or folder of the project is in the image, by its path in the project."""
    return {
        source: target
        for *sources, target in map(shlex.split, arguments("COPY"))
        for source in sources
    }


def commands_of(service: dict[str, Any]) -> list[list[str]]:
    """The programs that a service and its health check start, with their arguments."""
    found = [service["command"]] if "command" in service else []
    kind, *test = service.get("healthcheck", {}).get("test", ["NONE"])
    found += [test] if kind == "CMD" else []
    if kind == "CMD-SHELL":
        found.append(shlex.split(test[0].replace("$$", "")))
    return [
        shlex.split(part)
        for line in found
        for part in (line[2].split(" && ") if line[:2] == ["sh", "-c"] else [shlex.join(line)])
    ]


COMMANDS = [
    pytest.param(line, id=f"{name}: {' '.join(line[:3])}")
    for name, service in OURS.items()
    for line in commands_of(service)
]


def test_a_plain_builder_accepts_the_dockerfile() -> None:
    names = {name for name, _ in instructions()}
    assert names <= {"FROM", "RUN", "COPY", "ENV", "USER", "WORKDIR", "CMD"}
    assert not [rest for rest in arguments("RUN") + arguments("COPY") if rest.startswith("--")]
    assert "<<" not in (DEPLOY / "Dockerfile").read_text()


def test_what_is_copied_exists_and_is_part_of_the_build() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    allowed = {line.removeprefix("!") for line in lines if line.startswith("!")}
    assert "*" in lines
    for source in copied():
        assert (ROOT / source).exists(), source
        assert {source, str(Path(source).parent)} & allowed, source
    needed = ("pyproject.toml", "constraints.txt", "README.md", "LICENSE", "meeting_etl")
    assert set(needed) <= copied().keys()


def test_the_image_runs_as_a_user_without_rights_and_has_no_secrets() -> None:
    assert arguments("USER")[-1] == "meeting-etl"
    variables = {part.partition("=")[0] for line in arguments("ENV") for part in line.split()}
    assert variables == {"PYTHONUNBUFFERED", "DAGSTER_DISABLE_TELEMETRY", "MEETING_ETL_DATA_DIR"}


@pytest.mark.parametrize("image", [*arguments("FROM"), *(s["image"] for s in SERVICES.values())])
def test_images_have_a_version(image: str) -> None:
    assert re.search(r":(?!latest$)[\w.-]+$", image)


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_for_this_machine_alone(name: str) -> None:
    service = SERVICES[name]
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
    assert "network_mode" not in service
    assert "privileged" not in service


@pytest.mark.parametrize("name", SERVICES)
def test_variables_of_the_services_are_known(name: str) -> None:
    known = OF_SERVERS.get(name, {*VARIABLES, *CELERY, *AWS, "DAGSTER_HOME"})
    assert SERVICES[name]["environment"].keys() <= known


def test_the_example_has_what_compose_requires_and_what_webex_needs() -> None:
    example = (DEPLOY / "compose.env.example").read_text()
    given = set(re.findall(r"^(\w+)=.", example, re.MULTILINE))
    required = set(re.findall(r"\$\{(\w+):\?", COMPOSE))
    optional = set(re.findall(r"\$\{(\w+):-[^}]*\}", COMPOSE))
    assert required <= given
    assert given - required == {"WEBEX_ACCESS_TOKEN", "WEBEX_TOKEN_KIND"}
    assert set(re.findall(r"^# (\w+)=.", example, re.MULTILINE)) <= {
        "WORKER_QUEUES",
        *AWS,
        *VARIABLES,
    }
    assert required | optional == set(re.findall(r"\$\{(\w+)", COMPOSE))


def test_the_receiver_ships_to_the_bucket_that_the_others_have() -> None:
    """Without a value of its own here, a variable that is not in deploy/.env is not set."""
    of_buckets = {"MEETING_ETL_DATA_DIR", "MEETING_ETL_WORK_DIR", *AWS}
    environment = OURS["receiver"]["environment"]
    assert {name for name, value in environment.items() if value is None} == of_buckets
    for service in OURS.values():
        assert all(service["environment"].get(name) is None for name in of_buckets)


def test_the_file_of_secrets_is_no_part_of_the_project() -> None:
    files = {file for service in OURS.values() for file in service.get("env_file", [])}
    assert files == {".env"}
    ignored = subprocess.run(["git", "check-ignore", "-q", "deploy/.env"], cwd=ROOT, check=False)
    assert ignored.returncode == 0


def test_tokens_are_where_webex_is_asked() -> None:
    with_tokens = {name for name, service in OURS.items() if "env_file" in service}
    assert with_tokens == {"migrate", "code", "worker"}


@pytest.mark.parametrize("line", [line for line in COMMANDS if "celery" not in str(line.id)])
def test_commands_of_the_services_have_their_options(line: list[str]) -> None:
    program, *options = line
    if program in DAGSTER:
        found: click.Command = DAGSTER[program]
        while isinstance(found, click.Group):
            found = found.commands[options.pop(0)]
        _, rest, _ = found.make_parser(click.Context(found)).parse_args(options)
        assert rest == []
    elif program == "python":
        compile(options[1], "health check", "exec")
    else:
        assert program == "meeting-etl"
        assert command(*options, "--help").returncode == 0


@pytest.mark.cluster
@pytest.mark.parametrize("line", [line for line in COMMANDS if "celery" in str(line.id)])
def test_celery_has_the_options_of_the_services(line: list[str]) -> None:
    assert line[0] == "celery"
    asked = [sys.executable, "-m", *line, "--help"]
    assert subprocess.run(asked, check=False, stdout=subprocess.DEVNULL).returncode == 0


def test_workers_take_all_runs_unless_a_variable_says_otherwise() -> None:
    line = OURS["worker"]["command"]
    assert line[line.index("--queues") + 1] == "${WORKER_QUEUES:-dagster,downloads}"
    unit = (DEPLOY / "systemd/meeting-etl-worker@.service").read_text()
    assert "Environment=WORKER_QUEUES=dagster,downloads\n" in unit
    # A file of variables has the last word.
    assert unit.index("Environment=") < unit.index("EnvironmentFile=")
    assert " --queues ${WORKER_QUEUES} " in unit


def test_services_find_their_settings_of_dagster_in_the_image() -> None:
    targets = {target: source for source, target in copied().items()}
    for name in ("migrate", "code", "webserver", "daemon", "worker"):
        home = OURS[name]["environment"]["DAGSTER_HOME"]
        kind = "worker" if name == "worker" else "control"
        assert targets[f"{home}/dagster.yaml"] == f"deploy/cluster/dagster-{kind}.yaml"
        assert "data:/srv/meeting-etl/data" in OURS[name]["volumes"]
    for name in ("webserver", "daemon"):
        line = OURS[name]["command"]
        assert line[line.index("--workspace") + 1] in targets


def test_the_workspace_names_the_code_server() -> None:
    workspace = yaml.safe_load((DEPLOY / "cluster/workspace.yaml").read_text())
    (server,) = (entry["grpc_server"] for entry in workspace["load_from"])
    line = OURS["code"]["command"]
    assert server["host"] == "code"
    assert str(server["port"]) == line[line.index("--port") + 1]
    assert server["location_name"] == line[line.index("--module-name") + 1]


def test_as_many_runs_are_launched_as_workers_execute() -> None:
    control = yaml.safe_load((DEPLOY / "cluster/dagster-control.yaml").read_text())
    assert OURS["worker"]["scale"] == control["run_queue"]["max_concurrent_runs"]
    assert "scale" not in OURS["daemon"]


def test_a_worker_is_given_the_time_that_its_unit_gives() -> None:
    unit = (DEPLOY / "systemd/meeting-etl-worker@.service").read_text()
    assert OURS["worker"]["stop_grace_period"] == "10m"
    assert "TimeoutStopSec=600" in unit


@pytest.mark.cluster
@pytest.mark.parametrize("kind", ["control", "worker"])
def test_the_bucket_for_what_runs_print_can_be_switched_on(kind: str) -> None:
    from dagster._config import process_config
    from dagster_aws.s3 import S3ComputeLogManager

    text = (DEPLOY / f"cluster/dagster-{kind}.yaml").read_text()
    lines = re.findall(r"^# (compute_logs:|  .*)$", text, re.MULTILINE)
    logs = yaml.safe_load("\n".join(lines))["compute_logs"]
    assert (logs["module"], logs["class"]) == ("dagster_aws.s3", S3ComputeLogManager.__name__)
    assert process_config(S3ComputeLogManager.config_type(), logs["config"]).success
