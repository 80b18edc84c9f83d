"""Unfinished downloads on a machine go when nobody will finish them, and no others."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from meeting_etl.files import Files
from meeting_etl.pipeline.ledger.work_item import WorkItem
from meeting_etl.pipeline.resources.partial_files import remove_abandoned
from meeting_etl.privacy.erasures import Erasure, Subject, store_erasure
from meeting_etl.schemas import MEETINGS
from meeting_etl.settings import Etl
from meeting_etl_tests.clocks import ManualClock

NOW = datetime(2026, 3, 16, 12, 7, tzinfo=UTC)
DAY, OTHER_DAY = date(2026, 3, 10), date(2026, 3, 11)
FOLDER = f"media/date={DAY}"


@pytest.fixture
def etl(tmp_path: Path) -> Etl:
    return Etl({"MEETING_ETL_DATA_DIR": str(tmp_path / "data")}, ManualClock(NOW))


@pytest.fixture
def machine(tmp_path: Path) -> Files:
    """The folder of a machine, beside tables that are elsewhere."""
    return Files(tmp_path / "machine")


def item(recording_id: str, meeting_id: str = "m", *, is_open: bool = True) -> WorkItem:
    next_attempt_at = NOW if is_open else None
    return WorkItem(meeting_id, "recording_files", recording_id, next_attempt_at=next_attempt_at)


def leave(machine: Files, *names: str, content: bytes = b"part") -> None:
    for name in names:
        machine.replace_bytes(name, content)


def left(machine: Files) -> list[str]:
    paths = (path for path in machine.path("media").rglob("*") if path.is_file())
    return sorted(str(path.relative_to(machine.root)) for path in paths)


def test_what_has_no_open_work_item_goes(etl: Etl, machine: Files) -> None:
    etl.ledger.record(DAY, [item("open"), item("settled", is_open=False)])
    etl.ledger.record(OTHER_DAY, [item("moved")])
    parts = [
        f"{FOLDER}/.{name}.video.part{end}"
        for name in ("open", "settled", "moved", "unknown")
        for end in ("", ".json")
    ]
    leave(machine, *parts, f"{FOLDER}/settled.mp4", "media/other/.settled.video.part")
    remove_abandoned(machine, etl.lake, etl.ledger)
    kept = [*parts[:2], f"{FOLDER}/settled.mp4", "media/other/.settled.video.part"]
    assert left(machine) == sorted(kept)


def test_only_the_named_days_are_looked_at(etl: Etl, machine: Files) -> None:
    names = [f"media/date={day}/.gone.video.part" for day in (DAY, OTHER_DAY)]
    leave(machine, *names)
    remove_abandoned(machine, etl.lake, etl.ledger, [OTHER_DAY])
    assert left(machine) == names[:1]


def test_what_is_being_downloaded_stays(etl: Etl, machine: Files) -> None:
    leave(machine, f"{FOLDER}/.busy.video.part")
    with etl.state.lock("recording-busy"):
        remove_abandoned(machine, etl.lake, etl.ledger)
        assert left(machine) == [f"{FOLDER}/.busy.video.part"]
    remove_abandoned(machine, etl.lake, etl.ledger)
    assert left(machine) == []


def test_an_erased_person_or_meeting_leaves_nothing(etl: Etl, machine: Files) -> None:
    """Also while their work items are still open, and words that mention the person elsewhere."""
    pseudonyms = etl.privacy.pseudonyms
    meetings = ("hosted", "erased", "other")
    rows = [
        {"meeting_id": name, "ended_at": NOW, "host_email": f"{name}@demo.example"}
        for name in meetings
    ]
    etl.lake.merge(MEETINGS, DAY, rows)
    etl.ledger.record(DAY, [item(name, name) for name in meetings])
    names = {
        (name, kind): f"{FOLDER}/.{name}.{kind}.part"
        for name in meetings
        for kind in ("video", "transcript")
    }
    leave(machine, *names.values(), content=b"hosted@demo.example: Good morning.")
    remove_abandoned(machine, etl.lake, etl.ledger)
    assert left(machine) == sorted(names.values())
    address = pseudonyms.address_digest("hosted@demo.example")
    store_erasure(etl.state, Erasure(1, Subject.PERSON, address, addresses=(address,)))
    meeting = Erasure(2, Subject.MEETING, pseudonyms.identifier_digest("erased"))
    store_erasure(etl.state, meeting)
    remove_abandoned(machine, etl.lake, etl.ledger)
    assert left(machine) == [names["other", "video"]]
