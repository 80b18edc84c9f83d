"""The asset `report` and its job, which are there with the extra only."""

from pathlib import Path

import dagster as dg
import pytest

from meeting_etl.definitions import build_defs
from meeting_etl.settings import Etl
from meeting_etl_tests.views.lakes import DAY, ask, clock

MEETING = {"meeting_id": "m", "started_at": clock("10:00"), "ended_at": clock("11:00")}


def definitions(folder: Path) -> dg.Definitions:
    return build_defs(Etl({"MEETING_ETL_DATA_DIR": str(folder)}), first_day=DAY)


@pytest.mark.slow
def test_the_job_writes_the_report_and_shows_its_heat_map(tmp_path: Path) -> None:
    ask(tmp_path, {"meetings": [MEETING]}, "SELECT 1")
    job = definitions(tmp_path).resolve_job_def("report")
    with dg.DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(instance=instance)
    (materialization,) = result.asset_materializations_for_node("write_report")
    path = tmp_path / "reports/latest.html"
    assert materialization.metadata["file"].value == str(path)
    assert materialization.metadata["size_bytes"].value == path.stat().st_size
    picture = str(materialization.metadata["coverage"].value)
    assert picture.startswith("![Coverage, ")
    assert "](data:image/svg+xml;base64," in picture


def test_a_folder_without_tables_is_one_sentence(tmp_path: Path) -> None:
    job = definitions(tmp_path).resolve_job_def("report")
    with dg.DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(instance=instance, raise_on_error=False)
    error = result.failure_data_for_node("write_report")
    assert error is not None
    assert error.user_failure_data is not None
    assert error.user_failure_data.description is not None
    assert error.user_failure_data.description.startswith("There is no ")


def test_without_the_extra_there_is_neither(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("meeting_etl.report.drawing.find_spec", lambda _: None)
    without = definitions(tmp_path)
    assert "report" not in {job.name for job in without.jobs or []}
    assert dg.AssetKey("report") not in without.resolve_all_asset_keys()
