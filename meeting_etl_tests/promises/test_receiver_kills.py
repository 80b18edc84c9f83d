"""What the receiver acknowledged is in the logs, whenever it was killed."""

import json
import random
import re
import signal
from pathlib import Path

import pytest

from meeting_etl.pipeline.ingest.ingest import ingest
from meeting_etl.settings import Etl
from meeting_etl_tests.promises.senders import Senders, event, port_of, wait_for
from meeting_etl_tests.receiver.served import SECRET, receiving

KILLS = 20
CONNECTIONS = 16
# So many more were acknowledged when it is killed.
LEAST, MOST = 50, 500


def numbers(folder: Path) -> tuple[list[int], int]:
    """The events that lie in the logs exactly as they were sent, and how many lines are torn."""
    found, torn = [], 0
    for path in sorted((folder / "webhook_logs").rglob("*.jsonl")):
        *lines, rest = path.read_bytes().split(b"\n")
        torn += bool(rest)
        for line in filter(None, lines):
            try:
                document = json.loads(line)
            except ValueError:
                torn += 1
                continue
            number = int(document["body"]["data"]["id"].partition("_I_")[2])
            sent = event(number).replace(b"\n", b" ")
            assert line.endswith(b'"body":' + sent + b"}")
            found.append(number)
    return found, torn


@pytest.mark.slow
def test_kills_at_random_moments_lose_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    chance = random.Random(20)
    sent: set[int] = set()
    acknowledged: set[int] = set()
    for kill in range(KILLS):
        with receiving(tmp_path, WEBEX_WEBHOOK_SECRET=SECRET) as (process, said):
            senders = Senders(port_of(said), CONNECTIONS, 1_000_000 * (kill + 1))
            with senders.at_work():
                wait_for(senders, CONNECTIONS + chance.randrange(LEAST, MOST))
                process.send_signal(signal.SIGKILL)
                process.wait(60)
            assert not senders.refused
            sent |= senders.sent
            acknowledged |= senders.acknowledged
    found, torn = numbers(tmp_path)
    assert len(found) == len(set(found))
    assert acknowledged <= set(found) <= sent
    assert torn <= KILLS
    with receiving(tmp_path, WEBEX_WEBHOOK_SECRET=SECRET):  # closes off what the last kill left
        pass
    etl = Etl({"MEETING_ETL_DATA_DIR": str(tmp_path)})
    report = ingest(etl.logs, etl.lake, etl.ledger, etl.clock)
    assert report.events == len(found)
    assert report.rejected.total() <= torn
    assert report.problems == []


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_ending_well_under_load_leaves_no_torn_line(tmp_path: Path, how: signal.Signals) -> None:
    with receiving(tmp_path, WEBEX_WEBHOOK_SECRET=SECRET) as (process, said):
        assert process.stderr is not None
        senders = Senders(port_of(said), CONNECTIONS, 1)
        with senders.at_work():
            wait_for(senders, 200)
            process.send_signal(how)
            last = process.stderr.read()
            assert process.wait(60) == 0
    found, torn = numbers(tmp_path)
    assert torn == 0
    assert senders.acknowledged <= set(found)
    assert re.search(r"Stopped. [\d,]+ events were stored", last), last
    assert "Traceback" not in last
