"""Outcomes of attempts, on one meeting that ended on 2026-03-02 at 10:07 UTC."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meeting_etl.pipeline.ledger.outcomes import needs_own_request
from meeting_etl.pipeline.ledger.schedule import next_attempt, reopened, reopened_by_event
from meeting_etl.pipeline.ledger.work_item import Outcome, WorkItem
from meeting_etl_tests.pipeline.attempts import ENDED, LONG_AFTER, SCHEDULE, at, attempted


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


def test_who_answered_last_stays_known_while_its_account_cannot_be_used() -> None:
    # Otherwise any account could prove that what it never read was deleted.
    item = replace(WorkItem("m", "recordings"), account="officer")
    assert attempted(item, Outcome.SET_ASIDE, at(2, 10, 30)).account == "officer"


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


@pytest.mark.parametrize("resource", ["recordings", "transcripts"])
def test_lists_that_may_grow_stay_open_until_the_last_attempt(resource: str) -> None:
    early = attempted(WorkItem("m", resource), Outcome.ROWS, at(2, 10, 31), 1)
    assert (early.status, early.reason, early.settled) == ("ready", "may_grow", False)
    assert early.next_attempt_at == at(2, 11, 15)
    last = attempted(early, Outcome.ROWS, at(5, 11), 1)
    assert (last.status, last.reason, last.settled) == ("ready", "complete", True)
    assert last.next_attempt_at is None


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
    ],
)
def test_nothing_is_waiting_before_the_last_attempt_and_final_at_it(
    outcome: Outcome, early: tuple[str, str], late: tuple[str, str]
) -> None:
    first = attempted(WorkItem("m", "transcripts"), outcome, at(2, 10, 31))
    assert (first.status, first.reason) == early
    assert not first.settled
    last = attempted(first, outcome, at(5, 11))
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


def test_an_item_that_a_window_proves_nothing_about_keeps_all_but_its_reason() -> None:
    item = WorkItem("m", "recordings", status="ready", row_count=2, next_attempt_at=LONG_AFTER)
    assert needs_own_request(item) == replace(item, reason="not_in_window")
