"""Runs `meeting-etl run`, or a few tables of a day, and counts which files the flow goes through.

Belongs here: the profile hook, and what is left out. Does not: the flows (flow.py). A script of its
own that looks for meeting_etl where PYTHONPATH says, so that an older checkout can be counted.
Prints as JSON: file, and how often the flow changed to it.
"""

import json
import os
import sys
import threading
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any

import meeting_etl

ROOT = f"{Path(meeting_etl.__file__).parent}/"
# What surrounds the flow, but for its calls into other rooms.
AROUND = ("cli/", "orchestration/", "settings", "definitions")
# Left out with all that it calls: imports, and the catalog, which does not depend on the meeting.
APART = ("lake/catalog",)


class Changes(threading.local):
    """Changes of file, counted for each thread apart."""

    def __init__(self, total: Counter[str]) -> None:
        self._total = total
        self._file = ""
        self._depth_apart = 0

    def hook(self, frame: FrameType, event: str, argument: Any) -> None:
        """For sys.setprofile: a call of a function of the package, or a return from it."""
        code = frame.f_code
        if event not in ("call", "return") or not code.co_filename.startswith(ROOT):
            return
        file = code.co_filename.removeprefix(ROOT)
        if file.startswith(APART) or code.co_name == "<module>":
            self._depth_apart = max(0, self._depth_apart + (1 if event == "call" else -1))
        elif not (
            self._depth_apart or file.startswith(("sandbox/", *AROUND)) or file == self._file
        ):
            self._file = file
            self._total[file] += 1


def run(arguments: list[str]) -> None:
    """The command in this process."""
    from meeting_etl.cli.main import main

    sys.argv = ["meeting-etl", "run", *arguments]
    try:
        main()
    except SystemExit as ended:
        if ended.code:
            raise


def materialize(day: str, tables: list[str]) -> None:
    """Ingest, then these tables of the day."""
    import dagster as dg

    from meeting_etl.definitions import build_defs
    from meeting_etl.settings import Etl

    etl = Etl(os.environ)
    assets: Any = build_defs(etl).assets
    with dg.DagsterInstance.ephemeral() as instance:
        for selection, key in ((["webhook_events"], None), (tables, day)):
            result = dg.materialize(
                assets,
                selection=selection,
                partition_key=key,
                instance=instance,
                resources={"etl": etl},
                run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            )
            assert result.success


if __name__ == "__main__":
    total: Counter[str] = Counter()
    changes = Changes(total)
    threading.setprofile(changes.hook)
    sys.setprofile(changes.hook)
    if sys.argv[1] == "--run":
        run(sys.argv[2:])
    else:
        materialize(sys.argv[1], sys.argv[2:])
    sys.setprofile(None)
    print(json.dumps(total))
