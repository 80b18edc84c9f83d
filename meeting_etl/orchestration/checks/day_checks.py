"""The checks of day assets, with a result for each day, all made from the tables of schemas.py.

Belongs here: which table has which check, and the step that makes them. Does not: the verdicts
(ledger_check.py, rows_check.py, meeting_checks.py), checks of no single day (all_checks.py).
"""

import warnings
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache, partial

import dagster as dg

from meeting_etl import schemas
from meeting_etl.errors import MeetingEtlError, SettingsError
from meeting_etl.orchestration.assets.day_assets import DAY_TABLES
from meeting_etl.orchestration.checks.ledger_check import COMPLETE, ledger_complete
from meeting_etl.orchestration.checks.meeting_checks import TIMES, USUAL, times_known, usual_count
from meeting_etl.orchestration.checks.rows_check import SOUND, rows_sound
from meeting_etl.orchestration.checks.verdict import Verdict, latest_materialization
from meeting_etl.orchestration.failures import StepFailure
from meeting_etl.pipeline.ledger.work_item import OPTIONAL
from meeting_etl.schemas import Table
from meeting_etl.settings import Etl
from meeting_etl.times import last_days

_TABLES = tuple(schemas.TABLES[name] for name in (*DAY_TABLES, schemas.RECORDING_FILES.name))
_FETCHED = tuple(table for table in _TABLES if table is not schemas.SPEAKER_METRICS)


@dataclass(frozen=True)
class DayCheck:
    """A check that some tables have for each day."""

    name: str
    description: str
    tables: tuple[Table, ...]
    verdict: Callable[[Etl, Table, date], Verdict]


LEDGER_COMPLETE = DayCheck("ledger_complete", COMPLETE, _FETCHED, ledger_complete)
DAY_CHECKS = (
    LEDGER_COMPLETE,
    DayCheck("rows_sound", SOUND, _TABLES, rows_sound),
    DayCheck("usual_count", USUAL, (schemas.MEETINGS,), usual_count),
    DayCheck("times_known", TIMES, (schemas.PARTICIPANTS,), times_known),
)
_BY_NAME = {check.name: check for check in DAY_CHECKS}


def keys_of(*checks: DayCheck) -> list[dg.AssetCheckKey]:
    """The keys of these checks, one for each of their tables."""
    return [
        dg.AssetCheckKey(dg.AssetKey(table.name), check.name)
        for check in checks
        for table in check.tables
    ]


def build_day_checks(days: dg.PartitionsDefinition[str]) -> list[dg.AssetChecksDefinition]:
    """All checks of single days, in one step of which any subset can be selected.

    A table that can be switched off has a step of its own: Dagster skips the step when an asset
    that it checks is not materialized.
    """
    optional = sorted(OPTIONAL)
    required = [table.name for table in _TABLES if table.name not in OPTIONAL]
    return [
        _checks_of("day_checks", required, days),
        *(_checks_of(f"{name}_day_checks", [name], days) for name in optional),
    ]


def _checks_of(
    step_name: str, tables: Collection[str], days: dg.PartitionsDefinition[str]
) -> dg.AssetChecksDefinition:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.PreviewWarning)  # of the partitions of a check
        specs = [
            dg.AssetCheckSpec(
                check.name, asset=table.name, description=check.description, partitions_def=days
            )
            for check in DAY_CHECKS
            for table in check.tables
            if table.name in tables
        ]

    @dg.multi_asset_check(
        name=step_name,
        specs=specs,
        can_subset=True,
        description="Checks each day of the selected tables; sends no request.",
    )
    def day_checks(
        context: dg.AssetCheckExecutionContext, etl: dg.ResourceParam[Etl]
    ) -> Iterator[dg.AssetCheckEvaluation | dg.Output[None]]:
        step = context.op_execution_context
        is_of_days = step.has_partition_key or step.has_partition_key_range
        checked = list(
            step.partition_keys if is_of_days else map(str, last_days(etl.clock.now(), 7))
        )
        keys = sorted(context.selected_asset_check_keys)
        latest = cache(partial(latest_materialization, context.instance))
        try:
            off = OPTIONAL - etl.switched_on
        except SettingsError as error:
            raise StepFailure(error) from None
        for key in keys:
            if key.asset_key.path[-1] not in off:
                verdicts = zip(_verdicts(etl, key, checked), checked, strict=True)
                # The worst last: the page of the check shows that result.
                for verdict, day in sorted(verdicts, key=lambda found: found[0].urgency):
                    yield verdict.of_day(key, day, latest(key.asset_key, day))
        for key in keys:
            yield dg.Output(None, step.assets_def.get_output_name_for_asset_check_key(key))

    return day_checks


def _verdicts(etl: Etl, key: dg.AssetCheckKey, days: Collection[str]) -> list[Verdict]:
    """A verdict for each day."""
    try:
        with etl.lake.tables.read_once():
            return [_verdict(etl, key, date.fromisoformat(day)) for day in days]
    except MeetingEtlError as error:
        return [Verdict(str(error), passed=False, is_error=True)] * len(days)


def _verdict(etl: Etl, key: dg.AssetCheckKey, day: date) -> Verdict:
    table = schemas.TABLES[key.asset_key.path[-1]]
    try:
        return _BY_NAME[key.name].verdict(etl, table, day)
    except MeetingEtlError as error:
        return Verdict(str(error), passed=False, is_error=True)
