"""How fast webhook logs become committed tables, on one core, and what a small change costs.

One log of a million lines; yardstick in the same run: DuckDB's read_ndjson of the same file into
one Parquet file, which keeps neither the bad lines nor where a line lies, and is not incremental.
Then pairs that ought to cost the same: dates in order and shuffled, ten more lines on a small day
and on a large one, one more line behind few undated events and behind many.

    .venv/bin/python benchmarks/log_ingest.py
"""

import argparse
import json
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.measuring import Measured, here, in_process, median, runs_argument

NOW = datetime(2026, 3, 3, tzinfo=UTC)
SHUFFLED_LINES, SHUFFLED_DAYS = 2_000, 600
DAY_SIZES = (1_000, 160_000)
UNDATED_SIZES = (1_000, 60_000)


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
    print(json.dumps(ingested(folder)))


def ingested(folder: Path) -> dict[str, float]:
    """Ingest what is new in the folder: the seconds it took, and how many lines became what."""
    from meeting_etl.pipeline.ingest.ingest import ingest
    from meeting_etl.settings import Etl
    from meeting_etl.times import Clock

    class Still(Clock):
        def now(self) -> datetime:
            return NOW

    etl = Etl({"MEETING_ETL_DATA_DIR": str(folder)}, Still())
    started = time.perf_counter()
    report = ingest(etl.logs, etl.lake, etl.ledger, etl.clock)
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "events": report.events, "rejected": report.rejected.total()}


def add_lines(folder: Path, lines: Iterable[str]) -> None:
    """Append to the one log of the folder."""
    log = folder / "webhook_logs/a.jsonl"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a") as file:
        file.writelines(lines)


def ended(number: int, at: datetime) -> str:
    """A line about the end of a meeting of its own."""
    data = {"id": f"{number:032x}_I_{number}", "end": at.isoformat()}
    body = {"resource": "meetings", "event": "ended", "data": data}
    return json.dumps({"received_at": at.isoformat(), "body": body}) + "\n"


def joined(number: int, at: datetime | None) -> str:
    """A line about a participant, with some 300 bytes that cannot be compressed well."""
    padding = random.Random(number).randbytes(150).hex()
    data = {"id": f"p{number}", "meetingId": f"{number % 500:032x}_I_1", "note": padding}
    body = {"resource": "meetingParticipants", "event": "joined", "data": data}
    return json.dumps({"received_at": at.isoformat(), "body": body} if at else body) + "\n"


def shuffled_and_sorted(folder: Path, runs: int) -> None:
    """The same lines, in order of their dates and in random order."""
    start = datetime(2024, 1, 1, 11, tzinfo=UTC)
    days = (number * SHUFFLED_DAYS // SHUFFLED_LINES for number in range(SHUFFLED_LINES))
    lines = [ended(number, start + timedelta(days=day)) for number, day in enumerate(days)]
    mixed = random.Random(1).sample(lines, len(lines))
    seconds: dict[str, list[float]] = {"sorted": [], "shuffled": []}
    for number in range(runs):
        for (how, some), content in zip(seconds.items(), (lines, mixed), strict=True):
            add_lines(folder / f"{how}-{number}", content)
            some.append(ingested(folder / f"{how}-{number}")["seconds"])
    tell_pair(f"{SHUFFLED_LINES:,} lines over {SHUFFLED_DAYS} days", seconds)


def more_lines(
    folder: Path, runs: int, sizes: tuple[int, ...], lines: int, at: datetime | None
) -> None:
    """Some lines behind few and behind many that were ingested before."""
    seconds: dict[str, list[float]] = {f"{size:,} events before": [] for size in sizes}
    places = [folder / f"{'undated' if at is None else 'day'}-{size}" for size in sizes]
    for place, size in zip(places, sizes, strict=True):
        add_lines(place, (joined(number, at) for number in range(size)))
        ingested(place)
    for run in range(runs):
        for place, some in zip(places, seconds.values(), strict=True):
            add_lines(place, (joined(10**6 + run * lines + number, at) for number in range(lines)))
            some.append(ingested(place)["seconds"])
    tell_pair(f"{lines} more lines {'without date' if at is None else 'of a day'}", seconds)


def tell_pair(what: str, seconds: dict[str, list[float]]) -> None:
    """Medians of both, and that of the ratios of neighbouring runs."""
    print(what)
    for how, some in seconds.items():
        print(f"    {how:30} {median(some)} s")
    few, many = seconds.values()
    print(f"    ratio {median([one / other for one, other in zip(many, few, strict=True)])}")


def small_changes(runs: int) -> None:
    """What ought to cost the same, side by side."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shuffled_and_sorted(folder, runs)
        more_lines(folder, runs, DAY_SIZES, 10, datetime(2026, 3, 2, 11, tzinfo=UTC))
        more_lines(folder, runs, UNDATED_SIZES, 1, None)


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
        said = some[0].output
        print(f"    events {said['events']:,}, rejected {said['rejected']:,}")
    tell("read_ndjson into Parquet", duck, megabytes)
    usual = us["fields that are known"]
    pairs = zip(usual, duck, strict=True)
    print(
        f"ratio {median([yard.output['seconds'] / one.output['seconds'] for one, yard in pairs])}"
    )


def tell(what: str, some: list[Measured], megabytes: float) -> None:
    """Speed and memory of some runs."""
    speed = median([megabytes / result.output["seconds"] for result in some])
    print(f"{what:36} {speed} MB/s, peak {median([result.peak_megabytes for result in some])} MB")


if __name__ == "__main__":
    parser: argparse.ArgumentParser = runs_argument(__doc__)
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--small", action="store_true", help="small changes only")
    parser.add_argument("--ours", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--yardstick", type=Path, nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.ours:
        ours(given.ours)
    elif given.yardstick:
        yardstick(*given.yardstick)
    else:
        if not given.small:
            main(given.lines, given.runs)
        small_changes(given.runs)
