"""Imports point down the layers of the design, and every "only" of it holds."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "meeting_etl"
# Lowest first. A name is a module or a folder; folders of one layer may not import each other.
LAYERS = (
    ("errors", "disk_errors", "schemas", "times", "texts", "addresses", "files"),
    ("storage",),
    ("state", "object_storage"),
    ("privacy",),
    ("webex", "receiver", "webhook_logs", "lake", "sandbox"),
    ("pipeline", "report"),
    ("postgres",),
    ("settings",),
    ("orchestration",),
    ("definitions", "workers"),
    ("cli",),
)
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
# The same within pipeline/, which has no other modules directly in it.
PIPELINE_LAYERS = (
    ("rows", "paths"),
    ("deletions",),
    ("ledger",),
    ("fetch",),
    ("meetings",),
    ("resources",),
    ("reconcile",),
    ("days", "ingest", "auto_record", "prune"),
    ("erase", "to_bucket"),
)
# The same within orchestration/.
ORCHESTRATION_LAYERS = (
    ("run_tags", "refused_token", "interrupts", "failures"),
    ("ownership",),
    ("instance", "run_lock"),
    ("assets",),
    ("checks", "ops"),
    ("jobs",),
    ("launching", "schedules", "alerts"),
    ("run_summary", "key_prefix", "tenant_names"),
    ("run_now", "build_defs"),
)
# The same within sandbox/: the world, what serves it, and the faults around that.
SANDBOX_LAYERS = (
    ("json_values", "layers", "counters"),
    ("world",),
    ("media",),
    ("api",),
    ("faults",),
    ("sandbox",),
)
MODULES = sorted(PACKAGE.rglob("*.py"))


def part_of(path: Path) -> str:
    """`webex` for webex/client.py, `errors` for errors.py."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@cache
def imported(path: Path) -> frozenset[str]:
    """Dotted names of all that a module imports, wherever it does."""
    return frozenset(_imported(path))


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


def ours(path: Path) -> set[str]:
    """Parts of the package that a module imports."""
    names = (name.split(".") for name in imported(path))
    return {parts[1] for parts in names if parts[0] == "meeting_etl" and len(parts) > 1}


def importers(library: str) -> set[str]:
    """Modules that import a library, as paths below the package."""
    return {
        str(path.relative_to(PACKAGE))
        for path in MODULES
        if any(name.split(".")[0] == library for name in imported(path))
    }


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_down(path: Path) -> None:
    own = part_of(path)
    if own == "__init__":
        assert ours(path) <= {"lake", "settings", "orchestration"}  # each when it is first used
        return
    known = {name for name in ours(path) if name in LEVEL and name != own}
    if own in LAYERS[0]:
        assert known <= {"errors", "disk_errors"}
        return
    assert {name for name in known if LEVEL[name] >= LEVEL[own]} == set()


@pytest.mark.parametrize(
    ("name", "layers"),
    [
        ("pipeline", PIPELINE_LAYERS),
        ("orchestration", ORCHESTRATION_LAYERS),
        ("sandbox", SANDBOX_LAYERS),
    ],
)
def test_folders_within_import_lower_ones_only(
    name: str, layers: tuple[tuple[str, ...], ...]
) -> None:
    levels = {part: level for level, parts in enumerate(layers) for part in parts}
    folder = PACKAGE / name
    paths = [path for path in folder.rglob("*.py") if path != folder / "__init__.py"]
    for path in paths:
        own = path.relative_to(folder).parts[0].removesuffix(".py")
        names = (name.split(".") for name in imported(path))
        used = {
            parts[2]
            for parts in names
            if parts[:2] == ["meeting_etl", name] and len(parts) > 2 and parts[2] != own
        }
        assert {part for part in used if levels[part] >= levels[own]} == set(), path


def test_every_part_has_a_layer() -> None:
    assert {part_of(path) for path in MODULES} - {"__init__"} == set(LEVEL)


def test_no_module_of_the_package_imports_a_circle() -> None:
    graph: dict[str, set[str]] = {}
    for path in MODULES:
        if path == PACKAGE / "__init__.py":
            continue  # it loads nothing before it is used
        name = "meeting_etl." + str(path.relative_to(PACKAGE))[:-3].replace("/", ".")
        graph[name.removesuffix(".__init__")] = set(imported(path))
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, f"a circle: {' -> '.join((*trail, name))}"
        if name in done or name not in graph:
            return
        for other in graph[name]:
            if other in graph and other != name:
                visit(other, (*trail, name))
        done.add(name)

    for name in graph:
        visit(name, ())


def test_only_webex_imports_requests() -> None:
    assert {name.split("/")[0] for name in importers("requests")} == {"webex"}


def test_the_receiver_and_the_sandbox_serve_http() -> None:
    for library in ("starlette", "uvicorn"):
        users = {name.split("/")[0] for name in importers(library)}
        assert users <= {"receiver", "sandbox", "cli"}


def test_only_object_storage_imports_its_clients() -> None:
    for library in ("obstore", "deltalake"):
        assert {name.split("/")[0] for name in importers(library)} == {"object_storage"}


def test_only_the_catalog_and_the_metrics_import_duckdb() -> None:
    assert importers("duckdb") == {
        "lake/bucket_catalog.py",
        "lake/catalog.py",
        "lake/catalog_file.py",
        "lake/metrics.py",
    }


def test_only_orchestration_and_what_stands_above_it_import_dagster() -> None:
    assert {name.split("/")[0] for name in importers("dagster")} <= {
        "orchestration",
        "definitions.py",
        "workers.py",
        "cli",
    }


def test_what_dagster_stands_on_is_known_where_its_instance_is_opened_alone() -> None:
    assert importers("sqlalchemy") == {"orchestration/instance/instance.py"}


def test_only_the_lake_reads_and_writes_parquet() -> None:
    writers = {
        str(path.relative_to(PACKAGE)) for path in MODULES if "pyarrow.parquet" in imported(path)
    }
    assert writers == {"lake/parquet_files.py"}


def test_the_sandbox_shares_only_the_clock() -> None:
    for path in (PACKAGE / "sandbox").rglob("*.py"):
        assert ours(path) <= {"sandbox", "times"}, path


def test_the_sandbox_is_imported_by_the_command_line_alone() -> None:
    users = {part_of(path) for path in MODULES if "sandbox" in ours(path)}
    assert users == {"sandbox", "cli"}


def test_the_environment_is_read_in_two_places() -> None:
    readers = {
        str(path.relative_to(PACKAGE))
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute)
        and node.attr in ("environ", "getenv")
        and isinstance(node.value, ast.Name)
        and node.value.id == "os"
    }
    assert readers == {"definitions.py", "cli/main.py"}
    # Options of click that read it by themselves.
    assert not [path for path in MODULES if "envvar=" in path.read_text()]


def test_what_dagster_loads_is_loaded_by_nobody_else() -> None:
    """A run of a command would look for the first day of all tenants, in a bucket in seconds."""
    assert not [path for path in MODULES if "definitions" in ours(path)]


def test_status_codes_are_read_in_the_webex_folder_only() -> None:
    readers = {
        part_of(path)
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr == "status_code"
    }
    assert readers <= {"webex", "sandbox"}


def test_no_file_is_longer_than_300_lines_but_the_table_of_columns() -> None:
    root = PACKAGE.parent
    files = [
        path
        for folder in (PACKAGE, root / "meeting_etl_tests", root / "benchmarks")
        for path in folder.rglob("*.py")
    ]
    long = {
        str(path.relative_to(root)) for path in files if len(path.read_text().splitlines()) > 300
    }
    assert long <= {"meeting_etl/schemas.py"}
