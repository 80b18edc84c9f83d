"""Unfinished downloads on this machine that nobody will finish.

Belongs here: finding and removing them. Does not: how a download is resumed (download.py), files
of what was deleted, erased or pruned where the tables are (pipeline/deletions/, pipeline/prune.py).

With tables in a bucket they are on the disk of the machine that began the download, and another one
may finish it: so each machine removes its own.
"""

from collections import defaultdict
from collections.abc import Collection
from contextlib import suppress
from datetime import date

from meeting_etl.errors import DamagedFile
from meeting_etl.files import Files
from meeting_etl.lake.lake import Lake
from meeting_etl.pipeline.deletions.erased_files import erased_meetings
from meeting_etl.pipeline.ledger.ledger import Ledger
from meeting_etl.pipeline.ledger.work_item import WorkItem
from meeting_etl.pipeline.paths import FOLDERS, file_stem, files_folder, stem_of
from meeting_etl.pipeline.resources.recording_locks import lock_of_files
from meeting_etl.schemas import RECORDING_FILES
from meeting_etl.times import parse_day

_RESOURCE = RECORDING_FILES.name
_PARTIAL = (".part", ".part.json")
_WORDS = ".transcript.part"


def remove_abandoned(
    files: Files, lake: Lake, ledger: Ledger, days: Collection[date] | None = None
) -> None:
    """Remove unfinished downloads that no open work item needs, of these days or of all.

    Another machine may have finished them; or the recording was deleted, is out of bounds or too
    old; or its meeting was erased or moved to another day. What is being downloaded stays, and so
    does what is on a day whose tables cannot be read.
    """
    for name in files.names(FOLDERS[_RESOURCE]):
        day = parse_day(name.removeprefix("date="))
        if day is not None and (days is None or day in days):
            with suppress(DamagedFile):
                _remove_of_day(files, lake, ledger, day)


def _remove_of_day(files: Files, lake: Lake, ledger: Ledger, day: date) -> None:
    folder = files_folder(_RESOURCE, day)
    partial: dict[str, list[str]] = defaultdict(list)
    for name in files.names(folder):
        if name.startswith(".") and name.endswith(_PARTIAL):
            partial[stem_of(name)].append(f"{folder}/{name}")
    needed = _needed(lake, ledger, day) if partial else set()
    for stem, names in partial.items():
        if stem in needed:
            names = [name for name in names if _mentions_erased(files, lake, name)]
        if not names:
            continue
        with lake.state.lock_if_free(lock_of_files(stem)) as lock:
            for name in names if lock else ():
                files.remove(name)


def _needed(lake: Lake, ledger: Ledger, day: date) -> set[str]:
    """Stems of the recordings of a day that may still be downloaded."""
    erasures, erased = lake.privacy.erasures, erased_meetings(lake, day)

    def is_open(item: WorkItem) -> bool:
        is_erased = item.meeting_id in erased or erasures.of_meeting(item.meeting_id)
        return item.next_attempt_at is not None and not is_erased

    items = (item for item in ledger.items(day) if item.resource == _RESOURCE)
    return {file_stem(item.resource_id) for item in items if is_open(item)}


def _mentions_erased(files: Files, lake: Lake, name: str) -> bool:
    erasures = lake.privacy.erasures
    if not (erasures.all and name.endswith(_WORDS)):
        return False
    text = (files.read_bytes(name) or b"").decode(errors="replace")
    return erasures.mentions.blank(text) != text
