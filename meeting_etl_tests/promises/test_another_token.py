"""Rule 6: what one token may not read is asked for again by another; and by nothing else."""

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from meeting_etl.sandbox.faults.faults import Faults
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.model import Kind
from meeting_etl.sandbox.world.worlds import sized_world
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.product import Product, work_off

NOW = datetime(2026, 3, 16, 12, 7, tzinfo=UTC)
WORLD = sized_world(1, NOW, meetings=6, participants=2, snippets=3)


def states(product: Product, resource: str) -> Counter[tuple[str, str]]:
    rows = product.rows("fetch_ledger")
    return Counter((row["status"], row["reason"]) for row in rows if row["resource"] == resource)


def granted(webex: Sandbox, kind: Kind) -> dict[str, str]:
    """Settings with the refresh grant."""
    return {
        "WEBEX_ACCESS_TOKEN": "",
        "WEBEX_CLIENT_ID": webex.client_id,
        "WEBEX_CLIENT_SECRET": webex.client_secret,
        "WEBEX_REFRESH_TOKEN": webex.grant(kind),
    }


@pytest.mark.slow
@pytest.mark.postgres
def test_another_kind_of_token_opens_what_was_forbidden(tmp_path: Path) -> None:
    clock = ManualClock(NOW)
    with Sandbox(WORLD, clock) as webex:
        product = Product(tmp_path, webex, "admin", clock=clock)
        product.write_logs()
        product.run()
        assert states(product, "transcript_snippets") == {("forbidden", "token_kind"): 6}
        assert states(product, "vtt_snippets") == {("ready", "complete"): 6}
        seen = webex.counters.total
        assert product.run().days == []
        officer = Product(tmp_path, webex, "compliance", clock=clock)
        outcome = officer.run()
        assert any("has changed: 6 " in notice for notice in outcome.notices)
        assert states(officer, "transcript_snippets") == {("ready", "complete"): 6}
        assert states(officer, "vtt_snippets") == {}
        # The snippets and nothing else.
        assert webex.counters.total == seen + 6
        assert officer.run().days == []
        # Nothing is opened, let alone lost, when the first token comes back.
        assert product.run().days == []
        found = product.rows("transcript_snippets")
        assert [row["source"] for row in found] == ["snippets"] * 18


@pytest.mark.slow
@pytest.mark.postgres
def test_another_grant_opens_what_was_forbidden_and_its_renewal_does_not(tmp_path: Path) -> None:
    """A host's grant where an officer's is needed; then the officer authorises."""
    clock = ManualClock(NOW)
    with Sandbox(WORLD, clock) as webex:
        product = Product(tmp_path, webex, clock=clock, more=granted(webex, "admin"))
        product.write_logs()
        product.run()
        # The snippets are refused, the files of the transcripts are not.
        assert states(product, "transcript_snippets") == {("forbidden", "refused"): 6}
        assert states(product, "vtt_snippets") == {("ready", "complete"): 6}
        clock.advance(days=20)
        assert product.run().days == [], "the token is renewed and stays the same reader"
        product = Product(tmp_path, webex, clock=clock, more=granted(webex, "compliance"))
        product.run()
        assert states(product, "transcript_snippets") == {("ready", "complete"): 6}


@pytest.mark.slow
def test_other_scopes_of_the_same_grant_open_what_was_forbidden(tmp_path: Path) -> None:
    """The grant stays as it is configured; a renewal says that it may read more from now on."""
    clock = ManualClock(NOW)
    with Sandbox(WORLD, clock) as webex:
        product = Product(tmp_path, webex, clock=clock, more=granted(webex, "admin"))
        product.write_logs()
        work_off(product.etl())
        assert states(product, "transcript_snippets") == {("forbidden", "refused"): 6}
        assert states(product, "vtt_snippets") == {("ready", "complete"): 6}
        webex.change_grants("compliance")
        clock.advance(days=14)
        etl, seen = product.etl(), webex.counters.total
        work_off(etl)
        assert webex.counters.total == seen, "nothing is known of that before a renewal"
        etl.accounts.all[0].webex.meeting(WORLD.meetings[0].id)
        seen = webex.counters.total
        work_off(product.etl())
        assert webex.counters.total == seen + 6
        assert states(product, "transcript_snippets") == {("ready", "complete"): 6}
        # Once: the scopes are the same from then on.
        work_off(product.etl())
        assert webex.counters.total == seen + 6


@pytest.mark.slow
def test_a_damaged_or_missing_memory_of_the_reader_opens_nothing(tmp_path: Path) -> None:
    clock = ManualClock(NOW)
    with Sandbox(WORLD, clock) as webex:
        product = Product(tmp_path, webex, "admin", clock=clock)
        product.write_logs()
        product.run()
        for content in (b"", b"{", b'{"since": 5}', b"[]"):
            (tmp_path / "state" / "reader.json").write_bytes(content)
            assert product.run().days == []
            assert b"plantedsecret" not in (tmp_path / "state" / "reader.json").read_bytes()
        (tmp_path / "state" / "reader.json").unlink()
        assert product.run().days == []


@pytest.mark.slow
def test_two_tokens_that_take_turns_open_what_is_forbidden_once_each(tmp_path: Path) -> None:
    """A host's and another host's: neither may read what the other's meetings hold."""
    clock = ManualClock(NOW)
    with Sandbox(WORLD, clock, Faults(meeting_status={WORLD.meetings[0].id: 403})) as webex:
        more = {"WEBEX_ACCESS_TOKEN": webex.token("compliance")}
        first = Product(tmp_path, webex, "compliance", clock=clock, more=more)
        second = Product(
            tmp_path, webex, "compliance", clock=clock, more=granted(webex, "compliance")
        )
        first.write_logs()
        first.run()
        assert states(first, "participants")["forbidden", "refused"] == 1
        clock.advance(hours=1)
        seen = webex.counters.total
        assert any("has changed" in notice for notice in second.run().notices)
        assert webex.counters.total > seen, "the second token is asked once"
        clock.advance(hours=1)
        second.etl().accounts.all[0].webex.meeting(
            WORLD.meetings[1].id
        )  # it renews its token beforehand
        seen = webex.counters.total
        for product in (first, second, first, second):
            assert product.run().notices == []
            clock.advance(minutes=1)
        assert webex.counters.total == seen


@pytest.mark.slow
def test_more_refusals_than_are_enough_leave_the_words_of_the_files(tmp_path: Path) -> None:
    """The rest of a resource is given up after 20 refusals, but not where there is a fallback."""
    clock = ManualClock(NOW)
    with Sandbox(sized_world(1, NOW, meetings=25, participants=1, snippets=1), clock) as webex:
        more = {"WEBEX_ACCESS_TOKEN": webex.token("admin")}
        product = Product(tmp_path, webex, "compliance", clock=clock, more=more)
        product.write_logs()
        work_off(product.etl())
        assert states(product, "transcript_snippets") == {("forbidden", "refused"): 25}
        assert states(product, "vtt_snippets") == {("ready", "complete"): 25}
        assert [row["source"] for row in product.rows("transcript_snippets")] == ["vtt"] * 25
