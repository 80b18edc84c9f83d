"""The definitions of assets: one per table and view of the catalog.

Belongs here: group, kinds, tags, description, columns and place of an asset. Does not: what the
asset does (ingest_assets.py, day_assets.py), the texts (descriptions.py).
"""

import re
from pathlib import Path

import dagster as dg

from meeting_etl.lake.partitions import folder_of
from meeting_etl.orchestration.assets.descriptions import CODE, DESCRIPTIONS
from meeting_etl.schemas import TABLES, Column, Table

INGEST, WEBEX, CONTENT = "ingest", "webex", "content"
ANALYTICS, MAINTENANCE = "analytics", "maintenance"


def table_spec(
    table: Table,
    *deps: str,
    group: str,
    kinds: tuple[str, ...] = ("webex", "parquet"),
    switch: str = "",
) -> dg.AssetSpec:
    """The asset of a table, which is made from the assets `deps`.

    One with a `switch`, a key of the settings file, is not materialized while that is off.
    """
    tags = {"switched_on_by": switch} if switch else {}
    if any(column.personal for column in table.columns):
        tags["personal_data"] = "true"
    return dg.AssetSpec(
        table.name,
        deps=list(deps),
        # Days of which nothing is known are not materialized.
        skippable=True,
        group_name=group,
        kinds=set(kinds),
        tags=tags,
        description=f"{as_markdown(table.comment)}\n\n{DESCRIPTIONS[table.name]}",
        metadata={
            "dagster/column_schema": _columns(table),
            "dagster/table_name": table.name,
            "code": f"meeting_etl/{CODE[table.name]}",
        },
    )


def as_markdown(comment: str) -> str:
    """A comment as Markdown shows it: `<series>_I_<number>` is neither a tag nor italic."""
    return re.sub(r"(?<!\w)_|_(?!\w)|[<*]|(?<=>)_", r"\\\g<0>", comment)


def with_uri(spec: dg.AssetSpec, location: str | Path) -> dg.AssetSpec:
    """The asset of a table with the address of its folder."""
    table = TABLES.get(spec.key.path[-1])
    if table is None:
        return spec
    root = location.as_uri() if isinstance(location, Path) else location
    return spec.merge_attributes(metadata={"dagster/uri": f"{root}/{folder_of(table)}"})


def _columns(table: Table) -> dg.TableSchema:
    columns = [*table.columns, *([table.partition] if table.partition else [])]
    key = f"PRIMARY KEY ({', '.join(table.key)})"
    return dg.TableSchema(
        columns=[_column(table, column) for column in columns],
        constraints=dg.TableConstraints(other=[key]),
    )


def _column(table: Table, column: Column) -> dg.TableColumn:
    is_never_null = column.name in (*table.key, "date")
    return dg.TableColumn(
        column.name,
        _type_name(column),
        as_markdown(column.comment),
        dg.TableColumnConstraints(nullable=not is_never_null, unique=table.key == (column.name,)),
        tags={"personal_data": "true"} if column.personal else {},
    )


def _type_name(column: Column) -> str:
    """The name of its type, with the fields of structs."""
    fields = ", ".join(f"{child.name}: {_type_name(child)}" for child in column.children)
    return column.kind.replace("struct", f"struct<{fields}>")
