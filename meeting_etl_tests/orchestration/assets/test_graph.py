"""What the asset graph shows: all tables and views, where they come from, what is in them."""

import json
from pathlib import Path

import dagster as dg
import pytest

from meeting_etl.definitions import build_defs
from meeting_etl.settings import Etl
from meeting_etl_tests.views.lineage import FILE, derived_views

PACKAGE = Path(__file__).parents[3] / "meeting_etl"
GROUPS = {
    "ingest": "webhook_events auto_record_actions rejected_lines ingested_logs",
    "webex": "meetings recordings participants invitees reconciled_meetings",
    "maintenance": "fetch_ledger orphans",
    "content": "transcripts transcript_files transcript_snippets meeting_summaries recording_files",
    "analytics": "speaker_metrics account_activity attendance coverage invitations "
    "meeting_overview person_week presence report series_health speakers talk_time turn_pairs",
}
# Switched off by default: to be seen, but not to be selected.
OFF = {"invitees", "transcript_files", "meeting_summaries", "recording_files"}
# What runs do not materialize.
EXTERNAL = set(
    "rejected_lines ingested_logs fetch_ledger orphans account_activity attendance coverage "
    "invitations meeting_overview person_week presence series_health speakers talk_time "
    "turn_pairs".split()
)


def nodes(folder: Path, **more: str) -> dict[str, dg.AssetSpec]:
    defs = build_defs(Etl({"MEETING_ETL_DATA_DIR": str(folder), **more}))
    return {spec.key.to_user_string(): spec for spec in defs.resolve_all_asset_specs()}


def parents(spec: dg.AssetSpec) -> set[str]:
    return {dep.asset_key.to_user_string() for dep in spec.deps}


def test_every_table_and_view_of_the_catalog_is_in_a_group(tmp_path: Path) -> None:
    found = nodes(tmp_path)
    groups = {name: spec.group_name for name, spec in found.items()}
    assert groups == {name: group for group, names in GROUPS.items() for name in names.split()}
    graph = build_defs(Etl({"MEETING_ETL_DATA_DIR": str(tmp_path)})).resolve_asset_graph()
    assert {key.to_user_string() for key in graph.unexecutable_asset_keys} == EXTERNAL | OFF


def test_what_is_switched_on_can_be_materialized(tmp_path: Path) -> None:
    settings = tmp_path / "settings.toml"
    settings.write_text(
        "[fetch]\nsummaries = true\ninvitees = true\n"
        '[downloads]\nrecordings = ["video"]\ntranscripts = ["vtt"]\n'
    )
    more = {"MEETING_ETL_DATA_DIR": str(tmp_path), "MEETING_ETL_SETTINGS": str(settings)}
    graph = build_defs(Etl(more)).resolve_asset_graph()
    assert {key.to_user_string() for key in graph.unexecutable_asset_keys} == EXTERNAL
    found = nodes(tmp_path, MEETING_ETL_SETTINGS=str(settings))
    assert parents(found["transcript_snippets"]) == {"transcripts", "transcript_files"}
    # Nobody is warned that what is off has not been materialized.
    assert parents(nodes(tmp_path)["transcript_snippets"]) == {"transcripts"}


def test_edges_follow_the_data(tmp_path: Path) -> None:
    found = nodes(tmp_path)
    assert parents(found["meetings"]) == {"webhook_events"}
    assert parents(found["reconciled_meetings"]) == {"meetings"}
    assert parents(found["rejected_lines"]) == {"webhook_events"}
    assert parents(found["attendance"]) == {"presence"}
    assert parents(found["presence"]) == {"meetings", "participants"}
    assert "fetch_ledger" in parents(found["coverage"])
    assert {"meetings", "recording_files"} <= parents(found["fetch_ledger"])


def test_kinds_say_what_made_an_asset(tmp_path: Path) -> None:
    found = nodes(tmp_path)
    assert found["recordings"].kinds == {"webex", "parquet"}
    assert found["reconciled_meetings"].kinds == {"webex"}
    assert found["speaker_metrics"].kinds == {"duckdb", "parquet"}
    assert found["talk_time"].kinds == {"duckdb"}


def test_tags_say_what_is_personal_and_what_is_off_by_default(tmp_path: Path) -> None:
    found = nodes(tmp_path)
    assert found["meetings"].tags["personal_data"] == "true"
    assert "personal_data" not in found["fetch_ledger"].tags
    assert "personal_data" in found["meeting_overview"].tags  # it has titles and hosts
    assert "personal_data" not in found["account_activity"].tags
    assert found["meeting_summaries"].tags["switched_on_by"] == "fetch.summaries"
    assert found["invitees"].tags["switched_on_by"] == "fetch.invitees"


def test_columns_have_comments_keys_and_constraints(tmp_path: Path) -> None:
    found = nodes(tmp_path)
    schema = found["participants"].metadata["dagster/column_schema"]
    columns = {column.name: column for column in schema.columns}
    assert columns["display_name"].description == "Name shown in the meeting."
    assert columns["display_name"].tags == {"personal_data": "true"}
    assert columns["display_name"].constraints.nullable
    assert not columns["meeting_id"].constraints.nullable
    assert not columns["meeting_id"].constraints.unique
    assert not columns["date"].constraints.nullable
    assert schema.constraints.other == ["PRIMARY KEY (meeting_id, participant_id)"]
    meetings = found["meetings"].metadata["dagster/column_schema"]
    assert meetings.columns[0].constraints.unique
    # As Markdown, `<series>_I_<number>` would be an unknown tag and an italic letter.
    assert (
        meetings.columns[0].description == r"Id of the instance, \<series>\_I\_\<number>; unique."
    )


def test_tables_say_where_they_are(tmp_path: Path) -> None:
    folder = tmp_path / "data of 2026"
    found = nodes(folder)
    assert found["meetings"].metadata["dagster/uri"] == f"{folder.as_uri()}/lake/meetings"
    assert found["meetings"].metadata["dagster/table_name"] == "meetings"
    assert "dagster/uri" not in found["attendance"].metadata


def test_every_asset_has_a_description_and_names_its_code(tmp_path: Path) -> None:
    for name, spec in nodes(tmp_path).items():
        assert spec.description, name
        assert (PACKAGE.parent / spec.metadata["code"]).is_file(), name


def test_columns_of_views_name_the_columns_they_are_computed_from(tmp_path: Path) -> None:
    lineage = nodes(tmp_path)["attendance"].metadata["dagster/column_lineage"].deps_by_column
    assert lineage["reason"] == [dg.TableColumnDep("presence", "why_not")]
    overview = nodes(tmp_path)["meeting_overview"].metadata["dagster/column_lineage"]
    assert overview.deps_by_column["local_date"] == [
        dg.TableColumnDep("meetings", "started_at"),
        dg.TableColumnDep("meetings", "timezone"),
    ]


def test_what_is_stored_of_the_views_is_what_their_sql_says(tmp_path: Path) -> None:
    """Else run `python -m meeting_etl_tests.views.lineage`."""
    assert json.loads(FILE.read_text()) == derived_views(tmp_path)


def test_without_person_metrics_the_graph_has_no_views_of_persons(tmp_path: Path) -> None:
    settings = tmp_path / "settings.toml"
    settings.write_text("[analytics]\nperson_metrics = false\n")
    found = nodes(tmp_path, MEETING_ETL_SETTINGS=str(settings))
    assert "attendance" not in found
    assert parents(found["account_activity"]) == {"meetings", "participants", "speaker_metrics"}
    assert "dagster/column_lineage" not in found["account_activity"].metadata
    assert "dagster/column_lineage" in found["coverage"].metadata


@pytest.mark.parametrize("settings", ["", "[fetch]\nthreads = 0\n"])
def test_the_graph_is_shown_without_data_and_with_a_wrong_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "settings.toml").write_text(settings)
    defs = build_defs(Etl({"MEETING_ETL_SETTINGS": "settings.toml"}))
    dg.Definitions.validate_loadable(defs)
    assert [path.name for path in tmp_path.iterdir()] == ["settings.toml"]
