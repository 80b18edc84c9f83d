"""Rule 6: a day whose file is damaged fails with its sentence and does not lose the other days."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.worlds import sized_world
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.product import Product, span

NOW = datetime(2026, 3, 16, 12, 7, tzinfo=UTC)


@pytest.mark.slow
@pytest.mark.parametrize(
    "table",
    [
        "participants",
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("fetch_ledger", "meetings")),
    ],
)
def test_the_days_before_and_after_a_damaged_one_are_worked_off(tmp_path: Path, table: str) -> None:
    world = sized_world(1, NOW, meetings=9, participants=2, snippets=2, days=3)
    with Sandbox(world, ManualClock(NOW)) as webex:
        product = Product(tmp_path, webex, clock=webex.clock)
        product.write_logs()
        assert product.run().failures == []
        newest, damaged, oldest = sorted(
            {row["date"] for row in product.rows("meetings")}, reverse=True
        )
        etl = product.etl()
        etl.ledger.reopen([newest, damaged, oldest], lambda _: True)
        (file,) = (tmp_path / "lake" / table / f"date={damaged}").glob("*.parquet")
        content = file.read_bytes()
        file.write_bytes(b"damaged")
        failures = product.run().failures
        assert [kind for kind, _ in failures] == ["DamagedFile"]
        assert failures[0][1].startswith(f"Cannot read {file}: ")
        assert etl.ledger.due_days() == [damaged]
        file.write_bytes(content)
        requested = webex.counters.total
        assert product.run(span(str(damaged), str(damaged))).failures == []
        assert webex.counters.total > requested
        assert etl.ledger.due_days() == []
