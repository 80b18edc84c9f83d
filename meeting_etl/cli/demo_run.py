"""The demonstration: an embedded Webex, webhook logs, one run, and queries over its tables.

Belongs here: `demo` without --live, and what both demonstrations share. Does not: options
(demo.py), the played day (demo_live.py), the invented data (sandbox/).
"""

import os
import shlex
import shutil
import sys
from pathlib import Path

from meeting_etl.cli import display
from meeting_etl.cli.demo_accounts import demo_environ
from meeting_etl.cli.dev import UI_LOCK
from meeting_etl.cli.run_report import run_and_report
from meeting_etl.errors import SettingsError
from meeting_etl.files import Files
from meeting_etl.lake import catalog
from meeting_etl.lake.catalog_state import CATALOG
from meeting_etl.report import drawing
from meeting_etl.report.report import LATEST, latest_days, write_report
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.deliveries import write_logs
from meeting_etl.sandbox.world.worlds import world_named
from meeting_etl.schemas import TABLES
from meeting_etl.settings import Etl
from meeting_etl.state import LocalState
from meeting_etl.times import Clock

_MARK = ".meeting_etl_demo"
_QUESTIONS = {
    "Who attended longest?": """
        SELECT any_value(display_name) AS name, any_value(side) AS side, count(*) AS meetings,
               round(sum(attended_seconds) / 3600, 1) AS hours
        FROM attendance WHERE present GROUP BY person ORDER BY hours DESC, person LIMIT 5""",
    "Who talked most?": """
        SELECT any_value(display_name) AS name, any_value(side) AS side, count(*) AS meetings,
               round(sum(talk_seconds) / 60, 1) AS minutes,
               round(avg(share_of_speech) * 100)::INT AS percent_of_speech
        FROM talk_time WHERE person IS NOT NULL
        GROUP BY person ORDER BY minutes DESC, person LIMIT 5""",
    "Who spoke of a price?": """
        SELECT said_at::VARCHAR AS said_at, person_name AS name, title, text
        FROM search_transcripts('the price', NULL, NULL) LIMIT 5""",
    "Which meetings have no recording, and why?": """
        SELECT l.status, l.reason, count(*) AS meetings, max(m.ended_at)::VARCHAR AS latest_ended_at
        FROM fetch_ledger l JOIN meetings m USING (meeting_id, date)
        WHERE l.resource = 'recordings' AND l.row_count = 0 GROUP BY ALL ORDER BY meetings DESC""",
}


def run_demo(world_name: str, seed: int, data_dir: str) -> int:
    """The whole demonstration; returns the exit status of its run."""
    clock = Clock()
    folder = emptied(Path(data_dir).absolute())
    world = world_named(world_name, seed, clock.now())
    write_logs(world, folder / "webhook_logs", seed=seed, until=clock.now())
    with Sandbox(world, clock) as webex:
        display.say(
            f"The embedded Webex at {webex.base_url} has {len(world.meetings)} meetings "
            f"({world_name})."
        )
        etl = Etl(demo_environ(webex, folder, world_name=world_name), clock)
        status = run_and_report(etl, None)
    show_answers(etl, data_dir)
    return status


def show_answers(etl: Etl, data_dir: str) -> None:
    """The end of a demonstration: the tables, some queries over them, and what to try next."""
    _show_tables(etl)
    for question, sql in _QUESTIONS.items():
        names, rows = catalog.query(etl.settings.location, sql)
        display.show_table(question, names, rows)
    if drawing.can_draw():
        _write_report(etl)
    _say_what_to_try_next(data_dir)


def _write_report(etl: Etl) -> None:
    path = etl.settings.data_dir / LATEST
    write_report(etl.files, latest_days(etl.clock), path, etl.clock)
    display.notes.print(f"\nReport in HTML: {path}", soft_wrap=True)


def _show_tables(etl: Etl) -> None:
    """Each table with its number of rows and of days."""
    rows = []
    for table in TABLES.values():
        days = f"count(DISTINCT {table.partition.name})" if table.partition else "NULL"
        sql = f"SELECT count(*), {days} FROM {table.name}"  # noqa: S608 - our own names
        _, [(count, partitions)] = catalog.query(etl.settings.location, sql)
        rows.append((table.name, count, partitions, table.comment))
    display.show_table("Tables", ["table", "rows", "days", "contents"], rows)


def emptied(folder: Path) -> Path:
    """The folder, an earlier demo in it removed. Raises SettingsError for any other content."""
    if folder.exists() and any(folder.iterdir()):
        if not (folder / _MARK).exists():
            raise SettingsError(
                f"{folder} is not empty and is not a demo. Choose another folder with --data-dir."
            )
        if LocalState(Files(folder)).is_locked(UI_LOCK):
            raise SettingsError(f"The Dagster UI of {folder} is running: stop it first.")
        shutil.rmtree(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _MARK).touch()
    except OSError as error:
        raise SettingsError(f"Cannot use {folder} (--data-dir): {error.strerror}.") from error
    return folder


def _say_what_to_try_next(data_dir: str) -> None:
    command = "meeting-etl" if shutil.which("meeting-etl") else os.path.relpath(sys.argv[0])
    variable = f"MEETING_ETL_DATA_DIR={shlex.quote(data_dir)}"
    opened = shlex.quote(f"{data_dir}/{CATALOG}")
    display.notes.print("\n", display.styled("Try next", "bold"), sep="")
    display.notes.print(
        f'  SQL query   {variable} {command} sql "FROM meetings LIMIT 5"\n'
        f"  DuckDB      duckdb -readonly {opened}\n"
        f'  Python      meeting_etl.connect({data_dir!r}).sql("SHOW TABLES")\n'
        f"  Dagster UI  {command} demo --ui",
        soft_wrap=True,
    )
