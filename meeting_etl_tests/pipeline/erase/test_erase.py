"""erase and preview over a small folder: whom they find, odd input, and what stops them."""

from pathlib import Path
from typing import Any

import pytest

from meeting_etl.errors import SettingsError, StorageError
from meeting_etl.pipeline.erase.erase import EraseContext, erase, preview
from meeting_etl.pipeline.erase.partition import RowCounts
from meeting_etl.pipeline.erase.report import ErasureReport, Wanted
from meeting_etl.schemas import ERASURES, PARTICIPANTS, TRANSCRIPT_SNIPPETS
from meeting_etl.settings import Etl
from meeting_etl_tests.pipeline.box import Box, line, payload, received
from meeting_etl_tests.privacy.search import found_in
from meeting_etl_tests.views.lakes import DAY, with_domains

ANN = "ann@sales.example"


@pytest.fixture
def box(tmp_path: Path) -> Box:
    box = Box(tmp_path)
    event = payload(1, hostEmail=ANN, hostDisplayName="Ann Lee", title="About Ann Lee")
    (box.logs / "a.jsonl").write_bytes(line(received("2026-03-02T11:00:00Z", event)))
    box.ingest()
    return box


def etl_of(box: Box, **more: str) -> Etl:
    return Etl({"MEETING_ETL_DATA_DIR": str(box.folder), **more}, box.clock)


def context(etl: Etl) -> EraseContext:
    return EraseContext(etl.lake, etl.ledger, etl.logs, etl.files, etl.clock)


def erased(box: Box, *persons: str, **wanted: Any) -> ErasureReport:
    for person in persons:
        report = erase(context(box.etl()), Wanted(person, **wanted))
        assert report.left == 0
    return report


def people(box: Box, *rows: dict[str, Any]) -> None:
    """Participants of meeting m."""
    lake = box.etl().lake
    own = [{"meeting_id": "m", "participant_id": str(place)} for place in range(len(rows))]
    whole = [with_domains(PARTICIPANTS, more | row) for more, row in zip(own, rows, strict=True)]
    lake.merge(PARTICIPANTS, DAY, whole)


def names(box: Box) -> list[str | None]:
    rows = box.etl().lake.read(PARTICIPANTS, DAY).to_pylist()
    return [row["display_name"] for row in sorted(rows, key=lambda row: str(row["joined_at"]))]


def test_a_person_is_gone_from_rows_and_logs(box: Box) -> None:
    assert found_in(box.folder, {ANN, "Ann Lee"}).keys() == {ANN, "Ann Lee"}
    seen = preview(context(box.etl()), Wanted(ANN))
    assert found_in(box.folder, {ANN, "Ann Lee"}, skip=["webhook_logs"])
    report = erased(box, ANN, in_logs=True)
    touched = [
        {name: counts for name, counts in each.rows.items() if counts.is_touched}
        for each in (report, seen)
    ]
    assert touched[0] == touched[1] == {"webhook_events": RowCounts(1, 1, 0)}
    assert (report.logs.lines, seen.logs.lines) == (1, 1)
    assert found_in(box.folder, {ANN, "Ann Lee"}) == {}
    assert box.ingest().lines == 0
    (row,) = box.etl().lake.read(ERASURES).to_pylist()
    assert (row["rows_changed"], row["log_lines"], row["finished_at"]) == (1, 1, box.clock.now())


@pytest.mark.parametrize("given", [" ANN@Sales.Example ", "\tann@sales.example\n"])
def test_however_the_address_is_given(box: Box, given: str) -> None:
    erased(box, given)
    assert found_in(box.folder, {ANN, "Ann Lee"}, skip=["webhook_logs"]) == {}


def test_the_same_person_twice_is_one_erasure(box: Box) -> None:
    erased(box, ANN, ANN.upper())
    (row,) = box.etl().lake.read(ERASURES).to_pylist()
    assert (row["erasure"], row["rows_changed"]) == ("erased:1", 1)


def test_somebody_unknown_is_kept_out(box: Box) -> None:
    report = erased(box, "zoe@other.example", names=("Zoe Öz",))
    assert report.is_empty
    people(box, {"email": "Zoe@other.example", "display_name": "Z."}, {"display_name": "zoe ÖZ"})
    assert set(names(box)) == {"erased:1"}


def test_two_persons_of_the_same_name(box: Box) -> None:
    people(
        box,
        {"email": ANN, "display_name": "Ann Lee"},
        {"email": "ann.lee@other.example", "display_name": "Ann Lee"},
        {"display_name": "Joann Leeson"},
    )
    erased(box, ANN)
    assert sorted(map(str, names(box))) == ["Ann Lee", "Joann Leeson", "erased:1"]
    erased(box, "ann.lee@other.example")
    assert sorted(map(str, names(box))) == ["Joann Leeson", "erased:1", "erased:2"]


def test_under_a_policy_with_pseudonyms(box: Box) -> None:
    settings = box.folder / "settings.toml"
    settings.write_text('[privacy]\npreset = "pseudonymous"\n')
    etl = etl_of(box, MEETING_ETL_SETTINGS=str(settings))
    rows = [
        {"meeting_id": "m", "participant_id": "1", "email": ANN, "display_name": "Ann Lee"},
        {"meeting_id": "m", "participant_id": "2", "display_name": "Ann Lee"},
        {"meeting_id": "m", "participant_id": "3", "email": "b@b.example", "display_name": "Bob"},
    ]
    etl.lake.merge(PARTICIPANTS, DAY, rows)
    etl.lake.merge(
        TRANSCRIPT_SNIPPETS,
        DAY,
        [{"snippet_id": "s", "meeting_id": "m", "person_name": "Ann Lee", "text": "Hello"}],
    )
    bob = etl.lake.read(PARTICIPANTS, DAY).to_pylist()[2]
    assert bob["display_name"].startswith("anon-")
    assert erase(context(etl), Wanted(ANN)).left == 0
    found = etl.lake.read(PARTICIPANTS, DAY).to_pylist()
    shown = {row["email"]: row["display_name"] for row in found}
    assert shown == {"erased:1": "erased:1", None: "erased:1", bob["email"]: bob["display_name"]}
    (snippet,) = etl.lake.read(TRANSCRIPT_SNIPPETS, DAY).to_pylist()
    assert (snippet["person_name"], snippet["text"]) == ("erased:1", "[erased]")


def test_a_folder_without_anything(tmp_path: Path) -> None:
    box = Box(tmp_path)
    assert preview(context(box.etl()), Wanted(ANN)).is_empty
    assert erased(box, ANN).is_empty
    assert erase(context(box.etl()), Wanted(meeting="m")).left == 0


def test_a_damaged_value_stops_everything(box: Box) -> None:
    erased(box, ANN)
    path = box.folder / "state/erasures.json"
    path.write_text(path.read_text()[:-9])
    before = {each: each.read_bytes() for each in (box.folder / "lake").rglob("*.parquet")}
    with pytest.raises(StorageError, match=r"state/erasures\.json"):
        erased(box, "bob@sales.example")
    (box.logs / "b.jsonl").write_bytes(line(received("2026-03-02T12:00:00Z", payload(2))))
    with pytest.raises(StorageError, match=r"state/erasures\.json"):
        box.ingest()
    assert before == {each: each.read_bytes() for each in (box.folder / "lake").rglob("*.parquet")}


def test_another_key_stops_everything(box: Box) -> None:
    erased(box, ANN)
    etl = etl_of(box, MEETING_ETL_PRIVACY_KEY="not the one of before")
    with pytest.raises(SettingsError, match="not the key"):
        erase(context(etl), Wanted("bob@sales.example"))
    (box.logs / "b.jsonl").write_bytes(line(received("2026-03-02T12:00:00Z", payload(2))))
    with pytest.raises(SettingsError, match="not the key"):
        box.ingest(etl)


def test_a_meeting_does_not_come_back(box: Box) -> None:
    meeting_id = payload(1)["data"]["id"]
    report = erase(context(box.etl()), Wanted(meeting=meeting_id, in_logs=True))
    assert (report.left, report.logs.lines) == (0, 1)
    assert found_in(box.folder, {meeting_id}) == {}
    (box.logs / "b.jsonl").write_bytes(line(received("2026-03-02T12:00:00Z", payload(1))))
    assert box.ingest().events == 1
    assert found_in(box.folder, {meeting_id}, skip=["webhook_logs"]) == {}
    assert box.etl().ledger.open_days() == {}


def test_a_given_name_of_one_word_counts_in_the_persons_meetings(box: Box) -> None:
    people(box, {"email": ANN, "display_name": "Ann Lee"}, {"display_name": "Annie"})
    lake = box.etl().lake
    lake.merge(
        PARTICIPANTS,
        DAY,
        [{"meeting_id": "other", "participant_id": "1", "display_name": "Annie"}],
    )
    erased(box, ANN, names=("Annie",))
    assert sorted(map(str, names(box))) == ["Annie", "erased:1", "erased:1"]


def test_a_lost_state_gives_no_number_twice(box: Box) -> None:
    erased(box, ANN)
    (box.folder / "state/erasures.json").unlink()
    erased(box, "bob@sales.example")
    labels = box.etl().lake.read(ERASURES, columns=["erasure"])["erasure"].to_pylist()
    assert labels == ["erased:1", "erased:2"]


def test_a_recording_that_waits_for_its_meeting_keeps_no_address(box: Box) -> None:
    data = {"id": "r1", "hostEmail": ANN, "siteUrl": "s.example"}
    event = {"resource": "recordings", "event": "created", "data": data}
    (box.logs / "b.jsonl").write_bytes(line(received("2026-03-02T12:00:00Z", event)))
    box.ingest()
    (queued,) = (box.folder / "lake/unowned_recordings").iterdir()
    assert ANN in queued.read_text()
    erased(box, ANN)
    assert '"r1"' in queued.read_text()
    assert found_in(box.folder, {ANN}, skip=["webhook_logs"]) == {}
    queued.unlink()
    with (box.logs / "b.jsonl").open("ab") as log:
        log.write(line(received("2026-03-02T12:30:00Z", event)))
    box.ingest()
    assert '"host_email": null' in queued.read_text()


def test_what_killed_writers_left_goes(box: Box) -> None:
    people(box, {"email": "bob@b.example", "display_name": "Bob"})
    left = [
        box.folder / f"lake/participants/date={DAY}/.part-0.parquet.00.tmp",
        box.folder / f"transcripts/date={DAY}/.t.vtt.00.tmp",
    ]
    for path in left:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(ANN.encode())
    erased(box, ANN)
    assert [path for path in left if path.exists()] == []
