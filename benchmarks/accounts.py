"""How the rates of several accounts add up.

An embedded Webex allows each owner of tokens 300 requests a minute with a burst of 12, and demands
a Retry-After of 30 s of whoever exceeds that. `meeting-etl run`, in this process, fetches one day
of 150 meetings: with 1, 2 and 4 accounts of compliance officers, each with that rate configured.
The rate is that of all requests but for the bursts, from the first answer to the last, as Webex
sees it.

    .venv/bin/python benchmarks/accounts.py
"""

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.measuring import median, runs_argument
from meeting_etl.sandbox.faults.faults import Faults
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.deliveries import write_logs
from meeting_etl.sandbox.world.worlds import World, sized_world
from meeting_etl.settings import Etl
from meeting_etl.times import Clock

MEETINGS = 150
PER_MINUTE = 300
# Of the product, for each account.
BURST = 10
FOURTH = "another.host@sized.example"
BOUNDS = {1: 1.0, 2: 1.9, 4: 3.7}


def measure(count: int) -> tuple[float, int, int]:
    """Requests a minute with so many accounts, those refused with 429, and those sent early."""
    import dagster as dg

    from meeting_etl.definitions import build_defs
    from meeting_etl.orchestration.run_now import run_now

    clock = Clock()
    world = sized_world(1, clock.now(), meetings=MEETINGS, participants=4, snippets=20)
    owners = [person.email for person in (world.officer, world.admin, world.owner)] + [FOURTH]
    faults = Faults(requests_per_second=PER_MINUTE / 60, burst=12, retry_after_seconds=30)
    with (
        Sandbox(with_another_host(world), clock, faults) as webex,
        tempfile.TemporaryDirectory() as folder,
        dg.DagsterInstance.ephemeral() as instance,
    ):
        sections = "".join(
            f'[accounts.officer-{number}]\nkind = "compliance"\n'
            f'access_token = "env:OFFICER_{number}"\n'
            for number in range(count)
        )
        settings = Path(folder) / "settings.toml"
        settings.write_text(sections)
        environ = {
            "WEBEX_BASE_URL": webex.base_url,
            "WEBEX_REQUESTS_PER_MINUTE": str(PER_MINUTE),
            "MEETING_ETL_SETTINGS": str(settings),
            "MEETING_ETL_DATA_DIR": f"{folder}/data",
            **{
                f"OFFICER_{number}": webex.token("compliance", owners[number])
                for number in range(count)
            },
        }
        write_logs(world, Path(folder) / "data" / "webhook_logs", seed=1, until=clock.now())
        etl = Etl(environ, clock)
        assert not run_now(build_defs(etl), instance, etl).failures
        seen = webex.counters
        rate = 60 * (seen.total - BURST * count) / seen.seconds
        return rate, seen.injected["rate_limit"], seen.during_retry_after


def with_another_host(world: World) -> World:
    """The world with one more person to own tokens: the host of its first meeting."""
    first, *others = world.meetings
    host = replace(first.host, email=FOURTH, user_id="another")
    return replace(world, meetings=(replace(first, host=host), *others))


if __name__ == "__main__":
    given = runs_argument(__doc__).parse_args()
    print(f"{MEETINGS} meetings, {PER_MINUTE} requests/min an account; medians of {given.runs}")
    found: dict[int, list[float]] = {count: [] for count in BOUNDS}
    refused, early = 0, 0
    for _ in range(given.runs):
        for count in BOUNDS:
            rate, refused_now, early_now = measure(count)
            found[count].append(rate)
            refused, early = refused + refused_now, early + early_now
    one = sorted(found[1])[len(found[1]) // 2]
    for count, rates in found.items():
        ratios = [rate / one for rate in rates]
        print(
            f"{count} accounts: {median(rates)} requests/min, {median(ratios)} x one account, "
            f"bound {BOUNDS[count]}"
        )
    print(f"in all runs {refused} refused with 429, {early} early, bound 0")
