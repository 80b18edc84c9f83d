"""The demonstration: a sandbox, webhook logs, the real pipeline, and answers from its tables.

Belongs here: `demo` and `sandbox`. Does not: the show of `demo --live` (live.py), the worlds
(sandbox/), the pipeline.
"""

import os
import shlex
import shutil
import sys
import threading
from pathlib import Path

from meeting_etl.cli import display, report
from meeting_etl.errors import SettingsError
from meeting_etl.lake import catalog
from meeting_etl.sandbox.faults.faults import Faults
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.deliveries import write_logs
from meeting_etl.sandbox.world.model import Kind
from meeting_etl.sandbox.world.worlds import World, demo_world, guide_world
from meeting_etl.settings import Etl
from meeting_etl.times import Clock

_MARK = ".meeting_etl_demo"
# The guide's token is its host's; the team's is a compliance officer's, who may read all.
_KINDS: dict[str, Kind] = {"guide": "user", "demo": "compliance"}
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
    "Which meetings have no recording, and why?": """
        SELECT l.status, l.reason, count(*) AS meetings, max(m.ended_at)::VARCHAR AS latest_ended_at
        FROM fetch_ledger l JOIN meetings m USING (meeting_id, date)
        WHERE l.resource = 'recordings' AND l.row_count = 0 GROUP BY ALL ORDER BY meetings DESC""",
}


def run_demo(world_name: str, seed: int, data_dir: str) -> int:
    """Play the demonstration; returns the exit status of its run."""
    from meeting_etl.cli.running import run_and_report  # loads Dagster, which takes its time

    clock = Clock()
    folder = emptied(Path(data_dir).absolute())
    world = _world(world_name, seed, clock)
    write_logs(world, folder / "webhook_logs", seed=seed, until=clock.now())
    with Sandbox(world, clock) as webex:
        display.say(f"Meetings of {world_name}: {len(world.meetings)}; Webex is {webex.base_url}.")
        etl = Etl(environ_for(webex, _KINDS[world_name], folder), clock)
        status = run_and_report(etl, None)
    show_answers(etl, data_dir)
    return status


def environ_for(webex: Sandbox, kind: Kind, folder: Path) -> dict[str, str]:
    """The variables with which the pipeline asks that Webex and writes into that folder."""
    return {
        "WEBEX_BASE_URL": webex.base_url,
        "WEBEX_ACCESS_TOKEN": webex.token(kind),
        "WEBEX_TOKEN_KIND": kind,
        "WEBEX_REQUESTS_PER_MINUTE": "0",
        "MEETING_ETL_DATA_DIR": str(folder),
    }


def show_answers(etl: Etl, data_dir: str) -> None:
    """What a demo ends with: the tables, some answers from them, and how to go on."""
    report.show_tables(etl)
    for question, sql in _QUESTIONS.items():
        names, rows = catalog.query(etl.settings.data_dir, sql)
        display.show_table(question, names, rows)
    _say_how_to_go_on(data_dir)


def serve_sandbox(world_name: str, seed: int, port: int, logs: str | None, faults: Faults) -> None:
    """Serve a world until interrupted, then say what was seen.

    Webhooks that are registered meanwhile are told what happens from then on.
    """
    clock = Clock()
    world = _world(world_name, seed, clock)
    if logs:
        lost = faults.lost_deliveries
        write_logs(world, Path(logs), seed=seed, until=clock.now(), lost=lost)
    webex = Sandbox(world, clock, faults)
    kind = _KINDS[world_name]

    def announce(base_url: str) -> None:
        display.answers.print(f"export WEBEX_BASE_URL={base_url}", soft_wrap=True)
        token = webex.token(kind)
        display.answers.print(
            f"export WEBEX_ACCESS_TOKEN={token} WEBEX_TOKEN_KIND={kind}", soft_wrap=True
        )
        display.say("Serving until Ctrl-C.")

    ended = threading.Event()
    threading.Thread(target=tell, args=(webex, clock, ended), daemon=True).start()
    try:
        webex.serve_forever(port, announce)
    except OSError as error:
        raise SettingsError(f"Port {port}: {error.strerror}; name another with --port.") from error
    finally:
        ended.set()
    seen = webex.counters
    display.say(
        f"{seen.total:,} requests, {seen.repeated_gets:,} of them repeated what had been answered, "
        f"{seen.during_retry_after:,} came during a Retry-After, "
        f"{seen.tokens_elsewhere:,} took the token elsewhere."
    )
    if seen.media_requests:
        sent_bytes = sum(one.bytes_sent for one in seen.media_requests)
        display.say(f"{len(seen.media_requests):,} downloads of files, {sent_bytes:,} bytes.")
    for name, count in seen.injected.most_common():
        display.say(f"  {name}: {count:,} times")


def tell(webex: Sandbox, clock: Clock, ended: threading.Event) -> None:
    """Post to the registered webhooks what happens as time goes by."""
    since = clock.now()
    while not ended.is_set():
        clock.sleep(1)
        now = clock.now()
        webex.play(since, now)
        since = now


def _world(name: str, seed: int, clock: Clock) -> World:
    return guide_world() if name == "guide" else demo_world(seed, clock.now())


def emptied(folder: Path) -> Path:
    """The folder without an earlier demo; anything else in it is left alone, with an error."""
    if folder.exists() and any(folder.iterdir()):
        if not (folder / _MARK).exists():
            raise SettingsError(
                f"{folder} holds something that is no demo. Name another folder with --data-dir."
            )
        shutil.rmtree(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _MARK).touch()
    except OSError as error:
        raise SettingsError(f"{folder}: {error.strerror}; see --data-dir.") from error
    return folder


def _say_how_to_go_on(data_dir: str) -> None:
    command = "meeting-etl" if shutil.which("meeting-etl") else os.path.relpath(sys.argv[0])
    variable = f"MEETING_ETL_DATA_DIR={shlex.quote(data_dir)}"
    opened = shlex.quote(f"{data_dir}/{catalog.CATALOG}")
    display.notes.print("\n", display.styled("Go on", "bold"), sep="")
    display.notes.print(
        f'  one query   {variable} {command} sql "FROM meetings LIMIT 5"\n'
        f"  DuckDB      duckdb -readonly {opened}\n"
        f'  Python      meeting_etl.connect({data_dir!r}).sql("SHOW TABLES")\n'
        f"  Dagster UI  {variable} {command} dev     then open http://127.0.0.1:3000",
        soft_wrap=True,
    )
