"""table_asset(): the definition that the assets of all tables share.

Belongs here: partitions, backfill policy, group, description and columns of an asset. Does not:
what the asset does (ingest_assets.py, day_assets.py).
"""

from collections.abc import Callable

import dagster as dg

from meeting_etl.orchestration.materialization import DAYS, Result, without_beta_warnings
from meeting_etl.schemas import Table


def table_asset(
    table: Table, *deps: str, daily: bool = True
) -> Callable[[Callable[..., Result]], dg.AssetsDefinition]:
    """Make a function the asset of a table; `daily` assets have a partition for each day."""
    all_columns = [*table.columns, *([table.partition] if table.partition else [])]
    columns = [dg.TableColumn(each.name, str(each.type), each.comment) for each in all_columns]

    def decorate(function: Callable[..., Result]) -> dg.AssetsDefinition:
        with without_beta_warnings():
            return dg.asset(
                name=table.name,
                deps=list(deps),
                partitions_def=DAYS if daily else None,
                backfill_policy=dg.BackfillPolicy.single_run(),
                group_name="meetings" if daily else "webhooks",
                kinds={"parquet"},
                description=table.comment,
                metadata={
                    "dagster/column_schema": dg.TableSchema(columns=columns),
                    "dagster/table_name": table.name,
                },
            )(function)

    return decorate
