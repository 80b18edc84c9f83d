"""`demo --ui`: the Dagster UI over an embedded Webex and its webhook logs.

Belongs here: making them, and the variables that point Dagster at them. Does not: the processes of
Dagster (dagster_processes.py), the invented data (sandbox/).
"""

from collections.abc import Mapping
from pathlib import Path

from meeting_etl.cli import display
from meeting_etl.cli.demo_accounts import demo_environ
from meeting_etl.cli.demo_run import emptied
from meeting_etl.cli.dev import check_port, serve
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.deliveries import write_logs
from meeting_etl.sandbox.world.worlds import World, world_named
from meeting_etl.settings import Etl
from meeting_etl.settings.variables import VARIABLES
from meeting_etl.times import Clock, utc_day


def serve_demo(
    world_name: str, seed: int, data_dir: str, environ: Mapping[str, str], port: int
) -> int:
    """Serve until interrupted; returns the exit status. The sensors do all the work."""
    host = "127.0.0.1"
    check_port(host, port)
    clock = Clock()
    folder = emptied(Path(data_dir).absolute())
    world = world_named(world_name, seed, clock.now())
    write_logs(world, folder / "webhook_logs", seed=seed, until=clock.now())
    with Sandbox(world, clock) as webex:
        ours = demo_environ(webex, folder, _settings(world), world_name=world_name)
        others = {
            name: value
            for name, value in environ.items()
            if name not in VARIABLES and name != "DAGSTER_HOME"
        }
        display.say(
            f"The embedded Webex at {webex.base_url} has {len(world.meetings)} meetings "
            f"({world_name}). The sensors fetch them as soon as Dagster is up."
        )
        return serve([Etl(ours, clock)], others | ours, host, port)


def _settings(world: World) -> str:
    """Partitions from the first meeting on: when Dagster starts, the lake is still empty."""
    first = utc_day(min(meeting.ended_at for meeting in world.meetings))
    return f"[partitions]\nfirst_day = {first}\n\n"
