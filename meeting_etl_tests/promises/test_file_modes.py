"""Who may read what is written: by the umask, or by [privacy] file_mode."""

import os
import stat
from pathlib import Path

import pytest

from meeting_etl.receiver.server import open_receiver
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl_tests.product import Product
from meeting_etl_tests.promises.test_secrets import EVERYTHING
from meeting_etl_tests.recent_world import recent_world

# For their owner alone, always.
SECRETS = {"tokens.json", "privacy_key.json", "reader.json"}


def under(umask: str) -> list[str]:
    return ["sh", "-c", f'umask {umask}; exec "$0" "$@"']


def modes(folder: Path) -> dict[Path, int]:
    return {path: stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*")}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("umask", "file_mode", "of_files"),
    [("027", None, 0o640), ("077", "0640", 0o640)],
)
def test_everything_that_is_written_has_the_mode(
    tmp_path: Path, umask: str, file_mode: str | None, of_files: int
) -> None:
    of_folders = of_files | (of_files & 0o444) >> 2
    settings, data = tmp_path / "settings.toml", tmp_path / "data"
    mode = f'[privacy]\nfile_mode = "{file_mode}"\n' if file_mode else "[privacy]\n"
    settings.write_text(EVERYTHING.replace("[privacy]\n", mode))
    world = recent_world(4, days_ago=2, days=1, meetings=4)
    with Sandbox(world) as webex:
        product = Product(data, webex, "admin", more={"MEETING_ETL_SETTINGS": str(settings)})
        product.write_logs()
        before = modes(tmp_path)
        for command in (
            ["run"],
            ["report"],
            ["report", "-o", str(tmp_path / "report.html")],
            ["sql", "FROM meetings", "--parquet", str(tmp_path / "meetings.parquet")],
        ):
            done = product.command_process(*command, under=under(umask))
            assert done.returncode == 0, done.stderr
    here = os.umask(int(umask, 8))
    try:
        etl = product.etl()
        with open_receiver(etl.files.of(etl.logs_folder), etl.clock, [], lambda _: None):
            pass
    finally:
        os.umask(here)
    made = {path: mode for path, mode in modes(tmp_path).items() if path not in before}
    inside = data / "dagster"
    others = {
        path: oct(mode)
        for path, mode in made.items()
        if inside not in path.parents
        and mode != (of_folders if path.is_dir() else 0o600 if path.name in SECRETS else of_files)
    }
    assert others == {}
    # Dagster's own files are in a folder that has the mode, and none is wider than the umask.
    wider = {path: oct(mode) for path, mode in made.items() if mode & int(umask, 8)}
    assert file_mode or wider == {}
    kinds = {path.relative_to(data).parts[0] for path in made if data in path.parents}
    assert kinds >= {"lake", "state", "media", "transcripts", "reports", "dagster", "webhook_logs"}
