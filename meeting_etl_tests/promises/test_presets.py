"""The demo world under each preset of [privacy]: the same numbers, and nobody in clear."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from meeting_etl.lake import catalog
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.model import World
from meeting_etl.sandbox.world.worlds import demo_world
from meeting_etl.schemas import TABLES
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.privacy.search import found_in
from meeting_etl_tests.product import OF_THE_RUN, Product, rows, work_off

pytestmark = pytest.mark.slow

NOW = datetime(2026, 3, 16, 12, 7, tzinfo=UTC)
PRESETS = ("none", "pseudonymous", "minimal")
# Numbers that no treatment may change; `person` is counted, not shown.
NUMBERS = {
    "attendance": """
        SELECT date, side, count(*), count(DISTINCT person), sum(attended_seconds),
            count(*) FILTER (present), count(*) FILTER (late)
        FROM attendance GROUP BY ALL ORDER BY ALL""",
    "speaker_metrics": """
        SELECT meeting_id, method, source, snippets, words, questions, talk_seconds,
            share_of_speech, words_per_minute, turns, longest_monologue_seconds, patience_seconds,
            overlap_seconds, email_domain
        FROM speaker_metrics ORDER BY ALL""",
    "talk_time": """
        SELECT side, count(*), count(DISTINCT person), sum(words) FROM talk_time
        GROUP BY ALL ORDER BY ALL""",
    "person_week": """
        SELECT iso_week, meetings, in_meetings_seconds, talk_seconds
        FROM person_week ORDER BY ALL""",
    "meeting_overview": """
        SELECT meeting_id, attendees, internal_attendees, external_attendees, unknown_attendees,
            no_shows, attendance_rate FROM meeting_overview ORDER BY ALL""",
    "account_activity": "FROM account_activity ORDER BY ALL",
    "turn_pairs": """
        SELECT meeting_id, count(*), sum(switches) FROM turn_pairs GROUP BY ALL ORDER BY ALL""",
    "domains": "SELECT host_email_domain, count(*) FROM meetings GROUP BY ALL ORDER BY ALL",
    "joins": """
        SELECT count(*) FROM transcript_snippets s
        JOIN participants p ON p.meeting_id = s.meeting_id AND p.email = s.person_email""",
}


@pytest.fixture(scope="module")
def world() -> World:
    return demo_world(3, NOW)


@pytest.fixture(scope="module")
def webex(world: World) -> Iterator[Sandbox]:
    with Sandbox(world, ManualClock(NOW)) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def products(tmp_path_factory: pytest.TempPathFactory, webex: Sandbox) -> dict[str, Product]:
    """The world under each preset."""
    made = {}
    for preset in PRESETS:
        made[preset] = product(tmp_path_factory.mktemp(preset), webex, preset)
        made[preset].write_logs()
        work_off(made[preset].etl())
    return made


def product(folder: Path, webex: Sandbox, preset: str) -> Product:
    settings = folder / f"{preset}.toml"
    settings.write_text(
        f'[privacy]\npreset = "{preset}"\n[fetch]\nsummaries = true\ninvitees = true\n'
    )
    more = {
        "MEETING_ETL_SETTINGS": str(settings),
        "MEETING_ETL_PRIVACY_KEY": "a key of the company's own",
    }
    return Product(folder, webex, "admin", clock=webex.clock, more=more)


def of_persons(world: World) -> tuple[set[str], set[str]]:
    """Addresses and ids of persons, and names of two words and more."""
    addresses, names = set[str](), set[str]()
    for meeting in world.meetings:
        addresses |= {meeting.host.email, meeting.host.user_id}
        names.add(meeting.host.name)
        addresses |= {person.email for person in meeting.participants if person.email}
        addresses |= {person.email for person in meeting.invitees}
        names |= {person.name for person in meeting.participants}
    # Some of them: looking for all in everything takes half a minute.
    names = {name for name in names if len(name.split()) > 1}
    return set(sorted(addresses)[::4]), set(sorted(names)[::4])


@pytest.mark.parametrize("preset", PRESETS[1:])
def test_numbers_are_those_without_a_policy(products: dict[str, Product], preset: str) -> None:
    for name, query in NUMBERS.items():
        expected = catalog.query(products["none"].folder, query)
        assert catalog.query(products[preset].folder, query) == expected, name
        assert expected[1], name


@pytest.mark.parametrize("preset", PRESETS)
def test_nobody_is_found_in_clear(products: dict[str, Product], world: World, preset: str) -> None:
    addresses, names = of_persons(world)
    folder = products[preset].folder
    # Logs are the record; state/ has the addresses of hosts, which requests need.
    found = found_in(folder, addresses | names, skip=("webhook_logs", "state"))
    if preset == "none":
        assert len(found) > len(addresses | names) / 2
        return
    assert found == {}
    in_state = found_in(folder / "state", addresses | names)
    hosts = {meeting.host.email for meeting in world.meetings}
    assert in_state.keys() <= hosts
    assert set(in_state.values()) == {"host_addresses.json"}
    assert (folder / "state/host_addresses.json").stat().st_mode & 0o777 == 0o600


def test_minimal_has_no_word_that_was_said(products: dict[str, Product], world: World) -> None:
    said = {
        snippet.text
        for meeting in world.meetings
        for transcript in meeting.transcripts
        for snippet in transcript.snippets
        if len(snippet.text) > 30
    }
    some = set(sorted(said)[:200]) | {meeting.title for meeting in world.meetings}
    assert found_in(products["none"].folder / "lake", some)
    assert found_in(products["minimal"].folder / "lake", some) == {}


@pytest.mark.parametrize("preset", PRESETS)
def test_a_second_run_requests_nothing(products: dict[str, Product], preset: str) -> None:
    before = len(products[preset].requests())
    work_off(products[preset].etl())
    assert len(products[preset].requests()) == before


@pytest.mark.parametrize("preset", PRESETS[1:])
def test_migrated_is_the_same_as_written_so(
    products: dict[str, Product], webex: Sandbox, tmp_path: Path, preset: str
) -> None:
    shutil.copytree(products["none"].folder, tmp_path, dirs_exist_ok=True)
    migrated = product(tmp_path, webex, preset)
    verdict = "run `meeting-etl migrate`"
    assert verdict in policy_verdict(migrated)
    assert migrated.command("migrate", "--yes").returncode == 0
    assert verdict not in policy_verdict(migrated)
    for name in TABLES:
        assert comparable(migrated.folder, name) == comparable(products[preset].folder, name), name
    assert "nothing to do" in migrated.command("migrate", "--dry-run").stderr


def policy_verdict(product: Product) -> str:
    from meeting_etl.orchestration.checks.log_checks import policy_applied

    return policy_applied(product.etl()).sentence


def comparable(folder: Path, name: str) -> list[str]:
    """The rows of a table without what differs from run to run."""

    def text(row: dict[str, Any]) -> str:
        return str({key: row[key] for key in sorted(row) if key not in OF_THE_RUN})

    return sorted(map(text, rows(folder, name)))
