"""The columns in docs/tables.md, from the comments of the catalog; run, it writes them anew.

.venv/bin/python -m meeting_etl_tests.documents.tables
"""

import tempfile
from pathlib import Path

from meeting_etl.files import Files
from meeting_etl.lake import catalog
from meeting_etl.lake.lake import Lake
from meeting_etl.schemas import TABLES

DOCUMENT = Path(__file__).parents[2] / "docs/tables.md"
HEADING = "\n## Columns\n"
_COLUMNS = """
SELECT v.view_name, v.comment, c.column_name, c.data_type, c.comment
FROM duckdb_views() v JOIN duckdb_columns() c ON c.table_oid = v.view_oid
WHERE NOT v.internal
ORDER BY v.view_name, c.column_index
"""


def columns() -> str:
    """The section of the document: tables in the order of schemas.py, then views."""
    with tempfile.TemporaryDirectory() as temporary:
        files = Files(Path(temporary))
        catalog.publish(files, Lake(files))
        _, rows = catalog.query(temporary, _COLUMNS)
    by_name: dict[str, list[str]] = {}
    for name, comment, column, kind, meaning in rows:
        heading = [
            f"### {name}",
            "",
            str(comment),
            "",
            "| column | type | |",
            "| --- | --- | --- |",
        ]
        lines = by_name.setdefault(str(name), heading)
        short = str(kind).replace("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ")
        lines.append(f"| `{column}` | {short} | {_cell(str(meaning))} |")
    order = [*TABLES, *(name for name in by_name if name not in TABLES)]
    parts = ["\n".join(by_name[name]) for name in order]
    return "\n\n".join([f"{HEADING}\nFrom the comments in the catalog.", *parts]) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "\\<")


def main() -> None:
    text = DOCUMENT.read_text(encoding="utf-8").partition(HEADING)[0]
    DOCUMENT.write_text(text + columns(), encoding="utf-8")


if __name__ == "__main__":
    main()
