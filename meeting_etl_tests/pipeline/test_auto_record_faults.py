"""Kills, lost responses, refusals and wrong tokens leave one row with the reason."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from meeting_etl.errors import AuthError, SettingsError, StorageError
from meeting_etl.pipeline.auto_record.results import ActionReason, ActionResult
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.faulty_files import FaultyFiles
from meeting_etl_tests.pipeline.recording import EVERYBODY, HANAS, S5, S6, created, desk, world
from meeting_etl_tests.sandbox.small import NOW, S1, S2
from meeting_etl_tests.webex.servers import Reply, Seen, running


@pytest.fixture
def webex() -> Iterator[Sandbox]:
    """After each test, no mail was sent."""
    with Sandbox(world(), ManualClock(NOW)) as webex:
        yield webex
        assert webex.changes.mails == 0


def test_a_meeting_in_progress_is_refused_and_retried_only_on_request(
    tmp_path: Path, webex: Sandbox
) -> None:
    product = desk(tmp_path, webex, "user", hosts=["olga@*"])
    product.clock.sleep(21 * 3600 + 600)  # in the middle of the occurrence of 6 March
    product.append_and_ingest(created(S1))
    row = product.record()[S1]
    assert (row["result"], row["reason"]) == (ActionResult.REFUSED, ActionReason.IN_PROGRESS)
    assert (row["before"], row["after"], row["http_status"]) == (False, False, 400)
    product.clock.sleep(3600)
    assert product.record() == {}
    assert product.record(again=True)[S1]["result"] == ActionResult.SWITCHED_ON


def test_a_404_is_final_when_the_event_is_an_hour_old(tmp_path: Path, webex: Sandbox) -> None:
    product = desk(tmp_path, webex, **EVERYBODY)
    lost = "9" * 32
    product.append_and_ingest(created(lost))
    row = product.record()[lost]
    assert (row["result"], row["reason"]) == (ActionResult.FAILED, ActionReason.NOT_THERE_YET)
    assert (row["http_status"], row["next_attempt_at"]) == (404, NOW + timedelta(minutes=15))
    assert product.record() == {}
    product.clock.sleep(900)
    assert product.record()[lost]["next_attempt_at"] == NOW + timedelta(minutes=45)
    product.clock.sleep(3600)
    row = product.record()[lost]
    assert (row["result"], row["attempts"]) == (ActionResult.NOT_FOUND, 3)
    product.clock.sleep(86_400)
    assert product.record() == {}


def test_a_kill_loses_no_row_and_repeats_at_most_one_patch(tmp_path: Path, webex: Sandbox) -> None:
    wanted = {S5: ActionResult.SWITCHED_ON, S6: ActionResult.SWITCHED_ON, S2: ActionResult.OVER}
    failures = 0
    for fails_at in range(100):
        webex.changes.patches.clear()
        for meeting_id in (S5, S6):
            webex.changes.note(meeting_id, {"enabledAutoRecordMeeting": False, "sendEmail": False})
        webex.changes.patches.clear()
        product = desk(tmp_path / str(fails_at), webex, **EVERYBODY)
        product.append_and_ingest(*map(created, (S2, S5, S6)))
        etl = product.etl()
        etl.files = FaultyFiles(product.folder, fails_at)
        try:
            product.record(etl)
        except StorageError:
            failures += 1
        else:
            break
        product.record()
        kept = product.kept()
        assert {key: row["result"] for key, row in kept.items()} == wanted
        assert all((kept[key]["before"], kept[key]["after"]) == (False, True) for key in (S5, S6))
        # The row written before the PATCH shows that it was sent: it is not repeated.
        assert sorted(key for key, _ in webex.changes.patches) == [S5, S6]
        assert product.record() == {}
    assert failures == 4


def scheduled(**more: Any) -> Reply:
    return Reply({"id": S5, "hostEmail": "hana@team.example", "title": "Launch"} | more)


def test_a_patch_whose_response_was_lost_is_recognized(tmp_path: Path, webex: Sandbox) -> None:
    on = []

    def answer(seen: Seen) -> Reply:
        if seen.method == "PATCH":
            on.append(seen)
            return Reply({"message": "oops"}, 500)
        return scheduled(enabledAutoRecordMeeting=bool(on))

    product = desk(tmp_path, webex, **HANAS)
    product.append_and_ingest(created(S5))
    with running(answer) as server:
        product.more = {**product.more, "WEBEX_BASE_URL": server.url}
        row = product.record()[S5]
        assert (row["result"], row["reason"]) == (ActionResult.SWITCHING, ActionReason.NO_ANSWER)
        assert product.record() == {}
        sent = len(on)
        product.clock.sleep(900)
        row = product.record()[S5]
    assert (row["result"], row["before"], row["after"]) == (ActionResult.SWITCHED_ON, False, True)
    assert len(on) == sent


def test_a_dry_run_does_not_touch_what_a_real_run_has_begun(tmp_path: Path, webex: Sandbox) -> None:
    product = desk(tmp_path, webex, **HANAS)
    product.append_and_ingest(created(S5))
    etl = product.etl()
    etl.files = FaultyFiles(product.folder, 1)  # the row after the PATCH
    with pytest.raises(StorageError):
        product.record(etl)
    assert product.kept()[S5]["result"] == ActionResult.SWITCHING
    product.policy(**HANAS, dry_run=True)
    assert product.record() == {}
    product.policy(hosts=["nobody@team.example"])
    row = product.record()[S5]
    assert (row["result"], row["before"]) == (ActionResult.SWITCHED_ON, False)
    assert row["policy_line"] == "hosts: hana@team.example"


def test_a_transient_fault_is_retried_at_growing_intervals(tmp_path: Path, webex: Sandbox) -> None:
    product = desk(tmp_path, webex, **HANAS)
    product.append_and_ingest(created(S5))
    with running(lambda seen: Reply({"message": "oops"}, 500)) as server:
        product.more = {**product.more, "WEBEX_BASE_URL": server.url}
        delays = []
        for _ in range(6):
            row = product.record()[S5]
            assert (row["result"], row["reason"]) == (ActionResult.FAILED, ActionReason.NO_ANSWER)
            delays.append(row["next_attempt_at"] - row["decided_at"])
            assert product.record() == {}
            product.clock.sleep(delays[-1].total_seconds())
    assert [delay / timedelta(minutes=15) for delay in delays] == [1, 2, 4, 8, 16, 24]
    product.more = {**product.more, "WEBEX_BASE_URL": webex.base_url}
    assert product.record()[S5]["result"] == ActionResult.SWITCHED_ON


@pytest.mark.parametrize(
    ("status", "message", "result", "reason"),
    [
        (403, "No scope.", ActionResult.REFUSED, ActionReason.FORBIDDEN),
        (409, "Made by a calendar.", ActionResult.REFUSED, ActionReason.OTHER),
        (
            403,
            f"Meeting ID '{S5}' is not allowed for this API.",
            "refused",
            ActionReason.NOT_ALLOWED,
        ),
        (400, "Personal Room meetings are not supported", ActionResult.PERSONAL_ROOM, None),
        (404, "No such meeting.", ActionResult.FAILED, ActionReason.NOT_THERE_YET),
        (410, "Gone.", ActionResult.NOT_FOUND, None),
        (200, "", ActionResult.REFUSED, ActionReason.NOT_TAKEN),
    ],
)
def test_each_refusal_of_the_patch_has_its_result(
    tmp_path: Path,
    webex: Sandbox,
    status: int,
    message: str,
    result: str,
    reason: ActionReason | None,
) -> None:
    def answer(seen: Seen) -> Reply:
        if seen.method == "GET" or status == 200:
            return scheduled(enabledAutoRecordMeeting=False)
        return Reply({"message": message}, status)

    product = desk(tmp_path, webex, **HANAS)
    product.append_and_ingest(created(S5))
    with running(answer) as server:
        product.more = {**product.more, "WEBEX_BASE_URL": server.url}
        row = product.record()[S5]
        assert (row["result"], row["reason"], row["http_status"]) == (result, reason, status)
        assert product.record() == {}
        assert len(server.seen) == 2


def test_a_refused_token_ends_the_run_after_committing(tmp_path: Path, webex: Sandbox) -> None:
    product = desk(tmp_path, webex, hosts=["hana@*"])
    product.append_and_ingest(created(S6), created(S5))
    product.more = {**product.more, "WEBEX_ACCESS_TOKEN": "expired"}
    with pytest.raises(AuthError):
        product.record()
    assert list(product.kept()) == [S6]


def test_a_wrong_token_kind_is_an_error_only_when_a_meeting_waits(
    tmp_path: Path, webex: Sandbox
) -> None:
    officers = desk(tmp_path / "officer", webex, "compliance", **HANAS)
    assert officers.record() == {}
    officers.append_and_ingest(created(S5))
    with pytest.raises(SettingsError, match="WEBEX_TOKEN_KIND is compliance"):
        officers.record()
    nobodys = desk(tmp_path / "nobody", webex, "admin", **HANAS)
    nobodys.append_and_ingest(created(S5))
    nobodys.more = {**nobodys.more, "WEBEX_ACCESS_TOKEN": ""}
    with pytest.raises(SettingsError, match="WEBEX_ACCESS_TOKEN"):
        nobodys.record()
    assert webex.counters.total == 0


def test_a_run_reports_what_it_could_not_do(tmp_path: Path, webex: Sandbox) -> None:
    product = desk(tmp_path, webex, **EVERYBODY)
    product.append_and_ingest(created("9" * 32))
    assert product.run().failed_items == 1
    officers = desk(tmp_path / "officer", webex, "compliance", **HANAS)
    officers.append_and_ingest(created(S5))
    outcome = officers.run()
    assert outcome.failures == []
    assert "WEBEX_TOKEN_KIND is compliance" in outcome.notices[0]
