"""The definition that the assets of all tables share.

Belongs here: group, description and columns of an asset. Does not: what the asset does
(ingest_assets.py, day_assets.py).
"""

import dagster as dg

from meeting_etl.schemas import Table


def table_spec(
    table: Table, *deps: str, group: str = "meetings", is_optional: bool = False
) -> dg.AssetSpec:
    """The asset of a table, which is made from the assets `deps`.

    One that `is_optional` is not materialized while it is switched off.
    """
    all_columns = [*table.columns, *([table.partition] if table.partition else [])]
    columns = [dg.TableColumn(each.name, str(each.type), each.comment) for each in all_columns]
    return dg.AssetSpec(
        table.name,
        deps=list(deps),
        skippable=is_optional,
        group_name=group,
        kinds={"parquet"},
        description=table.comment,
        metadata={
            "dagster/column_schema": dg.TableSchema(columns=columns),
            "dagster/table_name": table.name,
        },
    )
