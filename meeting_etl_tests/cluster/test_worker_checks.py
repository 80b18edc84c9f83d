"""The doctor says which queue has no worker, so that downloads do not wait unnoticed."""

from pathlib import Path

import pytest

from meeting_etl.cli.doctor.finding import State
from meeting_etl.cli.doctor.worker_checks import worker_checks
from meeting_etl.orchestration.run_tags import QUEUE_TAG
from meeting_etl.settings import Etl
from meeting_etl_tests.cluster.machines import machines
from meeting_etl_tests.cluster.rabbitmq_server import rabbitmq_server
from meeting_etl_tests.ports import free_port
from meeting_etl_tests.served_ui import wait_until

pytestmark = pytest.mark.cluster


def etl_with(folder: Path, settings: str) -> Etl:
    file = folder / "settings.toml"
    file.write_text(settings)
    return Etl({"MEETING_ETL_DATA_DIR": str(folder), "MEETING_ETL_SETTINGS": str(file)})


def found(etl: Etl, broker: str) -> tuple[State, str]:
    (result,) = worker_checks(etl, {"CELERY_BROKER_URL": broker})
    return result.state, result.found


def test_the_tag_is_that_of_the_launcher() -> None:
    from dagster_celery.tags import DAGSTER_CELERY_QUEUE_TAG

    assert QUEUE_TAG == DAGSTER_CELERY_QUEUE_TAG


def test_nothing_is_said_where_there_are_no_workers(tmp_path: Path) -> None:
    assert worker_checks(etl_with(tmp_path, ""), {}) == []


def test_a_broker_that_is_not_there(tmp_path: Path) -> None:
    broker = f"pyamqp://etl:plantedsecret@127.0.0.1:{free_port()}//"
    assert found(etl_with(tmp_path, ""), broker) == (State.PROBLEM, "RabbitMQ does not answer.")


@pytest.mark.slow
def test_a_broker_that_refuses_us(tmp_path: Path) -> None:
    etl = etl_with(tmp_path, "")
    refused = (State.PROBLEM, "RabbitMQ refuses the connection.")
    with rabbitmq_server() as broker:
        assert found(etl, broker.url.replace("guest:guest", "guest:plantedsecret")) == refused
        assert found(etl, f"{broker.url}elsewhere") == refused


@pytest.mark.slow
def test_each_queue_needs_a_worker(postgres: str, tmp_path: Path) -> None:
    downloads = etl_with(tmp_path, '[downloads]\nrecordings = ["video"]\n')
    with rabbitmq_server() as broker:
        variables = {"CELERY_BROKER_URL": broker.url, "CELERY_RESULT_BACKEND": f"db+{postgres}"}
        missing = "No worker takes runs from the queue {}, so these do not start."
        assert found(downloads, broker.url) == (
            State.PROBLEM,
            missing.format("dagster or downloads"),
        )
        variables["MEETING_ETL_STATE"] = postgres
        with machines(tmp_path / "hosts", variables) as hosts:
            hosts.start_worker("one", "dagster")
            wait_until(lambda: found(downloads, broker.url)[1] == missing.format("downloads"))
            (tmp_path / "without").mkdir()
            without = etl_with(tmp_path / "without", "")
            assert found(without, broker.url) == (
                State.OK,
                "Workers: 1; each queue has one: dagster.",
            )
            hosts.start_worker("two", "downloads")
            said = "Workers: 2; each queue has one: dagster, downloads."
            wait_until(lambda: found(downloads, broker.url) == (State.OK, said))
