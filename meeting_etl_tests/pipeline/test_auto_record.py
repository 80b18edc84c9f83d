"""Recording is switched on once for each meeting that the policy matches, without any mail."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from meeting_etl.errors import AuthError, SettingsError, StorageError
from meeting_etl.pipeline.auto_record.results import ActionReason, ActionResult
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.schemas import AUTO_RECORD_ACTIONS
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.faulty_files import FaultyFiles
from meeting_etl_tests.pipeline.recording import S5, S6, S7, S8, Desk, created, desk, world
from meeting_etl_tests.sandbox.small import NOW, S1, S2, S4, SITES, A
from meeting_etl_tests.sandbox.walker import Walker
from meeting_etl_tests.webex.servers import Reply, Seen, running

EVERYBODY: dict[str, Any] = {"hosts": ["*@team.example"]}
HANAS: dict[str, Any] = {"hosts": ["hana@team.example"]}


@pytest.fixture
def webex() -> Iterator[Sandbox]:
    """After each test, no mail was sent."""
    with Sandbox(world(), ManualClock(NOW)) as webex:
        yield webex
        assert webex.changes.mails == 0


def is_on(webex: Sandbox, meeting_id: str, host: str) -> bool:
    with Walker(webex, "admin") as walker:
        found: bool = walker.item(f"/meetings/{meeting_id}", hostEmail=host)[
            "enabledAutoRecordMeeting"
        ]
        return found


@pytest.mark.parametrize(
    ("lists", "line"),
    [
        ({"hosts": ["Hana@Team.Example"]}, "hosts: Hana@Team.Example"),
        ({"hosts": ["tim@team.example", "H*@team.example"]}, "hosts: H*@team.example"),
        ({"sites": ["one.webex.example"]}, "sites: one.webex.example"),
        ({"sites": ["ONE.*"]}, "sites: ONE.*"),
        ({"titles": ["series 5"]}, "titles: series 5"),
        ({"titles": ["Demo*", "*[5]"]}, "titles: *[5]"),
        ({"hosts": ["nobody@team.example"], "titles": ["S*5"]}, "titles: S*5"),
    ],
)
def test_a_meeting_that_any_line_names_is_recorded(
    tmp_path: Path, webex: Sandbox, lists: dict[str, Any], line: str
) -> None:
    product = desk(tmp_path, webex, **lists)
    product.append_and_ingest(created(S5), created(S6))
    rows = product.record()
    assert (rows[S5]["result"], rows[S5]["policy_line"]) == (ActionResult.SWITCHED_ON, line)
    assert (rows[S6]["result"], rows[S6]["policy_line"]) == (ActionResult.NO_MATCH, None)
    assert is_on(webex, S5, "hana@team.example")
    assert not is_on(webex, S6, "tom@team.example")


def test_a_row_describes_the_whole_decision(tmp_path: Path, webex: Sandbox) -> None:
    product = desk(tmp_path, webex, **HANAS)
    product.append_and_ingest(created(S5))
    product.record()
    assert product.etl().lake.partitions(AUTO_RECORD_ACTIONS) == ["2026-03-05"]
    row = product.kept()[S5]
    assert len(row.pop("policy_id")) == 12
    assert row == {
        "meeting_id": S5,
        "host_email": "hana@team.example",
        "host_email_domain": "team.example",
        "site_url": SITES[0],
        "title": "Series 5",
        "policy_line": "hosts: hana@team.example",
        "before": False,
        "after": True,
        "result": "switched_on",
        "reason": None,
        "http_status": 200,
        "dry_run": False,
        "attempts": 1,
        "decided_at": NOW,
        "next_attempt_at": None,
        "run_id": "run",
        "extra": None,
    }


def test_only_recording_is_changed_and_the_host_is_named_by_administrators(
    tmp_path: Path, webex: Sandbox
) -> None:
    mine = desk(tmp_path / "user", webex, "user", hosts=["olga@team.example"])
    mine.append_and_ingest(created(S1))
    mine.record()
    theirs = desk(tmp_path / "admin", webex, "admin", **HANAS)
    theirs.append_and_ingest(created(S5))
    theirs.record()
    body = {"enabledAutoRecordMeeting": True, "sendEmail": False}
    assert webex.changes.patches == [(S1, body), (S5, body | {"hostEmail": "hana@team.example"})]
    assert [seen.url for seen in webex.counters.requests if seen.method == "GET"] == [
        f"/v1/meetings/{S1}",
        f"/v1/meetings/{S5}?hostEmail=hana%40team.example",
    ]


def test_once_a_meeting(tmp_path: Path, webex: Sandbox) -> None:
    product = desk(tmp_path, webex, **EVERYBODY)
    product.append_and_ingest(*map(created, (S1, S2, S4, S5, S6, S7, S8)))
    assert len(product.record()) == 7
    webex.counters.reset()
    (actions,) = product.folder.rglob("auto_record_actions/*/*.parquet")
    inode = actions.stat().st_ino
    product.append_and_ingest(created(S5), created(S1, NOW + timedelta(hours=20)))
    assert product.record() == {}
    assert webex.counters.total == 0
    assert actions.stat().st_ino == inode


def test_recording_that_was_switched_off_again_stays_off(tmp_path: Path, webex: Sandbox) -> None:
    product = desk(tmp_path, webex, **HANAS)
    product.append_and_ingest(created(S5))
    product.record()
    webex.changes.note(S5, {"enabledAutoRecordMeeting": False, "sendEmail": False})
    product.clock.sleep(9 * 86_400)
    product.append_and_ingest(created(S5, product.clock.now()))
    assert product.record() == {}
    assert product.kept()[S5]["result"] == ActionResult.SWITCHED_ON


@pytest.mark.parametrize("lists", [{}, {"hosts": [], "sites": [], "titles": []}, {"dry_run": True}])
def test_off_by_default(tmp_path: Path, webex: Sandbox, lists: dict[str, Any]) -> None:
    product = desk(tmp_path, webex, **lists)
    product.append_and_ingest(created(S5))
    assert product.record() == {}
    assert webex.counters.total == 0
    assert product.kept() == {}


def test_a_meeting_that_its_event_rules_out_costs_no_request(
    tmp_path: Path, webex: Sandbox
) -> None:
    product = desk(tmp_path, webex, **HANAS, sites=["three.webex.example"])
    product.append_and_ingest(created(S6))
    assert product.record()[S6]["result"] == ActionResult.NO_MATCH
    assert webex.counters.total == 0


def test_what_the_event_does_not_say_is_requested(tmp_path: Path, webex: Sandbox) -> None:
    product = desk(tmp_path, webex, "user", hosts=["olga@team.example"])
    product.append_and_ingest(created(S1, hostEmail=None, siteUrl=None))
    row = product.record()[S1]
    assert (row["result"], row["host_email"]) == (ActionResult.SWITCHED_ON, "olga@team.example")


def test_the_host_in_the_response_counts_and_not_that_of_the_event(
    tmp_path: Path, webex: Sandbox
) -> None:
    product = desk(tmp_path, webex, "user", **HANAS)
    product.append_and_ingest(created(S1, hostEmail="hana@team.example"))
    assert product.record()[S1]["result"] == ActionResult.NO_MATCH
    assert webex.changes.patches == []


def test_a_dry_run_changes_nothing_and_stops_no_real_one(tmp_path: Path, webex: Sandbox) -> None:
    product = desk(tmp_path, webex, **HANAS, dry_run=True)
    product.append_and_ingest(created(S5))
    row = product.record()[S5]
    assert (row["result"], row["dry_run"]) == (ActionResult.WOULD_SWITCH_ON, True)
    assert (row["before"], row["after"]) == (False, False)
    assert webex.changes.patches == []
    webex.counters.reset()
    assert product.record() == {}
    assert webex.counters.total == 0
    product.policy(**HANAS)
    row = product.record()[S5]
    assert (row["result"], row["dry_run"]) == (ActionResult.SWITCHED_ON, False)
    assert product.kept()[S5]["result"] == ActionResult.SWITCHED_ON
    product.policy(**HANAS, dry_run=True)
    assert product.record() == {}


def test_meetings_without_a_match_are_decided_again_when_the_lines_change(
    tmp_path: Path, webex: Sandbox
) -> None:
    product = desk(tmp_path, webex, hosts=["tom@team.example"])
    product.append_and_ingest(created(S5), created(S6))
    product.record()
    product.policy(**EVERYBODY)
    assert {key: row["result"] for key, row in product.record().items()} == {
        S5: ActionResult.SWITCHED_ON
    }


@pytest.mark.parametrize(
    ("meeting_id", "result", "reason", "patched"),
    [
        (S8, ActionResult.ALREADY_ON, None, False),
        (S2, ActionResult.OVER, None, False),
        (S4, ActionResult.PERSONAL_ROOM, None, False),
        (S7, ActionResult.AD_HOC, None, True),
    ],
)
def test_what_cannot_or_need_not_be_switched_on_is_recorded_once(
    tmp_path: Path,
    webex: Sandbox,
    meeting_id: str,
    result: ActionResult,
    reason: ActionReason | None,
    patched: bool,
) -> None:
    product = desk(tmp_path, webex, **EVERYBODY)
    product.append_and_ingest(created(meeting_id))
    row = product.record()[meeting_id]
    assert (row["result"], row["reason"], row["next_attempt_at"]) == (result, reason, None)
    expected = [("GET", f"/meetings/{meeting_id}"), ("PATCH", f"/meetings/{meeting_id}")]
    assert product.sent == expected[: 1 + patched]
    assert product.record() == {}
    assert len(product.sent) == 1 + patched
    assert webex.changes.patches == []


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


def test_an_occurrence_is_switched_on_alone(tmp_path: Path, webex: Sandbox) -> None:
    product = desk(tmp_path, webex, **EVERYBODY)
    one, other = (f"{S1}_202603{day}T090000Z" for day in ("10", "11"))
    product.append_and_ingest(created(one))
    assert product.record()[one]["result"] == ActionResult.SWITCHED_ON
    host = "olga@team.example"
    assert [is_on(webex, key, host) for key in (one, other, S1)] == [True, False, False]


def test_instances_and_other_events_are_never_touched(tmp_path: Path, webex: Sandbox) -> None:
    product = desk(tmp_path, webex, **EVERYBODY)
    lines = [created(A), created("not an id"), created(S5), created(S6)]
    lines[2]["body"]["event"] = "updated"
    lines[3]["body"]["resource"] = "recordings"
    product.append_and_ingest(*lines)
    assert product.record() == {}
    assert webex.counters.total == 0


def test_old_events_are_ignored(tmp_path: Path, webex: Sandbox) -> None:
    product = desk(tmp_path, webex, **EVERYBODY)
    product.append_and_ingest(
        created(S5, NOW - timedelta(days=8)), created(S6, NOW - timedelta(days=6))
    )
    assert list(product.record()) == [S6]
    assert product.etl().lake.partitions(AUTO_RECORD_ACTIONS) == [
        str(date(2026, 3, 5) - timedelta(days=6))
    ]


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


# In runs


def test_a_run_records_after_ingesting(tmp_path: Path, webex: Sandbox) -> None:
    product = desk(tmp_path, webex, **HANAS)
    product.append_and_ingest(created(S5))
    outcome = product.run()
    assert (outcome.failures, outcome.failed_items, outcome.notices) == ([], 0, [])
    assert [row["result"] for row in product.rows("auto_record_actions")] == ["switched_on"]
    webex.counters.reset()
    assert product.run().failures == []
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


def test_no_secret_of_a_meeting_is_stored(tmp_path: Path, webex: Sandbox) -> None:
    product: Desk = desk(tmp_path, webex, "user", hosts=["olga@*"])
    product.append_and_ingest(created(S1))
    assert product.record()[S1]["result"] == ActionResult.SWITCHED_ON
    for path in product.folder.rglob("*"):
        assert not path.is_file() or b"plantedsecret" not in path.read_bytes(), path
