"""Attempt schedule and outcomes, on one meeting that ended on 2026-03-02 at 10:07 UTC."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meeting_etl.pipeline.ledger.outcomes import Attempt, apply_outcome, needs_own_request
from meeting_etl.pipeline.ledger.schedule import (
    AttemptSchedule,
    attempt_times,
    is_last,
    next_attempt,
    reopened,
    reopened_by_event,
    reopened_by_list,
)
from meeting_etl.pipeline.ledger.work_item import Outcome, WorkItem

ENDED = datetime(2026, 3, 2, 10, 7, tzinfo=UTC)
SCHEDULE = AttemptSchedule()
LONG_AFTER = ENDED + timedelta(days=30)


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 3, day, hour, minute, tzinfo=UTC)


def attempted(
    item: WorkItem,
    outcome: Outcome,
    now: datetime,
    rows: int = 0,
    *,
    has_none: bool = False,
    provisional: bool = False,
) -> WorkItem:
    attempt = Attempt(
        outcome,
        now,
        "run",
        rows=rows,
        http_status=200,
        may_grow=provisional or item.resource in ("recordings", "transcripts"),
        has_none=has_none,
    )
    return apply_outcome(item, attempt, ENDED, SCHEDULE)


@pytest.mark.parametrize("outcome", [Outcome.REFUSED, Outcome.FAULT, Outcome.NOT_REQUESTED])
def test_what_fails_for_seven_days_settles_as_failed(outcome: Outcome) -> None:
    item = WorkItem("m", "participants")
    now = at(2, 10, 30)
    while not item.settled:
        assert now <= at(9, 16, 30), "the first attempt after seven days was the last one"
        item = attempted(item, outcome, now)
        now = item.next_attempt_at or now
    assert at(9, 10, 30) <= now
    assert (item.status, item.next_attempt_at) == ("failed", None)
    # By hand or by an event it is opened again, for seven days more.
    for opened in (
        reopened(item, at(20, 12)),
        reopened_by_event(item, at(20, 12), ENDED, SCHEDULE),
    ):
        assert (opened.settled, opened.next_attempt_at) == (False, at(20, 12))
        again = attempted(opened, outcome, at(20, 12))
        assert (again.settled, again.next_attempt_at) == (False, at(20, 12, 15))
        assert attempted(opened, Outcome.ROWS, at(20, 12), rows=2).status == "ready"


def test_a_fault_that_was_overcome_does_not_count_towards_the_seven_days() -> None:
    item = attempted(WorkItem("m", "participants"), Outcome.FAULT, at(2, 10, 30))
    item = attempted(item, Outcome.EMPTY, at(2, 10, 45))
    assert not attempted(item, Outcome.FAULT, at(20, 12)).settled


@pytest.mark.parametrize(
    ("rows", "last"), [(0, ("absent", "deadline_passed")), (3, ("ready", "no_longer_listed"))]
)
def test_a_listing_that_is_not_found_is_waiting_and_absent_at_the_last_attempt(
    rows: int, last: tuple[str, str]
) -> None:
    item = replace(WorkItem("m", "transcripts"), row_count=rows)
    item = attempted(item, Outcome.LIST_NOT_FOUND, at(2, 10, 30))
    assert not item.settled
    item = attempted(item, Outcome.LIST_NOT_FOUND, LONG_AFTER)
    assert (item.status, item.reason) == last
    assert item.settled


def test_attempts_come_after_the_end_in_full_quarter_hours() -> None:
    # 10:22, 11:07, 16:07, +24 h and +72 h, each rounded up to the next quarter.
    assert attempt_times(WorkItem("m", "recordings"), ENDED, SCHEDULE) == [
        at(2, 10, 30),
        at(2, 11, 15),
        at(2, 16, 15),
        at(3, 10, 15),
        at(5, 10, 15),
    ]


def test_missed_attempts_collapse_into_one() -> None:
    attempted_late = replace(WorkItem("m", "recordings"), last_attempt_at=at(2, 17))
    assert next_attempt(attempted_late, ENDED, SCHEDULE) == at(3, 10, 15)


def test_an_event_adds_attempts_of_its_own_the_first_immediately() -> None:
    settled = replace(WorkItem("m", "recordings", settled=True), last_attempt_at=at(6, 0))
    again = reopened_by_event(settled, at(9, 8, 1), ENDED, SCHEDULE)
    assert (again.settled, again.next_attempt_at) == (False, at(9, 8, 1))
    times = [moment for moment in attempt_times(again, ENDED, SCHEDULE) if moment > at(6, 0)]
    # 08:01 itself, then +15 min, +1 h, +6 h, +24 h in full quarters.
    assert times == [at(9, 8, 1), at(9, 8, 30), at(9, 9, 15), at(9, 14, 15), at(10, 8, 15)]


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
        (part("ready", "from_vtt", "transcript_snippets"), True),
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


@pytest.mark.parametrize("resource", ["participants", "transcript_snippets"])
def test_what_a_refetch_gets_within_15_minutes_of_the_end_is_not_final(resource: str) -> None:
    item = attempted(
        reopened(WorkItem("m", resource), at(2, 10, 10)), Outcome.ROWS, at(2, 10, 10), 3
    )
    assert (item.status, item.reason, item.settled) == ("ready", "may_grow", False)
    assert item.next_attempt_at == at(2, 10, 30)


@given(
    st.lists(
        st.tuples(st.sampled_from([*Outcome, "event", "refetch"]), st.integers(0, 400)), max_size=12
    )
)
def test_an_item_is_settled_or_has_a_next_attempt(steps: list[tuple[str, int]]) -> None:
    item = WorkItem("m", "recordings")
    item = replace(item, next_attempt_at=next_attempt(item, ENDED, SCHEDULE))
    now = ENDED
    for step, hours in steps:
        now += timedelta(hours=hours)
        if step == "event":
            item = reopened_by_event(item, now - timedelta(hours=hours / 2), ENDED, SCHEDULE)
        elif step == "refetch":
            item = reopened(item, now)
        else:
            item = attempted(item, Outcome(step), now, 1)
        assert item.settled == (item.next_attempt_at is None), step


def test_a_refetch_adds_one_attempt() -> None:
    settled = replace(WorkItem("m", "recordings", settled=True), last_attempt_at=at(6, 0))
    again = reopened(settled, LONG_AFTER)
    assert again.next_attempt_at == LONG_AFTER
    after = attempted(again, Outcome.ROWS, LONG_AFTER, 2)
    assert (after.status, after.settled, after.next_attempt_at) == ("ready", True, None)


@pytest.mark.parametrize("resource", ["recordings", "transcripts"])
def test_lists_that_may_grow_stay_open_until_the_last_attempt(resource: str) -> None:
    early = attempted(WorkItem("m", resource), Outcome.ROWS, at(2, 10, 31), 1)
    assert (early.status, early.reason, early.settled) == ("ready", "may_grow", False)
    assert early.next_attempt_at == at(2, 11, 15)
    last = attempted(early, Outcome.ROWS, at(5, 10, 15), 1)
    assert (last.status, last.reason, last.settled) == ("ready", "complete", True)
    assert last.next_attempt_at is None


def test_the_fallback_for_snippets_settles_unless_they_may_follow() -> None:
    item = WorkItem("m", "transcript_snippets", "t")
    final = attempted(item, Outcome.FROM_VTT, at(2, 10, 31), 5)
    assert (final.status, final.reason, final.settled) == ("ready", "from_vtt", True)
    assert final.row_count == 5
    first = attempted(item, Outcome.FROM_VTT, at(2, 10, 31), 5, provisional=True)
    assert (first.status, first.settled, first.next_attempt_at) == ("ready", False, at(2, 11, 15))
    again = attempted(first, Outcome.STORED_VTT, at(2, 11, 15), provisional=True)
    assert (again.reason, again.row_count, again.next_attempt_at) == ("from_vtt", 5, at(2, 16, 15))
    last = attempted(again, Outcome.STORED_VTT, at(5, 10, 15), provisional=True)
    assert (last.status, last.reason, last.settled) == ("ready", "from_vtt", True)
    # Snippets that come after all are the truth.
    late = attempted(again, Outcome.ROWS, at(2, 16, 15), 6)
    assert (late.reason, late.row_count, late.settled) == ("complete", 6, True)


@pytest.mark.parametrize("resource", ["participants", "transcript_snippets"])
def test_complete_responses_of_the_others_settle_immediately(resource: str) -> None:
    item = attempted(WorkItem("m", resource), Outcome.ROWS, at(2, 10, 31), 5)
    assert (item.status, item.settled, item.row_count) == ("ready", True, 5)


def test_participants_without_times_are_retried_and_settle_at_the_last_attempt() -> None:
    early = attempted(WorkItem("m", "participants"), Outcome.NOT_FINAL, at(2, 10, 31), 5)
    assert (early.status, early.reason, early.settled) == ("ready", "times_unknown", False)
    last = attempted(early, Outcome.NOT_FINAL, LONG_AFTER, 5)
    assert (last.status, last.settled, last.row_count) == ("ready", True, 5)


@pytest.mark.parametrize(
    ("outcome", "early", "late"),
    [
        (Outcome.EMPTY, ("waiting", "nothing_yet"), ("absent", "deadline_passed")),
        (Outcome.NOT_FOUND, ("waiting", "not_found_yet"), ("gone", "not_found")),
        (Outcome.NO_VTT, ("waiting", "not_found_yet"), ("forbidden", "refused")),
    ],
)
def test_nothing_is_waiting_before_the_last_attempt_and_final_at_it(
    outcome: Outcome, early: tuple[str, str], late: tuple[str, str]
) -> None:
    first = attempted(WorkItem("m", "transcripts"), outcome, at(2, 10, 31))
    assert (first.status, first.reason) == early
    assert not first.settled
    last = attempted(first, outcome, at(5, 10, 15))
    assert (last.status, last.reason) == late
    assert last.settled


@pytest.mark.parametrize(
    ("outcome", "status", "reason"),
    [
        (Outcome.FORBIDDEN, "forbidden", "refused"),
        (Outcome.RULED_OUT, "forbidden", "token_kind"),
        (Outcome.GONE, "gone", "removed"),
    ],
)
def test_refusals_settle_immediately(outcome: Outcome, status: str, reason: str) -> None:
    item = attempted(WorkItem("m", "recordings"), outcome, at(2, 10, 31))
    assert (item.status, item.reason, item.settled) == (status, reason, True)


def test_what_the_token_kind_rules_out_counts_as_no_attempt() -> None:
    assert attempted(WorkItem("m", "recordings"), Outcome.RULED_OUT, at(2, 10, 31)).attempts == 0


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


def test_a_fault_or_an_empty_response_keeps_the_count_of_stored_rows() -> None:
    stored = attempted(WorkItem("m", "recordings"), Outcome.ROWS, at(2, 10, 31), 3)
    assert attempted(stored, Outcome.FAULT, at(2, 11, 15)).row_count == 3
    assert attempted(stored, Outcome.EMPTY, at(2, 11, 15)).row_count == 3


def test_what_the_flags_rule_out_is_not_recorded_and_the_rest_passed_the_deadline() -> None:
    item = WorkItem("m", "recordings")
    for has_none, reason in ((True, "not_recorded"), (False, "deadline_passed")):
        last = attempted(item, Outcome.EMPTY, LONG_AFTER, has_none=has_none)
        assert (last.status, last.reason, last.settled) == ("absent", reason, True)
        early = attempted(item, Outcome.EMPTY, ENDED + timedelta(hours=2), has_none=has_none)
        assert (early.status, early.reason, early.settled) == ("waiting", "nothing_yet", False)
    # Rows that are here outweigh any flag.
    stored = attempted(replace(item, row_count=1), Outcome.EMPTY, LONG_AFTER, has_none=True)
    assert (stored.status, stored.reason) == ("ready", "no_longer_listed")


def test_the_last_attempt_is_known_before_it_is_made() -> None:
    item = WorkItem("m", "recordings")
    assert not is_last(item, at(5, 10, 14), ENDED, SCHEDULE)
    assert is_last(item, at(5, 10, 15), ENDED, SCHEDULE)
    reopened_item = reopened_by_event(item, at(6, 8), ENDED, SCHEDULE)
    assert not is_last(reopened_item, at(6, 9), ENDED, SCHEDULE)
    assert is_last(reopened_item, at(7, 8), ENDED, SCHEDULE)


def test_an_item_that_a_window_proves_nothing_about_keeps_all_but_its_reason() -> None:
    item = WorkItem("m", "recordings", status="ready", row_count=2, next_attempt_at=LONG_AFTER)
    assert needs_own_request(item) == replace(item, reason="not_in_window")
