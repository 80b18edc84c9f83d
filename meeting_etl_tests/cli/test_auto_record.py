"""`meeting-etl auto-record` as its users meet it: a table of decisions and exit statuses."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl_tests.pipeline.recording import S5, S6, Desk, created, desk, world
from meeting_etl_tests.sandbox.small import HANA, TOM, series

HANAS = ["hana@team.example"]


@pytest.fixture
def webex() -> Iterator[Sandbox]:
    """By the real clock: a command cannot be given another."""
    ahead = [datetime.now(UTC).replace(microsecond=0) + timedelta(days=3)]
    made = replace(world(), series=(series(S5, HANA, ahead), series(S6, TOM, ahead)))
    with Sandbox(made) as webex:
        yield webex
        assert webex.changes.mails == 0


def with_created(product: Desk, *ids: str) -> Desk:
    product.append_and_ingest(
        *(created(identifier, datetime.now(UTC) - timedelta(minutes=1)) for identifier in ids)
    )
    return product


@pytest.mark.slow
def test_a_dry_run_shows_what_the_real_one_then_does(tmp_path: Path, webex: Sandbox) -> None:
    product = with_created(desk(tmp_path, webex, hosts=HANAS), S5, S6)
    shown = product.command("auto-record", "--dry-run")
    assert shown.returncode == 0, shown.stderr
    assert "would_switch_on" in shown.stdout
    assert "hosts: hana@team.example" in shown.stdout
    assert webex.changes.patches == []
    done = product.command("auto-record", "--format", "json")
    assert done.returncode == 0, done.stderr
    (row,) = map(json.loads, done.stdout.splitlines())
    assert (row["meeting_id"], row["result"], row["before"], row["after"]) == (
        S5,
        "switched_on",
        False,
        True,
    )
    assert len(webex.changes.patches) == 1
    webex.counters.reset()
    assert "No new meetings to decide on" in product.command("auto-record").stderr
    assert webex.counters.total == 0
    answer = product.command("sql", "SELECT result FROM auto_record_actions ORDER BY 1")
    assert "no_match" in answer.stdout
    assert "switched_on" in answer.stdout


@pytest.mark.slow
def test_run_does_it_too_and_is_idle_the_next_time(tmp_path: Path, webex: Sandbox) -> None:
    product = with_created(desk(tmp_path, webex, hosts=HANAS), S5)
    done = product.command("run")
    assert done.returncode == 0, done.stderr
    assert [key for key, _ in webex.changes.patches] == [S5]
    webex.counters.reset()
    assert product.command("run").returncode == 0
    assert webex.counters.total == 0


def test_what_was_refused_is_tried_again_for_real_or_not_at_all(
    tmp_path: Path, webex: Sandbox
) -> None:
    product = with_created(desk(tmp_path, webex, hosts=HANAS), S5)
    done = product.command("auto-record", "--again", "--dry-run")
    assert (done.returncode, "cannot be combined" in done.stderr) == (2, True)
    assert webex.counters.total == 0


def test_off_is_one_sentence(tmp_path: Path, webex: Sandbox) -> None:
    product = with_created(desk(tmp_path, webex), S5)
    done = product.command("auto-record")
    assert (done.returncode, "Auto-record is off" in done.stderr) == (0, True)
    assert product.command("run").returncode == 0
    assert webex.counters.total == 0


def test_what_is_tried_again_is_exit_status_1(tmp_path: Path, webex: Sandbox) -> None:
    product = with_created(desk(tmp_path, webex, hosts=["*@team.example"]), "9" * 32)
    done = product.command("auto-record")
    assert (done.returncode, "not_there_yet" in done.stdout) == (1, True)
    assert "a later run retries" in done.stderr


@pytest.mark.slow
def test_a_token_that_cannot_do_it_is_exit_status_2(tmp_path: Path, webex: Sandbox) -> None:
    product = with_created(desk(tmp_path, webex, "compliance", hosts=HANAS), S5)
    done = product.command("auto-record")
    assert (done.returncode, "WEBEX_TOKEN_KIND is compliance" in done.stderr) == (2, True)
    assert "Traceback" not in done.stderr
    run = product.command("run")
    assert (run.returncode, "WEBEX_TOKEN_KIND is compliance" in run.stderr) == (0, True)
    assert webex.counters.total == 0
