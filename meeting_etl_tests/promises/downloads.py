"""Meetings with recordings, and a product that downloads their files."""

import hashlib
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from meeting_etl.sandbox.faults.faults import Faults
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.model import World
from meeting_etl.times import Clock
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.product import Product

NOW = datetime(2026, 3, 16, 12, 7, tzinfo=UTC)
MEETINGS = 6
SIZE = 3_000_000


def received_bytes(folder: Path) -> list[int]:
    """What there is of each file that is being downloaded, or was when its run was killed."""
    sizes = []
    for path in folder.glob("media/*/.*.part"):
        with suppress(FileNotFoundError):  # it is complete now
            sizes.append(path.stat().st_size)
    return sizes


class Downloads(Product):
    """A product with settings; [downloads] recordings = video unless others are given."""

    def settings(self, text: str = 'recordings = ["video"]') -> None:
        file = self.folder / "settings.toml"
        file.parent.mkdir(parents=True, exist_ok=True)
        head = "" if text.startswith("[") else "[downloads]\nkeep_free_bytes = 0\n"
        file.write_text(f"{head}{text}\n")
        self.more = {"MEETING_ETL_SETTINGS": str(file)}

    def assert_whole(self, kind: Literal["video", "audio", "transcript"], count: int) -> None:
        """Every file is there, as its row says and as the sandbox has it."""
        rows = [row for row in self.rows("recording_files") if row["kind"] == kind]
        assert len(rows) == count
        storage = self.etl().storage
        for row in rows:
            content = storage.read_bytes(row["path"]) or b""
            assert len(content) == row["bytes"]
            assert hashlib.sha256(content).hexdigest() == row["sha256"]
            assert row["sha256"] == self.webex.media.sha256(row["recording_id"], kind)

    def states(self) -> Counter[tuple[str, str]]:
        """Status and reason of the pairs of recording_files."""
        return Counter(
            (row["status"], row["reason"])
            for row in self.rows("fetch_ledger")
            if row["resource"] == "recording_files"
        )

    def leftovers(self) -> list[str]:
        """Names of unfinished files."""
        return [path.name for path in self.folder.glob("media/*/.*")]


def product(
    folder: Path,
    world: World,
    faults: Faults | None = None,
    clock: Clock | None = None,
    *,
    size_bytes: int = SIZE,
) -> Downloads:
    clock = clock or ManualClock(NOW)
    webex = Sandbox(world, clock, replace(faults or Faults(), media_bytes=size_bytes))
    made = Downloads(folder, webex, "user", clock=clock)
    made.settings()
    made.write_logs()
    return made
