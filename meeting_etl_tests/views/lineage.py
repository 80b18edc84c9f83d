"""What each view reads, the types of its columns, and the columns that they are computed from.

All of it is derived from the SQL. `python -m meeting_etl_tests.views.lineage` stores it again.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb

from meeting_etl.files import Files
from meeting_etl.lake.analytics import Analytics
from meeting_etl.lake.catalog_sql import catalog_views
from meeting_etl.lake.lake import Lake
from meeting_etl.orchestration.assets import catalog_assets
from meeting_etl.schemas import TABLES

FILE = Path(catalog_assets.__file__).with_name("view_columns.json")
# A column of a table or view.
Source = tuple[str, str]
# Of each column of a relation, in order: what it is computed from.
Columns = dict[str, set[Source]]


def derived_views(folder: Path) -> dict[str, Any]:
    """What the file has, for a folder without a lake."""
    views = catalog_views(Lake(Files(folder)), Analytics(("sales.example",)), ("Europe/Berlin",))
    found: dict[str, Any] = {}
    relations: dict[str, list[str]] = {}
    with duckdb.connect() as connection:
        for name, (create, *_) in views:
            connection.execute(create)
            types = {row[0]: row[1] for row in connection.execute(f"DESCRIBE {name}").fetchall()}
            if name not in TABLES:
                query = _Query(relations, {})
                columns = query.columns(_tree(connection, create))
                assert list(columns) == list(types), name
                described = {
                    column: [types[column], *(".".join(source) for source in sorted(sources))]
                    for column, sources in columns.items()
                }
                found[name] = {"reads": sorted(query.reads), "columns": described}
            relations[name] = list(types)
    return found


def _tree(connection: duckdb.DuckDBPyConnection, create: str) -> dict[str, Any]:
    """The syntax tree of a view's query."""
    query = create.partition(" AS\n")[2]
    (text,) = connection.execute("SELECT json_serialize_sql(?)", [query]).fetchall()[0]
    node: dict[str, Any] = json.loads(text)["statements"][0]["node"]
    return node


class _Query:
    """A query: what each of its columns is computed from.

    Conditions of joins, filters and groups decide which rows there are; they are not followed.
    """

    def __init__(self, relations: dict[str, list[str]], named: dict[str, Columns]) -> None:
        self._relations = relations
        self._named = dict(named)  # the queries of WITH
        self.reads: set[str] = set()

    def columns(self, node: dict[str, Any]) -> Columns:
        for entry in node["cte_map"]["map"]:
            self._named[entry["key"]] = self._inner(entry["value"]["query_node"])
        if node["type"] == "SET_OPERATION_NODE":
            first, *others = map(self._inner, node["children"])
            for other in others:
                for column, sources in zip(first, other.values(), strict=True):
                    first[column] |= sources
            return first
        scope = dict(self._scope(node["from_table"]))
        found: Columns = {}
        for expression in node["select_list"]:
            if expression["class"] == "STAR":
                found |= self._star(expression, scope)
                continue
            name = expression["alias"] or expression.get("column_names", [str(len(found))])[-1]
            found[name] = set(self._sources(expression, scope, found))
        return found

    def _scope(self, table: dict[str, Any]) -> Iterator[tuple[str, Columns]]:
        kind = table["type"]
        if kind == "JOIN":
            yield from self._scope(table["left"])
            yield from self._scope(table["right"])
        elif kind == "BASE_TABLE":
            name = table["table_name"]
            columns = self._named.get(name)
            if columns is None:
                self.reads.add(name)
                columns = {column: {(name, column)} for column in self._relations[name]}
            yield table["alias"] or name, columns
        elif kind == "SUBQUERY":
            yield table["alias"], self._inner(table["subquery"]["node"])
        elif kind != "EMPTY":
            raise NotImplementedError(kind)

    def _inner(self, node: dict[str, Any]) -> Columns:
        inner = _Query(self._relations, self._named)
        columns = inner.columns(node)
        self.reads |= inner.reads
        return columns

    def _star(self, star: dict[str, Any], scope: dict[str, Columns]) -> Columns:
        left_out = set(star["exclude_list"])
        found: Columns = {}
        for alias, columns in scope.items():
            if star["relation_name"] in ("", alias):
                for name, sources in columns.items():
                    if name not in left_out:
                        found.setdefault(name, set(sources))
        return found

    def _sources(
        self,
        node: Any,
        scope: dict[str, Columns],
        earlier: Columns,
        local: frozenset[str] = frozenset(),
    ) -> Iterator[Source]:
        if isinstance(node, list):
            for entry in node:
                yield from self._sources(entry, scope, earlier, local)
        elif isinstance(node, dict) and node.get("class") == "COLUMN_REF":
            yield from self._reference(node["column_names"], scope, earlier, local)
        elif isinstance(node, dict) and node.get("class") == "LAMBDA":
            names = frozenset(_names(node["lhs"]))
            yield from self._sources(node["expr"], scope, earlier, local | names)
        elif isinstance(node, dict) and node.get("class") == "SUBQUERY":
            for sources in self._inner(node["subquery"]["node"]).values():
                yield from sources
        elif isinstance(node, dict):
            for value in node.values():
                yield from self._sources(value, scope, earlier, local)

    def _reference(
        self, names: list[str], scope: dict[str, Columns], earlier: Columns, local: frozenset[str]
    ) -> Iterator[Source]:
        if names[0] in local:
            return
        if len(names) > 1 and names[1] in scope.get(names[0], {}):
            yield from scope[names[0]][names[1]]
            return
        owners = [columns[names[0]] for columns in scope.values() if names[0] in columns]
        if owners:
            yield from owners[0]  # of a joined column the left one, as in SQL
        elif names[0] in earlier:
            yield from earlier[names[0]]
        else:
            raise LookupError(names, list(scope))


def _names(lhs: Any) -> Iterator[str]:
    if isinstance(lhs, list):
        for entry in lhs:
            yield from _names(entry)
    elif isinstance(lhs, dict):
        yield from lhs.get("column_names", [])
        for value in lhs.values():
            if isinstance(value, list | dict):
                yield from _names(value)


if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        FILE.write_text(json.dumps(derived_views(Path(folder)), indent=1) + "\n")
