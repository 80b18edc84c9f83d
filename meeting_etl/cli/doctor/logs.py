"""Section logs: whether the webhook logs are read, and whether what is in them is of use.

Belongs here: looking at the folder of logs. Does not: who writes them (hooks.py).
"""

from meeting_etl.cli.doctor.line import Finding, Line, look, ok, skipped, warning
from meeting_etl.pipeline.ingest.log_problems import log_problems
from meeting_etl.schemas import INGESTED_LOGS
from meeting_etl.settings import Etl
from meeting_etl.webhook_logs.known_logs import KnownLogs
from meeting_etl.webhook_logs.listing import shown

_SECTION = "logs"


def log_lines(etl: Etl) -> list[Line]:
    """Nothing is read of the logs but what tells which they are."""
    return [look(_SECTION, "files", lambda: _files(etl))]


def _files(etl: Etl) -> Finding:
    known = etl.lake.read(INGESTED_LOGS)
    new = etl.logs.scan(KnownLogs(known))
    troubles = log_problems(etl.logs, etl.lake)
    if unfinished := etl.logs.unfinished:
        first = shown(next(iter(unfinished)))
        troubles.append(
            f"{len(unfinished):,} with no finished line yet, what they hold waits for a newline: "
            f"{first}{' and others' if len(unfinished) > 1 else ''}."
        )
    if troubles:
        return warning(" ".join(troubles), "Move away or rename what is no log.")
    if not known.num_rows and not new:
        return skipped(f"There are no webhook logs in {etl.logs_folder}.")
    return ok(
        f"{known.num_rows:,} logs are known, {len(new):,} have something new for the next run."
    )
