import subprocess
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path

import pytest

from meeting_etl.errors import ApiUnavailable
from meeting_etl.files import Files
from meeting_etl.times import Clock
from meeting_etl.webex.rate_limit import RateLimiter
from meeting_etl_tests.clocks import ManualClock


def rate_limiter_of(files: Files) -> RateLimiter:
    return RateLimiter(files, Clock(), requests_per_minute=0, max_wait_seconds=9)


OTHER_PROCESS = """
import sys
from pathlib import Path
from meeting_etl.files import Files
from meeting_etl.times import Clock
from meeting_etl.webex.rate_limit import RateLimiter

class Noting(Clock):
    # Remembers the last time it returned: when a slot was taken, under the lock.
    def now(self):
        self.last = super().now()
        return self.last

clock = Noting()
files = Files(Path(sys.argv[1]))
rate_limiter = RateLimiter(files, clock, requests_per_minute=12_000, max_wait_seconds=9)
print("ready", flush=True)
sys.stdin.readline()
for _ in range(int(sys.argv[2])):
    rate_limiter.acquire()
    print(clock.last.timestamp(), flush=False)
if len(sys.argv) > 3:
    rate_limiter.pause(float(sys.argv[3]))
"""


def other_process(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", OTHER_PROCESS, str(folder), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    return process


def slots_of_two_processes(folder: Path) -> list[float]:
    """When each of 300 slots was taken, in seconds."""
    processes = [other_process(folder, "150") for _ in range(2)]
    for process in processes:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    taken = []
    for process in processes:
        output, _ = process.communicate(timeout=60)
        taken += [float(line) for line in output.split()]
    assert len(taken) == 300
    return sorted(taken)


def test_two_processes_share_one_rate(tmp_path: Path) -> None:
    """Never more than the rate; and all of it, when the machine lets both run."""
    for attempt in range(5):
        taken = slots_of_two_processes(tmp_path / str(attempt))
        for first, last in zip(taken, taken[40:], strict=False):
            # 41 requests in a row: 10 may be a burst, the other 31 intervals of 5 ms take theirs.
            assert last - first >= 31 * 0.005 - 0.0001
        if taken[-1] - taken[0] <= 290 / 200 * 1.1:
            return
    raise AssertionError("The rate was not used fully in any of 5 attempts.")


def test_a_pause_outlives_its_process(files: Files, tmp_path: Path) -> None:
    before = Clock().now()
    process = other_process(tmp_path, "1", "3600")
    process.communicate("go\n", timeout=60)
    with pytest.raises(ApiUnavailable) as refused:
        rate_limiter_of(files).acquire()
    hour = timedelta(hours=1)
    assert refused.value.retry_at is not None
    assert before + hour <= refused.value.retry_at <= Clock().now() + hour


def test_a_process_that_dies_leaves_no_lock(
    files: Files, clock: ManualClock, tmp_path: Path
) -> None:
    process = other_process(tmp_path, "100000")
    assert process.stdin
    process.stdin.write("go\n")
    process.stdin.flush()
    time.sleep(0.05)
    process.kill()
    process.communicate()
    waiting = threading.Thread(target=rate_limiter_of(files).acquire, daemon=True)
    waiting.start()
    waiting.join(30)
    assert not waiting.is_alive()
