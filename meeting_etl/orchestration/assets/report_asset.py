"""The asset `report`: charts of the last 31 days as an HTML file in the data folder.

Belongs here: the asset and its metadata. Does not: the report (report/).
"""

import base64

import dagster as dg

from meeting_etl.orchestration.assets.materialization import report_failures
from meeting_etl.orchestration.assets.table_asset import ANALYTICS
from meeting_etl.settings import Etl

_DESCRIPTION = (
    "Charts of the last 31 days in one HTML file, `reports/latest.html` in the data folder: "
    "activity, talk balance, coverage, accounts, recurring meetings. It sends no request. "
    "`meeting-etl report` writes the same, and reports of other days or of one meeting."
)


@dg.multi_asset(
    name="write_report",
    specs=[
        dg.AssetSpec(
            "report",
            deps=[
                "meeting_overview",
                "coverage",
                "speaker_metrics",
                "account_activity",
                "series_health",
            ],
            group_name=ANALYTICS,
            kinds={"html"},
            tags={"personal_data": "true"},
            description=_DESCRIPTION,
            metadata={"code": "meeting_etl/report/report.py"},
        )
    ],
    # `dg launch` takes a range of days for all assets only if each has it.
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def report(
    context: dg.AssetExecutionContext, etl: dg.ResourceParam[Etl]
) -> dg.MaterializeResult[None]:
    """Write the report; the heat map of its coverage is shown with the materialization."""
    from meeting_etl.report.report import LATEST, coverage_svg, latest_days, write_report

    with report_failures(context, etl):
        data_dir, span = etl.settings.location, latest_days(etl.clock)
        path = etl.settings.data_dir / LATEST
        write_report(etl.files, span, path, etl.clock, data_dir=data_dir)
        picture = base64.b64encode(coverage_svg(data_dir, span).encode()).decode()
    return dg.MaterializeResult(
        metadata={
            "file": dg.MetadataValue.path(str(path)),
            "days": str(span),
            "size_bytes": path.stat().st_size,
            "coverage": dg.MetadataValue.md(
                f"![Coverage, {span}](data:image/svg+xml;base64,{picture})"
            ),
        }
    )
