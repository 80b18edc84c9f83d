import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from meeting_etl.files import Files
from meeting_etl.times import Clock
from meeting_etl.webex.pace import Pace
from meeting_etl_tests.clocks import ManualClock


def pace_of(files: Files) -> Pace:
    return Pace(files, Clock(), requests_per_minute=0, max_wait_seconds=9)


OTHER_PROCESS = """
import sys, time
from pathlib import Path
from meeting_etl.files import Files
from meeting_etl.times import Clock
from meeting_etl.webex.pace import Pace

pace = Pace(Files(Path(sys.argv[1])), Clock(), requests_per_minute=12_000, max_wait_seconds=9)
print("ready", flush=True)
sys.stdin.readline()
for _ in range(int(sys.argv[2])):
    pace.wait()
    print(time.time(), flush=False)
if len(sys.argv) > 3:
    pace.hold(float(sys.argv[3]))
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


def test_two_processes_share_one_rate(tmp_path: Path) -> None:
    processes = [other_process(tmp_path, "150") for _ in range(2)]
    for process in processes:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    left = []
    for process in processes:
        output, _ = process.communicate(timeout=30)
        left += [float(line) for line in output.split()]
    left.sort()
    assert len(left) == 300
    assert left[-1] - left[0] == pytest.approx(290 / 200, rel=0.1)
    for first, last in zip(left, left[40:], strict=False):
        # 41 requests in a row: 10 may be a burst, the other 30 intervals of 5 ms take their time.
        assert last - first >= 30 * 0.005 - 0.03


def test_a_hold_outlives_the_process_that_was_told(files: Files, tmp_path: Path) -> None:
    process = other_process(tmp_path, "1", "1.5")
    process.communicate("go\n", timeout=30)
    pace = pace_of(files)
    started = time.monotonic()
    pace.wait()
    assert 0.5 < time.monotonic() - started <= 1.5


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
    waiting = threading.Thread(target=pace_of(files).wait, daemon=True)
    waiting.start()
    waiting.join(5)
    assert not waiting.is_alive()
