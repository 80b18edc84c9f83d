"""table(): rows of a table or view as a pandas DataFrame.

Belongs here: which rows, and their types. Does not: opening the catalog (catalog.py).
"""

import re
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from meeting_etl.errors import SettingsError
from meeting_etl.lake.catalog import read_arrow
from meeting_etl.schemas import TABLES

if TYPE_CHECKING:
    import pandas as pd


def table(
    name: str,
    start: date | str | None = None,
    end: date | str | None = None,
    *,
    data_dir: str | Path = "data",
) -> "pd.DataFrame":
    """The rows of a table or view of the catalog, as a pandas DataFrame with Arrow types.

    With `start` and `end`, both included, those of these days, by the column `date`
    (`received_date` in tables of webhook logs); other days are not read. Raises SettingsError for a
    name or day that cannot be, StorageError when the catalog cannot be opened.
    """
    import pandas as pd

    if not isinstance(name, str) or not re.fullmatch(r"[a-z_]+", name):
        raise SettingsError(f"{name!r} is not the name of a table or view.")
    bounds = {">=": start, "<=": end}
    days = {sign: _day(value) for sign, value in bounds.items() if value is not None}
    if len(days) == 2 and days[">="] > days["<="]:
        raise SettingsError(f"The first day, {days['>=']}, is after the last, {days['<=']}.")
    column = _day_column(name, data_dir) if days else ""
    where = " AND ".join(f"{column} {sign} DATE '{day}'" for sign, day in days.items())
    sql = f"SELECT * FROM {name} WHERE {where or 'true'}"  # noqa: S608 - names and days, checked
    return read_arrow(data_dir, sql).to_pandas(types_mapper=pd.ArrowDtype)


def _day_column(name: str, data_dir: str | Path) -> str:
    if (of_name := TABLES.get(name)) and of_name.partition:
        return of_name.partition.name
    empty = read_arrow(data_dir, f"SELECT * FROM {name} LIMIT 0")  # noqa: S608 - checked
    if "date" not in empty.column_names:
        raise SettingsError(f"{name} has no column date: leave out start and end.")
    return "date"


def _day(value: object) -> date:
    """The UTC day. Raises SettingsError."""
    try:
        if isinstance(value, str):
            return date.fromisoformat(value)
        if isinstance(value, datetime) and value == value:  # not pandas' NaT
            return (value.astimezone(UTC) if value.tzinfo else value).date()
        if isinstance(value, date) and not isinstance(value, datetime):
            return value
    except ValueError:
        pass
    raise SettingsError(f"{value!r} is not a day: give a date or a text YYYY-MM-DD.")
