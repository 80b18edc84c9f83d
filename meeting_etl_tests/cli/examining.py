"""The doctor's lines by section and name, from this process; no secret is in any of them."""

from dataclasses import asdict

from meeting_etl.cli.doctor.examination import examine
from meeting_etl.cli.doctor.line import Line, State
from meeting_etl.settings import Etl
from meeting_etl_tests.product import Product

SECRET = "plantedsecret"
OK, WARNING, PROBLEM, SKIPPED = State
Lines = dict[tuple[str, str], Line]


def examined(product: Product, etl: Etl | None = None, /, **environ: str) -> Lines:
    """What the doctor says of a product, with further variables."""
    whole = product.environ | environ
    lines = examine(etl or Etl(whole, product.clock), whole)
    assert SECRET not in str([asdict(line) for line in lines])
    assert all(line.todo for line in lines if line.state in (WARNING, PROBLEM))
    found = {(line.section, line.name): line for line in lines}
    assert len(found) == len(lines)
    return found


def states(lines: Lines, *sections: str) -> set[State]:
    return {line.state for line in lines.values() if line.section in sections}
