"""Hosts' addresses in clear, shared by processes; without them a pseudonym stays one."""

from pathlib import Path

import pytest

from meeting_etl.files import Files
from meeting_etl.privacy.host_addresses import HostAddresses
from meeting_etl.state import LocalState
from meeting_etl_tests.privacy.test_pseudonyms import ADA


def hosts(folder: Path) -> HostAddresses:
    return HostAddresses(LocalState(Files(folder)))


def test_what_another_process_noted_meanwhile_is_known(tmp_path: Path) -> None:
    running, other = hosts(tmp_path), hosts(tmp_path)
    assert running.clear(ADA) == ADA
    other.note(ADA, "ada@sales.example")
    assert running.clear(ADA) == ADA  # not durable yet
    other.save()
    assert running.clear(ADA) == "ada@sales.example"


@pytest.mark.parametrize("content", [b"", b"[]", b"\x00{"])
def test_a_damaged_file_is_made_again_by_what_is_noted(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state/host_addresses.json").write_bytes(content)
    damaged = hosts(tmp_path)
    assert damaged.clear(ADA) == ADA
    damaged.note(ADA, "ada@sales.example")
    damaged.save()
    assert hosts(tmp_path).clear(ADA) == "ada@sales.example"
