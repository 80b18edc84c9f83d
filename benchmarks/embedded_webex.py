"""An embedded Webex in a process of its own, for scripts that measure `meeting-etl run`.

Belongs here: what those scripts tell it, a line at a time, and where it is reached. Does not: what
is measured. It speaks to them through measuring.Server.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.measuring import Server, serving

UNTIL = datetime(2026, 3, 9, tzinfo=UTC)


class EmbeddedWebex:
    """What it is asked for; the last of its meetings ended five days before UNTIL."""

    def __init__(self, server: Server, kind: str) -> None:
        self._server = server
        self.pid = server.pid
        self.kind = kind
        self.base_url, self.token = server.next()

    def environ(self, folder: str, **more: str) -> dict[str, str]:
        """Settings of a run with this data folder and no rate limit, if `more` has none."""
        return {
            "WEBEX_BASE_URL": self.base_url,
            "WEBEX_ACCESS_TOKEN": self.token,
            "WEBEX_TOKEN_KIND": self.kind,
            "WEBEX_REQUESTS_PER_MINUTE": "0",
            "MEETING_ETL_DATA_DIR": folder,
            **more,
        }

    def write_logs(self, folder: str) -> None:
        """Write the webhook logs of its world to this data folder, and count from zero."""
        self._server.ask(folder)

    def counts(self) -> dict[str, Any]:
        """Requests answered with success, `refused` with 429, `early` during a Retry-After.

        `seconds` passed from the first answer to the last.
        """
        counts: dict[str, Any] = self._server.ask("")
        return counts


@contextmanager
def embedded_webex(
    *,
    meetings: int,
    days: int = 1,
    participants: int = 10,
    snippets: int = 50,
    kind: str = "user",
    **faults: float,
) -> Iterator[EmbeddedWebex]:
    """A world of this size on its last days, with these faults."""
    world = {"meetings": meetings, "days": days, "participants": participants, "snippets": snippets}
    with serving("embedded_webex.py", json.dumps(world), kind, json.dumps(faults)) as server:
        yield EmbeddedWebex(server, kind)


def serve(size: dict[str, int], kind: Any, faults: dict[str, Any]) -> None:
    """Say address and token, then answer each line."""
    from meeting_etl.sandbox.faults.faults import Faults
    from meeting_etl.sandbox.sandbox import Sandbox
    from meeting_etl.sandbox.world.deliveries import write_logs
    from meeting_etl.sandbox.world.worlds import sized_world

    world = sized_world(1, UNTIL, **size)
    with Sandbox(world, faults=Faults(**faults)) as webex:
        print(json.dumps([webex.base_url, webex.token(kind)]), flush=True)
        for line in sys.stdin:
            counters, answer = webex.counters, None
            if folder := line.strip():
                write_logs(world, Path(folder) / "webhook_logs", seed=1, until=UNTIL)
                counters.reset()
            else:
                refused = counters.injected["rate_limit"]
                answer = {
                    "requests": counters.total - refused,
                    "refused": refused,
                    "early": counters.during_retry_after,
                    "seconds": counters.seconds,
                }
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    serve(json.loads(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3]))
