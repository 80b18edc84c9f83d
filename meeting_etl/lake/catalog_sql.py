"""The SQL of the catalog: views of the tables, analytical views, macros, and their comments.

Belongs here: what the statements say, from schemas.py, views/*.sql and macros/*.sql. Does not:
running them (catalog_file.py), expressions that views share (analytics.py).
"""

import re
from collections.abc import Iterable, Iterator
from graphlib import TopologicalSorter
from importlib import resources
from typing import TYPE_CHECKING

from meeting_etl.lake.analytics import PERSON_VIEWS, Analytics, expand, sql_list, sql_text
from meeting_etl.lake.host_domains import host_domains
from meeting_etl.lake.letters import (
    INVISIBLE,
    accented_letters,
    cased_letters,
    second_code_points,
    written_forms,
)
from meeting_etl.schemas import (
    DAY,
    FLAG,
    INT,
    MOMENT,
    NUMBER,
    SPEAKER_METRICS,
    STRUCT,
    STRUCTS,
    TABLES,
    TEXT,
    TEXTS,
    Column,
    Table,
)

if TYPE_CHECKING:
    from meeting_etl.lake.lake import Lake

_SQL_TYPES = {
    TEXT: "VARCHAR",
    INT: "BIGINT",
    NUMBER: "DOUBLE",
    FLAG: "BOOLEAN",
    DAY: "DATE",
    MOMENT: "TIMESTAMPTZ",
    TEXTS: "VARCHAR[]",
}

# Columns that a table has in the catalog only, by the column before them.
_DERIVED = {
    SPEAKER_METRICS.name: {
        "email_domain": (
            Column("side", TEXT, "internal, external or unknown, by the domain of the address."),
            "{side}",
        )
    }
}


def catalog_statements(
    lake: "Lake", analytics: Analytics, time_zones: Iterable[str]
) -> Iterator[tuple[str, list[str]]]:
    """Each view and macro, such as `VIEW meetings`, with its statements, in order of creation."""
    for name, statements in catalog_views(lake, analytics, time_zones):
        yield f"VIEW {name}", statements
    for name, sql in _macros(lake):
        macro = f"MACRO TABLE {name}"
        yield macro, [sql, f"COMMENT ON {macro} IS {sql_text(_comments(sql)[0])}"]


def catalog_views(
    lake: "Lake", analytics: Analytics, time_zones: Iterable[str]
) -> Iterator[tuple[str, list[str]]]:
    """Each view by name with its statements, CREATE VIEW and its comments, in order of creation.

    `time_zones` are the names of time zones that DuckDB accepts.
    """
    domains = analytics.internal_domains or host_domains(lake)
    root = glob_literal(lake.storage.where("lake"))
    for table in TABLES.values():
        view = f"CREATE VIEW {table.name} AS {_select(lake, table, root, domains)}"
        yield table.name, [view, *_table_comments(table)]
    zones = sql_list(time_zones)
    views = _in_order(_texts("views"))
    for name, text in views if analytics.person_metrics else _without_persons(views):
        sql = expand(text, domains).replace("{time_zones}", zones)
        yield name, [sql, *_view_comments(name, sql)]


def described_views() -> Iterator[tuple[str, str, dict[str, str]]]:
    """Each analytical view with its comment and those of its columns, in order of creation."""
    for name, text in _in_order(_texts("views")):
        yield name, *_comments(text)


def glob_literal(path: str) -> str:
    """A path whose characters mean themselves in a DuckDB glob."""
    return re.sub(r"[\[*?]", r"[\g<0>]", path)


def _columns(table: Table) -> Iterator[tuple[Column, str]]:
    """The columns of a table in the catalog, each with its expression; the partition is last."""
    for column in [*table.columns, *([table.partition] if table.partition else [])]:
        yield column, column.name
        if derived := _DERIVED.get(table.name, {}).get(column.name):
            yield derived


def _select(lake: "Lake", table: Table, root: str, domains: Iterable[str]) -> str:
    """The rows of a table; before its first file a typed empty result."""
    if not lake.has_rows(table):
        types = ", ".join(
            f"NULL::{_sql_type(column)} AS {column.name}" for column, _ in _columns(table)
        )
        return f"SELECT {types} WHERE false"
    expressions = {column.name: expand(sql, domains) for column, sql in _columns(table)}
    source = lake.tables.relation(table)
    if source is None:
        source = _files(table, root)
        if column := table.partition:
            # split_part() would be computed for every row instead of once a file.
            folder = sql_text(f"/{column.name}=([^/]*)/[^/]*$")
            expressions[column.name] = f"TRY_CAST(regexp_extract(filename, {folder}, 1) AS DATE)"
    selected = ", ".join(
        name if name == expression else f"{expression} AS {name}"
        for name, expression in expressions.items()
    )
    return f"SELECT {selected} FROM {source}"  # noqa: S608 - names of ours


def _files(table: Table, root: str) -> str:
    """The Parquet files of a table as a source in SQL, with their paths in `filename`."""
    pattern = f"/{table.name}/*/*.parquet" if table.partition else f"/{table.name}/*.parquet"
    # Without union_by_name, which opens each file twice, by its path: a day that is replaced in
    # between would fail the query. So every file must have its table's full schema.
    options = "union_by_name = false, hive_partitioning = false"
    if table.partition:
        # Not hive_partitioning: it also reads `key=value` folders above the data folder, and
        # DuckDB before 1.4.4 cannot cast the folder of undated rows. A filter on this column leaves
        # files out as well.
        options += ", filename = true"
    # The default path is absolute; a moved lake is read by setting the variable lake_root.
    where = f"coalesce(getvariable('lake_root'), {sql_text(root)}) || {sql_text(pattern)}"
    return f"read_parquet({where}, {options})"


def _sql_type(column: Column) -> str:
    """DuckDB's name of a column's type."""
    fields = (f"{child.name} {_sql_type(child)}" for child in column.children)
    struct = f"STRUCT({', '.join(fields)})"
    return {**_SQL_TYPES, STRUCT: struct, STRUCTS: f"{struct}[]"}[column.kind]


def _macros(lake: "Lake") -> Iterator[tuple[str, str]]:
    """Name and SQL of each macro.

    The tables that it reads are inlined: a view that a macro names is not found where the catalog
    is attached under another name.
    """
    root = glob_literal(lake.storage.where("lake"))
    for name, text in _texts("macros"):
        sql = _with_patterns(text)
        for table in TABLES.values():
            if _reads(sql, table.name):
                sql = _inlined(sql, table.name, _select(lake, table, root, ()))
        yield name, sql


def _with_patterns(text: str) -> str:
    """The SQL with the regular expressions of a search.

    {pattern} is that of the words; {cased_rest} is its end, from the first letter on that has two
    cases and no accents, `[ш]…`, or NULL.
    """
    pattern = resources.files("meeting_etl.lake").joinpath("search_pattern.sql").read_text("utf-8")
    pattern = (
        pattern.replace("{accented_letters}", sql_text(accented_letters()))
        .replace("{written_forms}", sql_text(written_forms()))
        .replace("{second_code_points}", second_code_points())
        .replace("{invisible}", INVISIBLE)
    )
    start = sql_text(rf"\[[{cased_letters()}]\]\[.*")
    text = text.replace("{cased_rest}", f"nullif(regexp_extract({{pattern}}, {start}), '')")
    return text.replace("{pattern}", pattern.partition("\n")[2].rstrip())


def _texts(folder_name: str) -> Iterator[tuple[str, str]]:
    """Name and SQL of each analytical view, or of each macro, by name.

    The first line of a file is a comment that describes it; in a view, a comment `-- name: …`
    describes a column. {time_zones} stands for a list; expand() replaces the other placeholders of
    views, _with_patterns() those of macros.
    """
    folder = resources.files("meeting_etl.lake").joinpath(folder_name)
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.name.endswith(".sql"):
            yield entry.name.removesuffix(".sql"), entry.read_text(encoding="utf-8")


def _in_order(views: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """The views so that each comes after those that it reads."""
    texts = dict(views)
    read = {name: [other for other in texts if _reads(text, other)] for name, text in texts.items()}
    for name in TopologicalSorter(read).static_order():
        yield name, texts[name]


def _without_persons(views: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """The views without one row per person; those that they read are inlined."""
    inlined: dict[str, str] = {}
    for name, text in views:
        for other, query in inlined.items():
            text = _inlined(text, other, query)
        if name in PERSON_VIEWS:
            inlined[name] = text.partition(f"CREATE VIEW {name} AS")[2]
        else:
            yield name, text


def _reads(text: str, name: str) -> bool:
    """Whether the SQL reads the relation of that name."""
    return re.search(rf"(FROM|JOIN) {name}\b", text) is not None


def _inlined(text: str, name: str, query: str) -> str:
    """The SQL with a query in place of the relation of that name."""
    return re.sub(rf"(FROM|JOIN) {name}\b", lambda match: f"{match[1]} ({query})", text)


def _table_comments(table: Table) -> Iterator[str]:
    yield f"COMMENT ON VIEW {table.name} IS {sql_text(table.comment)}"
    for column, _ in _columns(table):
        yield _column_comment(table.name, column.name, column.comment)


def _view_comments(name: str, sql: str) -> Iterator[str]:
    comment, columns = _comments(sql)
    yield f"COMMENT ON VIEW {name} IS {sql_text(comment)}"
    for column, text in columns.items():
        yield _column_comment(name, column, text)


def _comments(sql: str) -> tuple[str, dict[str, str]]:
    """The comment of a view, and those of its columns."""
    first, *rest = re.findall(r"^-- (.*)$", sql, re.MULTILINE)
    parts = (line.partition(": ") for line in rest)
    return first, {column: text for column, colon, text in parts if colon and column.isidentifier()}


def _column_comment(view: str, column: str, text: str) -> str:
    return f"COMMENT ON COLUMN {view}.{column} IS {sql_text(text)}"
