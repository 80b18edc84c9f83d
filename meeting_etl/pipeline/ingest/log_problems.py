"""What of the webhook logs' folder is not read or is of no use, in sentences for the user.

Belongs here: which files that concerns, and how many of them are named. Does not: reading logs
(ingest.py), showing the sentences (cli).
"""

from collections.abc import Collection, Iterator

import pyarrow.compute as pc

from meeting_etl.lake.lake import Lake
from meeting_etl.schemas import INGESTED_LOGS
from meeting_etl.webhook_logs.listing import shown
from meeting_etl.webhook_logs.logs import Logs

_MOST_NAMES = 3
_MOST_PROBLEMS = 10


def log_problems(logs: Logs, lake: Lake) -> list[str]:
    """What the latest look of `logs` met, and what the logs read so far gave; empty if all is well.

    At most some ten sentences, however many files there are. Raises StorageError when the lake
    cannot be read.
    """
    return [*_bounded(logs.problems), *_unread(logs.unread), *_useless(lake)]


def _bounded(problems: list[str]) -> Iterator[str]:
    yield from sorted(problems)[:_MOST_PROBLEMS]
    if len(problems) > _MOST_PROBLEMS:
        yield f"{len(problems) - _MOST_PROBLEMS:,} more files or folders have such a problem."


def _unread(names: Collection[str]) -> Iterator[str]:
    if names:
        yield (
            f"{_files(names)} not read: {_some(names)}. A log's name ends in .jsonl, .ndjson, "
            ".json or .log; a number or date (.1, -20261120) and .gz may follow."
        )


def _useless(lake: Lake) -> Iterator[str]:
    """Logs with lines of which not one is an event."""
    rows = lake.read(INGESTED_LOGS, columns=["log_file", "events", "rejected"])
    useless = pc.and_(pc.equal(rows["events"], 0), pc.greater(rows["rejected"], 0))
    names = sorted(rows["log_file"].filter(useless).to_pylist())
    if names:
        yield (
            f"{_files(names)} read, but not one line there is a webhook event: {_some(names)}. "
            "`meeting-etl rejected` shows why."
        )


def _files(names: Collection[str]) -> str:
    return (
        "1 file in the folder of webhook logs is"
        if len(names) == 1
        else (f"{len(names):,} files in the folder of webhook logs are")
    )


def _some(names: Collection[str]) -> str:
    first = [shown(name) for name in list(names)[:_MOST_NAMES]]
    rest = len(names) - len(first)
    return ", ".join(first) + (f" and {rest:,} more" if rest else "")
