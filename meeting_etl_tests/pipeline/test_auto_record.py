"""Recording is switched on once for each meeting that the policy matches, without any mail."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from meeting_etl.pipeline.auto_record.results import ActionReason, ActionResult
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.schemas import AUTO_RECORD_ACTIONS
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.pipeline.recording import (
    EVERYBODY,
    HANAS,
    S5,
    S6,
    S7,
    S8,
    Desk,
    created,
    desk,
    world,
)
from meeting_etl_tests.sandbox.small import NOW, S1, S2, S4, SITES, A
from meeting_etl_tests.sandbox.walker import Walker


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


def test_no_secret_of_a_meeting_is_stored(tmp_path: Path, webex: Sandbox) -> None:
    product: Desk = desk(tmp_path, webex, "user", hosts=["olga@*"])
    product.append_and_ingest(created(S1))
    assert product.record()[S1]["result"] == ActionResult.SWITCHED_ON
    for path in product.folder.rglob("*"):
        assert not path.is_file() or b"plantedsecret" not in path.read_bytes(), path


def test_of_a_host_whose_address_is_lost_nothing_is_decided(tmp_path: Path, webex: Sandbox) -> None:
    product = desk(tmp_path, webex, **HANAS)
    with (tmp_path / "settings.toml").open("a") as settings:
        settings.write('\n[privacy]\npreset = "pseudonymous"\n')
    product.append_and_ingest(created(S5), created(S6))
    addresses = product.folder / "state/host_addresses.json"
    addresses = addresses.rename(tmp_path / "backup.json")
    assert {row["result"] for row in product.record().values()} == {ActionResult.FAILED}
    addresses.rename(product.folder / "state/host_addresses.json")
    webex.clock.sleep(timedelta(hours=6).total_seconds())
    rows = product.record()
    assert [rows[key]["result"] for key in (S5, S6)] == ["switched_on", "no_match"]
