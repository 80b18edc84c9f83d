"""No item of a response stops the others, however it is nested."""

from datetime import UTC, datetime
from typing import Any

from meeting_etl.pipeline.fetch.response_rows import with_rows
from meeting_etl.pipeline.fetch.single_request import FetchResult
from meeting_etl.pipeline.fetch.spec import Target
from meeting_etl.pipeline.ledger.work_item import Outcome, WorkItem
from meeting_etl.pipeline.resources.invitees import INVITEES


def test_an_item_that_is_nested_too_deeply_is_a_fault_of_its_own() -> None:
    nested: Any = "x"
    for _ in range(900):
        nested = {"inner": nested}
    target = Target(WorkItem("m_I_1", "invitees"), {"meeting_id": "m_I_1"})
    item = {"id": "i1", "email": "ada@sales.example", "new": nested}
    at = datetime(2026, 3, 11, tzinfo=UTC)
    result = with_rows(INVITEES, FetchResult(target, Outcome.ROWS, at, items=[item]), "run")
    assert (result.outcome, result.rows) == (Outcome.FAULT, [])
