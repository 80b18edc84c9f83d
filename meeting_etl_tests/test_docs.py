"""What the README names exists, and what exists is named there."""

import re
import subprocess
from pathlib import Path

import click
import pytest

from meeting_etl.cli.main import cli
from meeting_etl.lake import catalog
from meeting_etl.pipeline.ledger.settling import Status
from meeting_etl.schemas import TABLES
from meeting_etl.settings import VARIABLES

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def commands(group: click.Group, above: str = "") -> dict[str, click.Command]:
    """Every command, with those inside of groups, by the words that call it."""
    found: dict[str, click.Command] = {}
    for name, command in group.commands.items():
        found[above + name] = command
        if isinstance(command, click.Group):
            found |= commands(command, f"{above}{name} ")
    return found


COMMANDS = commands(cli)


def test_every_command_is_in_the_readme_and_the_other_way_round() -> None:
    named = set(re.findall(r"meeting-etl ([a-z][a-z-]+)", README))
    assert named == set(cli.commands)


def test_every_option_that_the_readme_names_exists() -> None:
    known = {
        option
        for command in COMMANDS.values()
        for parameter in command.params
        for option in (*parameter.opts, *parameter.secondary_opts)
    } | {"--help", "--assets", "--partition-range"}
    assert set(re.findall(r"(--[a-z][a-z-]+)", README)) <= known


def test_every_table_and_view_is_in_the_readme(tmp_path: Path) -> None:
    views = {entry.stem for entry in (ROOT / "meeting_etl/lake/views").glob("*.sql")}
    rows = set(re.findall(r"^\| `([a-z_]+)` \|", README, re.MULTILINE))
    assert set(TABLES) | views | set(Status) == rows
    from meeting_etl.files import Files
    from meeting_etl.lake.lake import Lake

    files = Files(tmp_path)
    catalog.publish(files, Lake(files))
    _, found = catalog.query(tmp_path, "SELECT view_name FROM duckdb_views() WHERE NOT internal")
    assert {name for (name,) in found} == set(TABLES) | views


def test_every_variable_is_in_the_readme_and_the_other_way_round() -> None:
    named = set(re.findall(r"\b((?:WEBEX|MEETING_ETL)_[A-Z_]+)", README))
    assert named == set(VARIABLES)


def test_make_targets_of_the_readme_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"^make ([a-z-]+)", README, re.MULTILINE)) <= targets


def test_files_that_documents_link_to_exist() -> None:
    for document in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text()):
            assert (document.parent / target).exists(), f"{document.name}: {target}"


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_help_of_every_command_says_what_each_option_does(name: str) -> None:
    command = COMMANDS[name]
    assert command.help
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{name} {parameter.opts}"


def test_nothing_in_the_project_names_an_index_host_or_a_machine() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split("\0")
    for name in filter(None, listed):
        path = ROOT / name
        if path.suffix in (".json", "") and not path.is_file():
            continue
        text = path.read_text(errors="replace") if path.is_file() else ""
        for mark in ("--index" + "-url", "extra-index" + "-url", str(ROOT.parent) + "/"):
            assert mark not in text, (name, mark)


def test_addresses_in_the_project_are_invented_ones() -> None:
    mail = re.compile(r"[A-Za-z0-9._+-]+@([A-Za-z0-9-]+\.)+([A-Za-z]{2,})\b")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "*.py", "*.json", "*.md", "*.sql"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\0")
    for name in filter(None, listed):
        for found in mail.finditer((ROOT / name).read_text()):
            domain = found[0].rsplit("@", 1)[1].lower()
            assert domain.endswith((".example", "example.com")), (name, found[0])
