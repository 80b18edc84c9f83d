"""The HTML page of a report.

Belongs here: putting drawn charts and figures into page.html. Does not: the charts and their
queries, what the page is about (report.py).
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from importlib import resources
from typing import Any

import jinja2

from meeting_etl.lake.analytics import sql_text
from meeting_etl.report import drawing
from meeting_etl.report.chart import Chart, Spec, full

# A long table is of no use on a page; `meeting-etl sql` has all rows.
_SHOWN_ROWS = 300


@dataclass(frozen=True)
class Drawn:
    """A chart with the rows of its query."""

    chart: Chart
    rows: Sequence[Mapping[str, Any]]
    parameters: Mapping[str, object]

    @property
    def query(self) -> str:
        """Its SQL, with values in place of parameters: to be run as it is."""
        return re.sub(
            r"\$(\w+)", lambda found: _literal(self.parameters[found[1]]), self.chart.sql.strip()
        )

    @property
    def shown(self) -> Sequence[Mapping[str, Any]]:
        """The rows of its table."""
        return self.rows[:_SHOWN_ROWS]

    @property
    def spec(self) -> Spec:
        """The specification with data."""
        return full(self.chart, self.rows)

    @property
    def svg(self) -> str:
        """The picture. Raises SettingsError without the extra."""
        return drawing.svg(self.spec)

    @property
    def json(self) -> str:
        """The specification, in which nothing ends the element around it."""
        return json.dumps(self.spec, ensure_ascii=False).replace("<", "\\u003c")


def page(title: str, subtitle: str, figures: Mapping[str, str], charts: Sequence[Drawn]) -> str:
    """The whole page. Raises SettingsError when charts cannot be drawn."""
    text = resources.files("meeting_etl.report").joinpath("page.html").read_text(encoding="utf-8")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(text).render(
        title=title, subtitle=subtitle, figures=figures, charts=charts, script=drawing.script()
    )


def _literal(value: object) -> str:
    return f"DATE '{value}'" if isinstance(value, date) else sql_text(str(value))
