"""Rules 5, 6, 7 and 9: under every fault the tables come to be the sandbox's truth."""

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from meeting_etl.sandbox.faults.faults import Faults
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.model import World
from meeting_etl.sandbox.world.worlds import demo_world, sized_world
from meeting_etl.schemas import (
    MEETINGS,
    PARTICIPANTS,
    RECORDINGS,
    TRANSCRIPT_SNIPPETS,
    TRANSCRIPTS,
    Table,
)
from meeting_etl.webex.transport import Limits
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.product import Product, tables, work_off

NOW = datetime(2026, 3, 16, 12, 7, tzinfo=UTC)
# Runs after which everything has come to an end, 6 hours apart; the later ones a day when the
# requests in between are not what a test is about.
ROUNDS = 20
EARLY_ROUNDS = 4

ALONE = {
    "locked": Faults(locked=0.05),
    "internal_error": Faults(internal_error=0.05),
    "bad_gateway": Faults(bad_gateway=0.05),
    "unavailable": Faults(unavailable=0.05),
    "gateway_timeout": Faults(gateway_timeout=0.05),
    "slow_pages": Faults(slow_pages_above=30),
    "connection_reset": Faults(connection_reset=0.05),
    "truncated_body": Faults(truncated_body=0.05),
    "html_page": Faults(html_page=0.05),
    "wrong_content_type": Faults(wrong_content_type=0.05),
    "item_errors": Faults(item_errors=0.05),
    "repeated_next_link": Faults(repeated_next_link=0.05),
    "unfiltered_next_link": Faults(unfiltered_next_link=0.05),
    "foreign_next_link": Faults(foreign_next_link=0.05),
    "empty_first_page": Faults(empty_first_page=0.05),
    "repeated_items": Faults(repeated_items=0.2),
    "numbers_in_strings": Faults(numbers_in_strings=0.2),
    "missing_meeting_ids": Faults(missing_meeting_ids=0.5),
    "unauthorized": Faults(unauthorized=0.02, most_in_a_row=1),
    "rate_limit": Faults(requests_per_second=100, burst=20),
    "rate_limit_by_date": Faults(requests_per_second=100, burst=20, retry_after="date"),
    "rate_limit_by_html": Faults(requests_per_second=100, burst=20, retry_after="html"),
    "rate_limit_by_nonsense": Faults(requests_per_second=100, burst=20, retry_after="nonsense"),
    "stalled": Faults(stalled=0.02),
}
# Two 401s in a row for one request mean that the token is refused, and end a run rightly.
TOGETHER = Faults(
    most_in_a_row=1,
    requests_per_second=20,
    burst=10,
    retry_after="date",
    slow_pages_above=30,
    unauthorized=0.02,
    wrong_content_type=0.03,
    stalled=0.005,
    locked=0.02,
    internal_error=0.03,
    bad_gateway=0.03,
    unavailable=0.03,
    gateway_timeout=0.03,
    connection_reset=0.03,
    truncated_body=0.03,
    html_page=0.03,
    item_errors=0.03,
    repeated_next_link=0.02,
    unfiltered_next_link=0.03,
    foreign_next_link=0.02,
    empty_first_page=0.03,
    repeated_items=0.05,
    numbers_in_strings=0.05,
    missing_meeting_ids=0.05,
)

# A compliance officer's token needs a request of its own for each of these.
SINGLE = ("meeting", "participants", "transcript_snippets")


@pytest.fixture(scope="module")
def world() -> World:
    return demo_world(3, NOW, days=2, meetings=24)


def settled(
    world: World, folder: Path, faults: Faults, *, later_step_hours: int = 24
) -> tuple[dict[str, Any], Sandbox]:
    """All tables after enough runs, and the sandbox as it saw them."""
    clock = ManualClock(NOW)
    with Sandbox(world, clock, faults) as webex:
        # The refresh grant, for one of the faults is a 401 in mid-run.
        grant = {
            "WEBEX_ACCESS_TOKEN": "",
            "WEBEX_CLIENT_ID": webex.client_id,
            "WEBEX_CLIENT_SECRET": webex.client_secret,
            "WEBEX_REFRESH_TOKEN": webex.grant("compliance"),
        }
        product = Product(folder, webex, clock=clock, more=grant)
        product.write_logs()
        for number in range(ROUNDS):
            etl = product.etl()
            own = etl.connections[0]  # an answer that stalls costs half a minute otherwise
            own.client = own.client_with(Limits(read_seconds=1), 300)
            work_off(etl)
            if not etl.ledger.open_days():
                break
            clock.advance(hours=6 if number < EARLY_ROUNDS else later_step_hours)
        assert product.etl().ledger.open_days() == {}
    found = tables(folder)
    for row in found["fetch_ledger"]:
        del row["attempts"], row["opened_at"]
    return found, webex


@pytest.fixture(scope="module")
def truth(world: World, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What comes without any fault; test_run.py holds that against the world itself."""
    return settled(world, tmp_path_factory.mktemp("truth"), Faults())[0]


@pytest.mark.slow
@pytest.mark.parametrize("name", ALONE)
def test_each_fault_alone(world: World, truth: dict[str, Any], tmp_path: Path, name: str) -> None:
    found, webex = settled(world, tmp_path, ALONE[name])
    assert found == truth
    assert webex.counters.injected.total(), "the fault was there"
    assert webex.counters.during_retry_after == 0
    assert webex.counters.tokens_elsewhere == 0


@pytest.mark.slow
def test_all_faults_together(world: World, truth: dict[str, Any], tmp_path: Path) -> None:
    found, webex = settled(world, tmp_path, TOGETHER, later_step_hours=6)
    assert found == truth
    assert set(webex.counters.injected) >= {*TOGETHER.response_shares(), "rate_limit", "slow_page"}
    # Not whether a request came during a Retry-After: of a clock that jumps when a thread waits,
    # what another one has just sent seems to come later. benchmarks/pace.py shows it by a real one.
    assert webex.counters.tokens_elsewhere == 0


# What the embedded Webex puts into answers when it is told to add fields nobody knows.
UNKNOWN = {"sentiment": {"score": 7, "words": ["calm", "brisk"]}, "futureField": True}


@pytest.mark.slow
def test_unknown_fields_and_changed_types_are_kept_beside_the_columns(
    tmp_path: Path,
) -> None:
    world = demo_world(3, NOW, days=1, meetings=8)
    truth, _ = settled(world, tmp_path / "truth", Faults())
    odd = Faults(unknown_fields=0.6, changed_types=0.5)
    found, _ = settled(world, tmp_path / "odd", odd, later_step_hours=6)
    assert found["fetch_ledger"] == truth["fetch_ledger"]
    for table in (MEETINGS, RECORDINGS, PARTICIPANTS, TRANSCRIPTS, TRANSCRIPT_SNIPPETS):
        rows = sorted_rows(found, table), sorted_rows(truth, table)
        oddities = Counter[str]()
        for row, expected in zip(*rows, strict=True):
            oddities.update(fields_beside(table, row, expected))
        assert oddities["futureField"] == oddities["sentiment"] > 0, table.name
        assert len(oddities) > len(UNKNOWN), table.name


def sorted_rows(found: dict[str, Any], table: Table) -> list[dict[str, Any]]:
    return sorted(found[table.name], key=lambda row: [row[name] for name in table.key])


def fields_beside(table: Table, row: dict[str, Any], expected: dict[str, Any]) -> set[str]:
    """Fields in `extra` that are not there in truth; all else of the row is as in truth."""
    beside = json.loads(row.pop("extra") or "{}")
    usual = json.loads(expected["extra"] or "{}")
    assert {name: beside.get(name) for name in usual} == usual
    odd = {name: value for name, value in beside.items() if name not in usual}
    values = {}
    for name, value in odd.items():
        if name in UNKNOWN:
            assert value == UNKNOWN[name]
        else:
            values[table.by_field[name].name] = value["value"]
    assert values.items() <= expected.items()
    assert row == {
        name: None if name in values else value
        for name, value in expected.items()
        if name != "extra"
    }
    return set(odd)


@pytest.mark.slow
def test_halves_of_characters_become_a_sign_and_lose_nothing(
    world: World, truth: dict[str, Any], tmp_path: Path
) -> None:
    found, _ = settled(world, tmp_path, Faults(halved_characters=1.0))
    for name in ("recordings", "participants", "transcripts", "transcript_snippets"):
        assert len(found[name]) == len(truth[name])
    # Of a transcript without snippets the file is read, which is no JSON.
    mark = {"snippets": "\ufffd", "vtt": ""}
    said = [f"{mark[row['source']]}{row['text']}" for row in truth["transcript_snippets"]]
    assert [row["text"] for row in found["transcript_snippets"]] == said


@pytest.mark.slow
def test_bad_meetings_stop_nothing(world: World, truth: dict[str, Any], tmp_path: Path) -> None:
    ids = sorted({row["meeting_id"] for row in truth["recordings"]})
    refusals = dict(zip(ids, (403, 404, 410), strict=False))
    found, _ = settled(world, tmp_path, Faults(meeting_status=refusals))
    for name in ("recordings", "participants", "transcripts", "transcript_snippets"):
        others = [row for row in truth[name] if row["meeting_id"] not in refusals]
        assert found[name] == others, name
    for bad, refusal in refusals.items():
        status = "forbidden" if refusal == 403 else "gone"
        ledger = {
            row["resource"]: row["status"]
            for row in found["fetch_ledger"]
            if row["meeting_id"] == bad
        }
        assert ledger["meeting"] == status
        # That a list is not found says nothing of the meeting but that there is none.
        assert ledger["participants"] == (status if refusal != 404 else "absent")
        # A window that reaches to the last attempt does not show them, and there is no more to say.
        assert {ledger["recordings"], ledger["transcripts"]} <= {status, "absent"}


def test_a_void_access_token_ends_the_run_and_keeps_what_came(world: World, tmp_path: Path) -> None:
    clock = ManualClock(NOW)
    with Sandbox(world, clock, Faults(revoke_after=30)) as webex:
        product = Product(tmp_path, webex, clock=clock)
        product.write_logs()
        outcome = product.run()
        assert {kind for kind, _ in outcome.failures} == {"AuthError"}
        sentences = {sentence for _, sentence in outcome.failures}
        assert all("WEBEX_ACCESS_TOKEN" in sentence for sentence in sentences)
        ledger = product.rows("fetch_ledger")
        answered = [row for row in ledger if row["attempts"] and row["resource"] in SINGLE]
        good = sum(seen.status == 200 for seen in webex.counters.requests)
        assert 0 < len(answered) <= good
        assert len(webex.counters.requests) < 30 + 4 * 30


def test_a_long_retry_after_ends_the_run_and_holds_the_next_one_too(
    world: World, tmp_path: Path
) -> None:
    clock = ManualClock(NOW)
    faults = Faults(requests_per_second=0.001, burst=15, retry_after_seconds=3600)
    with Sandbox(world, clock, faults) as webex:
        product = Product(tmp_path, webex, clock=clock)
        product.write_logs()
        outcome = product.run()
        assert {kind for kind, _ in outcome.failures} == {"ApiUnavailable"}
        seen = webex.counters.total
        clock.advance(minutes=30)
        assert {kind for kind, _ in product.run().failures} == {"ApiUnavailable"}
        assert webex.counters.total == seen
        assert webex.counters.during_retry_after == 0
        answered = [row for row in product.rows("fetch_ledger") if row["attempts"]]
        assert answered
        assert sum(row["resource"] in SINGLE for row in answered) <= 15


@pytest.mark.slow
def test_a_token_without_a_scope_is_found_out_by_20_refusals(world: World, tmp_path: Path) -> None:
    """A host's token that is said to be an officer's may read nobody else's meetings."""
    clock = ManualClock(NOW)
    with Sandbox(sized_world(1, NOW, meetings=60, participants=2, snippets=2), clock) as webex:
        product = Product(
            tmp_path, webex, clock=clock, more={"WEBEX_ACCESS_TOKEN": webex.token("user")}
        )
        product.write_logs()
        outcome = product.run()
        assert outcome.failures == []
        ledger = [row for row in product.rows("fetch_ledger") if row["resource"] == "recordings"]
        assert Counter((row["status"], row["reason"]) for row in ledger) == {
            ("forbidden", "refused"): 20,
            ("failed", "scope"): 40,
        }
        # The window, and then the first 20.
        assert sum("recordings" in url for url in product.requests()) == 21
        assert outcome.failed_items > 0
    # With the right token all of them are had: the failed ones by themselves, the others by retry.
    with Sandbox(webex.world, clock) as webex:
        product = Product(tmp_path, webex, clock=clock)
        ledger_again = product.etl().ledger
        refused = ledger_again.reopen(
            ledger_again.days(),
            lambda item: (item.status, item.resource) == ("forbidden", "recordings"),
        )
        assert refused == 20
        clock.advance(hours=1)
        assert product.run().failures == []
        assert len(product.rows("recordings")) == 60
