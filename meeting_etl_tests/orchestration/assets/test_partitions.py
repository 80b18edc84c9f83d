"""Which day is the first partition."""

from datetime import UTC, date, datetime
from pathlib import Path

import dagster as dg
from dagster._core.definitions.definitions_load_context import (
    DefinitionsLoadContext,
    DefinitionsLoadType,
)

from meeting_etl.definitions import build_defs
from meeting_etl.schemas import MEETINGS
from meeting_etl.settings import Etl
from meeting_etl_tests.clocks import ManualClock

TODAY = "2026-03-16"


def etl_of(folder: Path, settings: str = "") -> Etl:
    environ = {"MEETING_ETL_DATA_DIR": str(folder / "data")}
    if settings:
        (folder / "settings.toml").write_text(settings)
        environ["MEETING_ETL_SETTINGS"] = str(folder / "settings.toml")
    return Etl(environ, ManualClock(datetime(2026, 3, 16, 12, tzinfo=UTC)))


def first_day_of(etl: Etl, first_day: date | None = None) -> str | None:
    """The first partition of all day assets."""
    graph = build_defs(etl, first_day=first_day).resolve_asset_graph()
    partitions = {graph.get(key).partitions_def for key in graph.get_all_asset_keys()}
    (days,) = partitions - {None}
    assert days is not None
    return days.get_first_partition_key()


def add_meeting(etl: Etl, day: str) -> None:
    etl.lake.merge(MEETINGS, date.fromisoformat(day), [{"meeting_id": f"{day}_I_1"}])


def test_partitions_begin_where_the_meetings_begin(tmp_path: Path) -> None:
    etl = etl_of(tmp_path)
    add_meeting(etl, "2026-02-10")
    add_meeting(etl, "2026-01-20")
    assert first_day_of(etl) == "2026-01-20"


def test_a_day_that_is_due_but_not_stored_yet_is_a_partition(tmp_path: Path) -> None:
    etl = etl_of(tmp_path)
    add_meeting(etl, "2026-02-10")
    etl.ledger.announce({date(2025, 12, 31): {"m": []}})
    assert first_day_of(etl) == "2025-12-31"


def test_they_begin_a_year_ago_without_data_and_loading_creates_nothing(tmp_path: Path) -> None:
    assert first_day_of(etl_of(tmp_path)) == "2025-03-16"
    assert list(tmp_path.iterdir()) == []


def test_the_days_that_are_reconciled_every_night_are_partitions(tmp_path: Path) -> None:
    etl = etl_of(tmp_path)
    add_meeting(etl, TODAY)
    assert first_day_of(etl) == "2026-03-14"


def test_the_setting_counts_more_than_the_data(tmp_path: Path) -> None:
    etl = etl_of(tmp_path, "[partitions]\nfirst_day = 2024-05-01")
    add_meeting(etl, "2026-02-10")
    assert first_day_of(etl) == "2024-05-01"


def test_what_is_given_counts_more_than_the_setting(tmp_path: Path) -> None:
    etl = etl_of(tmp_path, "[partitions]\nfirst_day = 2024-05-01")
    assert first_day_of(etl, date(2015, 1, 1)) == "2015-01-01"


def test_definitions_load_with_a_wrong_setting(tmp_path: Path) -> None:
    assert first_day_of(etl_of(tmp_path, "[fetch]\nthreads = 0")) == "2025-03-16"


def test_the_process_of_a_run_takes_every_day(tmp_path: Path) -> None:
    """The UI may have been loaded when other days had data."""
    etl = etl_of(tmp_path)
    add_meeting(etl, "2026-02-10")
    context = DefinitionsLoadContext(DefinitionsLoadType.RECONSTRUCTION)
    with DefinitionsLoadContext.scoped(context):
        assert first_day_of(etl) == "2015-01-01"


def test_a_job_of_days_has_the_same_partitions(tmp_path: Path) -> None:
    defs = build_defs(etl_of(tmp_path), first_day=date(2026, 2, 1))
    dg.Definitions.validate_loadable(defs)
    days = defs.resolve_job_def("days").partitions_def
    assert days is not None
    assert days.get_first_partition_key() == "2026-02-01"
