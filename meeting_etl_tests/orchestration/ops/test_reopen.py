"""The job `reopen` and its form: what it makes due, and what is wrong with a form."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from meeting_etl.definitions import build_defs
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.product import Product
from meeting_etl_tests.sandbox.small import small_world

NOW = datetime(2026, 3, 16, 12, tzinfo=UTC)


@pytest.fixture
def product(tmp_path: Path) -> Iterator[Product]:
    """Meetings of 2 and 3 March, all settled."""
    with Sandbox(small_world(), ManualClock(NOW)) as webex:
        product = Product(tmp_path, webex, clock=webex.clock)
        product.write_logs()
        assert product.run().failures == []
        assert product.etl().ledger.open_days() == {}
        yield product


def reopened(product: Product, **form: Any) -> dg.ExecuteInProcessResult:
    """A run of the job with this form."""
    job = build_defs(product.etl()).resolve_job_def("reopen")
    config = {"ops": {"reopen_work_items": {"config": form}}}
    return job.execute_in_process(run_config=config, raise_on_error=False)


def due(product: Product) -> Counter[tuple[str, str]]:
    """Day and resource of the open work items."""
    ledger = product.etl().ledger
    return Counter(
        (str(day), item.resource)
        for day in ledger.open_days()
        for item in ledger.items(day)
        if item.next_attempt_at is not None
    )


def test_a_resource_of_a_day_is_reopened_and_nothing_else(product: Product) -> None:
    count = sum(row["resource"] == "participants" for row in product.rows("fetch_ledger"))
    done = reopened(
        product, first_day="2026-03-01", last_day="2026-03-02", resources=["participants"]
    )
    assert done.success
    found = due(product)
    assert set(found) == {("2026-03-02", "participants")}
    assert 0 < found.total() < count
    requested = product.webex.counters.total
    assert product.run().failures == []
    assert product.webex.counters.total > requested
    assert due(product) == Counter()


def test_statuses_are_those_of_retry(product: Product) -> None:
    days = {"first_day": "2026-03-02", "last_day": "2026-03-03"}
    assert reopened(product, **days, statuses=["ready", "gone"], resources=["recordings"]).success
    by_form = due(product)
    assert product.run().failures == []
    arguments = ("--status", "ready", "--status", "gone", "--resource", "recordings", "--yes")
    span = ("--from", days["first_day"], "--to", days["last_day"])
    done = product.command("retry", *arguments, *span)
    assert done.returncode == 0, done.stderr
    assert by_form == due(product) != Counter()


def test_days_alone_are_a_refetch(product: Product) -> None:
    assert reopened(product, first_day="2026-03-03").success
    assert product.etl().ledger.due_day(date(2026, 3, 3)).everything
    assert {day for day, _ in due(product)} == {"2026-03-03"}


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ({"first_day": "1 March"}, "first_day is '1 March': write a day as YYYY-MM-DD."),
        (
            {"first_day": "2026-03-01", "last_day": "2026-02-30"},
            "last_day is '2026-02-30': write a day as YYYY-MM-DD.",
        ),
        (
            {"first_day": "2026-03-02", "last_day": "2026-03-01"},
            "first_day 2026-03-02 is after last_day 2026-03-01.",
        ),
    ],
)
def test_wrong_days_are_one_sentence(tmp_path: Path, form: dict[str, str], sentence: str) -> None:
    with Sandbox(small_world(), ManualClock(NOW)) as webex:
        done = reopened(Product(tmp_path, webex), **form)
    assert not done.success
    (failure,) = done.filter_events(lambda event: event.is_step_failure)
    error = failure.step_failure_data.error
    assert error is not None
    assert (error.message, error.stack) == (f"{sentence}\n", [])


def test_the_form_describes_its_fields_and_lists_what_they_take(tmp_path: Path) -> None:
    with Sandbox(small_world()) as webex:
        product = Product(tmp_path, webex)
        with pytest.raises(dg.DagsterInvalidConfigError, match="not in enum type"):
            reopened(product, first_day="2026-03-02", resources=["recording"])
        job = build_defs(product.etl()).resolve_job_def("reopen")
    op: Any = job.graph.node_dict["reopen_work_items"].definition
    fields = op.config_schema.as_field().config_type.fields
    assert list(fields) == ["first_day", "last_day", "resources", "statuses"]
    assert all(field.description for field in fields.values())
    assert fields["first_day"].is_required
