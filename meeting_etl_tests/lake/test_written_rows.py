from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from meeting_etl.files import Files
from meeting_etl.lake.lake import Lake
from meeting_etl.privacy.policy import policy_of
from meeting_etl.privacy.privacy import Privacy
from meeting_etl.schemas import PARTICIPANTS, SPEAKER_METRICS, TRANSCRIPT_SNIPPETS, Table
from meeting_etl.state import LocalState
from meeting_etl_tests.privacy.test_pseudonyms import ADA, ADA_LOVELACE, KEY

DAY = date(2026, 3, 11)
SNIPPET = {
    "snippet_id": "s1",
    "meeting_id": "m_I_1",
    "text": "Why so late? Tell me",
    "person_name": "Ada Lovelace",
    "person_email": "ada@sales.example",
    "person_email_domain": "sales.example",
    "extra": '{"mood": "ada@sales.example is cross"}',
}


def lake(folder: Path, preset: str, columns: dict[str, str] | None = None) -> Lake:
    state = LocalState(Files(folder))
    privacy = Privacy(state, policy_of(preset, columns or {}), key=KEY.decode())
    return Lake(Files(folder), state, privacy=privacy)


def stored(folder: Path, table: Table) -> dict[str, Any]:
    (path,) = folder.glob(f"lake/{table.name}/*/*.parquet")
    return dict(pq.read_table(path, partitioning=None).to_pylist()[0])


@pytest.mark.parametrize(
    ("preset", "expected"),
    [
        ("none", {"text": SNIPPET["text"], "person_email": "ada@sales.example"}),
        (
            "pseudonymous",
            {"text": SNIPPET["text"], "person_email": ADA, "person_name": ADA_LOVELACE},
        ),
        ("minimal", {"text": None, "person_email": ADA, "person_name": ADA_LOVELACE}),
    ],
)
def test_a_row_is_written_as_the_policy_says(
    tmp_path: Path, preset: str, expected: dict[str, Any]
) -> None:
    lake(tmp_path, preset).merge(TRANSCRIPT_SNIPPETS, DAY, [SNIPPET])
    row = stored(tmp_path, TRANSCRIPT_SNIPPETS)
    # Five words and a question are counted before the text goes.
    counted = {"person_email_domain": "sales.example", "words": 5, "questions": 1}
    assert (
        expected.items() | counted.items()
        <= {name: row[name] for name in expected | counted}.items()
    )
    assert row["extra"] == (SNIPPET["extra"] if preset == "none" else None)


def test_clear_values_that_arrive_again_change_nothing(tmp_path: Path) -> None:
    pseudonymous = lake(tmp_path, "pseudonymous")
    assert pseudonymous.merge(TRANSCRIPT_SNIPPETS, DAY, [SNIPPET])
    assert not pseudonymous.merge(TRANSCRIPT_SNIPPETS, DAY, [SNIPPET])
    read = pseudonymous.read(TRANSCRIPT_SNIPPETS, DAY).to_pylist()
    assert not pseudonymous.merge(TRANSCRIPT_SNIPPETS, DAY, read)


def test_rows_of_another_policy_in_the_same_file_follow_the_new_one(tmp_path: Path) -> None:
    lake(tmp_path, "none").merge(TRANSCRIPT_SNIPPETS, DAY, [SNIPPET])
    strict = lake(tmp_path, "minimal")
    assert not strict.has_policy(TRANSCRIPT_SNIPPETS, DAY)
    strict.merge(TRANSCRIPT_SNIPPETS, DAY, [SNIPPET | {"snippet_id": "s2"}])
    rows = strict.read(TRANSCRIPT_SNIPPETS, DAY)
    assert rows["text"].to_pylist() == [None, None]
    assert rows["words"].to_pylist() == [5, 5]
    assert strict.has_policy(TRANSCRIPT_SNIPPETS, DAY)


def test_names_of_breakout_sessions_are_texts(tmp_path: Path) -> None:
    sessions = [{"id": "b1", "name": "Ada's corner", "joined_at": None, "left_at": None}]
    row = {"meeting_id": "m_I_1", "participant_id": "p", "breakout_sessions": sessions}
    lake(tmp_path, "minimal").merge(PARTICIPANTS, DAY, [row])
    assert stored(tmp_path, PARTICIPANTS)["breakout_sessions"] == [sessions[0] | {"name": None}]


def test_the_key_is_in_a_file_for_its_owner_alone(tmp_path: Path) -> None:
    state = LocalState(Files(tmp_path))
    privacy = Privacy(state, policy_of("pseudonymous", {}))
    Lake(Files(tmp_path), state, privacy=privacy).merge(TRANSCRIPT_SNIPPETS, DAY, [SNIPPET])
    assert (tmp_path / "state/privacy_key.json").stat().st_mode & 0o777 == 0o600
    again = Privacy(state, policy_of("pseudonymous", {}))
    assert again.treated("email", "ada@sales.example") == privacy.treated(
        "email", "ada@sales.example"
    )


def test_schemas_of_rows_stay_what_they_are(tmp_path: Path) -> None:
    minimal = lake(tmp_path, "minimal")
    minimal.merge(TRANSCRIPT_SNIPPETS, DAY, [SNIPPET])
    (path,) = tmp_path.glob("lake/*/*/*.parquet")
    assert pq.read_schema(path).equals(TRANSCRIPT_SNIPPETS.schema)
    assert isinstance(minimal.read(TRANSCRIPT_SNIPPETS, DAY), pa.Table)


@pytest.mark.parametrize(
    ("columns", "found", "unmatched"),
    [
        # As in attendance, which has the address of participants.
        ({"person_email": "drop", "person_name": "drop"}, "ada@sales.example", ADA),
        ({"email": "drop", "display_name": "drop"}, ADA, "ada@sales.example"),
        ({"text": "drop"}, "ada@sales.example", "ada@sales.example"),
    ],
)
def test_a_key_of_metrics_follows_the_column_that_it_is_from(
    tmp_path: Path, columns: dict[str, str], found: str, unmatched: str
) -> None:
    keys = {"speaker": "ada@sales.example", "person": "ada@sales.example"}
    rows = [
        keys | {"meeting_id": meeting, "method": method, "display_name": "Ada"}
        for meeting, method in (("a", "name"), ("b", "unmatched"))
    ]
    strict = lake(tmp_path, "none", columns)
    strict.merge(SPEAKER_METRICS, DAY, rows)
    read = strict.read(SPEAKER_METRICS, DAY).to_pylist()
    assert [row["person"] for row in read] == [row["speaker"] for row in read] == [found, unmatched]
    names = [None if key == ADA else "Ada" for key in (found, unmatched)]
    assert [row["display_name"] for row in read] == names
