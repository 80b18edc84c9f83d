"""What the package imports is declared, not only brought along by something else."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).parents[1]


def imported() -> set[str]:
    """Top names of all modules that the package imports, those inside of functions too."""
    found: set[str] = set()
    for path in (ROOT / "meeting_etl").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                found.add((node.module or "").partition(".")[0])
    return found - sys.stdlib_module_names - {"meeting_etl"}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_what_is_imported_is_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = {
        normal(re.split(r"[^A-Za-z0-9._-]", requirement)[0])
        for requirement in (
            *project["dependencies"],
            *project["optional-dependencies"]["report"],
            *project["optional-dependencies"]["cluster"],
        )
    }
    # An extra need not be installed.
    installed = {"psycopg2": ["psycopg2-binary"], **packages_distributions()}
    missing = {
        name
        for name in imported()
        if declared.isdisjoint(normal(requirement) for requirement in installed.get(name, [name]))
    }
    assert missing == set()
