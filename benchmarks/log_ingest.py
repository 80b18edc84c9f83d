"""How fast one log of a million lines becomes committed tables, on one core.

Yardstick in the same run: DuckDB's read_ndjson of the same file into one Parquet file, which keeps
neither the bad lines nor where a line lies, and is not incremental.

    .venv/bin/python benchmarks/log_ingest.py
"""

import argparse
import json
import random
import shutil
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.measuring import here, in_process, median, runs_argument

NOW = datetime(2026, 3, 3, tzinfo=UTC)


def write_log(path: Path, lines: int) -> None:
    """Ended and other events of one day, about 1 kB a line, one in a thousand cut off."""
    dice = random.Random(1)
    path.parent.mkdir(parents=True, exist_ok=True)
    filler = {"note": "x" * 360}
    with path.open("w", encoding="utf-8") as file:
        for number in range(lines):
            series = f"{dice.getrandbits(128):032x}" if number % 4 == 0 else series  # noqa: F821
            instance = f"{series}_I_{194316955237230000 + number // 4}"
            received = datetime(2026, 3, 2, tzinfo=UTC) + timedelta(milliseconds=86 * number)
            resource, event = (
                ("meetings", "ended"),
                ("recordings", "created"),
                ("meetingTranscripts", "created"),
                ("meetingParticipants", "joined"),
            )[number % 4]
            end = (received - timedelta(minutes=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
            data = {
                "id": instance if resource == "meetings" else f"{number:032x}",
                "meetingId": instance,
                "start": end,
                "end": end,
                "hostEmail": "dana@sales.example",
                "siteUrl": "sales.webex.example",
                **filler,
            }
            line = json.dumps(
                {
                    "received_at": received.isoformat(),
                    "headers": {"content-type": "application/json"},
                    "body": {
                        "id": "Y2lzY29zcGFyazovL3VzL1dFQkhPT0svMQ",
                        "name": "a webhook",
                        "resource": resource,
                        "event": event,
                        "orgId": "Y2lzY29zcGFyazovL3VzL09SR0FOSVpBVElPTi8x",
                        "created": "2021-05-14T20:20:01.024Z",
                        "data": data,
                    },
                }
            )
            file.write((line[:200] if number % 1000 == 999 else line) + "\n")


def ours(folder: Path) -> None:
    """Ingest what lies in the folder, and say how long it took."""
    from meeting_etl.pipeline.ingest import ingest
    from meeting_etl.settings import Etl
    from meeting_etl.times import Clock

    class Still(Clock):
        def now(self) -> datetime:
            return NOW

    etl = Etl({"MEETING_ETL_DATA_DIR": str(folder)}, Still())
    started = time.perf_counter()
    report = ingest(etl.logs, etl.lake, etl.ledger, etl.clock)
    said = {"seconds": time.perf_counter() - started, "events": report.events}
    print(json.dumps({**said, "rejected": report.rejected.total()}))


def yardstick(log: Path, target: Path) -> None:
    """DuckDB alone, with one thread."""
    import duckdb

    started = time.perf_counter()
    with duckdb.connect() as connection:
        connection.execute("SET threads = 1")
        connection.execute(
            f"COPY (SELECT * FROM read_ndjson('{log}', ignore_errors = true)) "
            f"TO '{target}' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 3)"
        )
    print(json.dumps({"seconds": time.perf_counter() - started}))


def main(lines: int, runs: int) -> None:
    """Both in turn, then the figures."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        log = folder / "webhook_logs/2026-03-02.jsonl"
        write_log(log, lines)
        megabytes = log.stat().st_size / 1e6
        print(f"{lines:,} lines, {megabytes:,.0f} MB, one core, medians of {runs} (least–greatest)")
        us, duck = [], []
        for _ in range(runs):
            for made in ("lake", "state"):
                shutil.rmtree(folder / made, ignore_errors=True)
            us.append(in_process([here("log_ingest.py"), "--ours", name], one_core=True))
            target = str(folder / "duck.parquet")
            arguments = [here("log_ingest.py"), "--yardstick", str(log), target]
            duck.append(in_process(arguments, one_core=True))
    speeds = [megabytes / run.said["seconds"] for run in us]
    yard = [megabytes / run.said["seconds"] for run in duck]
    ratios = [one / other for one, other in zip(speeds, yard, strict=True)]
    print(f"meeting_etl   {median(speeds)} MB/s, peak {median([r.peak_megabytes for r in us])} MB")
    print(f"read_ndjson   {median(yard)} MB/s, peak {median([r.peak_megabytes for r in duck])} MB")
    print(f"ratio         {median(ratios)}")
    print(f"events {us[0].said['events']:,}, rejected {us[0].said['rejected']:,}")


if __name__ == "__main__":
    parser: argparse.ArgumentParser = runs_argument(__doc__)
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--ours", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--yardstick", type=Path, nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.ours:
        ours(given.ours)
    elif given.yardstick:
        yardstick(*given.yardstick)
    else:
        main(given.lines, given.runs)
