"""What a commit costs on a day in a bucket, and on the same day in a folder.

A day of 1,440,000 snippets, as 28,800 meetings have them. Then 25,000 snippets of 500 new meetings
arrive, six times under the day's lock, of which the first one is apart: it reads which rows are
where. Beside the seconds the requests that the bucket gets. The bucket is one of SeaweedFS on this
machine.

    .venv/bin/python benchmarks/object_storage.py
"""

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.commit import COMMIT_MEETINGS, DAY, SNIPPETS, joined, meeting
from benchmarks.measuring import here, in_process, median

ROWS = 1_440_000
COMMITS = 6


def measure(folder: Path, rows: int, *, in_bucket: bool) -> None:
    """Seconds and requests of each commit."""
    from meeting_etl.files import Files
    from meeting_etl.lake.lake import Lake
    from meeting_etl.object_storage.object_files import ObjectFiles
    from meeting_etl.state import LocalState
    from meeting_etl_tests.cluster.s3_proxy import s3_proxy
    from meeting_etl_tests.cluster.s3_server import s3_server

    if not in_bucket:
        print(json.dumps(commits(Lake(Files(folder)), rows, [])))
        return
    with s3_server() as server, s3_proxy(server.environ["AWS_ENDPOINT_URL"]) as (proxy, endpoint):
        os.environ.update(server.environ)
        state, files = LocalState(Files(folder)), ObjectFiles("s3://meetings/etl")
        found = commits(Lake(files, state), rows, [])
        os.environ["AWS_ENDPOINT_URL"] = endpoint  # which is slower, so apart
        counted = commits(Lake(ObjectFiles("s3://meetings/etl"), state), rows, proxy.seen)
        print(json.dumps(found | {"requests": counted["requests"]}))


def commits(lake: Any, rows: int, seen: list[Any]) -> dict[str, list[float]]:
    from meeting_etl.lake.arrow_rows import to_arrow
    from meeting_etl.schemas import TRANSCRIPT_SNIPPETS

    meetings = rows // SNIPPETS
    if not lake.tables.parts(TRANSCRIPT_SNIPPETS, DAY):
        part_meetings = TRANSCRIPT_SNIPPETS.part_rows // SNIPPETS + 1
        for part, first in enumerate(range(0, meetings, part_meetings)):
            some = range(first, min(first + part_meetings, meetings))
            table = to_arrow(TRANSCRIPT_SNIPPETS, joined([meeting(n) for n in some])[0])
            lake.tables.commit(TRANSCRIPT_SNIPPETS, DAY, [(part, table)])
    first = lake.count(TRANSCRIPT_SNIPPETS, DAY) // SNIPPETS
    seconds, cpu_seconds, requests = [], [], []
    with lake.lock_days([DAY]):
        for number in range(COMMITS):
            start = first + number * COMMIT_MEETINGS
            new = joined([meeting(n) for n in range(start, start + COMMIT_MEETINGS)])
            transcripts = {"transcript_id": [row["transcript_id"] for row in new[1]]}
            table, before = to_arrow(TRANSCRIPT_SNIPPETS, new[0]), len(seen)
            started, cpu_started = time.perf_counter(), time.process_time()
            lake.merge(TRANSCRIPT_SNIPPETS, DAY, table, replacing=transcripts)
            seconds.append(time.perf_counter() - started)
            cpu_seconds.append(time.process_time() - cpu_started)
            requests.append(float(len(seen) - before))
    return {"seconds": seconds, "cpu_seconds": cpu_seconds, "requests": requests}


def main(rows: int) -> None:
    for name, in_bucket in (("folder", 0), ("bucket", 1)):
        with tempfile.TemporaryDirectory() as folder:
            arguments = [here("object_storage.py"), "--ours", folder, str(in_bucket)]
            done = in_process([*arguments, "--rows", str(rows)], environ=dict(os.environ))
        seconds, cpu, requests = (
            done.output[key] for key in ("seconds", "cpu_seconds", "requests")
        )
        print(
            f"{name}: first commit {seconds[0]:.2f} s, later ones {median(seconds[1:])} s; "
            f"CPU {cpu[0]:.2f} s, then {median(cpu[1:])} s; "
            f"requests {requests[0]:.0f}, then {median(requests[1:])}; "
            f"peak {done.peak_megabytes:.0f} MB"
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS, help="snippets of the day")
    parser.add_argument("--ours", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.ours:
        measure(Path(given.ours[0]), given.rows, in_bucket=given.ours[1] == "1")
    else:
        main(given.rows)
