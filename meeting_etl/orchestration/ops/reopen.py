"""The op of the job `reopen`, and its form.

Belongs here: the fields of the form, and what is wrong with them in one sentence. Does not: which
work items are reopened (pipeline/ledger/reopening.py), fetching them (launching/).
"""

from enum import Enum

import dagster as dg
from pydantic import Field

from meeting_etl.errors import SettingsError
from meeting_etl.orchestration.failures import report_errors
from meeting_etl.pipeline.ledger.work_item import RESOURCES, Status
from meeting_etl.settings import Etl
from meeting_etl.times import Span, parse_day

# The form takes the names of an enum, not its values.
_Resource = Enum("_Resource", {name: name for name in RESOURCES})  # type: ignore[misc]
_Status = Enum("_Status", {status.value: status.value for status in Status})  # type: ignore[misc]


class ReopenConfig(dg.Config):
    """The form of the job `reopen`."""

    first_day: str = Field(
        description="The first day, YYYY-MM-DD: the UTC date on which the meetings ended."
    )
    last_day: str = Field(
        default="", description="The last day, YYYY-MM-DD; by default the first day alone."
    )
    resources: list[_Resource] = Field(
        default=[], description="Reopen only these resources; by default all."
    )
    statuses: list[_Status] = Field(
        default=[],
        description="Reopen only work items with these statuses, as `meeting-etl retry` does. By "
        "default all: together with all resources that is a refetch, which also folds the webhook "
        "events of the days again.",
    )


@dg.op(description="Make work items due now; the sensors launch the runs that fetch them.")
def reopen_work_items(
    context: dg.OpExecutionContext, config: ReopenConfig, etl: dg.ResourceParam[Etl]
) -> None:
    """Reopen what the form says."""
    from meeting_etl.pipeline.ledger.reopening import Reopening, reopen

    with report_errors():
        wanted = Reopening(
            _span_of(config),
            [resource.value for resource in config.resources],
            [status.value for status in config.statuses],
        )
        count = reopen(etl.lake, etl.ledger, wanted)
    context.add_output_metadata({"work_items": count})
    if count or wanted.is_refetch:
        context.log.info(
            f"{count:,} work items of {wanted.span} are due now; the sensors launch the runs that "
            "fetch them."
        )
    else:
        context.log.warning(f"No work item of {wanted.span} has these resources and statuses.")


def _span_of(config: ReopenConfig) -> Span:
    """The days of the form. Raises SettingsError when they are not days, or in the wrong order."""
    last_text = config.last_day or config.first_day
    first, last = parse_day(config.first_day), parse_day(last_text)
    if first is None:
        raise SettingsError(f"first_day is {config.first_day!r}: write a day as YYYY-MM-DD.")
    if last is None:
        raise SettingsError(f"last_day is {last_text!r}: write a day as YYYY-MM-DD.")
    if first > last:
        raise SettingsError(f"first_day {first} is after last_day {last}.")
    return Span(first, last)
