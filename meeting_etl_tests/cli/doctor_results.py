"""The doctor's results by section and name, from this process; no secret is in any of them."""

from dataclasses import asdict

from meeting_etl.cli.doctor.all_checks import run_checks
from meeting_etl.cli.doctor.finding import CheckResult, State
from meeting_etl.settings import Etl
from meeting_etl_tests.product import Product

SECRET = "plantedsecret"
OK, WARNING, PROBLEM, SKIPPED = State
Lines = dict[tuple[str, str], CheckResult]


def checked(product: Product, etl: Etl | None = None, /, **environ: str) -> Lines:
    """The results for a product, with further variables."""
    whole = product.environ | environ
    lines = run_checks(etl or Etl(whole, product.clock), whole)
    assert SECRET not in str([asdict(line) for line in lines])
    assert all(line.todo for line in lines if line.state in (WARNING, PROBLEM))
    found = {(line.section, line.name): line for line in lines}
    assert len(found) == len(lines)
    return found


def states(lines: Lines, *sections: str) -> set[State]:
    return {line.state for line in lines.values() if line.section in sections}
