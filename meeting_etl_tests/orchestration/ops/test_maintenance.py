"""What the nightly job removes from the disk of its machine."""

from pathlib import Path

from meeting_etl.orchestration.ops.maintenance import remove_leftovers
from meeting_etl.settings import Etl


def test_leftovers_go(tmp_path: Path) -> None:
    left = [
        tmp_path / "lake" / ".part-0.parquet.aa.tmp",
        tmp_path / "media" / "date=2026-03-10" / ".finished-elsewhere.video.part",
    ]
    kept = tmp_path / "media" / "date=2026-03-10" / "finished-elsewhere.mp4"
    for path in (*left, kept):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"bytes")
    remove_leftovers(etl=Etl({"MEETING_ETL_DATA_DIR": str(tmp_path)}))
    assert not any(path.exists() for path in left)
    assert kept.exists()
