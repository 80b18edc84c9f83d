"""The questions of docs/analysts.md with their answers; run, it writes the answers anew.

.venv/bin/python -m meeting_etl_tests.documents.analysts
"""

import os
import re
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.worlds import demo_world
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.product import Product, work_off

DOCUMENT = Path(__file__).parents[2] / "docs/analysts.md"
NOW = datetime(2026, 3, 16, 12, 7, tzinfo=UTC)
# A query, and its answer as a table.
_EXAMPLE = re.compile(r"```sql\n(.*?)```\n(\n\|.*?\n(?=\n))?", re.DOTALL)
# What anybody does: the plain client, in whatever time zone the machine has.
_PLAIN = """
import duckdb, sys
with duckdb.connect(sys.argv[1], read_only=True) as connection:
    for sql in sys.stdin.read().split(";"):
        found = connection.execute(sql)
        names = [column[0] for column in found.description]
        rows = [
            ["" if cell is None else " ".join(str(cell).split()) for cell in row]
            for row in found.fetchall()
        ]
        for row in [names, ["---"] * len(names), *rows]:
            print("|", " | ".join(row), "|")
        print()
"""


def examples() -> list[tuple[str, str]]:
    """Each query of the document with its answer."""
    found = _EXAMPLE.findall(DOCUMENT.read_text(encoding="utf-8"))
    return [(sql, answer.strip()) for sql, answer in found]


def make_lake(folder: Path) -> None:
    """The data of the document: a company as an administrator sees it, with invitees."""
    settings = folder / "settings.toml"
    settings.write_text("[fetch]\ninvitees = true\n")
    with Sandbox(demo_world(1, NOW), ManualClock(NOW)) as webex:
        more = {"MEETING_ETL_SETTINGS": str(settings)}
        product = Product(folder, webex, "admin", clock=webex.clock, more=more)
        product.write_logs()
        work_off(product.etl())


def answers(folder: Path, queries: list[str], time_zone: str) -> list[str]:
    """What the plain client answers in this time zone, as Markdown."""
    done = subprocess.run(
        [sys.executable, "-c", _PLAIN, folder / "meetings.duckdb"],
        input=";".join(queries),
        env={"PATH": os.environ["PATH"], "TZ": time_zone},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().split("\n\n")


def main() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        make_lake(folder)
        queries = [sql for sql, _ in examples()]
        found = iter(answers(folder, queries, "UTC"))
    text = DOCUMENT.read_text(encoding="utf-8")
    text = _EXAMPLE.sub(lambda match: f"```sql\n{match[1]}```\n\n{next(found)}\n", text)
    DOCUMENT.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
