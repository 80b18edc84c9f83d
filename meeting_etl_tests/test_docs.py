"""What the documents name exists, and what exists is named there."""

import json
import re
import subprocess
import tokenize
from dataclasses import fields
from enum import StrEnum
from functools import cache
from pathlib import Path

import click
import msgspec
import pytest

from meeting_etl.cli.commands import COMMANDS as SHORT_HELPS
from meeting_etl.cli.main import cli
from meeting_etl.lake import catalog
from meeting_etl.pipeline.auto_record.results import ActionReason, ActionResult
from meeting_etl.pipeline.ledger.work_item import Reason, Status
from meeting_etl.privacy.policy import personal_columns, policy_of
from meeting_etl.sandbox.faults.faults import Faults
from meeting_etl.schemas import TABLES
from meeting_etl.settings.toml_file import SettingsFile
from meeting_etl.settings.variables import VARIABLES
from meeting_etl.webhook_logs.events import RejectionReason

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "meeting_etl"
README = (ROOT / "README.md").read_text()
# Decisions, figures and the changelog are of their time and keep its names.
GUIDES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
GUIDES.remove(ROOT / "CHANGELOG.md")
GUIDES.remove(ROOT / "docs/benchmarks.md")
DOCS = "\n".join(path.read_text() for path in GUIDES)


def commands(group: click.Group, above: str = "") -> dict[str, click.Command]:
    """Every command, with those inside of groups, by the words that call it."""
    found: dict[str, click.Command] = {}
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        found[above + name] = command
        if isinstance(command, click.Group):
            found |= commands(command, f"{above}{name} ")
    return found


COMMANDS = commands(cli)


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= 150


def test_every_command_is_documented_and_the_other_way_round() -> None:
    named = set(re.findall(r"meeting-etl ([a-z][a-z-]+)", DOCS))
    assert named == set(SHORT_HELPS)
    table = (ROOT / "docs/operations.md").read_text()
    assert set(re.findall(r"^\| `meeting-etl ([a-z-]+)", table, re.MULTILINE)) == named


def test_every_option_is_documented() -> None:
    for name, command in COMMANDS.items():
        for option in command.params:
            if isinstance(option, click.Option) and not option.hidden:
                assert max(option.opts, key=len) in DOCS, name


def test_every_option_that_the_documents_name_exists() -> None:
    known = {
        option
        for command in COMMANDS.values()
        for parameter in command.params
        for option in (*parameter.opts, *parameter.secondary_opts)
    } | {"--help", "--assets", "--partition-range", "--job", "--config-json"}
    ours = re.sub(r"(?:sudo|docker) (?:.*\\\n)*.*", "", DOCS)  # without commands of the system
    assert set(re.findall(r"(?<![\w-])(--[a-z][a-z-]+)", ours)) <= known


def test_nothing_unfinished_is_put_among_the_logs_where_a_sensor_reads_it() -> None:
    helps = "".join(command.help or "" for command in COMMANDS.values())
    assert "mv repaired.jsonl data/webhook_logs/" in DOCS
    assert not re.findall(r"> ?\S*webhook_logs\S*", DOCS + helps)


def test_runs_that_the_documents_launch_are_recorded_on_the_instance_of_the_product() -> None:
    for guide in GUIDES:
        sections = re.split(r"^## ", guide.read_text(), flags=re.MULTILINE)
        for section in sections:
            assert "dg launch" not in section or "export DAGSTER_HOME=" in section, guide.name


def test_faults_that_the_documents_name_exist() -> None:
    named = set(re.findall(r"--fault ([a-z_]+)=", DOCS))
    assert named <= {fault.name for fault in fields(Faults)}


def test_every_table_view_and_status_is_documented(tmp_path: Path) -> None:
    views = {entry.stem for entry in (PACKAGE / "lake/views").glob("*.sql")}
    tables = (ROOT / "docs/tables.md").read_text().partition("\n## Columns\n")[0]
    rows = set(re.findall(r"^\| `([a-z_]+)` \|", tables, re.MULTILINE))
    assert set(TABLES) | views | set(Status) == rows
    macros = {entry.stem for entry in (PACKAGE / "lake/macros").glob("*.sql")}
    assert set(re.findall(r"^## `([a-z_]+)\(", tables, re.MULTILINE)) == macros
    from meeting_etl.files import Files
    from meeting_etl.lake.lake import Lake

    files = Files(tmp_path)
    catalog.publish(files, Lake(files))
    _, found = catalog.query(tmp_path, "SELECT view_name FROM duckdb_views() WHERE NOT internal")
    assert {name for (name,) in found} == set(TABLES) | views


@pytest.mark.parametrize("codes", [Reason, RejectionReason, ActionResult, ActionReason])
def test_every_code_of_a_closed_set_is_documented(codes: type[StrEnum]) -> None:
    # Results are in the comment of their column, which is in docs/tables.md without backticks.
    assert [code for code in codes if not re.search(rf"\b{code}\b[`,.;]", DOCS)] == []


def test_every_variable_is_documented_and_the_other_way_round() -> None:
    named = set(re.findall(r"\b((?:WEBEX|MEETING_ETL)_[A-Z_]+)", DOCS))
    assert named == set(VARIABLES)


def test_every_key_of_the_settings_file_is_documented_with_its_default() -> None:
    sections = msgspec.to_builtins(SettingsFile())
    keys = {
        f"[{section}] {key}": "none" if value is None else json.dumps(value)
        for section, values in sections.items()
        for key, value in values.items()
    }
    text = (ROOT / "docs/settings.md").read_text()
    assert dict(re.findall(r"^\| `(\[\w+\] \w+)` \| (.+?) \|", text, re.MULTILINE)) == keys


def test_every_personal_column_is_in_the_table_of_the_policy() -> None:
    text = (ROOT / "docs/privacy.md").read_text()
    rows = re.findall(r"^\| (`.+?`) \| .+? \| .+? \| (\w+) \| (\w+) \|$", text, re.MULTILINE)
    named = {
        column: (pseudonymous, minimal)
        for columns, pseudonymous, minimal in rows
        for column in re.findall(r"`([\w.]+)`", columns)
    }
    presets = [policy_of(preset, {}) for preset in ("pseudonymous", "minimal")]
    of_fields = {"body", "extra"}  # in words
    assert named == {
        column: tuple(preset.of(column) for preset in presets)
        for column in personal_columns()
        if column not in of_fields
    }


def test_make_targets_of_the_documents_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"^make ([a-z-]+)", DOCS, re.MULTILINE)) <= targets


def test_ci_runs_commands_of_the_documents() -> None:
    run = set(re.findall(r"^make ([a-z-]+)", (ROOT / ".ci/run").read_text(), re.MULTILINE))
    assert run <= set(re.findall(r"^make ([a-z-]+)", DOCS, re.MULTILINE))


def anchors(document: Path) -> set[str]:
    """What a link to one of its headings looks like."""
    titles = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def test_files_and_headings_that_documents_link_to_exist() -> None:
    for document in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *GUIDES]:
        for link in re.findall(r"\]\(([^):]+)\)", document.read_text()):
            name, _, heading = link.partition("#")
            target = document.parent / name if name else document
            assert target.exists(), f"{document.name}: {link}"
            assert not heading or heading in anchors(target), f"{document.name}: {link}"


@cache
def words_of(path: Path) -> str:
    """The comments and docstrings of a Python file."""
    with path.open("rb") as file:
        return "\n".join(
            token.string
            for token in tokenize.tokenize(file.readline)
            if token.type == tokenize.COMMENT
            or (token.type == tokenize.STRING and token.string.lstrip("rf").startswith('"""'))
        )


FILE_NAME = re.compile(r"(?<![\w/.{])((?:[\w-]+/)*[\w-]+\.(?:py|md|sql|toml|yaml))\b")
CODE = [
    path
    for folder in ("meeting_etl", "meeting_etl_tests", "benchmarks")
    for path in sorted((ROOT / folder).rglob("*.py"))
]


def missing(path: Path, text: str, *homes: Path) -> list[str]:
    """Names of files in a text that are in none of the folders."""
    return [
        f"{path.relative_to(ROOT)}: {name}"
        for name in FILE_NAME.findall(text)
        if not any((home / name).exists() for home in homes)
    ]


def test_files_named_in_docstrings_and_comments_exist() -> None:
    tests = ROOT / "meeting_etl_tests"
    homes = (PACKAGE, ROOT, tests)
    assert not [
        entry for path in CODE for entry in missing(path, words_of(path), path.parent, *homes)
    ]


def test_nothing_points_to_documents_outside_of_the_repository() -> None:
    outside = re.compile(r"(?:\.\./|/(?:home|shared|research|Users)/)[\w-]")
    assert not [path for path in CODE if outside.search(words_of(path))]


def test_python_files_named_in_documents_exist() -> None:
    for path in GUIDES:
        text = re.sub(r"[\w-]+\.(?:md|sql|toml|yaml)\b", "", path.read_text())
        assert not missing(path, text, PACKAGE, PACKAGE / "webex", ROOT)


def test_rules_and_api_traps_that_code_names_are_written_down() -> None:
    rules = set(re.findall(r"^## (\d+)\.", (ROOT / "docs/rules.md").read_text(), re.MULTILINE))
    assert rules == {str(number) for number in range(1, 14)}
    notes = (ROOT / "docs/webex-api-notes.md").read_text()
    traps = set(re.findall(r"^- T(\d+) ", notes, re.MULTILINE))
    for path in CODE:
        text = words_of(path)
        assert set(re.findall(r"\b[Rr]ules? (\d+)", text)) <= rules, path
        assert set(re.findall(r"\bT(\d{1,2})\b", text)) <= traps, path


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
