"""`meeting-etl rejected`: the lines that are no events, from their logs."""

import gzip
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from meeting_etl.cli.context import CommandContext
from meeting_etl.cli.main import cli
from meeting_etl.pipeline.ingest.ingest import ingest
from meeting_etl.settings import Etl
from meeting_etl_tests.webhook_logs.samples import ended, envelope

PLANTED = "Pl4nted-5ecret"
DATED = envelope(ended(), received_at="2021-05-14T20:27:03Z") + b"\n"
LATER = envelope(ended(), received_at="2021-05-16T20:27:03Z") + b"\n"


class Box:
    """A data folder whose logs are read."""

    def __init__(self, folder: Path) -> None:
        self.environ = {"MEETING_ETL_DATA_DIR": str(folder)}
        self.logs = folder / "webhook_logs"
        self.logs.mkdir()

    def ingest(self) -> None:
        etl = Etl(self.environ)
        ingest(etl.logs, etl.lake, etl.ledger, etl.clock)

    def rejected(self, *arguments: str) -> Result:
        return CliRunner().invoke(cli, ["rejected", *arguments], obj=CommandContext(self.environ))


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path)


def test_each_line_is_shown_with_file_number_and_reason(box: Box) -> None:
    (box.logs / "a.jsonl").write_bytes(DATED + b"hello\n" + LATER + b"[]\n")
    box.ingest()

    shown = box.rejected()

    assert shown.exit_code == 0
    assert shown.stdout.splitlines() == [
        "a.jsonl:4: not_an_object: It is JSON, but not an object. (2 bytes)",
        "    []",
        "a.jsonl:2: not_json: It is not JSON. (5 bytes)",
        "    hello",
    ]


@pytest.mark.parametrize("packed", [False, True])
def test_raw_is_every_line_byte_for_byte(box: Box, packed: bool) -> None:
    bad = [b"\x00\x1b[31m\xff", b"[]", "\u202e{".encode(), b"x" * 400_000, b" {} \t", b"]\r]"]
    content = b"\xef\xbb\xbf" + b"".join(line + b"\r\n" for line in bad)
    if packed:
        (box.logs / "a.jsonl.gz").write_bytes(gzip.compress(content))
    else:
        (box.logs / "a.jsonl").write_bytes(content)
    box.ingest()

    shown = box.rejected("--raw")

    assert (shown.exit_code, shown.stderr) == (0, "")
    assert shown.stdout_bytes == b"".join(line + b"\n" for line in bad)


def test_nothing_that_steers_a_terminal_and_no_secret_is_shown(box: Box) -> None:
    name = "a\x1b[2J.jsonl"
    for number, bad in enumerate(
        (
            b"\x1b[31m\x07\xe2\x80\xae\xff [bold]",
            b'{"data": {"password": "Pl4nted-5ecret", "x": 1}}',
            b'{"headers": {"authorization" : "Bearer Pl4nted-5ecret", "a": [',
            b'{"message": "{\\"hostKey\\": \\"Pl4nted-5ecret\\", \\"y\\": 1}"}',
            b'{"registration": {"deep": ["Pl4nted-5ecret"]}}',
            b'{"X-Spark-Signature": "Pl4nted-5ecret',
            b'{"accessToken": "a\\"Pl4nted-5ecret"}',
        )
    ):
        (box.logs / f"{number}{name}").write_bytes(bad + b"\n")
    box.ingest()

    shown = box.rejected()

    assert shown.exit_code == 0
    assert not [sign for sign in shown.output if not sign.isprintable() and sign != "\n"]
    assert PLANTED not in shown.output
    assert "[bold]" in shown.output
    assert '"password": "…", "x": 1' in shown.output.replace('"password": …', '"password": "…"')


def test_lines_are_chosen_by_reason_date_and_number(box: Box) -> None:
    (box.logs / "a.jsonl").write_bytes(b"none\n" + DATED + b"one\n[]\n" + LATER + b"two\n")
    box.ingest()

    def found(*arguments: str) -> list[str]:
        return box.rejected("--raw", *arguments).stdout.splitlines()

    assert found() == ["two", "one", "[]", "none"]
    assert found("--limit", "2") == ["two", "one"]
    assert found("--reason", "not_an_object") == ["[]"]
    assert found("--reason", "not_an_object", "--reason", "not_json") == found()
    assert found("--from", "2021-05-15") == ["two"]
    assert found("--to", "2021-05-14") == ["one", "[]"]
    assert box.rejected("--from", "2021-05-15", "--to", "2021-05-14").exit_code == 2
    wrong = box.rejected("--reason", "sunshine")
    assert (wrong.exit_code, "several_payloads" in wrong.stderr) == (2, True)


def test_a_line_whose_log_is_gone_or_changed_is_said_so(box: Box) -> None:
    for name in ("a", "b", "c"):
        (box.logs / f"{name}.jsonl").write_bytes(f"line {name}\n".encode())
    box.ingest()
    (box.logs / "a.jsonl").unlink()
    (box.logs / "b.jsonl").write_bytes(b"lineXb\n")

    shown, raw = box.rejected(), box.rejected("--raw")

    assert shown.exit_code == 0
    assert shown.stdout.count("the line is no longer available") == 2
    assert (raw.exit_code, raw.stdout) == (1, "line c\n")
    assert "a.jsonl:1" in raw.stderr
    assert "b.jsonl:1" in raw.stderr


def test_a_log_that_was_moved_is_found_where_it_lies_now(box: Box) -> None:
    (box.logs / "a.jsonl").write_bytes(b"one\n")
    box.ingest()
    (box.logs / "a.jsonl").rename(box.logs / "a.jsonl.1")
    box.ingest()

    assert box.rejected().stdout.startswith("a.jsonl.1:1: not_json")


def test_more_lines_than_are_shown_are_counted(box: Box) -> None:
    (box.logs / "a.jsonl").write_bytes(b"x\n" * 25)
    box.ingest()

    shown = box.rejected()

    assert shown.stdout.count("a.jsonl:") == 20
    assert "5 more: add --limit 25" in shown.stderr
