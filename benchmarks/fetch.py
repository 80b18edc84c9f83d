"""How long `meeting-etl run` takes for 500 meetings, beside an older checkout and wxc_sdk.

The embedded Webex is a process of its own and takes 50 ms for every answer; no rate is set. All are
measured in turn, from outside: the whole command, and from its first request to its last. The peer
wxc_sdk makes the same requests, 40 concurrently, and stores nothing.

    .venv/bin/python benchmarks/fetch.py --against FOLDER
    .venv/bin/python benchmarks/fetch.py --against FOLDER --days 5
"""

import argparse
import asyncio
import json
import sys
import tempfile
from collections import defaultdict
from datetime import timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.embedded_webex import UNTIL, EmbeddedWebex, embedded_webex
from benchmarks.measuring import (
    against_argument,
    command,
    here,
    in_process,
    median,
    ratio,
    runs_argument,
    versions,
)

MEETINGS, SNIPPETS = 500, 50
PEER, CONCURRENT = "wxc_sdk", 40
OLDER_BOUND, PEER_BOUND = 0.6, 1.2
Figures = dict[str, list[float]]


async def peer(base_url: str, token: str) -> None:
    """Everything about the ended meetings of a fortnight: listed, then each meeting's."""
    from wxc_sdk.as_api import AsWebexSimpleApi
    from wxc_sdk.as_rest import AsRestSession

    AsRestSession.BASE = base_url
    since, until = (UNTIL - timedelta(days=14)).isoformat(), UNTIL.isoformat()

    async with AsWebexSimpleApi(tokens=token, concurrent_requests=CONCURRENT) as api:
        of = api.meetings

        async def snippets_of(meeting_id: str) -> int:
            transcripts = await of.transcripts.list(meeting_id, from_=since, to_=until)
            requests = [of.transcripts.list_snippets(str(each.id), max=100) for each in transcripts]
            return sum(len(snippets) for snippets in await asyncio.gather(*requests))

        async def fetch(meeting_id: str) -> int:
            snippets, *_ = await asyncio.gather(
                snippets_of(meeting_id),
                of.participants.list_participants(meeting_id, max=100),
                of.recordings.list_recordings(since, until, meeting_id=meeting_id),
            )
            return snippets

        meetings = await of.list(
            meeting_type="meeting", state="ended", from_=since, to_=until, max=100
        )
        snippets = await asyncio.gather(*(fetch(str(meeting.id)) for meeting in meetings))
    print(json.dumps({"meetings": len(meetings), "snippets": sum(snippets)}))


def measure(webex: EmbeddedWebex, code: Path | None) -> dict[str, float]:
    """A run of a checkout, or of the peer, on an empty data folder."""
    with tempfile.TemporaryDirectory() as folder:
        webex.write_logs(folder)
        if code:
            measured = command(code, webex.environ(folder), "run")
        else:
            measured = in_process([here("fetch.py"), "--peer", webex.base_url, webex.token])
            assert measured.output == {"meetings": MEETINGS, "snippets": MEETINGS * SNIPPETS}
        counts = webex.counts()
    return {
        "whole": measured.seconds,
        "requesting": counts["seconds"],
        "cpu": measured.cpu_seconds,
        "peak": measured.peak_megabytes,
        "requests": counts["requests"],
    }


def main(runs: int, days: int, latency_ms: int, against: Path | None, kind: str) -> None:
    """All in turn, then the figures."""
    ways: dict[str, Path | None] = {**versions(against)}
    if kind == "user":  # the peer has no listing of meetings for other tokens
        ways[PEER] = None
    print(f"{MEETINGS} meetings of {days} days, {latency_ms} ms, token of kind {kind}")
    figures: dict[str, Figures] = {way: defaultdict(list) for way in ways}
    # An empty page ends a listing of the peer before its end.
    with embedded_webex(
        meetings=MEETINGS,
        days=days,
        snippets=SNIPPETS,
        kind=kind,
        latency_ms=latency_ms,
        empty_page_every=0,
    ) as webex:
        for _ in range(runs):
            for way, code in ways.items():
                for name, value in measure(webex, code).items():
                    figures[way][name].append(value)
    report(figures)


def report(figures: dict[str, Figures]) -> None:
    """Medians of each way, and the ratios of this checkout to the others."""
    for way, found in figures.items():
        print(
            f"{way:<10} whole {median(found['whole'])} s, "
            f"first to last request {median(found['requesting'])} s, CPU {median(found['cpu'])} s, "
            f"peak {median(found['peak'])} MB, {max(found['requests']):,.0f} requests"
        )
    now = figures.pop("now")
    for way, found in figures.items():
        if way == PEER:
            print(f"first to last request, now ÷ {way}", end="   ")
            print(f"{ratio(now['requesting'], found['requesting'])}, bound {PEER_BOUND}")
        else:
            print(f"whole, now ÷ {way}   {ratio(now['whole'], found['whole'])}, ", end="")
            print(f"bound {OLDER_BOUND}")
            for name in ("requesting", "peak", "requests"):
                print(f"{name}, now ÷ {way}   {ratio(now[name], found[name])}")


if __name__ == "__main__":
    parser: argparse.ArgumentParser = runs_argument(__doc__)
    against_argument(parser)
    parser.add_argument("--days", type=int, default=1, help="on which the meetings ended")
    parser.add_argument("--latency-ms", type=int, default=50)
    parser.add_argument("--kind", choices=["user", "admin", "compliance"], default="user")
    parser.add_argument("--peer", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.peer:
        asyncio.run(peer(*given.peer))
    else:
        main(given.runs, given.days, given.latency_ms, given.against, given.kind)
