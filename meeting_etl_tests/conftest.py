"""Fixtures that all tests share."""

import gc
import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from meeting_etl_tests.cluster.postgres_server import ON_POSTGRES, VARIABLE, postgres_server
from meeting_etl_tests.cluster.s3_server import ON_BUCKET, s3_server

# Machines that run tests are busy: a slow example, or a slow draw of one, is no failure.
settings.register_profile("thorough", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# `make test-slow` looks further.
settings.register_profile("quick", settings.get_profile("thorough"), max_examples=25)
settings.load_profile("quick")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--postgres", action="store_true", help="products have their state there")
    parser.addoption("--bucket", action="store_true", help="products have their tables there")


@pytest.fixture(scope="session", autouse=True)
def _state(request: pytest.FixtureRequest) -> None:
    """With --postgres all products have their state in PostgreSQL."""
    if request.config.getoption("--postgres"):
        ON_POSTGRES["MEETING_ETL_STATE"] = request.getfixturevalue("postgres")


def pytest_collection_finish() -> None:
    """Modules and tests stay until the end: garbage collections need not look at them."""
    gc.collect()
    gc.freeze()


def pytest_sessionfinish() -> None:
    gc.unfreeze()


@pytest.fixture(autouse=True)
def _without_the_users_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests never see the variables of whoever runs them.

    Nor their certificates, which each client would read.
    """
    for name in list(os.environ):
        if name.startswith(("WEBEX_", "MEETING_ETL_", "DAGSTER_")) or name in (
            "REQUESTS_CA_BUNDLE",
            "CURL_CA_BUNDLE",
        ):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session", autouse=True)
def _storage(request: pytest.FixtureRequest) -> None:
    """With --bucket all products have their tables and files in object storage."""
    if request.config.getoption("--bucket"):
        ON_BUCKET.update(request.getfixturevalue("s3"))


@pytest.fixture(scope="session")
def s3() -> Iterator[dict[str, str]]:
    """The variables of an S3 server, which are set for this process, too."""
    with s3_server() as server:
        os.environ.update(server.environ)
        yield server.environ
        for name in server.environ:
            del os.environ[name]


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a PostgreSQL server with our tables; other processes find it in a variable."""
    from meeting_etl.postgres.database import Database
    from meeting_etl.postgres.schema import migrate

    with postgres_server() as url:
        migrate(Database(url))
        os.environ[VARIABLE] = url
        yield url
        del os.environ[VARIABLE]
