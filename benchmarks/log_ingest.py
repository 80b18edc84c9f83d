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

from benchmarks.measuring import Measured, here, in_process, median, runs_argument

NOW = datetime(2026, 3, 3, tzinfo=UTC)


def write_log(path: Path, lines: int, *, unknown_field: bool) -> None:
    """Ended and other events of one day, about 1 kB a line, one in a thousand cut off.

    With `unknown_field` each payload has a field that no source names, so that the quick way of
    reading, which knows all fields, does not serve.
    """
    dice = random.Random(1)
    path.parent.mkdir(parents=True, exist_ok=True)
    kinds = (
        ("meetings", "ended"),
        ("recordings", "created"),
        ("meetingTranscripts", "created"),
        ("meetingParticipants", "joined"),
    )
    key = "Y2lzY29zcGFyazovL3VybjpURUFNOnVzLXdlc3QtMl9yL1dFQkhPT0sv" + "A" * 8
    series = ""
    with path.open("w", encoding="utf-8") as file:
        for number in range(lines):
            if number % 4 == 0:
                series = f"{dice.getrandbits(128):032x}"
            instance = f"{series}_I_{194316955237230000 + number // 4}"
            received = datetime(2026, 3, 2, tzinfo=UTC) + timedelta(milliseconds=86 * number)
            end = (received - timedelta(minutes=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
            resource, event = kinds[number % 4]
            data = {
                "id": instance if resource == "meetings" else f"{number:032x}",
                "meetingId": instance,
                "meetingType": "meeting",
                "title": "Weekly pipeline review with the northern region",
                "timezone": "UTC",
                "start": end,
                "end": end,
                "hostUserId": key,
                "hostEmail": "dana@sales.example",
                "siteUrl": "sales.webex.example",
                "orgId": "55c5ae3f-8d7f-427b-a4f9-5e3cb3dddf7b",
            }
            payload = {
                "id": key,
                "name": "Webhook of the meeting tables",
                "targetUrl": "https://hooks.sales.example/webhooks/webex",
                "resource": resource,
                "event": event,
                "orgId": key,
                "createdBy": key,
                "appId": key,
                "ownedBy": "creator",
                "status": "active",
                "created": "2021-05-14T20:20:01.024Z",
                "data": data | ({"mood": 1} if unknown_field else {}),
            }
            envelope = {
                "received_at": received.isoformat(),
                "headers": {"content-type": "application/json"},
                "body": payload,
            }
            line = json.dumps(envelope)
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
    """All in turn, then the figures."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        logs = {"fields that are known": "usual", "with an unknown field": "odd"}
        us: dict[str, list[Measured]] = {what: [] for what in logs}
        duck = []
        for place in logs.values():
            log = folder / place / "webhook_logs/2026-03-02.jsonl"
            write_log(log, lines, unknown_field=place == "odd")
        megabytes = log.stat().st_size / 1e6
        print(f"{lines:,} lines, {megabytes:,.0f} MB, one core, medians of {runs} (least–greatest)")
        for _ in range(runs):
            for what, place in logs.items():
                for made in ("lake", "state"):
                    shutil.rmtree(folder / place / made, ignore_errors=True)
                arguments = [here("log_ingest.py"), "--ours", str(folder / place)]
                us[what].append(in_process(arguments, one_core=True))
            target = str(folder / "duck.parquet")
            arguments = [here("log_ingest.py"), "--yardstick", str(log), target]
            duck.append(in_process(arguments, one_core=True))
    for what, some in us.items():
        tell(f"meeting_etl, {what}", some, megabytes)
        said = some[0].said
        print(f"    events {said['events']:,}, rejected {said['rejected']:,}")
    tell("read_ndjson into Parquet", duck, megabytes)
    usual = us["fields that are known"]
    pairs = zip(usual, duck, strict=True)
    print(f"ratio {median([yard.said['seconds'] / one.said['seconds'] for one, yard in pairs])}")


def tell(what: str, some: list[Measured], megabytes: float) -> None:
    """Speed and memory of some runs."""
    speed = median([megabytes / one.said["seconds"] for one in some])
    print(f"{what:36} {speed} MB/s, peak {median([one.peak_megabytes for one in some])} MB")


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
