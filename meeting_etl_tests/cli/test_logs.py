"""What of the logs' folder is not read, or is of no use, as `status` and `doctor` tell it."""

from pathlib import Path

from click.testing import CliRunner

from meeting_etl.cli.context import CommandContext
from meeting_etl.cli.doctor.finding import State
from meeting_etl.cli.doctor.webhook_checks import log_checks
from meeting_etl.cli.main import cli
from meeting_etl.pipeline.ingest.ingest import ingest
from meeting_etl.settings import Etl


def test_status_and_doctor_name_what_is_not_read(tmp_path: Path) -> None:
    environ = {"MEETING_ETL_DATA_DIR": str(tmp_path)}
    etl = Etl(environ)
    etl.logs_folder.mkdir()
    (etl.logs_folder / "a.txt").write_bytes(b"x\n")
    (etl.logs_folder / "b.json").write_bytes(b"{}")
    (etl.logs_folder / "c.log").write_bytes(b"x\n")
    ingest(etl.logs, etl.lake, etl.ledger, etl.clock)

    (found,) = log_checks(etl)
    shown = CliRunner().invoke(cli, ["status"], obj=CommandContext(environ))

    assert (found.state, shown.exit_code) == (State.WARNING, 0)
    for told in ("not read: a.txt.", "webhook event: c.log.", "b.json"):
        assert told in found.found
        assert told in shown.output


def test_a_folder_of_good_logs_is_ok(tmp_path: Path) -> None:
    etl = Etl({"MEETING_ETL_DATA_DIR": str(tmp_path)})
    etl.logs_folder.mkdir()
    (skipped,) = log_checks(etl)
    (etl.logs_folder / "a.jsonl.1").write_bytes(b'{"resource":"x","event":"y","data":{}}\n')
    (new,) = log_checks(etl)

    assert (skipped.state, new.state) == (State.SKIPPED, State.OK)
    assert "1 have new lines" in new.found
