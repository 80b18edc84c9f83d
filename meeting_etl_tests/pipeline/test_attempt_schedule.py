"""When attempts come, on one meeting that ended on 2026-03-02 at 10:07 UTC."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from meeting_etl.pipeline.ledger.outcomes import Attempt, apply_outcome
from meeting_etl.pipeline.ledger.schedule import (
    attempt_times,
    is_last,
    next_attempt,
    reopened,
    reopened_by_event,
    reopened_by_list,
)
from meeting_etl.pipeline.ledger.work_item import Outcome, WorkItem
from meeting_etl_tests.pipeline.attempts import ENDED, LONG_AFTER, SCHEDULE, at, attempted


def test_attempts_come_after_the_end_on_quarter_hours_and_later_on_full_hours() -> None:
    # 10:22 and 11:07, rounded up to the next quarter; 16:07, +24 h and +72 h to the next hour.
    assert attempt_times(WorkItem("m", "recordings"), ENDED, SCHEDULE) == [
        at(2, 10, 30),
        at(2, 11, 15),
        at(2, 17),
        at(3, 11),
        at(5, 11),
    ]


def test_missed_attempts_collapse_into_one() -> None:
    attempted_late = replace(WorkItem("m", "recordings"), last_attempt_at=at(2, 18))
    assert next_attempt(attempted_late, ENDED, SCHEDULE) == at(3, 11)


def test_an_event_adds_attempts_of_its_own_the_first_immediately() -> None:
    settled = replace(WorkItem("m", "recordings", settled=True), last_attempt_at=at(6, 0))
    again = reopened_by_event(settled, at(9, 8, 1), ENDED, SCHEDULE)
    assert (again.settled, again.next_attempt_at) == (False, at(9, 8, 1))
    times = [moment for moment in attempt_times(again, ENDED, SCHEDULE) if moment > at(6, 0)]
    # 08:01 itself, then +15 min and +1 h on full quarters, +6 h and +24 h on full hours.
    assert times == [at(9, 8, 1), at(9, 8, 30), at(9, 9, 15), at(9, 15), at(10, 9)]


def test_an_event_within_15_minutes_of_the_end_waits_for_the_first_attempt() -> None:
    early = reopened_by_event(WorkItem("m", "recordings"), ENDED, ENDED, SCHEDULE)
    assert early.next_attempt_at == at(2, 10, 30)


def test_an_event_older_than_the_last_attempt_of_a_settled_item_opens_nothing() -> None:
    settled = replace(WorkItem("m", "recordings", settled=True), last_attempt_at=LONG_AFTER)
    again = reopened_by_event(settled, at(2, 12), ENDED, SCHEDULE)
    assert (again.settled, again.next_attempt_at) == (True, None)


@pytest.mark.parametrize(
    ("event_at", "opens"), [(at(7, 0), True), (at(9, 8), True), (at(6, 23, 59), False)]
)
def test_an_event_that_the_last_response_could_not_show_opens_the_item(
    event_at: datetime, opens: bool
) -> None:
    """A listing of everything before the 7th, requested long afterwards."""
    attempt = Attempt(
        Outcome.ROWS, LONG_AFTER, "run", rows=1, may_grow=True, covered_until=at(7, 0)
    )
    item = apply_outcome(WorkItem("m", "recordings"), attempt, ENDED, SCHEDULE)
    assert item.settled
    again = reopened_by_event(item, event_at, ENDED, SCHEDULE)
    assert again.settled is not opens
    # Requested by itself, everything is known until then.
    after = attempted(again, Outcome.ROWS, LONG_AFTER + timedelta(hours=1), 2)
    assert (after.settled, after.covered_until) == (True, None)
    assert reopened_by_event(after, event_at, ENDED, SCHEDULE).settled


def part(status: str, reason: str, resource: str = "recording_files") -> WorkItem:
    """A settled part of a list, attempted for the last time on the 6th."""
    known = WorkItem("m", resource, "r", status, settled=True, reason=reason, opened_at=ENDED)
    return replace(known, last_attempt_at=at(6, 0))


@pytest.mark.parametrize(
    ("known", "opens"),
    [
        (part("absent", "deadline_passed", "transcript_snippets"), True),
        (part("gone", "not_found", "transcript_files"), True),
        (part("forbidden", "download_prevented"), True),
        (part("ready", "links_missing"), True),
        (part("forbidden", "token_kind", "transcript_snippets"), True),
        (part("ready", "complete"), False),
        (part("ready", "no_longer_listed", "transcript_snippets"), False),
    ],
)
def test_an_event_for_a_list_opens_those_of_its_parts_that_are_not_stored(
    known: WorkItem, opens: bool
) -> None:
    listed = replace(known, settled=False, opened_at=at(9, 8, 1), opened_by="event")
    again = reopened_by_list(listed, known, ENDED, SCHEDULE)
    assert again.next_attempt_at == (at(9, 8, 1) if opens else None)
    assert again.settled is not opens
    # The list is fetched again and again after the event: that is not a further event.
    requested = replace(again, last_attempt_at=at(9, 8, 2))
    assert reopened_by_list(listed, requested, ENDED, SCHEDULE) == requested
    # Nor does the schedule of its end open what was requested.
    assert reopened_by_list(replace(known, opened_by="end"), known, ENDED, SCHEDULE) == known


def test_a_part_that_is_new_goes_by_the_schedule_of_its_list() -> None:
    listed = WorkItem("m", "recording_files", "r", opened_at=ENDED)
    assert reopened_by_list(listed, None, ENDED, SCHEDULE).next_attempt_at == at(2, 10, 30)


def test_an_old_event_leaves_the_retry_of_a_fault_as_it_is() -> None:
    failed = attempted(WorkItem("m", "recordings"), Outcome.FAULT, LONG_AFTER)
    again = reopened_by_event(failed, at(2, 12), ENDED, SCHEDULE)
    assert (again.settled, again.next_attempt_at) == (False, LONG_AFTER + timedelta(minutes=15))


def test_a_refetch_leaves_the_attempts_of_an_event_as_they_are() -> None:
    reopened_item = reopened_by_event(
        replace(WorkItem("m", "recordings", row_count=1), last_attempt_at=at(6, 0)),
        at(9, 8, 1),
        ENDED,
        SCHEDULE,
    )
    after = attempted(reopened(reopened_item, at(9, 8, 6)), Outcome.EMPTY, at(9, 8, 6))
    # A row is stored: the reason says that it is no longer listed, next attempt at 08:30.
    assert (after.status, after.reason) == ("ready", "no_longer_listed")
    assert (after.settled, after.next_attempt_at) == (False, at(9, 8, 30))


def test_a_refetch_adds_one_attempt() -> None:
    settled = replace(WorkItem("m", "recordings", settled=True), last_attempt_at=at(6, 0))
    again = reopened(settled, LONG_AFTER)
    assert again.next_attempt_at == LONG_AFTER
    after = attempted(again, Outcome.ROWS, LONG_AFTER, 2)
    assert (after.status, after.settled, after.next_attempt_at) == ("ready", True, None)


def test_faults_are_retried_after_15_minutes_doubling_to_6_hours() -> None:
    item, waits = WorkItem("m", "recordings"), []
    for _ in range(7):
        item = attempted(item, Outcome.FAULT, LONG_AFTER)
        assert (item.status, item.settled) == ("failed", False)
        assert item.next_attempt_at is not None
        waits.append((item.next_attempt_at - LONG_AFTER) // timedelta(minutes=1))
    assert waits == [15, 30, 60, 120, 240, 360, 360]
    # A definite outcome starts the count again.
    item = attempted(item, Outcome.EMPTY, LONG_AFTER)
    assert (item.status, item.failures) == ("absent", 0)


def test_the_last_attempt_is_known_before_it_is_made() -> None:
    item = WorkItem("m", "recordings")
    assert not is_last(item, at(5, 10, 59), ENDED, SCHEDULE)
    assert is_last(item, at(5, 11), ENDED, SCHEDULE)
    reopened_item = reopened_by_event(item, at(6, 8), ENDED, SCHEDULE)
    assert not is_last(reopened_item, at(6, 9), ENDED, SCHEDULE)
    assert is_last(reopened_item, at(7, 8), ENDED, SCHEDULE)
