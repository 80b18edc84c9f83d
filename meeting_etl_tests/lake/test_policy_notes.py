"""Files of another column policy are found, whoever wrote them and whatever was known before."""

from datetime import date
from pathlib import Path

from meeting_etl.files import Files
from meeting_etl.lake.lake import Lake
from meeting_etl.lake.metrics import refresh_metrics
from meeting_etl.lake.migration import OldFile, files_of_other_policy, migrate
from meeting_etl.orchestration.checks.log_checks import policy_applied
from meeting_etl.privacy.policy import policy_of
from meeting_etl.privacy.privacy import Privacy
from meeting_etl.schemas import (
    INVITEES,
    PARTICIPANTS,
    SPEAKER_METRICS,
    TRANSCRIPT_SNIPPETS,
    WEBHOOK_EVENTS,
)
from meeting_etl.settings import Etl
from meeting_etl.state import LocalState
from meeting_etl_tests.privacy.test_pseudonyms import ADA as ADAS_PSEUDONYM
from meeting_etl_tests.privacy.test_pseudonyms import KEY

DAY, NEXT_DAY = date(2026, 3, 11), date(2026, 3, 12)
ADA = {"meeting_id": "m_I_1", "participant_id": "p1", "email": "ada@sales.example"}


def lake(folder: Path, preset: str) -> Lake:
    state = LocalState(Files(folder))
    privacy = Privacy(state, policy_of(preset, {}), key=KEY.decode())
    return Lake(Files(folder), state, privacy=privacy)


def test_a_day_that_was_written_while_the_policy_was_another_one_is_found(tmp_path: Path) -> None:
    pseudonymous = lake(tmp_path, "pseudonymous")
    pseudonymous.merge(PARTICIPANTS, DAY, [ADA])
    assert files_of_other_policy(pseudonymous) == []  # and noted
    lake(tmp_path, "none").merge(PARTICIPANTS, NEXT_DAY, [ADA])
    assert files_of_other_policy(lake(tmp_path, "pseudonymous")) == [
        OldFile(PARTICIPANTS, NEXT_DAY)
    ]


def test_a_process_that_keeps_the_earlier_policy_is_noticed_after_the_migration(
    tmp_path: Path,
) -> None:
    earlier = lake(tmp_path, "none")
    earlier.merge(PARTICIPANTS, DAY, [ADA])
    pseudonymous = lake(tmp_path, "pseudonymous")
    assert migrate(pseudonymous) == 1
    with earlier.appending(PARTICIPANTS, NEXT_DAY) as write:
        write(earlier.read(PARTICIPANTS, DAY))
    assert files_of_other_policy(pseudonymous) == [OldFile(PARTICIPANTS, NEXT_DAY)]


def test_no_file_is_opened_once_all_are_known_to_follow_the_policy(tmp_path: Path) -> None:
    pseudonymous = lake(tmp_path, "pseudonymous")
    pseudonymous.merge(PARTICIPANTS, DAY, [ADA])
    assert files_of_other_policy(pseudonymous) == []
    (path,) = tmp_path.glob("lake/participants/*/*.parquet")
    path.write_bytes(b"torn")
    assert files_of_other_policy(lake(tmp_path, "pseudonymous")) == []


def test_events_without_a_date_are_named_by_the_check_too(tmp_path: Path) -> None:
    event = {"log_id": "l", "byte_offset": 0, "body": "{}"}
    lake(tmp_path, "none").merge(WEBHOOK_EVENTS, None, [event])
    settings = tmp_path / "settings.toml"
    settings.write_text('[privacy]\npreset = "minimal"\n')
    environ = {"MEETING_ETL_DATA_DIR": str(tmp_path), "MEETING_ETL_SETTINGS": str(settings)}
    verdict = policy_applied(Etl(environ))
    assert verdict.sentence.startswith("1 files were written under another column policy: run")


def test_on_a_day_that_is_changed_speakers_are_found_among_participants_again(
    tmp_path: Path,
) -> None:
    said = {"snippet_id": "s1", "transcript_id": "t1", "meeting_id": "m_I_1", "text": "Good day"}
    said |= {"person_email": "ada@sales.example", "person_name": "Ada"}
    none = lake(tmp_path, "none")
    none.merge(PARTICIPANTS, DAY, [ADA])
    none.merge(INVITEES, DAY, [{"meeting_id": "m_I_1", "invitee_id": "i1", "email": ADA["email"]}])
    pseudonymous = lake(tmp_path, "pseudonymous")
    pseudonymous.merge(TRANSCRIPT_SNIPPETS, DAY, [said])
    refresh_metrics(pseudonymous, DAY)
    (row,) = pseudonymous.read(SPEAKER_METRICS, DAY).to_pylist()
    assert (row["person"], row["method"]) == (ADAS_PSEUDONYM, "email")
    assert pseudonymous.read(INVITEES, DAY)["email"].to_pylist() == [ADAS_PSEUDONYM]


def test_migrating_removes_what_killed_writers_left(tmp_path: Path) -> None:
    lake(tmp_path, "none").merge(PARTICIPANTS, DAY, [ADA])
    folder = tmp_path / f"lake/participants/date={DAY}"
    (folder / ".part-0.parquet.0f.tmp").write_bytes(b"ada@sales.example")
    migrate(lake(tmp_path, "pseudonymous"))
    assert [path.name for path in folder.iterdir()] == ["part-0.parquet"]
