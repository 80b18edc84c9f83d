"""Two tenants without data."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from meeting_etl_tests.orchestration.tenants.two import Two, tenant


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Two]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield Two([tenant(tmp_path, "acme"), tenant(tmp_path, "globex")], instance)
