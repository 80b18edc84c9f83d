"""Files in the folder of webhook logs that are not read or have no event, as sentences for users.

Belongs here: which files these are, and how many of them are named. Does not: reading logs
(ingest.py), showing the sentences (cli).
"""

from collections.abc import Collection, Iterator

import pyarrow.compute as pc

from meeting_etl.lake.lake import Lake
from meeting_etl.schemas import INGESTED_LOGS
from meeting_etl.webhook_logs.listing import shown
from meeting_etl.webhook_logs.logs import Logs

_MAX_NAMES = 3
_MAX_PROBLEMS = 10


def log_problems(logs: Logs, lake: Lake) -> list[str]:
    """Problems of the latest scan of `logs`, and logs without any event; empty if there are none.

    About ten sentences at most, however many files there are. Raises StorageError when the lake
    cannot be read.
    """
    return [*_bounded(logs.problems), *_unread(logs.unread), *_without_events(lake)]


def _bounded(problems: list[str]) -> Iterator[str]:
    yield from sorted(problems)[:_MAX_PROBLEMS]
    if len(problems) > _MAX_PROBLEMS:
        yield f"{len(problems) - _MAX_PROBLEMS:,} more files or folders have similar problems."


def _unread(names: Collection[str]) -> Iterator[str]:
    if names:
        yield (
            f"{_files(names)} not read: {_first_names(names)}. The name of a log must end in "
            ".jsonl, .ndjson, .json or .log; a number or date (.1, -20261120) and .gz may follow."
        )


def _without_events(lake: Lake) -> Iterator[str]:
    """Logs with rejected lines and not a single event."""
    rows = lake.read(INGESTED_LOGS, columns=["log_file", "events", "rejected"])
    only_rejected = pc.and_(pc.equal(rows["events"], 0), pc.greater(rows["rejected"], 0))
    names = sorted(rows["log_file"].filter(only_rejected).to_pylist())
    if names:
        yield (
            f"{_files(names)} read, but no line there is a webhook event: {_first_names(names)}. "
            "Run `meeting-etl rejected` to see why."
        )


def _files(names: Collection[str]) -> str:
    if len(names) == 1:
        return "1 file in the folder of webhook logs is"
    return f"{len(names):,} files in the folder of webhook logs are"


def _first_names(names: Collection[str]) -> str:
    first = [shown(name) for name in list(names)[:_MAX_NAMES]]
    rest = len(names) - len(first)
    return ", ".join(first) + (f" and {rest:,} more" if rest else "")
